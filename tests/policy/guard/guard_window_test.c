/*
 * Windows: when the gate is shut, for how long, and how often.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

static const unsigned gate_policies[] = {0, HOLD};

static void
go_on_to_pause(struct fixture *f)
{
	while (in_window(f)) {
		f->now_ms++;
		(void)go_on(f);
	}
	assert_int_equal(f->step.action, GUARD_WAIT);
}

static void
guard_shut_lasts_as_long_as_is_allowed(void **state)
{
	static const struct {
		uint32_t gate_window_ms;
		uint32_t allowance_ms;
		uint32_t window_ms; /* 0: none */
	} windows[] = {
	    {300, UINT32_MAX, 300}, {300, 300, 300},  {300, 299, 299},
	    {300, 150, 150},        {300, 149, 0},    {300, 0, 0},
	    {10, 1000, 10},         {10000, 1000, 0}, {10000, 5000, 5000},
	    {10000, 10000, 10000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		struct fixture f;

		fixture_init(&f, HOLD);
		f.settings.gate_window_ms = windows[i].gate_window_ms;
		go_to(&f, AT_SHUT_TURN);
		(void)take_turn(&f, windows[i].allowance_ms);
		if (windows[i].window_ms == 0) {
			assert_int_equal(f.step.action, GUARD_WAIT);
		} else {
			assert_int_equal(f.step.action, GUARD_SHUT);
			f.now_ms += 7; /* the names are asked for */
			(void)shut(&f);
			assert_int_equal(f.step.gate_until_ms - f.now_ms,
					 windows[i].window_ms);
		}
		guard_clear(&f.guard);
	}
}

static void
guard_turned_without_allowance_waits_until_there_is_some(void **state)
{
	struct fixture f;
	uint64_t denied_ms;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_SHUT_TURN);
	denied_ms = f.now_ms;
	assert_int_equal(take_turn(&f, 100), GUARD_WAIT);
	assert_false(has_turn(&f));
	while (!wants_window(&f)) {
		assert_true(f.now_ms - denied_ms < 1000);
		(void)go_on(&f);
	}
	assert_true(f.now_ms - denied_ms >= 3 * (WINDOW_MS - 100));
	guard_clear(&f.guard);
}

static void
guard_in_a_window_looks_all_the_time_and_never_beyond(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		int looks = 0;

		fixture_init(&f, gate_policies[i]);
		go_to(&f, AT_WINDOW_LOOK);
		while (in_window(&f)) {
			assert_int_equal(f.step.action, GUARD_HOLDERS);
			looks++;
			f.now_ms++;
			(void)look(&f, 1, 10);
			if (!in_window(&f))
				break;
			assert_in_range(f.step.wake_ms - f.now_ms, 1, 3);
			assert_true(f.step.wake_ms <= f.step.gate_until_ms);
			(void)wake(&f);
		}
		assert_in_range(looks, WINDOW_MS / 4, WINDOW_MS / 4 + 2);
		assert_int_equal(account(&f).windows, 1);
		assert_in_range(account(&f).gate_ms, WINDOW_MS, WINDOW_MS + 1);
		guard_clear(&f.guard);
	}
}

static void
guard_in_a_window_attempts_when_nobody_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, gate_policies[i]);
		go_to(&f, AT_WINDOW_LOOK);
		(void)look(&f, 1, 10);
		(void)wake(&f);
		assert_int_equal(look(&f, 0, 0), GUARD_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		assert_int_equal(deny(&f, ATTEMPT_BUSY, 1), GUARD_WAIT);
		assert_true(in_window(&f));
		assert_int_equal(wake(&f), GUARD_HOLDERS);
		assert_int_equal(look(&f, 0, 0), GUARD_ATTEMPT);
		assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
		assert_true(in_window(&f)); /* until it has run */
		assert_true(has_turn(&f));
		guard_clear(&f.guard);
	}
}

/* Each time twice as long, up to eight times; with jitter of a quarter. */
static void
guard_pauses_longer_behind_each_window(void **state)
{
	static const uint64_t pauses_ms[] = {1000, 2000, 4000,
					     8000, 8000, 8000};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, gate_policies[i]);
		f.settings.hold_timeout_ms = 3600000;
		go_to(&f, AT_PLAN);
		for (size_t n = 0; n < 6; n++) {
			uint64_t opened_ms;

			go_on_to_window(&f);
			go_on_to_pause(&f);
			opened_ms = f.now_ms;
			while (!wants_window(&f)) {
				assert_false(has_turn(&f));
				(void)go_on(&f);
			}
			/* And at the end a look is due within 50 ms or so. */
			assert_in_range(f.now_ms - opened_ms, pauses_ms[n],
					pauses_ms[n] * 5 / 4 + 251);
		}
		guard_clear(&f.guard);
	}
}

/* The worst case: it never gets through, and the server is slow. */
static void
check_duty(uint32_t gate_window_ms, uint64_t trip_ms, unsigned policy)
{
	uint64_t shut_ms = 0;
	uint64_t since_ms = 0;
	struct fixture f;

	fixture_init(&f, policy);
	f.settings.gate_window_ms = gate_window_ms;
	f.settings.hold_timeout_ms = 3600000;
	go_to(&f, AT_PLAN);
	while (f.step.action != GUARD_REFUSE) {
		bool was_shut = in_window(&f);

		f.now_ms += f.step.action == GUARD_WAIT ? 0 : trip_ms;
		if (f.step.action == GUARD_TURN)
			(void)take_turn(&f, UINT32_MAX);
		else
			(void)go_on(&f);
		if (!was_shut && in_window(&f))
			since_ms = f.now_ms;
		if (!was_shut || in_window(&f))
			continue;
		/* The end is noticed with the next answer. */
		assert_true(f.now_ms - since_ms <= gate_window_ms + trip_ms);
		shut_ms += f.now_ms - since_ms;
		assert_int_equal(account(&f).gate_ms, shut_ms);
		assert_true(4 * (shut_ms - (f.now_ms - since_ms)) <=
			    f.now_ms - BEGUN_MS);
	}
	assert_true(account(&f).windows > 20);
	assert_true(4 * shut_ms <= f.now_ms - BEGUN_MS);
	guard_clear(&f.guard);
}

static void
guard_shuts_the_gate_a_quarter_of_the_time_at_most(void **state)
{
	static const uint32_t windows_ms[] = {10, 300, 1000, 5000};
	static const uint64_t trips_ms[] = {1, 20, 500};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++)
			for (size_t k = 0; k < 2; k++)
				check_duty(windows_ms[i], trips_ms[j],
					   gate_policies[k]);
}

/* Others wait meanwhile: a stranger's advisory lock gets half of the window. */
static void
guard_waits_for_the_servers_turn_in_half_a_window(void **state)
{
	struct fixture f;
	uint64_t shut_ms;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_WINDOW_ATTEMPT);
	shut_ms = f.now_ms;
	while (f.step.takes_turn) {
		assert_true(f.now_ms - shut_ms <= WINDOW_MS / 2 + 5);
		assert_int_equal(deny(&f, ATTEMPT_NO_TURN, 3), GUARD_WAIT);
		assert_true(in_window(&f));
		assert_int_equal(wake(&f), GUARD_HOLDERS);
		assert_int_equal(look(&f, 0, 0), GUARD_ATTEMPT);
	}
	assert_in_range(f.now_ms - shut_ms, WINDOW_MS / 2 - 5,
			WINDOW_MS / 2 + 5);
	assert_int_equal(account(&f).attempts, 2);
	guard_clear(&f.guard);
}

/* An early end is no reason to shut the gate again at once. */
static void
check_pause_behind(struct fixture *f, uint64_t shut_ms)
{
	uint64_t opened_ms = f->now_ms;

	assert_false(in_window(f));
	assert_false(has_turn(f));
	assert_int_equal(account(f).windows, 1);
	assert_int_equal(account(f).gate_ms, shut_ms);
	while (!wants_window(f))
		(void)go_on(f);
	assert_true(f->now_ms - opened_ms >= 1000);
	guard_clear(&f->guard);
}

static void
guard_pauses_behind_a_window_however_it_ended(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_WINDOW_ATTEMPT);
	f.now_ms += 40;
	assert_int_equal(deny(&f, ATTEMPT_FAILED, 0), GUARD_PLAN);
	check_pause_behind(&f, 40);
	fixture_init(&f, 0);
	go_to(&f, AT_WINDOW_ATTEMPT);
	f.now_ms += 40;
	assert_int_equal(grant(&f, 2, 2), GUARD_WAIT);
	check_pause_behind(&f, 40);
}

static void
guard_counts_the_window_that_the_budget_ended(void **state)
{
	static const unsigned ends[] = {0, PASS_ON_END};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		uint64_t begun_ms;

		fixture_init(&f, HOLD | ends[i]);
		go_to(&f, AT_WINDOW_WAIT);
		begun_ms = f.step.gate_until_ms - WINDOW_MS;
		f.now_ms = account(&f).deadline_ms;
		(void)wake_now(&f);
		assert_int_equal(account(&f).windows, 1);
		assert_int_equal(account(&f).gate_ms, f.now_ms - begun_ms);
		guard_clear(&f.guard);
	}
}

/* The one that the statement runs in, up to the time when it opens itself. */
static void
guard_account_counts_the_window_under_way(void **state)
{
	struct fixture f;
	uint64_t begun_ms;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_SHUT);
	assert_false(account(&f).had_window);
	begun_ms = f.now_ms;
	(void)shut(&f);
	assert_true(account(&f).had_window);
	assert_int_equal(account(&f).windows, 1);
	assert_int_equal(account(&f).gate_ms, 0);
	(void)look(&f, 0, 0);
	(void)grant(&f, 1, 2);
	assert_int_equal(f.step.state, GUARD_AT_RUN_IN_WINDOW);
	f.now_ms = begun_ms + WINDOW_MS - 1;
	assert_int_equal(account(&f).gate_ms, WINDOW_MS - 1);
	f.now_ms = begun_ms + 10 * WINDOW_MS;
	assert_int_equal(account(&f).windows, 1);
	assert_int_equal(account(&f).gate_ms, WINDOW_MS);
	(void)cancel(&f);
	assert_true(account(&f).had_window);
	assert_int_equal(account(&f).windows, 0);
	guard_clear(&f.guard);
}

/* A window could not outlast it. */
static void
guard_shuts_no_gate_for_somebody_old(void **state)
{
	static const struct {
		uint64_t held_ms; /* so long has it waited */
		uint64_t oldest_ms;
		bool shuts;
	} ages[] = {
	    {0, 0, true},
	    {0, 299, true},
	    {0, 300, false},
	    {2000, 299, true},
	    {2000, 300, false},
	    {2001, 300, true},
	    /* Such transactions may be the traffic, it seems. */
	    {2001, 1199, true},
	    {2001, 1200, false},
	    {9000, 1199, true},
	    {9000, 1200, false},
	    {9000, UINT64_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(*ages); i++) {
		struct fixture f;

		fixture_init(&f, HOLD);
		go_to(&f, AT_LOOK);
		f.now_ms = BEGUN_MS + ages[i].held_ms;
		(void)look(&f, 1, ages[i].oldest_ms);
		assert_int_equal(wants_window(&f), ages[i].shuts);
		guard_clear(&f.guard);
	}
}

/* Their age is not told; it counts from the first look that saw them. */
static void
guard_takes_those_for_old_that_it_has_seen_for_long(void **state)
{
	struct holders holders = {
	    .count = 1,
	    .shown[0].relid = 2,
	    .untold_count = 1,
	    .untold = {4711},
	};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_LOOK);
	(void)look_at(&f, holders);
	assert_true(wants_window(&f));
	(void)miss_turn(&f);
	(void)wake(&f);
	f.now_ms = BEGUN_MS + 299;
	(void)look_at(&f, holders);
	assert_true(wants_window(&f));
	(void)miss_turn(&f);
	(void)wake(&f);
	assert_true(f.now_ms >= BEGUN_MS + 300);
	assert_int_equal(look_at(&f, holders), GUARD_WAIT);
	(void)wake(&f);
	holders.untold[0] = 4712;
	(void)look_at(&f, holders);
	assert_true(wants_window(&f));
	guard_clear(&f.guard);
}

static void
guard_needs_a_window_for_a_view_only(void **state)
{
	static const struct {
		char relkind;
		bool is_lockable;
		bool needs_window;
	} kinds[] = {
	    {'r', true, false}, {'p', true, false},  {'r', false, true},
	    {'p', false, true}, {'v', false, true},  {'m', false, true},
	    {'f', false, true}, {'S', false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct lock_set set = {0};
		struct fixture f;

		fixture_init(&f, HOLD);
		(void)begin(&f);
		add_table(&set, 1);
		add_relation(&set, 2, kinds[i].relkind, LOCK_ACCESS_EXCLUSIVE,
			     kinds[i].is_lockable);
		(void)plan_set(&f, set);
		(void)look(&f, 0, 0);
		assert_int_equal(f.step.action, GUARD_TURN);
		assert_int_equal(wants_window(&f), kinds[i].needs_window);
		guard_clear(&f.guard);
	}
}

/* Nobody holds anything, but one waits for a lock that another holds. */
static void
guard_attempts_at_leisure_where_only_a_queue_is_in_the_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		unsigned attempts = 0;

		fixture_init(&f, gate_policies[i]);
		f.is_free = true;
		f.settings.hold_timeout_ms = 60000;
		go_to(&f, AT_PLAN);
		while (f.step.action != GUARD_REFUSE) {
			attempts +=
			    f.step.action == GUARD_ATTEMPT && !in_window(&f);
			(void)go_on(&f);
		}
		assert_true(attempts > 100);
		assert_true(attempts < 60000 / 25);
		guard_clear(&f.guard);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_shut_lasts_as_long_as_is_allowed),
	    cmocka_unit_test(
		guard_turned_without_allowance_waits_until_there_is_some),
	    cmocka_unit_test(
		guard_in_a_window_looks_all_the_time_and_never_beyond),
	    cmocka_unit_test(guard_in_a_window_attempts_when_nobody_is_left),
	    cmocka_unit_test(guard_pauses_longer_behind_each_window),
	    cmocka_unit_test(
		guard_shuts_the_gate_a_quarter_of_the_time_at_most),
	    cmocka_unit_test(guard_waits_for_the_servers_turn_in_half_a_window),
	    cmocka_unit_test(guard_pauses_behind_a_window_however_it_ended),
	    cmocka_unit_test(guard_counts_the_window_that_the_budget_ended),
	    cmocka_unit_test(guard_account_counts_the_window_under_way),
	    cmocka_unit_test(guard_shuts_no_gate_for_somebody_old),
	    cmocka_unit_test(
		guard_takes_those_for_old_that_it_has_seen_for_long),
	    cmocka_unit_test(guard_needs_a_window_for_a_view_only),
	    cmocka_unit_test(
		guard_attempts_at_leisure_where_only_a_queue_is_in_the_way),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_window", tests,
					   NULL, NULL);
}

/*
 * Attempts that press: against traffic that comes past the gate.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

enum {
	BOUND_MS = 200, /* attempt_timeout */
	RELATIONS = 3,
};

static void
add_named(struct lock_set *set, uint32_t relid)
{
	char oid[16];
	char name[16];
	const char *row[LOCK_SET_COLUMNS] = {oid, "r",  name, "8",
					     "t", "{}", "1",  ""};
	struct row_value values[LOCK_SET_COLUMNS];

	(void)snprintf(oid, sizeof(oid), "%u", (unsigned)relid);
	(void)snprintf(name, sizeof(name), "s.t%u", (unsigned)relid);
	for (int i = 0; i < LOCK_SET_COLUMNS; i++)
		values[i] = (struct row_value){row[i], strlen(row[i])};
	assert_true(lock_set_add_row(set, values));
}

static struct lock_set
named_set(void)
{
	struct lock_set set = {0};

	for (uint32_t relid = 1; relid <= RELATIONS; relid++)
		add_named(&set, relid);
	return set;
}

static uint64_t next_transaction = 1;

/* Somebody has just begun, and holds a table. */
static struct holders
newcomer(void)
{
	return (struct holders){
	    .count = 1,
	    .shown[0].relid = 2,
	    .youngest_count = 1,
	    .youngest[0] = {.id = next_transaction++,
			    .has_age = true,
			    .application_name = "cron"},
	};
}

/* Look in the window, so long behind the shutting. */
static enum guard_action
look_in_window(struct fixture *f, uint64_t at_ms, struct holders holders)
{
	assert_true(in_window(f));
	if (f->step.action == GUARD_HOLDERS)
		(void)look(f, 1, 5);
	f->now_ms = f->guard.window.begun_ms + at_ms;
	assert_int_equal(wake_now(f), GUARD_HOLDERS);
	return look_at(f, holders);
}

static void
begin_window(struct fixture *f, unsigned conditions)
{
	fixture_init(f, conditions);
	go_to(f, AT_WINDOW_LOOK);
}

/* Everybody comes past: one step of it, with attempts as long as they may be.
 * The delays of others are added up. */
static void
go_on_past(struct fixture *f, uint64_t *delayed_ms)
{
	struct holders h = newcomer();
	uint64_t begun_ms = f->now_ms;

	switch (f->step.action) {
	case GUARD_HOLDERS:
		f->now_ms++;
		(void)look_at(f, h);
		break;
	case GUARD_ATTEMPT:
		f->now_ms += 1 + (f->step.manner == ATTEMPT_AT_ONCE
				      ? 0
				      : f->step.attempt_bound_ms);
		if (!in_window(f) && f->step.manner != ATTEMPT_AT_ONCE)
			*delayed_ms += f->now_ms - begun_ms;
		(void)deny(f, ATTEMPT_BUSY, 1);
		break;
	case GUARD_TURN:
		(void)take_turn(f, UINT32_MAX);
		break;
	default:
		f->now_ms++;
		(void)go_on(f);
		break;
	}
}

static void
go_on_past_to(struct fixture *f, enum guard_action action)
{
	uint64_t delayed_ms = 0;

	do
		go_on_past(f, &delayed_ms);
	while (f->step.action != action);
}

static void
guard_in_a_window_presses_where_traffic_comes_past(void **state)
{
	struct fixture f;

	(void)state;
	begin_window(&f, 0);
	assert_int_equal(look_in_window(&f, 50, newcomer()), GUARD_ATTEMPT);
	assert_true(in_window(&f));
	assert_int_equal(f.step.manner, ATTEMPT_POLLS);
	assert_int_equal(f.step.attempt_bound_ms, 30);
	assert_int_equal(account(&f).past->count, 1);
	assert_string_equal(account(&f).past->names[0], "cron");
	f.now_ms += 30;
	assert_int_equal(deny(&f, ATTEMPT_BUSY, 1), GUARD_WAIT);
	assert_int_equal(guard_set(&f.guard)->items[0].relid, 2);
	/* From now on whoever it is that holds something. */
	(void)wake(&f);
	assert_int_equal(look(&f, 1, 5), GUARD_ATTEMPT);
	assert_int_equal(f.step.attempt_bound_ms, 30);
	assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
	assert_int_equal(guard_habit(&f.guard).help,
			 GUARD_HELP_PRESS_IN_WINDOW);
	guard_clear(&f.guard);
}

static void
guard_in_a_window_waits_for_those_under_way(void **state)
{
	struct fixture f;

	(void)state;
	begin_window(&f, 0);
	for (uint64_t at_ms = 10; at_ms < WINDOW_MS; at_ms += 10) {
		struct holders h = newcomer();

		h.youngest[0].age_ms = at_ms + 1; /* or from before */
		assert_int_equal(look_in_window(&f, at_ms, h), GUARD_WAIT);
	}
	assert_int_equal(account(&f).past->count, 0);
	guard_clear(&f.guard);
}

static void
guard_presses_nobody_whom_that_would_hurt(void **state)
{
	static const unsigned conditions[] = {HOLD, STRONG | IN_BLOCK, 0, 0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct holders h = newcomer();
		struct fixture f;

		begin_window(&f, conditions[i]);
		h.waiter_count = i == 2;
		h.unlockable_count = i == 3;
		assert_int_equal(look_in_window(&f, 50, h), GUARD_WAIT);
		assert_int_equal(account(&f).past->count, 1);
		guard_clear(&f.guard);
	}
}

static void
guard_never_presses_beyond_the_window(void **state)
{
	struct fixture f;

	(void)state;
	begin_window(&f, 0);
	assert_int_equal(look_in_window(&f, WINDOW_MS - 11, newcomer()),
			 GUARD_ATTEMPT);
	assert_int_equal(f.step.attempt_bound_ms, 11);
	guard_clear(&f.guard);
	begin_window(&f, 0);
	assert_int_equal(look_in_window(&f, WINDOW_MS - 9, newcomer()),
			 GUARD_WAIT);
	guard_clear(&f.guard);
}

/* Mostly short ones, all of them bounded, and the long ones queue for each
 * table. */
static void
guard_presses_briefly_and_now_and_then_for_all(void **state)
{
	static const uint32_t bounds_ms[] = {30, 30, 60, 30, 30, 60,  120, 30,
					     30, 60, 30, 30, 60, 120, 200};
	uint64_t delayed_ms = 0;
	struct fixture f;
	size_t n = 0;

	(void)state;
	fixture_init(&f, 0);
	f.settings.hold_timeout_ms = 60000;
	go_to(&f, AT_PLAN);
	while (n < sizeof(bounds_ms) / sizeof(*bounds_ms)) {
		struct guard_step step = f.step;

		if (step.action == GUARD_ATTEMPT && f.guard.is_pressing) {
			if (!in_window(&f))
				assert_int_equal(step.attempt_bound_ms,
						 bounds_ms[n]);
			assert_int_equal(step.manner, bounds_ms[n] > 100
							  ? ATTEMPT_QUEUES
							  : ATTEMPT_POLLS);
			n++;
		}
		go_on_past(&f, &delayed_ms);
	}
	guard_clear(&f.guard);
}

static void
guard_delays_others_a_quarter_of_the_time_at_most(void **state)
{
	static const uint32_t windows_ms[] = {50, 300, 1000, 5000};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint64_t delayed_ms = 0;
		uint64_t quick_ms;
		struct fixture f;

		fixture_init(&f, 0);
		f.settings.gate_window_ms = windows_ms[i];
		f.settings.hold_timeout_ms = 600000;
		go_to(&f, AT_PLAN);
		while (!in_window(&f))
			go_on_past(&f, &delayed_ms);
		quick_ms = delayed_ms; /* of the one before all this */
		while (f.step.action != GUARD_REFUSE) {
			uint64_t all_ms = delayed_ms - quick_ms;

			go_on_past(&f, &delayed_ms);
			if (in_window(&f) || all_ms == delayed_ms - quick_ms)
				continue;
			/* All before this one: it is paid for behind it. */
			all_ms += account(&f).gate_ms;
			assert_true(4 * all_ms <= f.now_ms - BEGUN_MS);
		}
		assert_true(account(&f).attempts > 100);
		guard_clear(&f.guard);
	}
}

/* Habits: the help that came last */

static void
begin_with_habit(struct fixture *f, unsigned conditions, enum guard_help help,
		 uint32_t first)
{
	struct guard_habit habit = {.help = help};
	struct fixture other;

	fixture_init(&other, conditions);
	(void)begin(&other);
	(void)plan_set(&other, named_set());
	while (guard_set(&other.guard)->items[0].relid != first)
		lock_order_promote(&other.guard.set, RELATIONS - 1);
	habit.first = guard_habit(&other.guard).first;
	guard_clear(&other.guard);
	fixture_init(f, conditions);
	(void)begin(f);
	(void)plan_set(f, named_set());
	(void)take_step(f, guard_follow(&f->guard, &habit));
}

static void
guard_follow_presses_at_once_where_that_has_helped(void **state)
{
	struct fixture f;

	(void)state;
	begin_with_habit(&f, 0, GUARD_HELP_PRESS, 2);
	assert_int_equal(guard_set(&f.guard)->items[0].relid, 2);
	(void)take_turn(&f, PLENTY_MS);
	assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
	(void)deny(&f, ATTEMPT_BUSY, 0);
	go_on_past_to(&f, GUARD_ATTEMPT);
	assert_false(in_window(&f));
	assert_int_equal(f.step.manner, ATTEMPT_POLLS);
	assert_int_equal(f.step.attempt_bound_ms, 30);
	assert_int_equal(account(&f).attempts, 1);
	assert_int_equal(grant(&f, 1, RELATIONS), GUARD_RUN);
	assert_int_equal(guard_habit(&f.guard).help, GUARD_HELP_PRESS);
	guard_clear(&f.guard);
}

/* And behind some that did not help a window, and behind that again. */
static void
guard_follow_goes_on_to_windows(void **state)
{
	unsigned presses = 0;
	uint64_t delayed_ms = 0;
	struct fixture f;

	(void)state;
	begin_with_habit(&f, 0, GUARD_HELP_PRESS, 1);
	while (!in_window(&f)) {
		presses +=
		    f.step.action == GUARD_ATTEMPT && f.guard.is_pressing;
		go_on_past(&f, &delayed_ms);
	}
	assert_int_equal(presses, 3);
	guard_clear(&f.guard);
}

static void
guard_follow_shuts_the_gate_first_where_both_have_helped(void **state)
{
	struct fixture f;

	(void)state;
	begin_with_habit(&f, 0, GUARD_HELP_PRESS_IN_WINDOW, 3);
	assert_int_equal(guard_set(&f.guard)->items[0].relid, 3);
	go_on_past_to(&f, GUARD_SHUT);
	assert_int_equal(account(&f).attempts, 1);
	(void)shut(&f);
	(void)look(&f, 1, 5);
	go_on_past_to(&f, GUARD_ATTEMPT);
	assert_true(in_window(&f));
	assert_true(f.guard.is_pressing);
	guard_clear(&f.guard);
}

static void
guard_follow_of_anything_else_changes_nothing(void **state)
{
	static const struct {
		unsigned conditions;
		enum guard_help help;
	} cases[] = {
	    {0, GUARD_HELP_NONE},
	    {0, GUARD_HELP_WINDOW},
	    {LOCK, GUARD_HELP_PRESS},
	    {HOLD, GUARD_HELP_PRESS_IN_WINDOW},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;

		begin_with_habit(&f, cases[i].conditions, cases[i].help, 3);
		assert_int_equal(guard_set(&f.guard)->items[0].relid, 1);
		assert_false(f.guard.presses);
		guard_clear(&f.guard);
	}
}

static void
guard_habit_tells_what_helped(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	(void)grant(&f, 1, 2);
	assert_int_equal(guard_habit(&f.guard).help, GUARD_HELP_NONE);
	guard_clear(&f.guard);
	begin_window(&f, 0);
	(void)look(&f, 0, 0);
	(void)grant(&f, 1, 2);
	assert_int_equal(guard_habit(&f.guard).help, GUARD_HELP_WINDOW);
	guard_clear(&f.guard);
}

static void
guard_set_hash_is_that_of_names_and_modes(void **state)
{
	struct fixture f;
	uint64_t hash;

	(void)state;
	fixture_init(&f, 0);
	(void)begin(&f);
	(void)plan_set(&f, named_set());
	hash = guard_set_hash(&f.guard);
	lock_order_promote(&f.guard.set, 2);
	f.guard.set.items[0].relid = 4711; /* dropped, and created anew */
	assert_true(guard_set_hash(&f.guard) == hash);
	f.guard.set.items[1].mode = LOCK_SHARE;
	assert_true(guard_set_hash(&f.guard) != hash);
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		guard_in_a_window_presses_where_traffic_comes_past),
	    cmocka_unit_test(guard_in_a_window_waits_for_those_under_way),
	    cmocka_unit_test(guard_presses_nobody_whom_that_would_hurt),
	    cmocka_unit_test(guard_never_presses_beyond_the_window),
	    cmocka_unit_test(guard_presses_briefly_and_now_and_then_for_all),
	    cmocka_unit_test(guard_delays_others_a_quarter_of_the_time_at_most),
	    cmocka_unit_test(
		guard_follow_presses_at_once_where_that_has_helped),
	    cmocka_unit_test(guard_follow_goes_on_to_windows),
	    cmocka_unit_test(
		guard_follow_shuts_the_gate_first_where_both_have_helped),
	    cmocka_unit_test(guard_follow_of_anything_else_changes_nothing),
	    cmocka_unit_test(guard_habit_tells_what_helped),
	    cmocka_unit_test(guard_set_hash_is_that_of_names_and_modes),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_press", tests,
					   NULL, NULL);
}

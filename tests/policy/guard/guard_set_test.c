/*
 * Sets, holders and settings that the guard keeps.
 */
#include "policy/guard/guard.h"

#include "tests/support/allocation.h"
#include "tests/support/guard.h"

static void
guard_looks_where_the_policy_needs_it(void **state)
{
	static const struct {
		unsigned conditions;
		enum place place;
	} looks[] = {
	    {SEQUENCE, AT_LOOK},
	    {VIEW, AT_LOOK},
	    {0, AT_LOOK_AGAIN},
	    {0, AT_WINDOW_LOOK},
	    {0, AT_PAUSE_LOOK},
	    {0, AT_LAST_LOOK},
	    {HOLD, AT_LOOK},
	    {HOLD | VIEW, AT_LOOK},
	    {LOCK | VIEW, AT_LOOK},
	    {LOCK | SEQUENCE, AT_LOOK},
	    {LOCK, AT_LOOK_AGAIN},
	    {LOCK | IN_BLOCK, AT_LOOK_AGAIN},
	    {LOCK | VIEW, AT_LAST_LOOK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		struct fixture f;

		fixture_init(&f, looks[i].conditions);
		go_to(&f, looks[i].place);
		assert_int_equal(f.step.action, GUARD_HOLDERS);
		guard_clear(&f.guard);
	}
}

static void
guard_looked_keeps_the_holders_for_the_report(void **state)
{
	struct holders holders = {.count = 3, .oldest_ms = 60000};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_LOOK);
	holders.shown[0].pid = 4711;
	(void)look_at(&f, holders);
	assert_int_equal(account(&f).holders->count, 3);
	assert_int_equal(account(&f).holders->shown[0].pid, 4711);
	guard_clear(&f.guard);
}

/* A notice is about those who are there now; the guard goes by its own looks.
 */
static void
guard_noticed_keeps_the_holders_for_the_report(void **state)
{
	struct holders holders = {.count = 3, .shown[0].pid = 4711};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_WAIT);
	guard_noticed(&f.guard, &holders);
	assert_int_equal(account(&f).holders->count, 3);
	assert_int_equal(account(&f).holders->shown[0].pid, 4711);
	assert_int_equal(guard_step(&f.guard).state, f.step.state);
	assert_int_equal(guard_step(&f.guard).wake_ms, f.step.wake_ms);
	guard_clear(&f.guard);
}

static void
guard_planned_sorts_as_set(void **state)
{
	struct lock_set set = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin(&f);
	add_table(&set, 30);
	add_table(&set, 10);
	add_table(&set, 20);
	(void)plan_set(&f, set);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(guard_set(&f.guard)->items[i].relid,
				 10 * (i + 1));
	guard_clear(&f.guard);
}

/* A rule or the session may have them otherwise than the file. */
static void
guard_planned_goes_by_the_settings_that_it_is_given(void **state)
{
	struct fixture of_file;
	struct fixture f;

	(void)state;
	fixture_init(&of_file, PASS | NO_SCOPE);
	fixture_init(&f, REJECT);
	(void)begin_with(&f, &of_file.settings, SEED);
	assert_int_equal(plan(&f, 2), GUARD_REFUSE);
	assert_int_equal(f.step.outcome, GUARD_REJECTED);
	assert_ptr_equal(account(&f).settings, &f.settings);
	guard_clear(&f.guard);
}

static void
guard_attempted_puts_the_table_in_use_first(void **state)
{
	static const uint32_t first[] = {4, 3, 2, 1};
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK | STRONG);
	(void)begin(&f);
	(void)plan(&f, 4);
	(void)take_turn(&f, PLENTY_MS);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(deny(&f, ATTEMPT_BUSY, 3), GUARD_WAIT);
		go_on_to(&f, GUARD_ATTEMPT);
		assert_int_equal(guard_set(&f.guard)->items[0].relid, first[i]);
	}
	assert_int_equal(deny(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_int_equal(guard_set(&f.guard)->items[0].relid, 2);
	assert_int_equal(account(&f).attempts, 4);
	guard_clear(&f.guard);
}

/* The same tables, one of them to be locked in a stronger mode. */
static void
guard_attempted_starts_over_when_a_mode_grew(void **state)
{
	struct lock_set set = {0};
	struct lock_set again = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	(void)begin(&f);
	add_relation(&set, 1, 'r', LOCK_SHARE_ROW_EXCLUSIVE, true);
	add_table(&set, 2);
	(void)plan_set(&f, set);
	(void)take_turn(&f, PLENTY_MS);
	add_table(&again, 2);
	add_table(&again, 1);
	assert_int_equal(grant_set(&f, again), GUARD_WAIT);
	assert_int_equal(guard_set(&f.guard)->count, 2);
	assert_int_equal(guard_set(&f.guard)->items[0].relid, 1);
	assert_int_equal(guard_set(&f.guard)->items[0].mode,
			 LOCK_ACCESS_EXCLUSIVE);
	go_on_to(&f, GUARD_ATTEMPT);
	assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
	assert_int_equal(f.step.outcome, GUARD_PROTECTED);
	guard_clear(&f.guard);
}

/* A table that has come may be one that no attempt can lock. */
static void
guard_attempted_starts_over_with_what_the_grown_set_needs(void **state)
{
	struct lock_set again = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	add_table(&again, 1);
	add_table(&again, 2);
	add_relation(&again, 3, 'v', LOCK_ACCESS_EXCLUSIVE, false);
	(void)grant_set(&f, again);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	(void)look(&f, 0, 0);
	assert_int_equal(f.step.state, GUARD_AT_SHUT_TURN);
	guard_clear(&f.guard);
}

/* A set that could not be compared is not taken for covered. */
static void
guard_attempted_starts_over_when_memory_is_out(void **state)
{
	struct lock_set again;
	struct fixture f;
	enum guard_action action;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	again = relations(&f, 1, 2);
	allocation_fail_after(0);
	action = grant_set(&f, again);
	assert_true(allocation_restore());
	assert_int_equal(action, GUARD_WAIT);
	assert_int_equal(guard_set(&f.guard)->count, 2);
	guard_clear(&f.guard);
}

static void
guard_begin_forgets_what_was_before(void **state)
{
	struct fixture f;

	(void)state;
	for (int place = AT_PLAN; place < PLACES; place++) {
		fixture_init(&f, HOLD);
		go_to(&f, (enum place)place);
		f.now_ms += 5;
		assert_int_equal(begin(&f), GUARD_PLAN);
		assert_false(has_turn(&f));
		assert_false(in_window(&f));
		assert_int_equal(f.step.outcome, GUARD_PENDING);
		assert_int_equal(account(&f).attempts, 0);
		assert_int_equal(account(&f).held_ms, 0);
		assert_int_equal(account(&f).windows, 0);
		assert_false(account(&f).had_window);
		assert_null(guard_set(&f.guard)->items);
		guard_clear(&f.guard);
	}
}

static void
guard_clear_accepts_a_zeroed_guard(void **state)
{
	struct guard g = {0};

	(void)state;
	guard_clear(&g);
	guard_clear(&g);
}

static void
guard_uses_gate_with_two_policies(void **state)
{
	static const struct {
		enum guard_policy policy;
		bool uses_gate;
	} policies[] = {
	    {GUARD_POLICY_AUTO, true},    {GUARD_POLICY_LOCK, false},
	    {GUARD_POLICY_HOLD, true},    {GUARD_POLICY_PASS, false},
	    {GUARD_POLICY_REJECT, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct guard_settings s = {.policy = policies[i].policy};

		assert_int_equal(guard_uses_gate(&s), policies[i].uses_gate);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_looks_where_the_policy_needs_it),
	    cmocka_unit_test(guard_looked_keeps_the_holders_for_the_report),
	    cmocka_unit_test(guard_noticed_keeps_the_holders_for_the_report),
	    cmocka_unit_test(guard_planned_sorts_as_set),
	    cmocka_unit_test(
		guard_planned_goes_by_the_settings_that_it_is_given),
	    cmocka_unit_test(guard_attempted_puts_the_table_in_use_first),
	    cmocka_unit_test(guard_attempted_starts_over_when_a_mode_grew),
	    cmocka_unit_test(
		guard_attempted_starts_over_with_what_the_grown_set_needs),
	    cmocka_unit_test(guard_attempted_starts_over_when_memory_is_out),
	    cmocka_unit_test(guard_begin_forgets_what_was_before),
	    cmocka_unit_test(guard_clear_accepts_a_zeroed_guard),
	    cmocka_unit_test(guard_uses_gate_with_two_policies),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_set", tests,
					   NULL, NULL);
}

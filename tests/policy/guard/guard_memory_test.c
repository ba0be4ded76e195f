/*
 * The memory of a transaction comes into the set of its first
 * statement, for a part of the budget.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

/* A plan of relation 1, and 2 and 3 are remembered. */
static void
remember(struct fixture *f, unsigned conditions)
{
	struct lock_set more;

	fixture_init(f, conditions);
	f->settings.gate_transaction_ms = 5000;
	(void)begin(f);
	(void)plan(f, 1);
	more = relations(f, 2, 2);
	(void)take_step(f, guard_remember(&f->guard, &more));
	assert_int_equal(more.count, 0);
}

static void
guard_remember_adds_to_the_set_and_stays_where_it_is(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	/* The first attempt waits for nobody: no look comes before it. */
	assert_int_equal(f.step.action, GUARD_TURN);
	assert_int_equal(guard_set(&f.guard)->count, 3);
	assert_int_equal(account(&f).remembered, 2);
	assert_true(guard_counts_near(&f.guard));
	guard_clear(&f.guard);
}

/* As the set of the statement's own would: who is near counts, too. */
static void
guard_remember_leaves_the_first_attempt_a_quick_one(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	assert_int_equal(take_turn(&f, PLENTY_MS), GUARD_ATTEMPT);
	assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
	assert_true(f.step.minds_near);
	assert_false(in_window(&f));
	guard_clear(&f.guard);
}

static void
guard_attempted_runs_with_all_that_is_remembered(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	assert_int_equal(take_turn(&f, PLENTY_MS), GUARD_ATTEMPT);
	assert_int_equal(grant(&f, 1, 1), GUARD_RUN);
	assert_int_equal(f.step.outcome, GUARD_PROTECTED);
	assert_int_equal(account(&f).remembered, 2);
	guard_clear(&f.guard);
}

/* Somebody sits on a remembered table. */
static void
guard_woken_forgets_behind_a_part_of_the_budget(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	while (account(&f).remembered > 0) {
		assert_true(f.now_ms < BEGUN_MS + HOLD_MS * 3 / 4);
		if (f.step.action == GUARD_HOLDERS)
			(void)look(&f, 1, 60000);
		else
			(void)go_on(&f);
	}
	assert_true(f.now_ms >= BEGUN_MS + HOLD_MS / 2);
	assert_int_equal(guard_set(&f.guard)->count, 1);
	f.is_free = true;
	go_on_to(&f, GUARD_ATTEMPT);
	assert_int_equal(grant(&f, 1, 1), GUARD_RUN);
	guard_clear(&f.guard);
}

/* The part is one of a budget that those who wait for us have made short. */
static void
guard_woken_forgets_sooner_where_others_wait(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK | STRONG);
	while (account(&f).remembered > 0) {
		assert_true(f.now_ms < BEGUN_MS + IN_TRANSACTION_MS);
		if (f.step.action == GUARD_HOLDERS)
			(void)look(&f, 1, 60000);
		else
			(void)go_on(&f);
	}
	assert_true(f.now_ms >= BEGUN_MS + IN_TRANSACTION_MS / 2);
	guard_clear(&f.guard);
}

/* Whoever holds 2 waits for a row of ours, and will never be gone. */
static void
guard_looked_forgets_where_that_closes_a_circle(void **state)
{
	struct holders h = {.count = 1, .cycle = 7, .waiter_count = 1};
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	go_on_to(&f, GUARD_HOLDERS);
	assert_int_equal(look_at(&f, h), GUARD_WAIT);
	assert_int_equal(account(&f).remembered, 2);
	(void)wake(&f);
	assert_int_equal(look_at(&f, h), GUARD_WAIT);
	assert_int_equal(account(&f).remembered, 0);
	/* The circle is that of the statement's own table, too. */
	(void)wake(&f);
	assert_int_equal(look_at(&f, h), GUARD_REFUSE);
	guard_clear(&f.guard);
}

/* A remembered table may be the one that the attempt could not lock. */
static void
guard_planned_again_remembers_nothing(void **state)
{
	struct fixture f;

	(void)state;
	remember(&f, IN_BLOCK);
	f.is_free = true;
	go_on_to(&f, GUARD_ATTEMPT);
	assert_int_equal(deny(&f, ATTEMPT_FAILED, 0), GUARD_PLAN);
	(void)plan(&f, 1);
	assert_int_equal(account(&f).remembered, 0);
	assert_int_equal(guard_set(&f.guard)->count, 1);
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		guard_remember_adds_to_the_set_and_stays_where_it_is),
	    cmocka_unit_test(
		guard_remember_leaves_the_first_attempt_a_quick_one),
	    cmocka_unit_test(guard_attempted_runs_with_all_that_is_remembered),
	    cmocka_unit_test(guard_woken_forgets_behind_a_part_of_the_budget),
	    cmocka_unit_test(guard_woken_forgets_sooner_where_others_wait),
	    cmocka_unit_test(guard_looked_forgets_where_that_closes_a_circle),
	    cmocka_unit_test(guard_planned_again_remembers_nothing),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_memory", tests,
					   NULL, NULL);
}

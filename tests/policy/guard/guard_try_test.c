#include "policy/guard/guard.h"

#include "tests/support/guard_steps.h"

/* A set with one member that no attempt can lock, and the driver may try. */
static void
go_to_trial(struct fixture *f, unsigned conditions, enum place place)
{
	fixture_init(f, conditions);
	f->may_try = true;
	go_to(f, place);
	(void)grant(f, 1, 2);
	assert_int_equal(f->step.action, GUARD_TRY);
}

static void
guard_attempted_tries_what_it_cannot_lock(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	assert_int_equal(f.step.state, GUARD_AT_TRIAL);
	assert_int_equal(f.step.try_bound_ms, 100); /* 200 for two */
	assert_int_equal(account(&f).trials, 1);
	guard_clear(&f.guard);
	go_to_trial(&f, VIEW, AT_WINDOW_ATTEMPT);
	assert_int_equal(f.step.state, GUARD_AT_WINDOW_TRIAL);
	assert_int_equal(f.step.try_bound_ms, 10); /* of a quick attempt */
	guard_clear(&f.guard);
}

static void
guard_tried_is_protected_where_it_is_over(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	assert_int_equal(tried(&f, true), GUARD_RUN);
	assert_int_equal(f.step.state, GUARD_AT_RUN_PROTECTED);
	guard_clear(&f.guard);
	go_to_trial(&f, VIEW, AT_WINDOW_ATTEMPT);
	assert_int_equal(tried(&f, true), GUARD_RUN);
	assert_int_equal(f.step.state, GUARD_AT_RUN_IN_WINDOW);
	guard_clear(&f.guard);
}

static void
guard_tried_goes_on_as_behind_an_attempt_that_was_busy(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	assert_int_equal(tried(&f, false), GUARD_WAIT);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	guard_clear(&f.guard);
	go_to_trial(&f, VIEW, AT_WINDOW_ATTEMPT);
	assert_int_equal(tried(&f, false), GUARD_WAIT);
	assert_int_equal(f.step.state, GUARD_AT_WINDOW_WAIT);
	guard_clear(&f.guard);
}

/* The run could not be held back from the client: the next one is for good. */
static void
guard_forbid_trials_lets_it_run_once(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	guard_forbid_trials(&f.guard);
	assert_int_equal(tried(&f, false), GUARD_WAIT);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	assert_int_equal(look(&f, 0, 0), GUARD_TURN);
	assert_int_equal(take_turn(&f, 0), GUARD_ATTEMPT);
	assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
	assert_int_equal(f.step.state, GUARD_AT_RUN_PARTLY);
	assert_int_equal(account(&f).trials, 1);
	guard_clear(&f.guard);
}

static void
guard_tried_gives_up_with_the_budget(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	f.now_ms = account(&f).deadline_ms;
	assert_int_equal(tried(&f, false), GUARD_HOLDERS);
	assert_int_equal(f.step.state, GUARD_AT_LAST_LOOK);
	guard_clear(&f.guard);
	/* A statement at its end is not refused any more. */
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	f.now_ms = account(&f).deadline_ms;
	assert_int_equal(tried(&f, true), GUARD_RUN);
	guard_clear(&f.guard);
}

/* All waits together are to be as short as one would be. */
static void
guard_tries_many_with_the_same_time_for_all(void **state)
{
	struct lock_set set = {0};
	struct lock_set again = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	f.may_try = true;
	(void)begin(&f);
	for (uint32_t relid = 1; relid <= 300; relid++)
		add_relation(&set, relid, 'v', LOCK_ACCESS_EXCLUSIVE, false);
	assert_int_equal(plan_set(&f, set), GUARD_TURN);
	(void)take_turn(&f, PLENTY_MS);
	(void)grant_set(&f, again);
	assert_int_equal(f.step.action, GUARD_TRY);
	assert_int_equal(f.step.try_bound_ms, 1); /* 0 would be no bound */
	guard_clear(&f.guard);
}

static void
guard_cancel_refuses_amid_a_trial(void **state)
{
	struct fixture f;

	(void)state;
	go_to_trial(&f, LOCK | VIEW, AT_ATTEMPT);
	assert_int_equal(cancel(&f), GUARD_REFUSE);
	guard_clear(&f.guard);
}

/* Ahead of a plan it waits for nobody, so it needs no turn. */
static void
guard_glanced_tries_at_once_what_may_run(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	assert_int_equal(begin_to_glance(&f), GUARD_GLANCE);
	assert_int_equal(glance(&f, GUARD_SEES_CLEAR), GUARD_TRY);
	assert_int_equal(f.step.keeps, GUARD_KEEPS_NOTHING);
	assert_int_equal(f.step.try_bound_ms, GUARD_FIRST_BOUND_MS);
	assert_int_equal(tried(&f, true), GUARD_RUN);
	assert_int_equal(f.step.outcome, GUARD_UNOPPOSED);
	assert_false(guard_outcome_holds(f.step.outcome));
	assert_int_equal(account(&f).trials, 1);
	guard_clear(&f.guard);
}

static void
guard_tried_plans_where_somebody_was_in_the_way(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin_to_glance(&f);
	(void)glance(&f, GUARD_SEES_CLEAR);
	assert_int_equal(tried(&f, false), GUARD_PLAN);
	assert_int_equal(plan(&f, 2), GUARD_TURN);
	assert_int_equal(account(&f).attempts, 0);
	guard_clear(&f.guard);
}

static void
guard_glanced_plans_what_may_not_run(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin_to_glance(&f);
	assert_int_equal(glance(&f, GUARD_SEES_NOTHING), GUARD_PLAN);
	assert_int_equal(account(&f).trials, 0);
	guard_clear(&f.guard);
}

static void
guard_glanced_spares_what_is_out_of_scope(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin_to_glance(&f);
	assert_int_equal(glance(&f, GUARD_SEES_SPARED), GUARD_RUN);
	assert_int_equal(f.step.outcome, GUARD_OUT_OF_SCOPE);
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_attempted_tries_what_it_cannot_lock),
	    cmocka_unit_test(guard_tried_is_protected_where_it_is_over),
	    cmocka_unit_test(
		guard_tried_goes_on_as_behind_an_attempt_that_was_busy),
	    cmocka_unit_test(guard_forbid_trials_lets_it_run_once),
	    cmocka_unit_test(guard_tried_gives_up_with_the_budget),
	    cmocka_unit_test(guard_tries_many_with_the_same_time_for_all),
	    cmocka_unit_test(guard_cancel_refuses_amid_a_trial),
	    cmocka_unit_test(guard_glanced_tries_at_once_what_may_run),
	    cmocka_unit_test(guard_tried_plans_where_somebody_was_in_the_way),
	    cmocka_unit_test(guard_glanced_plans_what_may_not_run),
	    cmocka_unit_test(guard_glanced_spares_what_is_out_of_scope),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_try", tests,
					   NULL, NULL);
}

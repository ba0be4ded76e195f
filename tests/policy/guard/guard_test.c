/*
 * Every step of the guard, with everything that it can be told there.  What
 * it keeps of that is tested by guard_set_test.c, how it deals with time by
 * guard_time_test.c, what becomes of windows by guard_window_test.c, and long
 * conversations by guard_model_test.c.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard_steps.h"

/* What the settings say may depend on what the plan tells. */
static void
guard_begin_plans_whatever_the_policy(void **state)
{
	static const struct transition transitions[] = {
	    {AT_BEGIN, 0, BEGIN, PLAN},
	    {AT_BEGIN, IN_BLOCK, BEGIN, PLAN},
	    {AT_BEGIN, LOCK, BEGIN, PLAN},
	    {AT_BEGIN, HOLD, BEGIN, PLAN},
	    {AT_BEGIN, REJECT, BEGIN, PLAN},
	    {AT_BEGIN, PASS, BEGIN, PLAN},
	    {AT_BEGIN, NO_SCOPE, BEGIN, PLAN},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_judges_whether_it_is_worth_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLANNED_NONE, RUN_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_TWO, TURN},
	    {AT_PLAN, IN_BLOCK, PLANNED_NONE, RUN_UNNEEDED},
	    {AT_PLAN, IN_BLOCK, PLANNED_ONE, TURN},
	    {AT_PLAN, SINGLE, PLANNED_NONE, RUN_UNNEEDED},
	    {AT_PLAN, SINGLE, PLANNED_ONE, TURN},
	    {AT_PLAN, HOLD, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN, PASS, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN, PASS, PLANNED_TWO, RUN_PASSED},
	    {AT_PLAN, PASS | NO_PLPGSQL, PLANNED_TWO, RUN_PASSED},
	    {AT_PLAN, REJECT, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN, REJECT, PLANNED_TWO, REFUSE_REJECTED},
	    {AT_PLAN, REJECT | NO_PLPGSQL, PLANNED_TWO, REFUSE_REJECTED},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_TWO, RUN_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | LOCK, PLANNED_TWO, RUN_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | HOLD, PLANNED_TWO, RUN_UNPLANNED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_judges_whether_it_is_to_be_guarded(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, OF_DDL, PLANNED_TWO, RUN_UNSCOPED},
	    {AT_PLAN, OF_DDL | REJECT, PLANNED_TWO, RUN_UNSCOPED},
	    {AT_PLAN, NO_SCOPE, PLANNED_TWO, RUN_UNSCOPED},
	    {AT_PLAN, NO_SCOPE, PLANNED_NONE, RUN_UNSCOPED},
	    {AT_PLAN, READ_ONLY, PLANNED_TWO, RUN_READ_ONLY},
	    {AT_PLAN, IN_RECOVERY, PLANNED_TWO, RUN_READ_ONLY},
	    {AT_PLAN, READ_ONLY | OF_DDL, PLANNED_TWO, RUN_READ_ONLY},
	    {AT_PLAN, READ_ONLY | REJECT, PLANNED_TWO, RUN_READ_ONLY},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_begins_as_the_policy_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLANNED_TWO, TURN},
	    {AT_PLAN, STRONG | IN_BLOCK, PLANNED_TWO, TURN},
	    {AT_PLAN, VIEW, PLANNED_TWO, LOOK},
	    {AT_PLAN, SEQUENCE, PLANNED_TWO, LOOK},
	    {AT_PLAN, HOLD, PLANNED_TWO, LOOK},
	    {AT_PLAN, LOCK, PLANNED_TWO, TURN},
	    {AT_PLAN, LOCK | VIEW, PLANNED_TWO, LOOK},
	    {AT_PLAN, LOCK | SEQUENCE, PLANNED_TWO, LOOK},
	    /* A budget that is shorter than the plan took is no refusal yet. */
	    {AT_PLAN, 0, PLANNED_TWO | LATE, TURN},
	    {AT_PLAN, HOLD, PLANNED_TWO | LATE, LOOK},
	    /* The second time as the first: the schema may be another. */
	    {AT_PLAN_AGAIN, 0, PLANNED_TWO, LOOK},
	    {AT_PLAN_AGAIN, LOCK, PLANNED_TWO, TURN},
	    {AT_PLAN_AGAIN, HOLD, PLANNED_TWO, LOOK},
	    {AT_PLAN_AGAIN, 0, PLANNED_ONE, RUN_UNNEEDED},
	    {AT_PLAN_AGAIN, 0, PLANNED_TWO | LATE, LAST_LOOK},
	    {AT_PLAN_AGAIN, PASS_ON_END, PLANNED_TWO | LATE, RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* Two quick attempts, unless an old transaction is in the way. */
static void
guard_looked_does_as_policy_auto_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK_AGAIN, 0, LOOKED_FREE, TURN},
	    {AT_LOOK_AGAIN, 0, LOOKED_YOUNG, TURN},
	    {AT_LOOK_AGAIN, 0, LOOKED_OLD, WAIT},
	    {AT_LOOK_AGAIN, 0, LOOKED_VACUUM, COAX},
	    {AT_LOOK_AGAIN, 0, LOOKED_FREE | LATE, LAST_LOOK},
	    {AT_LOOK_AGAIN, 0, LOOKED_OLD | LATE, LAST_LOOK},
	    {AT_LOOK_AGAIN, PASS_ON_END, LOOKED_OLD | LATE, RUN_OVERDUE},
	    /* A sequence that is in use is not to be attempted around. */
	    {AT_LOOK, SEQUENCE, LOOKED_FREE, TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_YOUNG, TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_YOUNG_1, SHUT_TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_OLD, WAIT},
	    {AT_LOOK, SEQUENCE, LOOKED_VACUUM, COAX},
	    /* A first attempt that needs no waiting is still made. */
	    {AT_LOOK, SEQUENCE, LOOKED_FREE | LATE, TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_OLD | LATE, LAST_LOOK},
	    /* What only the gate can cover needs a window. */
	    {AT_LOOK, VIEW, LOOKED_FREE, SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_YOUNG, SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_YOUNG_1, SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_OLD, WAIT},
	    {AT_LOOK, VIEW, LOOKED_FREE | LATE, LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_looked_does_as_policy_hold_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK, HOLD, LOOKED_FREE, TURN},
	    {AT_LOOK, HOLD, LOOKED_YOUNG, SHUT_TURN},
	    {AT_LOOK, HOLD, LOOKED_OLD, WAIT},
	    {AT_LOOK, HOLD, LOOKED_VACUUM, COAX},
	    {AT_LOOK, HOLD, LOOKED_FREE | LATE, TURN},
	    {AT_LOOK, HOLD, LOOKED_YOUNG | LATE, LAST_LOOK},
	    {AT_LOOK, HOLD, LOOKED_OLD | LATE, LAST_LOOK},
	    {AT_LOOK, HOLD, LOOKED_VACUUM | LATE, LAST_LOOK},
	    {AT_LOOK, HOLD | PASS_ON_END, LOOKED_OLD | LATE, RUN_OVERDUE},
	    {AT_LOOK, HOLD | SEQUENCE, LOOKED_FREE, TURN},
	    {AT_LOOK, HOLD | SEQUENCE, LOOKED_YOUNG_1, SHUT_TURN},
	    {AT_LOOK, HOLD | VIEW, LOOKED_FREE, SHUT_TURN},
	    {AT_LOOK, HOLD | VIEW, LOOKED_OLD, WAIT},
	    {AT_LOOK_AGAIN, HOLD, LOOKED_FREE, TURN},
	    {AT_LOOK_AGAIN, HOLD, LOOKED_YOUNG, SHUT_TURN},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_looked_does_as_policy_lock_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK, LOCK | VIEW, LOOKED_FREE, TURN},
	    {AT_LOOK, LOCK | VIEW, LOOKED_YOUNG_1, WAIT},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_FREE, TURN},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_YOUNG_1, WAIT},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_YOUNG_1 | LATE, LAST_LOOK},
	    {AT_LOOK, LOCK | SEQUENCE | PASS_ON_END, LOOKED_YOUNG_1 | LATE,
	     RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_turned_goes_on_with_what_it_was_for(void **state)
{
	static const struct transition transitions[] = {
	    {AT_TURN, 0, TAKEN, ATTEMPT},
	    {AT_TURN, 0, TAKEN_LITTLE, ATTEMPT},
	    {AT_TURN, 0, MISSED, WAIT},
	    {AT_TURN, HOLD, TAKEN, ATTEMPT},
	    {AT_TURN, LOCK, TAKEN, ATTEMPT},
	    {AT_TURN, 0, TAKEN | LATE, ATTEMPT},
	    {AT_TURN, 0, MISSED | LATE, LAST_LOOK},
	    {AT_TURN, PASS_ON_END, MISSED | LATE, RUN_OVERDUE},
	    {AT_TURN_AGAIN, 0, TAKEN, ATTEMPT},
	    {AT_TURN_AGAIN, 0, TAKEN | LATE, LAST_LOOK},
	    {AT_TURN_AGAIN, PASS_ON_END, TAKEN | LATE, RUN_OVERDUE},
	    {AT_SHUT_TURN, 0, TAKEN, SHUT},
	    {AT_SHUT_TURN, 0, TAKEN_LITTLE, WAIT},
	    {AT_SHUT_TURN, 0, MISSED, WAIT},
	    {AT_SHUT_TURN, HOLD, TAKEN, SHUT},
	    {AT_SHUT_TURN, HOLD, TAKEN_LITTLE, WAIT},
	    {AT_SHUT_TURN, HOLD, MISSED, WAIT},
	    {AT_SHUT_TURN, HOLD, TAKEN | LATE, LAST_LOOK},
	    {AT_SHUT_TURN, HOLD, TAKEN_LITTLE | LATE, LAST_LOOK},
	    {AT_SHUT_TURN, HOLD, MISSED | LATE, LAST_LOOK},
	    {AT_SHUT_TURN, HOLD | PASS_ON_END, TAKEN | LATE, RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_shut_looks_until_nobody_is_there(void **state)
{
	static const struct transition transitions[] = {
	    {AT_SHUT, 0, SHUT_NOW, WINDOW_LOOK},
	    {AT_SHUT, HOLD, SHUT_NOW, WINDOW_LOOK},
	    {AT_SHUT, 0, SHUT_NOW | LATE, LAST_LOOK},
	    {AT_SHUT, PASS_ON_END, SHUT_NOW | LATE, RUN_OVERDUE},
	    {AT_WINDOW_LOOK, 0, LOOKED_FREE, WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG, WINDOW_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_OLD, WINDOW_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_VACUUM, WINDOW_WAIT},
	    {AT_WINDOW_LOOK, VIEW, LOOKED_FREE, WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, VIEW, LOOKED_YOUNG_1, WINDOW_WAIT},
	    {AT_WINDOW_LOOK, HOLD, LOOKED_FREE, WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, 0, LOOKED_FREE | OVER, WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG | OVER, WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG | LATE, LAST_LOOK},
	    {AT_WINDOW_LOOK, HOLD, LOOKED_YOUNG | LATE, LAST_LOOK},
	    {AT_WINDOW_LOOK, PASS_ON_END, LOOKED_YOUNG | LATE, RUN_OVERDUE},
	    {AT_WINDOW_WAIT, 0, WOKEN, WINDOW_LOOK},
	    {AT_WINDOW_WAIT, 0, WOKEN | OVER, WINDOW_LOOK},
	    {AT_WINDOW_WAIT, 0, WOKEN | LATE, LAST_LOOK},
	    {AT_WINDOW_WAIT, PASS_ON_END, WOKEN | LATE, RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* Between two windows an attempt is made only where nobody is to be seen. */
static void
guard_looked_behind_a_window_holds(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PAUSE, 0, WOKEN, LOOK},
	    {AT_PAUSE, HOLD, WOKEN, LOOK},
	    {AT_PAUSE, 0, WOKEN | LATE, LAST_LOOK},
	    {AT_PAUSE_LOOK, 0, LOOKED_FREE, TURN},
	    {AT_PAUSE_LOOK, 0, LOOKED_YOUNG, WAIT},
	    {AT_PAUSE_LOOK, 0, LOOKED_OLD, WAIT},
	    {AT_PAUSE_LOOK, 0, LOOKED_VACUUM, COAX},
	    {AT_PAUSE_LOOK, HOLD, LOOKED_FREE, TURN},
	    {AT_PAUSE_LOOK, HOLD, LOOKED_YOUNG, WAIT},
	    {AT_PAUSE_LOOK, SEQUENCE, LOOKED_FREE, TURN},
	    {AT_PAUSE_LOOK, SEQUENCE, LOOKED_YOUNG_1, WAIT},
	    {AT_PAUSE_LOOK, VIEW, LOOKED_FREE, WAIT},
	    {AT_PAUSE_LOOK, VIEW, LOOKED_YOUNG_1, WAIT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_runs_when_all_is_held_that_is_needed(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, GRANTED, RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED | LATE, RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_LESS, RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_UNSEEN, RUN_PROTECTED},
	    {AT_ATTEMPT, HOLD, GRANTED, RUN_PROTECTED},
	    {AT_ATTEMPT, LOCK, GRANTED, RUN_PROTECTED},
	    {AT_ATTEMPT, LOCK | VIEW, GRANTED, RUN_PROTECTED},
	    {AT_ATTEMPT_AGAIN, 0, GRANTED, RUN_PROTECTED},
	    {AT_LAST_ATTEMPT, 0, GRANTED, RUN_IN_WINDOW},
	    {AT_LAST_ATTEMPT, LOCK, GRANTED, RUN_PROTECTED},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED, RUN_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, VIEW, GRANTED, RUN_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED | OVER, RUN_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED | LATE, RUN_IN_WINDOW},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* In a window its names lack what has come. */
static void
guard_attempted_starts_over_when_the_set_grew(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, GRANTED_MORE, WAIT},
	    {AT_ATTEMPT, HOLD, GRANTED_MORE, WAIT},
	    {AT_ATTEMPT, LOCK, GRANTED_MORE, WAIT},
	    {AT_ATTEMPT, 0, GRANTED_MORE | LATE, LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, GRANTED_MORE | LATE, RUN_OVERDUE},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED_MORE, WAIT},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED_MORE | LATE, LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_waits_when_it_was_not_granted(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, BUSY, WAIT},
	    {AT_ATTEMPT, STRONG, BUSY, WAIT},
	    {AT_ATTEMPT, 0, BUSY | LATE, LAST_LOOK},
	    {AT_ATTEMPT, STRONG, BUSY | LATE, LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, BUSY | LATE, RUN_OVERDUE},
	    {AT_ATTEMPT, HOLD, BUSY, WAIT},
	    {AT_ATTEMPT, LOCK, BUSY, WAIT},
	    {AT_ATTEMPT_AGAIN, 0, BUSY, WAIT},
	    {AT_ATTEMPT_AGAIN, 0, BUSY | LATE, LAST_LOOK},
	    {AT_LAST_ATTEMPT, LOCK, BUSY, WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY, WINDOW_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY | OVER, WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY | LATE, LAST_LOOK},
	    /* Another proxy's statement has the server's turn. */
	    {AT_ATTEMPT, 0, NO_TURN, WAIT},
	    {AT_ATTEMPT, HOLD, NO_TURN, WAIT},
	    {AT_ATTEMPT, LOCK, NO_TURN, WAIT},
	    {AT_ATTEMPT, 0, NO_TURN | LATE, LAST_LOOK},
	    {AT_WINDOW_ATTEMPT, 0, NO_TURN, WAIT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_plans_anew_when_it_failed(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, FAILED, PLAN},
	    {AT_ATTEMPT_AGAIN, 0, FAILED, PLAN},
	    {AT_WINDOW_ATTEMPT, 0, FAILED, PLAN},
	    {AT_ATTEMPT, 0, FAILED | LATE, LAST_LOOK},
	    {AT_WINDOW_ATTEMPT, 0, FAILED | LATE, LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, FAILED | LATE, RUN_OVERDUE},
	    /* The third time it goes as if without us. */
	    {AT_LAST_ATTEMPT, 0, FAILED, RUN_UNPLANNED},
	    {AT_LAST_ATTEMPT, HOLD, FAILED, RUN_UNPLANNED},
	    {AT_LAST_ATTEMPT, LOCK, FAILED, RUN_UNPLANNED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_coaxed_tries_again(void **state)
{
	static const struct transition transitions[] = {
	    {AT_COAX, 0, COAXED, LOOK},
	    {AT_COAX, HOLD, COAXED, LOOK},
	    {AT_COAX, LOCK, COAXED, LOOK},
	    {AT_COAX, 0, COAXED | LATE, LAST_LOOK},
	    {AT_COAX, HOLD, COAXED | LATE, LAST_LOOK},
	    {AT_COAX, PASS_ON_END, COAXED | LATE, RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_woken_tries_again_or_gives_up(void **state)
{
	static const struct transition transitions[] = {
	    {AT_WAIT, 0, WOKEN, LOOK},
	    {AT_WAIT, LOCK, WOKEN, TURN},
	    {AT_WAIT, LOCK | STRONG, WOKEN, TURN},
	    {AT_WAIT, LOCK | VIEW, WOKEN, LOOK},
	    {AT_WAIT, HOLD, WOKEN, LOOK},
	    {AT_WAIT, 0, WOKEN | LATE, LAST_LOOK},
	    {AT_WAIT, LOCK, WOKEN | LATE, LAST_LOOK},
	    {AT_WAIT, HOLD, WOKEN | LATE, LAST_LOOK},
	    {AT_WAIT, PASS_ON_END, WOKEN | LATE, RUN_OVERDUE},
	    {AT_WAIT, PASS_ON_END | STRONG, WOKEN | LATE, RUN_OVERDUE},
	    /* The session's own timeouts are errors in any case. */
	    {AT_WAIT, PASS_ON_END | OWN_LIMIT, WOKEN | LATE, LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_refuses_behind_the_last_look_whatever_it_shows(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LAST_LOOK, 0, LOOKED_FREE, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_YOUNG, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_OLD, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_VACUUM, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, PLAN_FAILED, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, LOCK, LOOKED_FREE, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, HOLD, LOOKED_FREE, REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, LOOKED_FREE,
	     REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, PLAN_FAILED,
	     REFUSE_TIMED_OUT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* At each place, with each policy that gets there. */
static void
check_everywhere(unsigned policy, enum event event, enum step to)
{
	for (int place = AT_PLAN; place < AT_LAST_LOOK; place++) {
		struct transition t = {(enum place)place, policy,
				       (unsigned)event, to};

		/* It has no windows, and looks only now and then. */
		if (policy == LOCK &&
		    (place == AT_LOOK || place == AT_LOOK_AGAIN ||
		     (place >= AT_SHUT_TURN && place <= AT_PAUSE_LOOK)))
			continue;
		if (policy == 0 && place == AT_LOOK)
			t.conditions = SEQUENCE;
		check_transitions(&t, 1);
	}
}

static void
guard_cancel_refuses_wherever_it_stands(void **state)
{
	static const struct transition last = {AT_LAST_LOOK, 0, CANCEL,
					       REFUSE_CANCELED};

	(void)state;
	check_everywhere(0, CANCEL, REFUSE_CANCELED);
	check_everywhere(LOCK, CANCEL, REFUSE_CANCELED);
	check_everywhere(HOLD, CANCEL, REFUSE_CANCELED);
	check_transitions(&last, 1);
}

/* There it runs as if without us; but not when it was to be refused. */
static void
guard_plan_failed_lets_it_run_wherever_it_stands(void **state)
{
	(void)state;
	check_everywhere(0, PLAN_FAILED, RUN_UNPLANNED);
	check_everywhere(LOCK, PLAN_FAILED, RUN_UNPLANNED);
	check_everywhere(HOLD, PLAN_FAILED, RUN_UNPLANNED);
}

/* Until it has been carried out, RUN too can be taken back. */
static void
guard_cancel_takes_back_a_run(void **state)
{
	static const enum place places[] = {AT_ATTEMPT, AT_WINDOW_ATTEMPT};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, 0);
		go_to(&f, places[i]);
		assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
		assert_int_equal(guard_cancel(&f.guard), GUARD_REFUSE);
		assert_int_equal(step_of(&f.guard), REFUSE_CANCELED);
		guard_clear(&f.guard);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_begin_plans_whatever_the_policy),
	    cmocka_unit_test(guard_planned_judges_whether_it_is_worth_it),
	    cmocka_unit_test(guard_planned_judges_whether_it_is_to_be_guarded),
	    cmocka_unit_test(guard_planned_begins_as_the_policy_has_it),
	    cmocka_unit_test(guard_looked_does_as_policy_auto_has_it),
	    cmocka_unit_test(guard_looked_does_as_policy_hold_has_it),
	    cmocka_unit_test(guard_looked_does_as_policy_lock_has_it),
	    cmocka_unit_test(guard_turned_goes_on_with_what_it_was_for),
	    cmocka_unit_test(guard_shut_looks_until_nobody_is_there),
	    cmocka_unit_test(guard_looked_behind_a_window_holds),
	    cmocka_unit_test(
		guard_attempted_runs_when_all_is_held_that_is_needed),
	    cmocka_unit_test(guard_attempted_starts_over_when_the_set_grew),
	    cmocka_unit_test(guard_attempted_waits_when_it_was_not_granted),
	    cmocka_unit_test(guard_attempted_plans_anew_when_it_failed),
	    cmocka_unit_test(guard_coaxed_tries_again),
	    cmocka_unit_test(guard_woken_tries_again_or_gives_up),
	    cmocka_unit_test(
		guard_refuses_behind_the_last_look_whatever_it_shows),
	    cmocka_unit_test(guard_cancel_refuses_wherever_it_stands),
	    cmocka_unit_test(guard_plan_failed_lets_it_run_wherever_it_stands),
	    cmocka_unit_test(guard_cancel_takes_back_a_run),
	};

	return cmocka_run_group_tests_name("policy/guard/guard", tests, NULL,
					   NULL);
}

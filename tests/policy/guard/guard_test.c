/*
 * Every state of the guard, with everything that it can be told there.  What
 * it keeps of that is tested by guard_set_test.c, how it deals with time by
 * guard_time_test.c, what becomes of windows by guard_window_test.c, and long
 * conversations by guard_model_test.c.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard_steps.h"

/* The settings may depend on what the plan tells. */
static void
guard_begin_plans_whatever_the_policy(void **state)
{
	static const struct transition transitions[] = {
	    {AT_BEGIN, 0, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, IN_BLOCK, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, LOCK, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, HOLD, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, REJECT, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, PASS, BEGIN, GUARD_AT_PLAN},
	    {AT_BEGIN, NO_SCOPE, BEGIN, GUARD_AT_PLAN},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_judges_whether_it_is_worth_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLANNED_NONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_TWO, GUARD_AT_TURN},
	    {AT_PLAN, IN_BLOCK, PLANNED_NONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, IN_BLOCK, PLANNED_ONE, GUARD_AT_TURN},
	    {AT_PLAN, SINGLE, PLANNED_NONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, SINGLE, PLANNED_ONE, GUARD_AT_TURN},
	    {AT_PLAN, HOLD, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, PASS, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, PASS, PLANNED_TWO, GUARD_AT_RUN_PASSED},
	    {AT_PLAN, PASS | NO_PLPGSQL, PLANNED_TWO, GUARD_AT_RUN_PASSED},
	    {AT_PLAN, REJECT, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, REJECT, PLANNED_TWO, GUARD_AT_REFUSE_REJECTED},
	    {AT_PLAN, REJECT | NO_PLPGSQL, PLANNED_TWO,
	     GUARD_AT_REFUSE_REJECTED},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_TWO, GUARD_AT_RUN_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | LOCK, PLANNED_TWO, GUARD_AT_RUN_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | HOLD, PLANNED_TWO, GUARD_AT_RUN_UNPLANNED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_judges_whether_it_is_to_be_guarded(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, OF_DDL, PLANNED_TWO, GUARD_AT_RUN_UNSCOPED},
	    {AT_PLAN, OF_DDL | REJECT, PLANNED_TWO, GUARD_AT_RUN_UNSCOPED},
	    {AT_PLAN, NO_SCOPE, PLANNED_TWO, GUARD_AT_RUN_UNSCOPED},
	    {AT_PLAN, NO_SCOPE, PLANNED_NONE, GUARD_AT_RUN_UNSCOPED},
	    {AT_PLAN, READ_ONLY, PLANNED_TWO, GUARD_AT_RUN_READ_ONLY},
	    {AT_PLAN, IN_RECOVERY, PLANNED_TWO, GUARD_AT_RUN_READ_ONLY},
	    {AT_PLAN, READ_ONLY | OF_DDL, PLANNED_TWO, GUARD_AT_RUN_READ_ONLY},
	    {AT_PLAN, READ_ONLY | REJECT, PLANNED_TWO, GUARD_AT_RUN_READ_ONLY},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_begins_as_the_policy_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLANNED_TWO, GUARD_AT_TURN},
	    {AT_PLAN, STRONG | IN_BLOCK, PLANNED_TWO, GUARD_AT_TURN},
	    {AT_PLAN, VIEW, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN, SEQUENCE, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN, HOLD, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN, LOCK, PLANNED_TWO, GUARD_AT_TURN},
	    {AT_PLAN, LOCK | VIEW, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN, LOCK | SEQUENCE, PLANNED_TWO, GUARD_AT_LOOK},
	    /* A budget that is shorter than the plan took is no refusal yet. */
	    {AT_PLAN, 0, PLANNED_TWO | LATE, GUARD_AT_TURN},
	    {AT_PLAN, HOLD, PLANNED_TWO | LATE, GUARD_AT_LOOK},
	    /* The second time as the first: the schema may be another. */
	    {AT_PLAN_AGAIN, 0, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN_AGAIN, LOCK, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN_AGAIN, HOLD, PLANNED_TWO, GUARD_AT_LOOK},
	    {AT_PLAN_AGAIN, 0, PLANNED_ONE, GUARD_AT_RUN_UNNEEDED},
	    {AT_PLAN_AGAIN, 0, PLANNED_TWO | LATE, GUARD_AT_LAST_LOOK},
	    {AT_PLAN_AGAIN, PASS_ON_END, PLANNED_TWO | LATE,
	     GUARD_AT_RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* Two quick attempts, unless an old transaction is in the way. */
static void
guard_looked_does_as_policy_auto_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK_AGAIN, 0, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK_AGAIN, 0, LOOKED_YOUNG, GUARD_AT_TURN},
	    {AT_LOOK_AGAIN, 0, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_LOOK_AGAIN, 0, LOOKED_VACUUM, GUARD_AT_COAX},
	    {AT_LOOK_AGAIN, 0, LOOKED_FREE | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LOOK_AGAIN, 0, LOOKED_OLD | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LOOK_AGAIN, PASS_ON_END, LOOKED_OLD | LATE,
	     GUARD_AT_RUN_OVERDUE},
	    /* A sequence that is in use is not to be attempted around. */
	    {AT_LOOK, SEQUENCE, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_YOUNG, GUARD_AT_TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_YOUNG_1, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_LOOK, SEQUENCE, LOOKED_VACUUM, GUARD_AT_COAX},
	    /* A first attempt that needs no waiting is still made. */
	    {AT_LOOK, SEQUENCE, LOOKED_FREE | LATE, GUARD_AT_TURN},
	    {AT_LOOK, SEQUENCE, LOOKED_OLD | LATE, GUARD_AT_LAST_LOOK},
	    /* A table that only the gate covers needs a window. */
	    {AT_LOOK, VIEW, LOOKED_FREE, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_YOUNG, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_YOUNG_1, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, VIEW, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_LOOK, VIEW, LOOKED_FREE | LATE, GUARD_AT_LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_looked_does_as_policy_hold_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK, HOLD, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK, HOLD, LOOKED_YOUNG, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, HOLD, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_LOOK, HOLD, LOOKED_VACUUM, GUARD_AT_COAX},
	    {AT_LOOK, HOLD, LOOKED_FREE | LATE, GUARD_AT_TURN},
	    {AT_LOOK, HOLD, LOOKED_YOUNG | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LOOK, HOLD, LOOKED_OLD | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LOOK, HOLD, LOOKED_VACUUM | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LOOK, HOLD | PASS_ON_END, LOOKED_OLD | LATE,
	     GUARD_AT_RUN_OVERDUE},
	    {AT_LOOK, HOLD | SEQUENCE, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK, HOLD | SEQUENCE, LOOKED_YOUNG_1, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, HOLD | VIEW, LOOKED_FREE, GUARD_AT_SHUT_TURN},
	    {AT_LOOK, HOLD | VIEW, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_LOOK_AGAIN, HOLD, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK_AGAIN, HOLD, LOOKED_YOUNG, GUARD_AT_SHUT_TURN},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_looked_does_as_policy_lock_has_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK, LOCK | VIEW, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK, LOCK | VIEW, LOOKED_YOUNG_1, GUARD_AT_WAIT},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_YOUNG_1, GUARD_AT_WAIT},
	    {AT_LOOK, LOCK | SEQUENCE, LOOKED_YOUNG_1 | LATE,
	     GUARD_AT_LAST_LOOK},
	    {AT_LOOK, LOCK | SEQUENCE | PASS_ON_END, LOOKED_YOUNG_1 | LATE,
	     GUARD_AT_RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_turned_goes_on_with_what_it_was_for(void **state)
{
	static const struct transition transitions[] = {
	    {AT_TURN, 0, TAKEN, GUARD_AT_ATTEMPT},
	    {AT_TURN, 0, TAKEN_LITTLE, GUARD_AT_ATTEMPT},
	    {AT_TURN, 0, MISSED, GUARD_AT_WAIT},
	    {AT_TURN, HOLD, TAKEN, GUARD_AT_ATTEMPT},
	    {AT_TURN, LOCK, TAKEN, GUARD_AT_ATTEMPT},
	    {AT_TURN, 0, TAKEN | LATE, GUARD_AT_ATTEMPT},
	    /* Never attempted: the end of the budget waives the turn. */
	    {AT_TURN, 0, MISSED | LATE, GUARD_AT_WAIT},
	    {AT_TURN, PASS_ON_END, MISSED | LATE, GUARD_AT_WAIT},
	    {AT_TURN_AGAIN, 0, MISSED | LATE, GUARD_AT_LAST_LOOK},
	    {AT_TURN_AGAIN, PASS_ON_END, MISSED | LATE, GUARD_AT_RUN_OVERDUE},
	    {AT_TURN_AGAIN, 0, TAKEN, GUARD_AT_ATTEMPT},
	    {AT_TURN_AGAIN, 0, TAKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_TURN_AGAIN, PASS_ON_END, TAKEN | LATE, GUARD_AT_RUN_OVERDUE},
	    {AT_SHUT_TURN, 0, TAKEN, GUARD_AT_SHUT},
	    {AT_SHUT_TURN, 0, TAKEN_LITTLE, GUARD_AT_WAIT},
	    {AT_SHUT_TURN, 0, MISSED, GUARD_AT_WAIT},
	    {AT_SHUT_TURN, HOLD, TAKEN, GUARD_AT_SHUT},
	    {AT_SHUT_TURN, HOLD, TAKEN_LITTLE, GUARD_AT_WAIT},
	    {AT_SHUT_TURN, HOLD, MISSED, GUARD_AT_WAIT},
	    {AT_SHUT_TURN, HOLD, TAKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_SHUT_TURN, HOLD, TAKEN_LITTLE | LATE, GUARD_AT_LAST_LOOK},
	    {AT_SHUT_TURN, HOLD, MISSED | LATE, GUARD_AT_WAIT},
	    {AT_SHUT_TURN, HOLD | PASS_ON_END, TAKEN | LATE,
	     GUARD_AT_RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_shut_looks_until_nobody_is_there(void **state)
{
	static const struct transition transitions[] = {
	    {AT_SHUT, 0, SHUT_NOW, GUARD_AT_WINDOW_LOOK},
	    {AT_SHUT, HOLD, SHUT_NOW, GUARD_AT_WINDOW_LOOK},
	    {AT_SHUT, 0, SHUT_NOW | LATE, GUARD_AT_LAST_LOOK},
	    {AT_SHUT, PASS_ON_END, SHUT_NOW | LATE, GUARD_AT_RUN_OVERDUE},
	    {AT_WINDOW_LOOK, 0, LOOKED_FREE, GUARD_AT_WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_OLD, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_VACUUM, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_LOOK, VIEW, LOOKED_FREE, GUARD_AT_WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, VIEW, LOOKED_YOUNG_1, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_LOOK, HOLD, LOOKED_FREE, GUARD_AT_WINDOW_ATTEMPT},
	    {AT_WINDOW_LOOK, 0, LOOKED_FREE | OVER, GUARD_AT_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG | OVER, GUARD_AT_WAIT},
	    {AT_WINDOW_LOOK, 0, LOOKED_YOUNG | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WINDOW_LOOK, HOLD, LOOKED_YOUNG | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WINDOW_LOOK, PASS_ON_END, LOOKED_YOUNG | LATE,
	     GUARD_AT_RUN_OVERDUE},
	    {AT_WINDOW_WAIT, 0, WOKEN, GUARD_AT_WINDOW_LOOK},
	    {AT_WINDOW_WAIT, 0, WOKEN | OVER, GUARD_AT_WINDOW_LOOK},
	    {AT_WINDOW_WAIT, 0, WOKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WINDOW_WAIT, PASS_ON_END, WOKEN | LATE, GUARD_AT_RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* Between two windows an attempt is made only where nobody is to be seen. */
static void
guard_looked_behind_a_window_holds(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PAUSE, 0, WOKEN, GUARD_AT_LOOK},
	    {AT_PAUSE, HOLD, WOKEN, GUARD_AT_LOOK},
	    {AT_PAUSE, 0, WOKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_PAUSE_LOOK, 0, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_PAUSE_LOOK, 0, LOOKED_YOUNG, GUARD_AT_WAIT},
	    {AT_PAUSE_LOOK, 0, LOOKED_OLD, GUARD_AT_WAIT},
	    {AT_PAUSE_LOOK, 0, LOOKED_VACUUM, GUARD_AT_COAX},
	    {AT_PAUSE_LOOK, HOLD, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_PAUSE_LOOK, HOLD, LOOKED_YOUNG, GUARD_AT_WAIT},
	    {AT_PAUSE_LOOK, SEQUENCE, LOOKED_FREE, GUARD_AT_TURN},
	    {AT_PAUSE_LOOK, SEQUENCE, LOOKED_YOUNG_1, GUARD_AT_WAIT},
	    {AT_PAUSE_LOOK, VIEW, LOOKED_FREE, GUARD_AT_WAIT},
	    {AT_PAUSE_LOOK, VIEW, LOOKED_YOUNG_1, GUARD_AT_WAIT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_runs_when_all_is_held_that_is_needed(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, GRANTED, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED | LATE, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_LESS, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_UNSEEN, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, HOLD, GRANTED, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, LOCK, GRANTED, GUARD_AT_RUN_PROTECTED},
	    {AT_ATTEMPT, LOCK | VIEW, GRANTED, GUARD_AT_RUN_PARTLY},
	    {AT_ATTEMPT_AGAIN, 0, GRANTED, GUARD_AT_RUN_PROTECTED},
	    {AT_LAST_ATTEMPT, 0, GRANTED, GUARD_AT_RUN_IN_WINDOW},
	    {AT_LAST_ATTEMPT, LOCK, GRANTED, GUARD_AT_RUN_PROTECTED},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED, GUARD_AT_RUN_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, VIEW, GRANTED, GUARD_AT_RUN_PARTLY_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED | OVER, GUARD_AT_RUN_IN_WINDOW},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED | LATE, GUARD_AT_RUN_IN_WINDOW},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* In a window its names lack what has come. */
static void
guard_attempted_starts_over_when_the_set_grew(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, GRANTED_MORE, GUARD_AT_WAIT},
	    {AT_ATTEMPT, HOLD, GRANTED_MORE, GUARD_AT_WAIT},
	    {AT_ATTEMPT, LOCK, GRANTED_MORE, GUARD_AT_WAIT},
	    {AT_ATTEMPT, 0, GRANTED_MORE | LATE, GUARD_AT_LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, GRANTED_MORE | LATE,
	     GUARD_AT_RUN_OVERDUE},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED_MORE, GUARD_AT_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, GRANTED_MORE | LATE, GUARD_AT_LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_waits_when_it_was_not_granted(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, BUSY, GUARD_AT_WAIT},
	    {AT_ATTEMPT, STRONG, BUSY, GUARD_AT_WAIT},
	    {AT_ATTEMPT, 0, BUSY | LATE, GUARD_AT_LAST_LOOK},
	    {AT_ATTEMPT, STRONG, BUSY | LATE, GUARD_AT_LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, BUSY | LATE, GUARD_AT_RUN_OVERDUE},
	    {AT_ATTEMPT, HOLD, BUSY, GUARD_AT_WAIT},
	    {AT_ATTEMPT, LOCK, BUSY, GUARD_AT_WAIT},
	    {AT_ATTEMPT_AGAIN, 0, BUSY, GUARD_AT_WAIT},
	    {AT_ATTEMPT_AGAIN, 0, BUSY | LATE, GUARD_AT_LAST_LOOK},
	    {AT_LAST_ATTEMPT, LOCK, BUSY, GUARD_AT_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY | OVER, GUARD_AT_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, BUSY | LATE, GUARD_AT_LAST_LOOK},
	    /* Another proxy's statement has the server's turn. */
	    {AT_ATTEMPT, 0, NO_TURN, GUARD_AT_WAIT},
	    {AT_ATTEMPT, HOLD, NO_TURN, GUARD_AT_WAIT},
	    {AT_ATTEMPT, LOCK, NO_TURN, GUARD_AT_WAIT},
	    {AT_ATTEMPT, 0, NO_TURN | LATE, GUARD_AT_WAIT},
	    {AT_ATTEMPT_AGAIN, 0, NO_TURN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WINDOW_ATTEMPT, 0, NO_TURN, GUARD_AT_WINDOW_WAIT},
	    {AT_WINDOW_ATTEMPT, 0, NO_TURN | OVER, GUARD_AT_WAIT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_plans_anew_when_it_failed(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, FAILED, GUARD_AT_PLAN},
	    {AT_ATTEMPT_AGAIN, 0, FAILED, GUARD_AT_PLAN},
	    {AT_WINDOW_ATTEMPT, 0, FAILED, GUARD_AT_PLAN},
	    {AT_ATTEMPT, 0, FAILED | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WINDOW_ATTEMPT, 0, FAILED | LATE, GUARD_AT_LAST_LOOK},
	    {AT_ATTEMPT, PASS_ON_END, FAILED | LATE, GUARD_AT_RUN_OVERDUE},
	    /* The third time it goes as if without us. */
	    {AT_LAST_ATTEMPT, 0, FAILED, GUARD_AT_RUN_UNPLANNED},
	    {AT_LAST_ATTEMPT, HOLD, FAILED, GUARD_AT_RUN_UNPLANNED},
	    {AT_LAST_ATTEMPT, LOCK, FAILED, GUARD_AT_RUN_UNPLANNED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_coaxed_tries_again(void **state)
{
	static const struct transition transitions[] = {
	    {AT_COAX, 0, COAXED, GUARD_AT_LOOK},
	    {AT_COAX, HOLD, COAXED, GUARD_AT_LOOK},
	    {AT_COAX, LOCK, COAXED, GUARD_AT_LOOK},
	    {AT_COAX, 0, COAXED | LATE, GUARD_AT_LAST_LOOK},
	    {AT_COAX, HOLD, COAXED | LATE, GUARD_AT_LAST_LOOK},
	    {AT_COAX, PASS_ON_END, COAXED | LATE, GUARD_AT_RUN_OVERDUE},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_woken_tries_again_or_gives_up(void **state)
{
	static const struct transition transitions[] = {
	    {AT_WAIT, 0, WOKEN, GUARD_AT_LOOK},
	    {AT_WAIT, LOCK, WOKEN, GUARD_AT_LOOK},
	    {AT_WAIT, LOCK | STRONG, WOKEN, GUARD_AT_LOOK},
	    {AT_WAIT, LOCK | VIEW, WOKEN, GUARD_AT_LOOK},
	    {AT_WAIT, HOLD, WOKEN, GUARD_AT_LOOK},
	    {AT_WAIT, 0, WOKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WAIT, LOCK, WOKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WAIT, HOLD, WOKEN | LATE, GUARD_AT_LAST_LOOK},
	    {AT_WAIT, PASS_ON_END, WOKEN | LATE, GUARD_AT_RUN_OVERDUE},
	    {AT_WAIT, PASS_ON_END | STRONG, WOKEN | LATE, GUARD_AT_RUN_OVERDUE},
	    /* The session's own timeouts are errors in any case. */
	    {AT_WAIT, PASS_ON_END | OWN_LIMIT, WOKEN | LATE,
	     GUARD_AT_LAST_LOOK},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_release_lets_go_what_waits(void **state)
{
	static const struct transition transitions[] = {
	    {AT_WAIT, 0, RELEASE, GUARD_AT_RUN_RELEASED},
	    {AT_WAIT, LOCK, RELEASE, GUARD_AT_RUN_RELEASED},
	    {AT_WAIT, HOLD | STRONG, RELEASE, GUARD_AT_RUN_RELEASED},
	    {AT_WAIT, OWN_LIMIT, RELEASE | LATE, GUARD_AT_RUN_RELEASED},
	    {AT_WINDOW_WAIT, 0, RELEASE, GUARD_AT_RUN_RELEASED},
	    {AT_WINDOW_WAIT, HOLD, RELEASE, GUARD_AT_RUN_RELEASED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_refuses_behind_the_last_look_whatever_it_shows(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LAST_LOOK, 0, LOOKED_FREE, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_YOUNG, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_OLD, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_VACUUM, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, 0, PLAN_FAILED, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, LOCK, LOOKED_FREE, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, HOLD, LOOKED_FREE, GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, LOOKED_FREE,
	     GUARD_AT_REFUSE_TIMED_OUT},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, PLAN_FAILED,
	     GUARD_AT_REFUSE_TIMED_OUT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* At each place, with each policy that gets there. */
static void
check_everywhere(unsigned policy, enum event event, enum guard_state to)
{
	for (int place = AT_PLAN; place < AT_LAST_LOOK; place++) {
		struct transition t = {(enum place)place, policy,
				       (unsigned)event, to};

		/* Policy lock has no windows, and looks only now and then. */
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
					       GUARD_AT_REFUSE_CANCELED};

	(void)state;
	check_everywhere(0, CANCEL, GUARD_AT_REFUSE_CANCELED);
	check_everywhere(LOCK, CANCEL, GUARD_AT_REFUSE_CANCELED);
	check_everywhere(HOLD, CANCEL, GUARD_AT_REFUSE_CANCELED);
	check_transitions(&last, 1);
}

/* There it runs as if without us; but not when it was to be refused. */
static void
guard_plan_failed_lets_it_run_wherever_it_stands(void **state)
{
	(void)state;
	check_everywhere(0, PLAN_FAILED, GUARD_AT_RUN_UNPLANNED);
	check_everywhere(LOCK, PLAN_FAILED, GUARD_AT_RUN_UNPLANNED);
	check_everywhere(HOLD, PLAN_FAILED, GUARD_AT_RUN_UNPLANNED);
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
		assert_int_equal(cancel(&f), GUARD_REFUSE);
		assert_int_equal(f.step.state, GUARD_AT_REFUSE_CANCELED);
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
	    cmocka_unit_test(guard_release_lets_go_what_waits),
	    cmocka_unit_test(
		guard_refuses_behind_the_last_look_whatever_it_shows),
	    cmocka_unit_test(guard_cancel_refuses_wherever_it_stands),
	    cmocka_unit_test(guard_plan_failed_lets_it_run_wherever_it_stands),
	    cmocka_unit_test(guard_cancel_takes_back_a_run),
	};

	return cmocka_run_group_tests_name("policy/guard/guard", tests, NULL,
					   NULL);
}

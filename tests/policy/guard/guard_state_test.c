/*
 * The tables of states, actions and outcomes.  guard_test.c goes through the
 * transitions one by one, guard_model_test.c measures that none is missing.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard_steps.h"

static void
assert_differ(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(strlen(names[i]) > 0);
		assert_int_equal(strcspn(names[i], " \"="), strlen(names[i]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

/* Each is a word of the log, without quotes. */
static void
guard_state_name_tells_states_apart(void **state)
{
	const char *names[GUARD_STATE_COUNT];

	(void)state;
	for (int s = 0; s < GUARD_STATE_COUNT; s++)
		names[s] = guard_state_name((enum guard_state)s);
	assert_differ(names, GUARD_STATE_COUNT);
	assert_string_equal(guard_state_name(GUARD_AT_WINDOW_LOOK),
			    "look-in-window");
}

static void
guard_action_name_tells_actions_apart(void **state)
{
	const char *names[GUARD_REFUSE + 1];

	(void)state;
	for (int a = 0; a <= GUARD_REFUSE; a++)
		names[a] = guard_action_name((enum guard_action)a);
	assert_differ(names, GUARD_REFUSE + 1);
	assert_string_equal(guard_action_name(GUARD_HOLDERS), "holders");
}

/* Operators search their logs for these. */
static void
guard_outcome_name_is_what_the_log_has_always_said(void **state)
{
	static const char *const names[] = {
	    [GUARD_PENDING] = "pending",
	    [GUARD_PROTECTED] = "protected",
	    [GUARD_PARTLY] = "partly-protected",
	    [GUARD_UNOPPOSED] = "unopposed",
	    [GUARD_UNNEEDED] = "unneeded",
	    [GUARD_OUT_OF_SCOPE] = "out-of-scope",
	    [GUARD_PASSED] = "passed",
	    [GUARD_UNPLANNED] = "unplanned",
	    [GUARD_READ_ONLY] = "read-only",
	    [GUARD_OVERDUE] = "overdue",
	    [GUARD_RELEASED] = "released",
	    [GUARD_TIMED_OUT] = "timed-out",
	    [GUARD_REJECTED] = "rejected",
	    [GUARD_DEADLOCK] = "deadlock",
	    [GUARD_CANCELED] = "canceled",
	};

	(void)state;
	for (int o = GUARD_PENDING; o <= GUARD_CANCELED; o++)
		assert_string_equal(guard_outcome_name((enum guard_outcome)o),
				    names[o]);
}

static void
guard_states_end_with_an_outcome_and_keep_what_it_needs(void **state)
{
	(void)state;
	for (int i = 0; i < GUARD_STATE_COUNT; i++) {
		enum guard_state s = (enum guard_state)i;
		enum guard_action action = guard_state_action(s);
		enum guard_outcome outcome = guard_state_outcome(s);
		bool is_end = action == GUARD_RUN || action == GUARD_REFUSE;
		bool has_turn = guard_state_keeps(s) != GUARD_KEEPS_NOTHING;

		assert_int_equal(is_end, outcome != GUARD_PENDING);
		if (is_end)
			assert_int_equal(has_turn,
					 guard_outcome_holds(outcome));
		if (action == GUARD_SHUT || action == GUARD_ATTEMPT ||
		    (action == GUARD_TRY && s != GUARD_AT_FIRST_TRIAL))
			assert_true(has_turn);
		if (action == GUARD_GLANCE || action == GUARD_PLAN ||
		    s == GUARD_AT_FIRST_TRIAL || action == GUARD_TURN ||
		    action == GUARD_COAX)
			assert_false(has_turn);
	}
}

static void
guard_states_lead_from_the_beginning_to_an_end(void **state)
{
	(void)state;
	for (int i = 0; i < GUARD_STATE_COUNT; i++) {
		enum guard_state s = (enum guard_state)i;
		bool is_end = guard_state_outcome(s) != GUARD_PENDING;

		assert_false(guard_state_allows(s, GUARD_AT_IDLE));
		assert_int_equal(guard_state_allows(GUARD_AT_IDLE, s),
				 s == GUARD_AT_PLAN || s == GUARD_AT_GLANCE);
		if (s != GUARD_AT_IDLE)
			assert_true(
			    guard_state_allows(s, GUARD_AT_REFUSE_CANCELED));
		for (int to = 0; is_end && to < GUARD_STATE_COUNT; to++)
			assert_true(
			    !guard_state_allows(s, (enum guard_state)to) ||
			    to == GUARD_AT_REFUSE_CANCELED ||
			    to == GUARD_AT_RUN_UNPLANNED);
	}
}

static void
guard_states_protect_behind_an_attempt_or_a_trial_only(void **state)
{
	(void)state;
	for (int i = 0; i < GUARD_STATE_COUNT; i++) {
		enum guard_state s = (enum guard_state)i;

		assert_int_equal(guard_state_allows(s, GUARD_AT_RUN_PROTECTED),
				 s == GUARD_AT_ATTEMPT || s == GUARD_AT_TRIAL);
		assert_int_equal(guard_state_allows(s, GUARD_AT_RUN_IN_WINDOW),
				 s == GUARD_AT_WINDOW_ATTEMPT ||
				     s == GUARD_AT_WINDOW_TRIAL);
	}
}

/* A lock is taken, and the gate shut, by one way only. */
static void
guard_states_lock_and_shut_by_one_way_only(void **state)
{
	static const struct {
		enum guard_state from;
		enum guard_state to;
	} only[] = {
	    {GUARD_AT_ATTEMPT, GUARD_AT_TRIAL},
	    {GUARD_AT_WINDOW_ATTEMPT, GUARD_AT_WINDOW_TRIAL},
	    {GUARD_AT_ATTEMPT, GUARD_AT_RUN_PARTLY},
	    {GUARD_AT_WINDOW_ATTEMPT, GUARD_AT_RUN_PARTLY_IN_WINDOW},
	    {GUARD_AT_TURN, GUARD_AT_ATTEMPT},
	    {GUARD_AT_WINDOW_LOOK, GUARD_AT_WINDOW_ATTEMPT},
	    {GUARD_AT_SHUT_TURN, GUARD_AT_SHUT},
	    {GUARD_AT_LOOK, GUARD_AT_SHUT_TURN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(only) / sizeof(*only); i++)
		for (int from = 0; from < GUARD_STATE_COUNT; from++)
			assert_int_equal(
			    guard_state_allows((enum guard_state)from,
					       only[i].to),
			    from == (int)only[i].from);
}

/* Each end, and a way there. */
static const struct {
	enum place from;
	unsigned conditions;
	unsigned event;
	enum guard_state end;
} ends[] = {
    {AT_ATTEMPT, 0, GRANTED, GUARD_AT_RUN_PROTECTED},
    {AT_WINDOW_ATTEMPT, 0, GRANTED, GUARD_AT_RUN_IN_WINDOW},
    {AT_PLAN, 0, PLANNED_NONE, GUARD_AT_RUN_UNNEEDED},
    {AT_PLAN, NO_SCOPE, PLANNED_TWO, GUARD_AT_RUN_UNSCOPED},
    {AT_PLAN, PASS, PLANNED_TWO, GUARD_AT_RUN_PASSED},
    {AT_PLAN, NO_PLPGSQL, PLANNED_TWO, GUARD_AT_RUN_UNPLANNED},
    {AT_PLAN, READ_ONLY, PLANNED_TWO, GUARD_AT_RUN_READ_ONLY},
    {AT_WAIT, PASS_ON_END, WOKEN | LATE, GUARD_AT_RUN_OVERDUE},
    {AT_WAIT, 0, RELEASE, GUARD_AT_RUN_RELEASED},
    {AT_LAST_LOOK, 0, LOOKED_FREE, GUARD_AT_REFUSE_TIMED_OUT},
    {AT_PLAN, REJECT, PLANNED_TWO, GUARD_AT_REFUSE_REJECTED},
    {AT_PLAN, 0, CANCEL, GUARD_AT_REFUSE_CANCELED},
};

static void
check_end(size_t i, enum event event, enum guard_state to)
{
	struct fixture f;

	fixture_init(&f, ends[i].conditions);
	go_to(&f, ends[i].from);
	(void)fire(&f, ends[i].event);
	assert_int_equal(f.step.state, ends[i].end);
	(void)fire(&f, event);
	assert_int_equal(f.step.state, to);
	guard_clear(&f.guard);
}

static void
guard_cancel_takes_back_any_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		check_end(i, CANCEL, GUARD_AT_REFUSE_CANCELED);
}

static void
guard_plan_failed_takes_back_a_run_but_no_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		bool is_run = guard_state_action(ends[i].end) == GUARD_RUN;

		check_end(i, PLAN_FAILED,
			  is_run ? GUARD_AT_RUN_UNPLANNED : ends[i].end);
	}
}

/* As a piece of a text with several that nothing was prepared for. */
static void
guard_step_of_a_zeroed_guard_is_idle(void **state)
{
	struct guard g = {0};
	struct guard_step step = guard_step(&g);

	(void)state;
	assert_int_equal(step.state, GUARD_AT_IDLE);
	assert_int_equal(step.action, GUARD_IDLE);
	assert_int_equal(step.keeps, GUARD_KEEPS_NOTHING);
	assert_int_equal(step.outcome, GUARD_PENDING);
	assert_false(guard_gate_lasts(&g));
	assert_int_equal(guard_set(&g)->count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_state_name_tells_states_apart),
	    cmocka_unit_test(guard_action_name_tells_actions_apart),
	    cmocka_unit_test(
		guard_outcome_name_is_what_the_log_has_always_said),
	    cmocka_unit_test(
		guard_states_end_with_an_outcome_and_keep_what_it_needs),
	    cmocka_unit_test(guard_states_lead_from_the_beginning_to_an_end),
	    cmocka_unit_test(
		guard_states_protect_behind_an_attempt_or_a_trial_only),
	    cmocka_unit_test(guard_states_lock_and_shut_by_one_way_only),
	    cmocka_unit_test(guard_cancel_takes_back_any_end),
	    cmocka_unit_test(guard_plan_failed_takes_back_a_run_but_no_refusal),
	    cmocka_unit_test(guard_step_of_a_zeroed_guard_is_idle),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_state", tests,
					   NULL, NULL);
}

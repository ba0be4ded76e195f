/*
 * guard_state.c - the states of the guard: names, transitions, invariants.
 *
 * Invariants (guard_check asserts those with a number in it after every
 * transition; the tables below are the others, and guard_enter asserts them):
 *   (1) RUN and REFUSE, and only these, have an outcome.
 *   (2) PROTECTED comes only from an attempt that was granted for a set that
 *       covers what was planned with the locks held, and from a run of the
 *       statement itself where the set has members that no attempt can lock;
 *       PARTLY, where that could not be undone.
 *   (3) WAIT never sleeps past the deadline, nor past the end of a window.
 *   (4) An attempt that waits in the server does so for less than half of
 *       deadlock_timeout.
 *   (5) An attempt is made, and the gate is shut, only by who has the turn, be
 *       it beside another, and in the end only who runs protected keeps either.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

#define BIT(constant) (UINT64_C(1) << GUARD_AT_##constant)

/* A question that failed, or a cancel. */
#define CUT_SHORT (BIT(RUN_UNPLANNED) | BIT(REFUSE_CANCELED))
#define SPENT (BIT(LAST_LOOK) | BIT(RUN_OVERDUE))
#define GRANTED (BIT(RUN_PROTECTED) | BIT(RUN_PARTLY) | BIT(TRIAL))
#define GRANTED_IN_WINDOW                                                      \
	(BIT(RUN_IN_WINDOW) | BIT(RUN_PARTLY_IN_WINDOW) | BIT(WINDOW_TRIAL))

static const struct {
	const char *name;
	enum guard_action action;
	enum guard_keeps keeps;
	enum guard_outcome outcome;
} states[GUARD_STATE_COUNT] = {
#define X(constant, text, action, keeps, outcome)                              \
	[GUARD_AT_##constant] = {text, GUARD_##action, GUARD_KEEPS_##keeps,    \
				 GUARD_##outcome},
    GUARD_STATES(X)
#undef X
};

/* Where each may go.  A RUN can be taken back, until it has been carried out;
 * a refusal can become one for a cancel. */
static const uint64_t next_states[GUARD_STATE_COUNT] = {
    [GUARD_AT_IDLE] = BIT(PLAN) | BIT(GLANCE),
    [GUARD_AT_GLANCE] =
	CUT_SHORT | BIT(PLAN) | BIT(FIRST_TRIAL) | BIT(RUN_UNSCOPED),
    [GUARD_AT_FIRST_TRIAL] = CUT_SHORT | BIT(PLAN) | BIT(RUN_UNOPPOSED),
    [GUARD_AT_PLAN] = CUT_SHORT | SPENT | BIT(RUN_UNNEEDED) |
		      BIT(RUN_UNSCOPED) | BIT(RUN_PASSED) | BIT(RUN_READ_ONLY) |
		      BIT(REFUSE_REJECTED) | BIT(LOOK) | BIT(TURN),
    [GUARD_AT_LOOK] = CUT_SHORT | SPENT | BIT(TURN) | BIT(SHUT_TURN) |
		      BIT(COAX) | BIT(WAIT) | BIT(REFUSE_DEADLOCK),
    [GUARD_AT_LAST_LOOK] = BIT(REFUSE_TIMED_OUT) | BIT(REFUSE_CANCELED),
    [GUARD_AT_TURN] = CUT_SHORT | SPENT | BIT(ATTEMPT) | BIT(WAIT),
    [GUARD_AT_SHUT_TURN] = CUT_SHORT | SPENT | BIT(SHUT) | BIT(WAIT),
    [GUARD_AT_SHUT] = CUT_SHORT | SPENT | BIT(WINDOW_LOOK) | BIT(WINDOW_WAIT),
    [GUARD_AT_ATTEMPT] = CUT_SHORT | SPENT | GRANTED | BIT(WAIT) | BIT(PLAN),
    [GUARD_AT_TRIAL] = CUT_SHORT | SPENT | BIT(RUN_PROTECTED) | BIT(WAIT),
    [GUARD_AT_COAX] = CUT_SHORT | SPENT | BIT(LOOK),
    [GUARD_AT_WAIT] =
	CUT_SHORT | SPENT | BIT(LOOK) | BIT(TURN) | BIT(RUN_RELEASED),
    [GUARD_AT_WINDOW_LOOK] = CUT_SHORT | SPENT | BIT(WINDOW_ATTEMPT) |
			     BIT(WINDOW_WAIT) | BIT(WAIT) |
			     BIT(REFUSE_DEADLOCK),
    [GUARD_AT_WINDOW_ATTEMPT] = CUT_SHORT | SPENT | GRANTED_IN_WINDOW |
				BIT(WINDOW_WAIT) | BIT(WAIT) | BIT(PLAN),
    [GUARD_AT_WINDOW_TRIAL] =
	CUT_SHORT | SPENT | BIT(RUN_IN_WINDOW) | BIT(WINDOW_WAIT) | BIT(WAIT),
    [GUARD_AT_WINDOW_WAIT] =
	CUT_SHORT | SPENT | BIT(WINDOW_LOOK) | BIT(RUN_RELEASED),
    [GUARD_AT_RUN_PROTECTED] = CUT_SHORT,
    [GUARD_AT_RUN_IN_WINDOW] = CUT_SHORT,
    [GUARD_AT_RUN_PARTLY] = CUT_SHORT,
    [GUARD_AT_RUN_PARTLY_IN_WINDOW] = CUT_SHORT,
    [GUARD_AT_RUN_UNOPPOSED] = CUT_SHORT,
    [GUARD_AT_RUN_UNNEEDED] = CUT_SHORT,
    [GUARD_AT_RUN_UNSCOPED] = CUT_SHORT,
    [GUARD_AT_RUN_PASSED] = CUT_SHORT,
    [GUARD_AT_RUN_UNPLANNED] = CUT_SHORT,
    [GUARD_AT_RUN_READ_ONLY] = CUT_SHORT,
    [GUARD_AT_RUN_OVERDUE] = CUT_SHORT,
    [GUARD_AT_RUN_RELEASED] = CUT_SHORT,
    [GUARD_AT_REFUSE_TIMED_OUT] = BIT(REFUSE_CANCELED),
    [GUARD_AT_REFUSE_REJECTED] = BIT(REFUSE_CANCELED),
    [GUARD_AT_REFUSE_DEADLOCK] = BIT(REFUSE_CANCELED),
    [GUARD_AT_REFUSE_CANCELED] = BIT(REFUSE_CANCELED),
};

static const char *const action_names[] = {
#define X(constant, text) [GUARD_##constant] = (text),
    GUARD_ACTIONS(X)
#undef X
};

static const char *const outcome_names[] = {
#define X(constant, text) [GUARD_##constant] = (text),
    GUARD_OUTCOMES(X)
#undef X
};

const char *
guard_action_name(enum guard_action action)
{
	return action_names[action];
}

const char *
guard_outcome_name(enum guard_outcome outcome)
{
	return outcome_names[outcome];
}

const char *
guard_state_name(enum guard_state state)
{
	return states[state].name;
}

enum guard_action
guard_state_action(enum guard_state state)
{
	return states[state].action;
}

enum guard_keeps
guard_state_keeps(enum guard_state state)
{
	return states[state].keeps;
}

enum guard_outcome
guard_state_outcome(enum guard_state state)
{
	return states[state].outcome;
}

bool
guard_outcome_holds(enum guard_outcome outcome)
{
	return outcome == GUARD_PROTECTED || outcome == GUARD_PARTLY;
}

bool
guard_outcome_locks(enum guard_outcome outcome)
{
	return guard_outcome_holds(outcome) || outcome == GUARD_UNOPPOSED;
}

bool
guard_state_allows(enum guard_state from, enum guard_state to)
{
	return (next_states[from] >> to & 1) != 0;
}

static void
guard_check_attempt(const struct guard *g)
{
	assert(guard_state_keeps(g->state) != GUARD_KEEPS_NOTHING); /* (5) */
	if (g->manner == ATTEMPT_AT_ONCE)
		return;
	assert(g->attempt_bound_ms > 0); /* (4) */
	assert(g->attempt_bound_ms * 2ull < g->facts.deadlock_timeout_ms);
}

static void
guard_check(const struct guard *g)
{
	bool is_end =
	    guard_is_doing(g, GUARD_RUN) || guard_is_doing(g, GUARD_REFUSE);
	enum guard_outcome outcome = guard_state_outcome(g->state);

	assert(is_end == (outcome != GUARD_PENDING)); /* (1) */
	if (guard_is_doing(g, GUARD_WAIT))            /* (3) */
		assert(g->wake_ms <= g->deadline_ms);
	if (g->state == GUARD_AT_WINDOW_WAIT)
		assert(g->wake_ms <= g->window.until_ms);
	if (guard_is_doing(g, GUARD_ATTEMPT))
		guard_check_attempt(g);
	assert(!is_end || guard_outcome_holds(outcome) ||
	       guard_state_keeps(g->state) == GUARD_KEEPS_NOTHING); /* (5) */
}

struct guard_step
guard_enter(struct guard *g, enum guard_state next)
{
	assert(guard_state_allows(g->state, next)); /* (2) */
	g->state = next;
	guard_check(g);
	return guard_step(g);
}

static void
guard_add_parameters(const struct guard *g, struct guard_step *step)
{
	switch (step->action) {
	case GUARD_SHUT:
		step->window_ms = g->window_ms;
		break;
	case GUARD_ATTEMPT:
		step->manner = g->manner;
		step->takes_turn = !g->is_impatient;
		step->minds_near =
		    guard_minds_near(g) && g->attempts == 0 && !g->is_clear;
		step->attempt_bound_ms = g->attempt_bound_ms;
		step->locks_nothing = guard_wants_try(g);
		break;
	case GUARD_TRY:
		step->try_bound_ms = guard_try_bound_ms(g);
		break;
	case GUARD_COAX:
		step->coax_index = g->coax_index;
		step->coax_bound_ms = (uint32_t)guard_coax_ms(g);
		break;
	case GUARD_WAIT:
		step->wake_ms = g->wake_ms;
		break;
	case GUARD_TURN:
		step->is_impatient = g->is_impatient;
		break;
	case GUARD_IDLE:
	case GUARD_GLANCE:
	case GUARD_PLAN:
	case GUARD_HOLDERS:
	case GUARD_RUN:
	case GUARD_REFUSE:
		break;
	}
}

struct guard_step
guard_step(const struct guard *g)
{
	struct guard_step step = {
	    .state = g->state,
	    .action = guard_state_action(g->state),
	    .keeps = guard_state_keeps(g->state),
	    .outcome = guard_state_outcome(g->state),
	};

	if (guard_in_window(g))
		step.gate_until_ms = g->window.until_ms;
	guard_add_parameters(g, &step);
	return step;
}

/*
 * guard_steps.h - the guard as a table: at this place, told this, it goes to
 * that step.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_STEPS_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_STEPS_H

#include "tests/support/guard.h"

/* Where it may stand: the action, and what it keeps from others there. */
enum step {
	PLAN,
	LOOK,
	LAST_LOOK, /* the budget is spent */
	TURN,      /* to attempt */
	SHUT_TURN, /* to shut the gate */
	SHUT,
	ATTEMPT,
	COAX,
	WAIT,
	WINDOW_LOOK,
	WINDOW_ATTEMPT,
	WINDOW_WAIT,
	RUN_PROTECTED,
	RUN_IN_WINDOW, /* likewise */
	RUN_UNNEEDED,
	RUN_UNSCOPED,
	RUN_PASSED,
	RUN_UNPLANNED,
	RUN_READ_ONLY,
	RUN_OVERDUE,
	REFUSE_TIMED_OUT,
	REFUSE_REJECTED,
	REFUSE_CANCELED,
	STEPS,
};

enum keeps {
	NOTHING,
	ITS_TURN,
	THE_GATE, /* and its turn */
};

static const struct {
	const char *name;
	enum guard_action action;
	enum keeps keeps;
	enum guard_outcome outcome;
} steps[STEPS] = {
    [PLAN] = {"plan", GUARD_PLAN, NOTHING, GUARD_PENDING},
    [LOOK] = {"look", GUARD_HOLDERS, NOTHING, GUARD_PENDING},
    [LAST_LOOK] = {"last look", GUARD_HOLDERS, NOTHING, GUARD_PENDING},
    [TURN] = {"turn", GUARD_TURN, NOTHING, GUARD_PENDING},
    [SHUT_TURN] = {"turn to shut", GUARD_TURN, NOTHING, GUARD_PENDING},
    [SHUT] = {"shut", GUARD_SHUT, ITS_TURN, GUARD_PENDING},
    [ATTEMPT] = {"attempt", GUARD_ATTEMPT, ITS_TURN, GUARD_PENDING},
    [COAX] = {"coax", GUARD_COAX, NOTHING, GUARD_PENDING},
    [WAIT] = {"wait", GUARD_WAIT, NOTHING, GUARD_PENDING},
    [WINDOW_LOOK] = {"look in a window", GUARD_HOLDERS, THE_GATE,
		     GUARD_PENDING},
    [WINDOW_ATTEMPT] = {"attempt in a window", GUARD_ATTEMPT, THE_GATE,
			GUARD_PENDING},
    [WINDOW_WAIT] = {"wait in a window", GUARD_WAIT, THE_GATE, GUARD_PENDING},
    [RUN_PROTECTED] = {"run protected", GUARD_RUN, ITS_TURN, GUARD_PROTECTED},
    [RUN_IN_WINDOW] = {"run in a window", GUARD_RUN, THE_GATE, GUARD_PROTECTED},
    [RUN_UNNEEDED] = {"run unneeded", GUARD_RUN, NOTHING, GUARD_UNNEEDED},
    [RUN_UNSCOPED] = {"run unscoped", GUARD_RUN, NOTHING, GUARD_OUT_OF_SCOPE},
    [RUN_PASSED] = {"run passed", GUARD_RUN, NOTHING, GUARD_PASSED},
    [RUN_UNPLANNED] = {"run unplanned", GUARD_RUN, NOTHING, GUARD_UNPLANNED},
    [RUN_READ_ONLY] = {"run read-only", GUARD_RUN, NOTHING, GUARD_READ_ONLY},
    [RUN_OVERDUE] = {"run overdue", GUARD_RUN, NOTHING, GUARD_OVERDUE},
    [REFUSE_TIMED_OUT] = {"time out", GUARD_REFUSE, NOTHING, GUARD_TIMED_OUT},
    [REFUSE_REJECTED] = {"reject", GUARD_REFUSE, NOTHING, GUARD_REJECTED},
    [REFUSE_CANCELED] = {"cancel", GUARD_REFUSE, NOTHING, GUARD_CANCELED},
};

static inline bool
is_at(const struct guard *g, enum step step)
{
	return steps[step].action == g->action &&
	       steps[step].outcome == g->outcome &&
	       (steps[step].keeps != NOTHING) == g->has_turn &&
	       (steps[step].keeps == THE_GATE) == g->window.is_shut &&
	       (g->action != GUARD_HOLDERS ||
		(step == LAST_LOOK) == g->is_spent) &&
	       (g->action != GUARD_TURN ||
		(step == SHUT_TURN) == (g->behind_turn == GUARD_SHUT));
}

static inline enum step
step_of(const struct guard *g)
{
	for (int step = 0; step < STEPS; step++)
		if (is_at(g, (enum step)step))
			return (enum step)step;
	fail_msg("no step: action %d, outcome %d, turn %d, gate %d",
		 (int)g->action, (int)g->outcome, (int)g->has_turn,
		 (int)g->window.is_shut);
	return STEPS;
}

enum event {
	BEGIN,
	PLANNED_NONE, /* no table */
	PLANNED_ONE,
	PLANNED_TWO,
	PLAN_FAILED, /* or whatever else was asked */
	LOOKED_FREE,
	LOOKED_YOUNG,   /* somebody young holds what can be locked, */
	LOOKED_YOUNG_1, /* relation 1, which may be such that it cannot */
	LOOKED_OLD,     /* somebody old holds something */
	LOOKED_VACUUM,  /* an autovacuum, and only that */
	TAKEN,          /* the turn */
	TAKEN_LITTLE,   /* and no allowance for a window */
	MISSED,
	SHUT_NOW,
	GRANTED,
	GRANTED_LESS,   /* a table has gone */
	GRANTED_MORE,   /* a table has come */
	GRANTED_UNSEEN, /* with no plan to compare with */
	BUSY,
	NO_TURN,
	FAILED,
	COAXED,
	WOKEN,
	CANCEL,
	/* When it comes: */
	LATE = 0x100, /* as the budget is spent */
	OVER = 0x200, /* as the window is over */
};

static inline enum guard_action
fire_look(struct fixture *f, enum event event)
{
	struct holders on_first = {
	    .count = 1,
	    .unlockable_count = f->guard.set.items[0].is_lockable ? 0 : 1,
	    .shown[0].relid = 1,
	    .oldest_ms = 10,
	};

	switch (event) {
	case LOOKED_YOUNG:
		return look(f, 1, WINDOW_MS - 1);
	case LOOKED_YOUNG_1:
		return look_at(f, on_first);
	case LOOKED_OLD:
		return look(f, 1, 4 * WINDOW_MS);
	case LOOKED_VACUUM:
		return look_vacuum(f, 2);
	default:
		return look(f, 0, 0);
	}
}

static inline enum guard_action
fire_attempt(struct fixture *f, enum event event)
{
	switch (event) {
	case GRANTED:
		return grant(f, 1, 2);
	case GRANTED_LESS:
		return grant(f, 2, 1);
	case GRANTED_MORE:
		return grant(f, 2, 2);
	case GRANTED_UNSEEN:
		return grant(f, 1, 0);
	case BUSY:
		return deny(f, ATTEMPT_BUSY, 0);
	case NO_TURN:
		return deny(f, ATTEMPT_NO_TURN, f->guard.set.count + 1);
	default:
		return deny(f, ATTEMPT_FAILED, 0);
	}
}

static inline enum guard_action
fire_now(struct fixture *f, enum event event)
{
	switch (event) {
	case BEGIN:
		return begin(f);
	case PLANNED_NONE:
		return plan(f, 0);
	case PLANNED_ONE:
		return plan(f, 1);
	case PLANNED_TWO:
		return plan(f, 2);
	case PLAN_FAILED:
		return guard_plan_failed(&f->guard);
	case LOOKED_FREE:
	case LOOKED_YOUNG:
	case LOOKED_YOUNG_1:
	case LOOKED_OLD:
	case LOOKED_VACUUM:
		return fire_look(f, event);
	case TAKEN:
		return take_turn(f, PLENTY_MS);
	case TAKEN_LITTLE:
		return take_turn(f, WINDOW_MS / 2 - 1);
	case MISSED:
		return miss_turn(f);
	case SHUT_NOW:
		return shut(f);
	case GRANTED:
	case GRANTED_LESS:
	case GRANTED_MORE:
	case GRANTED_UNSEEN:
	case BUSY:
	case NO_TURN:
	case FAILED:
		return fire_attempt(f, event);
	case COAXED:
		return guard_coaxed(&f->guard, f->now_ms);
	case WOKEN:
		return guard_woken(&f->guard, f->now_ms);
	case CANCEL:
		return guard_cancel(&f->guard);
	case LATE:
	case OVER:
		break;
	}
	fail_msg("no such event");
	return GUARD_PLAN;
}

static inline enum guard_action
fire(struct fixture *f, unsigned event)
{
	if (event & LATE)
		f->now_ms = f->guard.deadline_ms > 0 ? f->guard.deadline_ms
						     : BEGUN_MS + HOLD_MS;
	else if (event & OVER)
		f->now_ms = f->guard.window.until_ms;
	else if (event == WOKEN)
		f->now_ms = f->guard.wake_ms;
	return fire_now(f, (enum event)(event & 0xff));
}

struct transition {
	enum place from;
	unsigned conditions;
	unsigned event;
	enum step to;
};

static inline void
check_transitions(const struct transition *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fixture f;
		enum guard_action action;
		enum step step;

		fixture_init(&f, t[i].conditions);
		go_to(&f, t[i].from);
		action = fire(&f, t[i].event);
		assert_int_equal(action, f.guard.action);
		step = step_of(&f.guard);
		if (step != t[i].to)
			fail_msg("transition %zu is to '%s'", i,
				 steps[step].name);
		guard_clear(&f.guard);
	}
}

#define CHECK_TRANSITIONS(t) check_transitions(t, sizeof(t) / sizeof((t)[0]))

#endif

/*
 * guard_steps.h - the guard as a table: at this place, told this, it goes to
 * that state.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_STEPS_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_STEPS_H

#include "tests/support/guard.h"

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
	RELEASE,
	/* When it comes: */
	LATE = 0x100, /* as the budget is spent */
	OVER = 0x200, /* as the window is over */
};

static inline enum guard_action
fire_look(struct fixture *f, enum event event)
{
	struct holders on_first = {
	    .count = 1,
	    .unlockable_count =
		guard_set(&f->guard)->items[0].is_lockable ? 0 : 1,
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
		return deny(f, ATTEMPT_NO_TURN,
			    guard_set(&f->guard)->count + 1);
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
		return fail_plan(f);
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
		return coaxed(f);
	case WOKEN:
		return wake_now(f);
	case CANCEL:
		return cancel(f);
	case RELEASE:
		return release(f);
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
		f->now_ms = account(f).deadline_ms > 0 ? account(f).deadline_ms
						       : BEGUN_MS + HOLD_MS;
	else if (event & OVER)
		f->now_ms = f->step.gate_until_ms;
	else if (event == WOKEN)
		f->now_ms = f->step.wake_ms;
	return fire_now(f, (enum event)(event & 0xff));
}

struct transition {
	enum place from;
	unsigned conditions;
	unsigned event;
	enum guard_state to;
};

static inline void
check_transitions(const struct transition *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fixture f;

		fixture_init(&f, t[i].conditions);
		go_to(&f, t[i].from);
		(void)fire(&f, t[i].event);
		if (f.step.state != t[i].to)
			fail_msg("transition %zu is to '%s'", i,
				 guard_state_name(f.step.state));
		guard_clear(&f.guard);
	}
}

#define CHECK_TRANSITIONS(t) check_transitions(t, sizeof(t) / sizeof((t)[0]))

#endif

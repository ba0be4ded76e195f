/*
 * exchange_attempt.c - an attempt on the wire: the locks, and under them the
 * question whether the set is still the one that was planned.
 *
 * Where no transaction has ended since the plan, nothing can have been added to
 * the set, and a snapshot of then and one of now tell that.  Else the set is
 * planned once more, under the locks.
 */
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"

/* The locks of an extended cycle must last until the client's own Sync. */
static bool
exchange_attempt_ends_cycle(const struct exchange *x)
{
	return x->context == CONTEXT_BLOCK ||
	       (x->context == CONTEXT_IDLE && exchange_is_query(x));
}

/* True if a snapshot tells whether the set can have changed since its plan: one
 * that the transaction keeps tells nothing. */
static bool
exchange_knows_snapshot(const struct exchange *x)
{
	return snapshot_is_known(&x->snapshot) &&
	       !guard_facts(&x->guard)->has_old_snapshot;
}

/* Ask whether the set is still the same, under its locks. */
static void
exchange_add_check(struct exchange *x)
{
	/* A cycle of the client's cannot be taken back to a savepoint: there it
	 * would help nobody to learn of a set that grew. */
	if (x->context == CONTEXT_TAIL)
		return;
	if (exchange_knows_snapshot(x))
		batch_add_snapshot(&x->batch);
	else
		exchange_add_plan(x);
}

/* True if nothing is to be locked, and the statement may be one that no
 * transaction can have begun before. */
static bool
exchange_attempts_nothing(const struct exchange *x)
{
	return x->context == CONTEXT_IDLE && exchange_is_unknown(x) &&
	       !(exchange_is_query(x) && exchange_wants_block(x));
}

static void
exchange_skip_attempt(struct exchange *x)
{
	struct lock_set again = {0};

	exchange_act(x, guard_attempted(&x->guard, ATTEMPT_GRANTED,
					guard_set(&x->guard)->count, &again,
					clock_now_ms()));
}

void
exchange_send_attempt(struct exchange *x, const struct guard_step *step)
{
	struct attempt a = {
	    .set = guard_set(&x->guard),
	    .manner = step->manner,
	    .locks_nothing = step->locks_nothing,
	    .minds_near = step->minds_near,
	    .takes_turn = step->takes_turn,
	    .bound_ms = step->attempt_bound_ms,
	    .lock_timeout = guard_facts(&x->guard)->lock_timeout,
	};

	if (exchange_attempts_nothing(x)) {
		exchange_skip_attempt(x);
		return;
	}
	exchange_begin_batch(x, EXCHANGE_ATTEMPTING);
	if (x->context == CONTEXT_IDLE && exchange_is_query(x))
		batch_add_command(&x->batch, "BEGIN");
	exchange_add_savepoint(x);
	if (x->has_own_settings)
		batch_add_plain(&x->batch, true);
	/* Last before the locks: behind them others may come to wait. */
	if (guard_gate_lasts(&x->guard))
		batch_add_names(&x->batch);
	batch_add_attempt(&x->batch, &a);
	exchange_add_check(x);
	(void)batch_send(&x->batch, exchange_attempt_ends_cycle(x));
}

/* Plan once more under the locks, by the large question where the small one has
 * failed there. */
static void
exchange_send_check(struct exchange *x)
{
	x->asks_all |= x->batch.is_too_small;
	exchange_begin_batch(x, EXCHANGE_CHECKING);
	if (x->has_own_settings)
		batch_add_plain(&x->batch, true);
	batch_add_snapshot(&x->batch);
	exchange_add_plan(x);
	(void)batch_send(&x->batch, exchange_attempt_ends_cycle(x));
}

/* The answers */

static enum attempt_result
exchange_attempt_result(const struct batch *b, const struct lock_set *set)
{
	if (batch_has_error(b) || b->is_odd || !b->has_attempt)
		return ATTEMPT_FAILED;
	if (b->attempt_index > set->count)
		return ATTEMPT_NO_TURN;
	return b->attempt_index == set->count ? ATTEMPT_GRANTED : ATTEMPT_BUSY;
}

/* A failed attempt has given its locks back; what else it left is undone. */
static bool
exchange_needs_undo(const struct exchange *x, enum attempt_result result)
{
	switch (x->context) {
	case CONTEXT_IDLE:
		return true;
	case CONTEXT_BLOCK:
		return result == ATTEMPT_GRANTED || result == ATTEMPT_FAILED;
	case CONTEXT_TAIL:
		break;
	}
	return false;
}

/* The attempt is over, and what its locks are worth is known. */
static void
exchange_end_attempt(struct exchange *x, enum attempt_result result)
{
	struct batch *b = &x->batch;
	char lost_to[HISTORY_WHAT_BYTES];
	struct guard_step step;

	exchange_history_lost_to(x, result, lost_to);
	held_subtract(&x->held, &b->planned);
	step = guard_attempted(&x->guard, result, b->attempt_index, &b->planned,
			       clock_now_ms());
	exchange_history_attempted(x, lost_to);
	if (x->is_canceled)
		step = guard_cancel(&x->guard);
	if (guard_outcome_holds(step.outcome) || step.action == GUARD_TRY ||
	    !exchange_needs_undo(x, result))
		exchange_act(x, step);
	else
		exchange_send_undo(x);
}

/* True if the set may have changed between its plan and its locks, and there
 * was no plan since, or one that has failed. */
static bool
exchange_must_check(const struct exchange *x)
{
	if (x->context == CONTEXT_TAIL || !exchange_knows_snapshot(x))
		return x->batch.is_too_small;
	return !snapshot_equals(&x->snapshot, &x->batch.snapshot);
}

void
exchange_attempted(struct exchange *x)
{
	struct batch *b = &x->batch;
	enum attempt_result result =
	    exchange_attempt_result(b, guard_set(&x->guard));

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	gate_names_clear(&x->names);
	exchange_seal_names(x);
	x->names = b->names;
	memset(&b->names, 0, sizeof(b->names));
	if (result == ATTEMPT_NO_TURN)
		guard_met(&x->guard, &b->rival);
	if (result == ATTEMPT_GRANTED && !x->is_canceled &&
	    exchange_must_check(x))
		exchange_send_check(x);
	else
		exchange_end_attempt(x, result);
}

void
exchange_checked(struct exchange *x)
{
	const struct batch *b = &x->batch;

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	if (b->is_too_small && !b->is_odd && !batch_has_error(b)) {
		exchange_send_check(x);
		return;
	}
	x->snapshot = b->snapshot;
	exchange_end_attempt(x, batch_has_error(b) || b->is_odd
				    ? ATTEMPT_FAILED
				    : ATTEMPT_GRANTED);
}

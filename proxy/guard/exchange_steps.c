/*
 * exchange_steps.c - the foreign keys that the client's statement would drop go
 * before it, each in a transaction of its own, so that no two tables that are
 * in use are ever locked together (drop_in_steps).
 *
 *   LISTING    which they are, and what brings each back, asked of the catalogs
 *   STEPPING   one is dropped, under its locks, and that is committed
 *
 * Each key is guarded as any statement is, by a guard that begins anew, and in
 * the end so is the client's statement, which runs as it came.  All of this
 * together has the time that the statement has.
 *
 * Only a statement that is a transaction by itself has steps: alone in its
 * text, or alone in a cycle whose Sync is there already.
 *
 * An error of a step ends the steps, not the statement: that one meets the same
 * obstacle, or does not, and what it answers is the answer.  Every error that
 * ends the statement behind a step says what is gone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/error_response.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	/* The part of the time that is saved for the keys: a quarter. */
	SAVED_SHARE = 4,
	SET_BYTES = sizeof("SET LOCAL lock_timeout TO '4294967295'"),
};

/* SQLSTATE undefined_object: somebody else has dropped the key. */
#define UNDEFINED "42704"

/* Which statements have steps */

/* True if the next message of the client's is there, and is a Sync. */
static bool
exchange_ends_with_sync(const struct exchange *x)
{
	struct frame_header h;
	struct span in = buffer_span(&x->pair->from_client.buffer);

	return frame_peek(&h, in) == FRAME_OK && h.type == FRONTEND_SYNC;
}

/* The client's statement, if it is a plain drop and all of its transaction;
 * else NULL.  Borrowed. */
static const struct statement *
exchange_plain_drop(const struct exchange *x)
{
	bool is_query = exchange_is_query(x);
	const struct statement_list *list;

	if (x->context != CONTEXT_IDLE || x->errand != ERRAND_STATEMENT ||
	    x->in_own_block)
		return NULL;
	list = is_query ? &x->query.list : &x->facts->list;
	if (list->count != 1 || !list->items[0].is_plain_drop ||
	    (!is_query && !exchange_ends_with_sync(x)))
		return NULL;
	return list->items;
}

bool
exchange_list_keys(struct exchange *x, const struct guard_step *step)
{
	struct steps *s = &x->steps;
	const struct statement *drop;

	if (s->was_asked || step->outcome != GUARD_PENDING ||
	    guard_set(&x->guard)->count <= DROP_KEYS_STEP_TABLES)
		return false;
	drop = exchange_plain_drop(x);
	x->log.can_step = drop != NULL;
	if (drop == NULL || x->settings.steps == GUARD_STEPS_OFF)
		return false;
	s->was_asked = true;
	s->begun_ms = x->log.begun_ms;
	s->hold_timeout_ms = x->settings.hold_timeout_ms;
	exchange_begin_question(x, EXCHANGE_LISTING);
	batch_add_keys(&x->batch, drop, 1);
	(void)batch_send(&x->batch, exchange_may_sync(x));
	return true;
}

/* One after the other */

/* Prepare for the next key or, behind the last, for the statement. */
static void
exchange_next_step(struct exchange *x)
{
	(void)steps_next(&x->steps);
	exchange_protect(x, CONTEXT_IDLE);
}

/* Go on as if nothing had been asked. */
static void
exchange_go_whole(struct exchange *x)
{
	struct guard_step step = guard_step(&x->guard);

	if (!exchange_recall(x, &step))
		exchange_act(x, step);
}

void
exchange_listed(struct exchange *x)
{
	struct steps *s = &x->steps;
	struct batch *b = &x->batch;

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	if (!batch_has_error(b) && !b->is_odd) {
		s->keys = b->keys;
		memset(&b->keys, 0, sizeof(b->keys));
	}
	s->is_saved =
	    s->keys.count > 0 && x->settings.steps == GUARD_STEPS_LAST;
	if (s->keys.count == 0)
		exchange_go_whole(x);
	else if (s->is_saved)
		exchange_protect(x, CONTEXT_IDLE); /* with less time */
	else
		exchange_next_step(x);
}

static uint32_t
least_set(uint32_t a, uint32_t b)
{
	return b > 0 && b < a ? b : a;
}

void
exchange_fit_steps(struct exchange *x)
{
	const struct session_facts *f = &x->batch.facts;
	struct steps *s = &x->steps;
	uint32_t budget_ms;

	if (s->begun_ms == 0)
		return;
	x->settings.hold_timeout_ms = s->hold_timeout_ms;
	budget_ms = least_set(s->hold_timeout_ms, f->lock_timeout_ms);
	budget_ms = least_set(budget_ms, f->statement_timeout_ms);
	exchange_shorten_budget(
	    x, clock_now_ms() - s->begun_ms +
		   (s->is_saved ? budget_ms / SAVED_SHARE : 0));
}

bool
exchange_step_at_last(struct exchange *x)
{
	enum guard_outcome outcome = guard_step(&x->guard).outcome;

	if (!x->steps.is_saved ||
	    (outcome != GUARD_TIMED_OUT && outcome != GUARD_OVERDUE))
		return false;
	x->steps.is_saved = false;
	exchange_next_step(x);
	return true;
}

/* A key */

/* Drop it; bound_ms: for each of its locks, 0 if they are held. */
static void
exchange_send_step(struct exchange *x, uint32_t bound_ms)
{
	char set[SET_BYTES];

	exchange_begin_batch(x, EXCHANGE_STEPPING);
	pair_stop_timer(x->pair);
	x->steps.is_on_trial = bound_ms > 0;
	if (bound_ms > 0) {
		snprintf(set, sizeof(set),
			 "SET LOCAL lock_timeout TO '%" PRIu32 "'", bound_ms);
		batch_add_command(&x->batch, set);
	}
	batch_add_command(&x->batch, x->steps.sql);
	if (exchange_is_query(x))
		batch_add_command(&x->batch, "COMMIT");
	(void)batch_send(&x->batch, true);
}

void
exchange_try_step(struct exchange *x, const struct guard_step *step)
{
	exchange_send_step(x, step->try_bound_ms);
}

/* The key stays; what an attempt has begun for it is undone first.  is_over: no
 * other key goes either. */
static void
exchange_skip_step(struct exchange *x, bool is_over)
{
	x->steps.is_over = is_over;
	x->steps.is_to_undo = !pipeline_is_settled(&x->pair->pipeline) ||
			      exchange_status(x) != TRANSACTION_IDLE;
	if (x->steps.is_to_undo)
		exchange_send_undo(x);
	else
		exchange_next_step(x);
}

void
exchange_run_step(struct exchange *x)
{
	switch (guard_step(&x->guard).outcome) {
	case GUARD_PROTECTED:
		exchange_send_step(x, 0);
		break;
	case GUARD_UNNEEDED: /* somebody else has dropped it */
		exchange_next_step(x);
		break;
	default:
		exchange_skip_step(x, true);
		break;
	}
}

void
exchange_step_undone(struct exchange *x)
{
	x->steps.is_to_undo = false;
	exchange_next_step(x);
}

static void
exchange_step_done(struct exchange *x)
{
	if (x->steps.is_on_trial)
		(void)guard_tried(&x->guard, true, clock_now_ms());
	steps_note_gone(&x->steps);
	exchange_history_key(x, steps_key(&x->steps));
	if (guard_log_step(&x->log, x->pair, &x->guard, steps_key(&x->steps),
			   clock_now_ms()))
		exchange_next_step(x);
}

/* Our bound has ended it: as behind any trial, the guard goes on. */
static void
exchange_step_bound(struct exchange *x)
{
	struct guard_step step = guard_tried(&x->guard, false, clock_now_ms());

	if (exchange_status(x) != TRANSACTION_IDLE)
		exchange_send_undo(x);
	else
		exchange_act(x, step);
}

void
exchange_stepped(struct exchange *x)
{
	const struct batch *b = &x->batch;

	if (!batch_has_error(b)) {
		exchange_step_done(x);
	} else if (strcmp(b->sqlstate, SQLSTATE_CANCELED) == 0) {
		exchange_fail(x);
	} else if (x->steps.is_on_trial && strcmp(b->sqlstate, "55P03") == 0) {
		exchange_step_bound(x);
	} else {
		exchange_skip_step(x, strcmp(b->sqlstate, UNDEFINED) != 0);
	}
}

/* Errors say what is left */

void
exchange_add_left(const struct exchange *x, struct writer *error)
{
	struct frame_header h;
	struct writer told = {0};
	struct span raw = span_of(error->data, error->len);

	if (x->steps.left == NULL || frame_peek(&h, raw) != FRAME_OK)
		return;
	error_response_add_detail(&told, h.type, frame_body(&h, raw),
				  x->steps.left);
	writer_clear(error);
	*error = told;
}

void
exchange_add_last_words(struct exchange *x, struct writer *error)
{
	if (x->phase == EXCHANGE_STEPPING)
		steps_note_doubt(&x->steps);
	exchange_add_left(x, error);
}

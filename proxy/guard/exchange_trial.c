/*
 * exchange_trial.c - the client's statement runs on trial: what no attempt can
 * lock it takes itself, no wait for a lock longer than the guard allows, and
 * what our bound has ended is undone as if it had not been sent.
 *
 * TRYING sets a lock_timeout of ours and sends the statement behind it.
 * RESTORING sets the session's back, in the same transaction and before the
 * client sees an answer, for nothing of the client's is to run under ours.  A
 * named statement that the run has prepared, and that the client does not hear
 * of, is closed again with the undo.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

enum {
	SET_BYTES =
	    sizeof("SET LOCAL lock_timeout TO ''") + SESSION_FACTS_SETTING_MAX,
};

/* Go to the next of the frames, whose body is taken. False: there is none. */
static bool
next_frame(struct frame *out, struct span *frames)
{
	return frame_next(out, frames, UINT32_MAX) == FRAME_OK;
}

/* True if the cycle that is kept back makes the portal that it executes: one
 * made before could not be executed twice. */
static bool
exchange_binds_its_portal(const struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	struct execute_message e;
	struct bind_message b;
	struct span bound = {0};
	struct frame f;

	while (next_frame(&f, &frames)) {
		if (f.type == FRONTEND_BIND && bind_decode(&b, f.body))
			bound = b.portal;
		if (f.type == FRONTEND_EXECUTE && execute_decode(&e, f.body))
			return bound.data != NULL &&
			       bound.len == e.portal.len &&
			       memcmp(bound.data, e.portal.data, bound.len) ==
				   0;
	}
	return false;
}

bool
exchange_can_try(const struct exchange *x)
{
	const struct statement_list *list;

	if (x->steps.is_under_way)
		return true;
	if (x->context == CONTEXT_TAIL || x->replay.is_under_way)
		return false;
	if (exchange_is_query(x))
		return query_can_undo(&x->query);
	list = &x->facts->list;
	return list->count == 1 && script_can_undo(&list->items[0]) &&
	       exchange_binds_its_portal(x);
}

/* Add a SET of lock_timeout that the transaction's end takes back. */
static void
exchange_add_lock_timeout(struct exchange *x, const char *value)
{
	char sql[SET_BYTES];

	snprintf(sql, sizeof(sql), "SET LOCAL lock_timeout TO '%s'", value);
	batch_add_command(&x->batch, sql);
}

static void
exchange_send_statement(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	if (exchange_is_query(x)) {
		query_send_trial(&x->query,
				 x->context == CONTEXT_IDLE || x->in_own_block);
		return;
	}
	guarded_send_kept(x->guarded);
	inject_flush(&i);
	(void)inject_send(&i);
}

void
exchange_send_trial(struct exchange *x, const struct guard_step *step)
{
	char value[SESSION_FACTS_SETTING_MAX];

	snprintf(value, sizeof(value), "%" PRIu32, step->try_bound_ms);
	exchange_begin_run(x, EXCHANGE_TRYING);
	/* Which of its runs counts would have to be recorded, too. */
	recording_end(&x->guarded->recording, "a statement ran on trial");
	/* A cancel may come to the server when it has just been undone: hear of
	 * it here, too. */
	pair_set_held(x->pair, true);
	trial_clear(&x->trial);
	x->guarded->trail.is_on_trial = true;
	batch_begin(&x->batch, x->guarded, guard_set(&x->guard));
	exchange_add_lock_timeout(x, value);
	(void)batch_send(&x->batch, exchange_is_query(x));
	exchange_send_statement(x);
}

/* Answers, while it runs */

/* True: the exchange has taken it; false: the caller passes it on. */
static bool
exchange_pass_answer(struct exchange *x, struct frame frame, struct span raw)
{
	exchange_note_result(x, frame);
	return exchange_is_query(x) &&
	       delivery_answer(&x->query.delivery, frame, raw);
}

/* Let the client see all that is held. */
static void
exchange_deliver_held(struct exchange *x)
{
	const struct writer *held = &x->trial.held;
	struct span rest = span_of(held->data, held->len);
	struct span from = rest;
	struct frame f;

	while (next_frame(&f, &rest)) {
		struct span raw = span_of(from.data, from.len - rest.len);

		if (!exchange_pass_answer(x, f, raw))
			(void)pair_to_client(x->pair, raw.data, raw.len);
		from = rest;
	}
	trial_drop(&x->trial);
}

bool
exchange_answers_trial(const struct pipeline_event *event)
{
	return event->owner == PIPELINE_CLIENT ||
	       event->entry == FRONTEND_QUERY;
}

bool
exchange_answer_trial(struct exchange *x, const struct pipeline_event *event,
		      struct frame frame, struct span raw)
{
	/* The statement has met a transaction that our SET had failed in. */
	if (batch_has_error(&x->batch))
		return true;
	if (event->verdict == PIPELINE_ASYNC &&
	    frame.type != BACKEND_NOTICE_RESPONSE)
		return false;
	if (trial_take(&x->trial, frame, raw))
		return true;
	exchange_deliver_held(x);
	return exchange_pass_answer(x, frame, raw);
}

/* Behind its end */

/* Our bound has ended the run: undo it, and leave it to the guard. */
static void
exchange_undo_trial(struct exchange *x)
{
	x->log.run_ms = 0;
	(void)guard_tried(&x->guard, false, clock_now_ms());
	if (x->is_canceled)
		(void)guard_cancel(&x->guard);
	exchange_send_undo(x);
}

/*
 * Go to the next named statement that the run has prepared and that the client
 * does not know of; *frames are those of the cycle, at first, and *left is
 * trial.prepared.  NULL: there is none.
 */
static const char *
next_left(struct span *frames, size_t *left)
{
	struct parse_message p;
	struct frame f;

	while (*left > 0 && next_frame(&f, frames)) {
		if (f.type != FRONTEND_PARSE || !parse_decode(&p, f.body))
			continue;
		--*left;
		if (p.statement.len > 0)
			return (const char *)p.statement.data;
	}
	return NULL;
}

bool
exchange_left_statements(const struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	size_t left = x->trial.prepared;

	return next_left(&frames, &left) != NULL;
}

void
exchange_add_closes(struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	size_t left = x->trial.prepared;
	const char *name;

	while ((name = next_left(&frames, &left)) != NULL)
		inject_close_client(&x->batch.injection, name);
}

/* The statement has run, and the client sees its answers. */
static void
exchange_finish_trial(struct exchange *x)
{
	x->has_savepoint = false;
	x->guarded->trail.is_lost |= x->trial.has_failed;
	pair_set_held(x->pair, false);
	if (exchange_is_query(x)) {
		x->in_own_block |= x->context == CONTEXT_IDLE;
		exchange_ran(x);
		return;
	}
	kept_clear(&x->guarded->kept);
	exchange_log(x);
	exchange_end(x);
}

static void
exchange_send_restore(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_RESTORING);
	exchange_add_lock_timeout(x, guard_facts(&x->guard)->lock_timeout);
	if (x->has_savepoint)
		batch_add_command(&x->batch, SAVEPOINT_RELEASE);
	(void)batch_send(&x->batch, exchange_is_query(x));
}

void
exchange_tried(struct exchange *x)
{
	x->guarded->trail.is_on_trial = false;
	if (batch_has_error(&x->batch)) {
		exchange_fail(x);
		return;
	}
	if (x->trial.state == TRIAL_BOUND) {
		exchange_undo_trial(x);
		return;
	}
	(void)guard_tried(&x->guard, true, clock_now_ms());
	if (x->trial.has_failed)
		exchange_finish_trial(x);
	else
		exchange_send_restore(x);
}

void
exchange_restored(struct exchange *x)
{
	if (batch_has_error(&x->batch)) {
		exchange_fail(x);
		return;
	}
	exchange_keep_gate(x);
	exchange_deliver_held(x);
	exchange_finish_trial(x);
}

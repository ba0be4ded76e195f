/*
 * exchange_query.c - the pieces of a simple Query, one after the other, and the
 * block of ours that those of an implicit transaction run in.
 *
 * The block is begun by the attempt for its first piece, or by a BEGIN alone
 * where that has none: OPENING.  It ends behind the last piece.
 */
#include <string.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

void
exchange_send_piece(struct exchange *x)
{
	struct query *q = &x->query;
	struct span text = span_of((const uint8_t *)q->text, q->text_len);

	exchange_begin_run(x, EXCHANGE_RUNNING);
	if (x->is_assumed)
		exchange_send_assumed(x);
	query_send_piece(q, x->in_own_block);
	if (x->is_assumed)
		guarded_record_run_query(x->guarded, text);
	else if (q->piece == 0)
		guarded_record_query(x->guarded, text);
	else
		recording_expect_ready(&x->guarded->recording);
}

/* Begin a block of ours without an attempt. */
static void
exchange_open_block(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_OPENING);
	batch_add_command(&x->batch, "BEGIN");
	(void)batch_send(&x->batch, true);
}

void
exchange_opened(struct exchange *x)
{
	if (batch_has_error(&x->batch)) {
		exchange_fail(x);
		return;
	}
	x->in_own_block = true;
	if (x->is_canceled)
		exchange_protect(x, CONTEXT_BLOCK); /* which refuses */
	else
		exchange_send_piece(x);
}

bool
exchange_wants_block(const struct exchange *x)
{
	return query_piece(&x->query)->needs_block && !x->in_own_block;
}

void
exchange_run_piece(struct exchange *x)
{
	bool is_begun = guard_outcome_holds(guard_step(&x->guard).outcome);

	if (exchange_wants_block(x) && is_begun)
		x->in_own_block = true;
	if (exchange_wants_block(x) && query_has_more(&x->query))
		exchange_open_block(x);
	else
		exchange_send_piece(x);
}

/* The first piece of a text that runs in a block of ours. */
static void
exchange_begin_block(struct exchange *x)
{
	if (query_piece(&x->query)->count > 0)
		exchange_protect(x, CONTEXT_IDLE);
	else
		exchange_open_block(x);
}

void
exchange_start_piece(struct exchange *x)
{
	const struct piece *p = query_piece(&x->query);

	if (p->count > 0 && exchange_status(x) == TRANSACTION_BLOCK)
		exchange_protect(x, CONTEXT_BLOCK);
	else if (p->needs_block && exchange_status(x) == TRANSACTION_IDLE)
		exchange_begin_block(x);
	else if (exchange_is_unknown(x) &&
		 exchange_status(x) == TRANSACTION_IDLE)
		exchange_protect(x, CONTEXT_IDLE);
	else
		exchange_send_piece(x);
}

static void
exchange_commit(struct exchange *x)
{
	bool is_sound = exchange_status(x) == TRANSACTION_BLOCK;

	exchange_begin_batch(x, EXCHANGE_COMMITTING);
	if (is_sound && x->owes_restore)
		exchange_add_restore(x);
	batch_add_command(&x->batch, is_sound ? "COMMIT" : "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
exchange_log_piece(struct exchange *x)
{
	if (guard_step(&x->guard).outcome != GUARD_PENDING)
		exchange_log(x);
}

static void
exchange_finish_run(struct exchange *x)
{
	exchange_log_piece(x);
	query_finish(&x->query);
	exchange_end(x);
}

/* True for the notices of log_duration and its like about our own COMMIT. */
static bool
exchange_is_own_log(struct frame frame)
{
	struct error_fields f;

	return error_fields_decode(&f, frame.body) &&
	       span_equals(f.severity, "LOG") && f.routine.len > 5 &&
	       memcmp(f.routine.data, "exec_", 5) == 0;
}

bool
exchange_answer_commit(struct exchange *x, struct frame frame, struct span raw)
{
	if (frame.type == BACKEND_NOTICE_RESPONSE)
		return exchange_is_own_log(frame);
	return delivery_take_async(&x->query.delivery, frame, raw);
}

bool
exchange_deliver(struct exchange *x, struct frame frame, struct span raw)
{
	if (!delivery_answer(&x->query.delivery, frame, raw))
		return false;
	exchange_note_error(x, frame.type, raw);
	return true;
}

void
exchange_committed(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct delivery *d = &x->query.delivery;

	if (batch_has_error(b) && !d->has_failed) {
		exchange_add_left(x, &b->error);
		guard_log_failed(&x->log, b->sqlstate, strlen(b->sqlstate));
		exchange_note_error(x, BACKEND_ERROR_RESPONSE,
				    span_of(b->error.data, b->error.len));
		delivery_deny(d, span_of(b->error.data, b->error.len));
	} else if (!batch_has_error(b)) {
		delivery_confirm(d);
	}
	/* A cancel may have struck ahead of the COMMIT. */
	if (exchange_status(x) != TRANSACTION_IDLE)
		exchange_commit(x);
	else
		exchange_finish_run(x);
}

void
exchange_ran(struct exchange *x)
{
	if (!exchange_was_as_assumed(x))
		return;
	if (query_advance(&x->query)) {
		exchange_log_piece(x);
		exchange_trim_lease(x);
		guard_clear(&x->guard);
		replay_clear(&x->replay);
		x->is_released = false; /* that was for the piece before */
		x->runs_once = false;
		exchange_start_piece(x);
	} else if (x->in_own_block) {
		exchange_commit(x);
	} else {
		exchange_finish_run(x);
	}
}

/*
 * exchange_gate.c - a message that waits at the gate: what its session's clocks
 * allow, and an error in its place.
 *
 * The message itself stays at the front of what the client has sent.  A
 * question is asked where nothing can come to harm by it: SHOW takes no
 * snapshot, and where a cycle of the client's is open a Flush takes the place
 * of a Sync.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

static bool
exchange_begin_errand(struct guarded *g, uint8_t type,
		      enum exchange_errand errand)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct statement_list none = {0};
	bool is_query =
	    type == FRONTEND_QUERY || type == FRONTEND_FUNCTION_CALL;

	if (x == NULL ||
	    (is_query && !query_take(&x->query, g, span_of("", 0), &none))) {
		free(x);
		return false;
	}
	x->errand = errand;
	x->is_canceled = errand == ERRAND_CANCEL;
	exchange_begin(x, g);
	return true;
}

bool
exchange_begin_cancel(struct guarded *g, uint8_t type)
{
	return exchange_begin_errand(g, type, ERRAND_CANCEL);
}

bool
exchange_begin_ask(struct guarded *g, uint8_t type)
{
	return exchange_begin_errand(g, type, ERRAND_ASK);
}

static enum exchange_context
exchange_context_now(const struct exchange *x)
{
	if (x->pair->pipeline.tail_open)
		return CONTEXT_TAIL;
	return exchange_status(x) == TRANSACTION_IDLE ? CONTEXT_IDLE
						      : CONTEXT_BLOCK;
}

static void
exchange_send_ask(struct exchange *x)
{
	x->context = exchange_context_now(x);
	exchange_begin_batch(x, EXCHANGE_ASKING);
	batch_add_clocks(&x->batch, x->pair->server_version);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

/* Put an error in the place of the message, which was never sent. */
static void
exchange_end_message(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (p->skipping)
		exchange_end(x); /* the server would not look at it */
	else if (p->tail_open && exchange_is_query(x))
		exchange_sync_tail(x); /* as the Query would have */
	else
		exchange_protect(x, exchange_context_now(x));
}

void
exchange_fence_gate(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->errand == ERRAND_SHUT)
		exchange_send_own_names(x);
	else if (x->errand == ERRAND_CANCEL)
		exchange_end_message(x);
	else if (p->skipping || p->in_copy)
		exchange_end(x);
	else
		exchange_send_ask(x);
}

/* Drop the message that waits. */
static void
exchange_drop_message(struct exchange *x)
{
	struct inlet *inlet = &x->pair->from_client;
	struct frame_header h;

	gate_watch_leave(&x->guarded->watch);
	if (frame_peek(&h, buffer_span(&inlet->buffer)) != FRAME_OK)
		return;
	inlet->pass_left = frame_len(&h);
	inlet->drops_rest = true;
}

/* The server's error is the message's answer: its transaction has failed.  What
 * the server skips to is a Sync, which a Query has none behind it of. */
static void
exchange_ask_failed(struct exchange *x)
{
	if (exchange_is_query(x) && x->pair->pipeline.skipping) {
		exchange_sync_tail(x);
		return;
	}
	exchange_drop_message(x);
	x->error = x->batch.error;
	memset(&x->batch.error, 0, sizeof(x->batch.error));
	exchange_deliver_error(x);
}

void
exchange_asked(struct exchange *x)
{
	struct batch *b = &x->batch;
	bool has_failed = batch_has_error(b);

	if (x->errand == ERRAND_CANCEL) {
		exchange_end_message(x);
	} else if (has_failed && x->context != CONTEXT_IDLE) {
		exchange_ask_failed(x);
	} else if (x->is_canceled) {
		x->errand = ERRAND_CANCEL;
		exchange_drop_message(x);
		exchange_end_message(x);
	} else {
		gate_watch_note_clocks(&x->guarded->watch, &b->clocks,
				       has_failed || b->is_odd);
		/* Leave it held: the message may still wait. */
		exchange_enter(x, EXCHANGE_DONE);
	}
}

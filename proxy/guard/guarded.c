#include "proxy/guard/guarded.h"

#include <stddef.h>

#include "protocol/backend.h"
#include "proxy/guard/exchange.h"

void
guarded_init(struct guarded *g, struct pair *pair, struct gate *gate)
{
	g->pair = pair;
	g->lease.pair = pair;
	gate_watch_init(&g->watch, gate, pair);
}

void
guarded_reap_exchange(struct guarded *g)
{
	if (!exchange_is_done(g->exchange))
		return;
	exchange_free(g->exchange);
	g->exchange = NULL;
	pair_stop_timer(g->pair);
}

/*
 * Where no transaction is open, nothing is locked.  COMMIT AND CHAIN leaves no
 * ReadyForQuery that says so; ROLLBACK may be TO a savepoint.
 */
static bool
ends_transaction(const struct guarded *g, const struct frame *f)
{
	struct span tag;

	if (f->type == BACKEND_READY_FOR_QUERY)
		return g->pair->pipeline.status != TRANSACTION_BLOCK;
	return f->type == BACKEND_COMMAND_COMPLETE &&
	       command_complete_decode(&tag, f->body) &&
	       span_equals(tag, "COMMIT");
}

static void
note_deallocate(struct guarded *g, struct span body)
{
	struct span tag;

	if (!command_complete_decode(&tag, body))
		return;
	if (span_equals(tag, "DEALLOCATE ALL") ||
	    span_equals(tag, "DISCARD ALL"))
		prepared_clear_statements(&g->prepared);
	else if (span_equals(tag, "DEALLOCATE"))
		prepared_doubt(&g->prepared);
}

/* The server tells whether the statements that are leaving have left. */
static void
note_fate(struct guarded *g, const struct frame *f)
{
	switch (f->type) {
	case BACKEND_READY_FOR_QUERY:
		prepared_settle(&g->prepared);
		break;
	case BACKEND_ERROR_RESPONSE:
		prepared_restore(&g->prepared);
		break;
	case BACKEND_COMMAND_COMPLETE:
		note_deallocate(g, f->body);
		break;
	default:
		break;
	}
}

void
guarded_note_busy_answer(struct guarded *g, const struct frame *f,
			 enum pipeline_owner owner)
{
	if (owner == PIPELINE_CLIENT && lease_is_held(&g->lease) &&
	    ends_transaction(g, f))
		lease_end(&g->lease);
	if (guarded_knows_any(g))
		note_fate(g, f);
}

void
guarded_leave(struct guarded *g)
{
	gate_watch_leave(&g->watch);
	lease_end(&g->lease);
}

void
guarded_clear(struct guarded *g)
{
	guarded_leave(g);
	gate_watch_clear(&g->watch);
	exchange_free(g->exchange);
	g->exchange = NULL;
	prepared_clear(&g->prepared);
	kept_clear(&g->kept);
}

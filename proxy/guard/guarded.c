#include "proxy/guard/guarded.h"

#include <string.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/gate/lookout.h"

void
guarded_init(struct guarded *g, struct pair *pair, struct gate *gate,
	     struct lookout *lookout)
{
	g->pair = pair;
	g->lookout = lookout;
	g->lease.pair = pair;
	g->prepared.room.others = &pair->daemon->prepared_bytes;
	gate_watch_init(&g->watch, gate, pair);
}

static void
guarded_send_frames(struct guarded *g, const struct kept *kept)
{
	struct span rest = buffer_span(&kept->frames);
	uint64_t first = g->pair->pipeline.sent_seq;
	struct frame_header h;

	(void)pair_to_server(g->pair, rest.data, rest.len);
	while (frame_peek(&h, rest) == FRAME_OK) {
		guarded_note_sent(g, &h, rest);
		rest.data += frame_len(&h);
		rest.len -= frame_len(&h);
	}
	prepared_send_kept(&g->prepared, kept->count, first,
			   g->pair->pipeline.sent_seq);
	gate_watch_note_touch(&g->watch, false);
}

void
guarded_send_kept(struct guarded *g)
{
	guarded_send_frames(g, &g->kept);
}

void
guarded_release_kept(struct guarded *g)
{
	struct kept kept = g->kept;

	memset(&g->kept, 0, sizeof(g->kept));
	guarded_send_frames(g, &kept);
	prepared_forget_kept(&g->prepared);
	kept_clear(&kept);
}

void
guarded_forget_kept(struct guarded *g)
{
	prepared_forget_kept(&g->prepared);
	kept_clear(&g->kept);
}

void
guarded_record(struct guarded *g, const struct frame_header *h, struct span in)
{
	recording_note_sent(&g->recording, h, in, &g->pair->pipeline,
			    pair_config(g->pair)->records);
}

void
guarded_record_query(struct guarded *g, struct span sql)
{
	recording_note_query(&g->recording, sql, &g->pair->pipeline,
			     pair_config(g->pair)->records);
}

void
guarded_record_run_query(struct guarded *g, struct span sql)
{
	recording_note_run_query(&g->recording, sql,
				 pair_config(g->pair)->records);
}

void
guarded_record_run_kept(struct guarded *g)
{
	struct span rest = buffer_span(&g->kept.frames);
	struct frame_header h;

	while (frame_peek(&h, rest) == FRAME_OK) {
		recording_note_run(&g->recording, &h, rest,
				   pair_config(g->pair)->records);
		rest.data += frame_len(&h);
		rest.len -= frame_len(&h);
	}
}

/*
 * Where no transaction is open, nothing is locked.  COMMIT AND CHAIN leaves no
 * ReadyForQuery that says so; ROLLBACK may be TO a savepoint.
 */
static bool
guarded_ends_transaction(const struct guarded *g, const struct frame *f)
{
	struct span tag;

	if (f->type == BACKEND_READY_FOR_QUERY)
		return g->pair->pipeline.status != TRANSACTION_BLOCK;
	return f->type == BACKEND_COMMAND_COMPLETE &&
	       command_complete_decode(&tag, f->body) &&
	       span_equals(tag, "COMMIT");
}

static void
guarded_note_deallocate(struct guarded *g, struct span body)
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

/* The server tells whether what was to be prepared, bound or closed is. */
static void
guarded_note_fate(struct guarded *g, const struct frame *f)
{
	uint64_t done_seq = g->pair->pipeline.done_seq;

	switch (f->type) {
	case BACKEND_PARSE_COMPLETE:
	case BACKEND_BIND_COMPLETE:
	case BACKEND_CLOSE_COMPLETE:
		prepared_obeyed(&g->prepared, done_seq);
		break;
	case BACKEND_READY_FOR_QUERY:
	case BACKEND_ERROR_RESPONSE:
		prepared_failed(&g->prepared, done_seq);
		break;
	case BACKEND_COMMAND_COMPLETE:
		guarded_note_deallocate(g, f->body);
		break;
	default:
		break;
	}
}

void
guarded_note_busy_answer(struct guarded *g, const struct frame *f,
			 enum pipeline_owner owner)
{
	if (g->rouses && guarded_ends_transaction(g, f)) {
		g->rouses = false;
		lookout_rouse(g->lookout, g->pair);
	}
	if (owner == PIPELINE_CLIENT && lease_is_held(&g->lease) &&
	    guarded_ends_transaction(g, f))
		lease_end(&g->lease);
	if (owner == PIPELINE_CLIENT)
		trail_note_answer(&g->trail, g->pair->daemon->memory, f,
				  g->pair->pipeline.status);
	if (guarded_knows_any(g))
		guarded_note_fate(g, f);
}

void
guarded_leave(struct guarded *g)
{
	gate_watch_leave(&g->watch);
	lease_end(&g->lease);
}

static void
guarded_describe_lease(const struct lease *l, struct log_event *e)
{
	if (l->has_turn)
		log_text(e, "keeps_turn", "yes");
	if (l->window != NULL)
		log_text(e, "keeps_gate", "for a statement");
	else if (l->transaction != NULL)
		log_text(e, "keeps_gate", "for a transaction");
}

void
guarded_describe(const struct guarded *g, struct log_event *e)
{
	const struct gate_watch *w = &g->watch;

	if (w->is_waiting) {
		log_number(e, "gate_ms", clock_now_ms() - w->waiting_since_ms);
		if (!w->is_paused)
			log_number(e, "gate_of", w->delayed_by);
	}
	if (g->kept.count > 0)
		log_number(e, "kept_messages", g->kept.count);
	if (g->injected > 0)
		log_number(e, "injected", g->injected);
	guarded_describe_lease(&g->lease, e);
}

void
guarded_clear(struct guarded *g)
{
	guarded_leave(g);
	patrol_dismiss(g->patrolled);
	gate_watch_clear(&g->watch);
	prepared_clear(&g->prepared);
	kept_clear(&g->kept);
	trail_clear(&g->trail);
	recording_clear(&g->recording);
	assumption_drop(&g->assumption);
}

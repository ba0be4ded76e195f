/*
 * relay_client.c - a client's messages, each judged (judge.c) before any byte
 * of it is forwarded.
 *
 * The messages of a cycle that prepares a guarded statement are kept back up to
 * its Execute: until then nothing has begun in the server, so that waiting
 * there costs nobody anything.
 */
#include <strings.h>

#include "proxy/gate/gate.h"
#include "proxy/guard/exchange.h"
#include "proxy/guard/guard_log.h"
#include "proxy/guard/judge.h"
#include "proxy/session/login.h"
#include "proxy/session/relay_walk.h"
#include "proxy/session/sessions.h"

PAIR_COLD static void
relay_client_keep(struct walk *w, const struct frame_header *h,
		  const struct finding *finding)
{
	if (!judge_keep(w->g, finding, w->rest.data, frame_len(h))) {
		pair_close(w->p, CLOSE_MEMORY, NULL);
		return;
	}
	walk_skip(w, frame_len(h));
}

static void
relay_client_pass(struct walk *w, const struct frame_header *h)
{
	if (w->s->state == SESSION_READY)
		guarded_note_sent(w->g, h, w->rest);
	walk_through(w, frame_len(h), false);
}

PAIR_COLD static void
relay_client_note(struct walk *w, const struct frame_header *h,
		  const struct finding *finding)
{
	uint64_t sent_before = w->p->pipeline.sent_seq;

	relay_client_pass(w, h);
	judge_note(w->g, finding, sent_before);
}

static void
relay_client_guard_query(struct walk *w, const struct frame_header *h,
			 struct finding *finding)
{
	walk_flush(w);
	if (exchange_begin_query(w->g, finding->sql, &finding->list)) {
		walk_skip(w, frame_len(h));
		return;
	}
	statement_list_clear(&finding->list);
	guard_log_unjudged(w->p, UNJUDGED_MEMORY);
	relay_client_pass(w, h);
}

static void
relay_client_guard_execute(struct walk *w, const struct frame_header *h,
			   struct finding *finding)
{
	relay_client_keep(w, h, finding);
	if (!pair_is_closing(w->p) &&
	    exchange_begin_execute(w->g, finding->facts))
		return;
	prepared_facts_rest(finding->facts);
	if (pair_is_closing(w->p))
		return;
	guard_log_unjudged(w->p, UNJUDGED_MEMORY);
	guarded_release_kept(w->g);
}

static void
relay_client_carry_out(struct walk *w, enum judgement j,
		       const struct frame_header *h, struct finding *finding)
{
	switch (j) {
	case JUDGE_WAIT:
		break;
	case JUDGE_RELEASE:
		walk_flush(w);
		guarded_release_kept(w->g);
		break;
	case JUDGE_PASS:
		relay_client_pass(w, h);
		break;
	case JUDGE_NOTE:
		relay_client_note(w, h, finding);
		break;
	case JUDGE_DROP:
		walk_through(w, frame_len(h), true);
		break;
	case JUDGE_KEEP:
		relay_client_keep(w, h, finding);
		break;
	case JUDGE_GUARD_QUERY:
		relay_client_guard_query(w, h, finding);
		break;
	case JUDGE_GUARD_EXECUTE:
		relay_client_guard_execute(w, h, finding);
		break;
	}
}

static bool
relay_client_is_blocked(const struct walk *w)
{
	return stream_pending(&w->p->server) > 0 ||
	       pipeline_is_full(&w->p->pipeline) ||
	       (w->g->exchange != NULL &&
		exchange_blocks_client(w->g->exchange));
}

static void
relay_client_refuse(struct walk *w)
{
	walk_flush(w);
	pair_close(w->p, CLOSE_CLIENT_BAD, "invalid message length");
}

/* Let a guarded statement wait for the answer to the one before. */
static void
relay_client_wait_for_exchange(struct walk *w, struct finding *finding)
{
	statement_list_clear(&finding->list);
	prepared_facts_rest(finding->facts);
	walk_flush(w);
	exchange_hurry(w->g->exchange);
}

/* True if CopyData passes here whatever is in it. */
static bool
relay_client_is_copying(const struct walk *w)
{
	return w->p->pipeline.in_copy && w->s->state == SESSION_READY &&
	       w->g->exchange == NULL && w->g->kept.count == 0 &&
	       !w->g->skips_to_sync;
}

/* In a login no message is looked into; one out of place waits. */
static enum judgement
relay_client_judge_login(struct session *s, const struct frame_header *h,
			 struct span in)
{
	if (h->type == FRONTEND_TERMINATE) {
		s->pair.is_terminating = true;
		return JUDGE_PASS;
	}
	return login_judge(s, h, in) ? JUDGE_PASS : JUDGE_WAIT;
}

static enum judgement
relay_client_judge(struct walk *w, const struct frame_header *h,
		   struct finding *finding)
{
	if (w->s->state == SESSION_AUTH)
		return relay_client_judge_login(w->s, h, w->rest);
	return judge(w->g, h, w->rest, finding);
}

/* Ask for the timeouts of the session, whose message waits.  False: it cannot
 * be asked. */
static bool
relay_client_ask(struct walk *w, const struct frame_header *h)
{
	walk_flush(w);
	return exchange_begin_ask(w->g, h->type);
}

/* True if the message waits for a window that is shut, of which it may touch a
 * table. */
static bool
relay_client_waits_for_window(struct walk *w, enum judgement j,
			      const struct frame_header *h)
{
	struct gate_watch *watch = &w->g->watch;

	if ((j != JUDGE_PASS && j != JUDGE_NOTE) ||
	    !gate_watch_stops_now(watch, h, w->rest))
		return false;
	if (!gate_watch_wants_clocks(watch) || relay_client_ask(w, h))
		return true;
	gate_watch_leave(watch);
	return false;
}

/* True if the message waits, for a window or a RESUME. */
static bool
relay_client_waits_at_gate(struct walk *w, enum judgement j,
			   const struct frame_header *h)
{
	if (gate_is_open(&w->s->sessions->gate) ||
	    w->s->state != SESSION_READY || w->g->exchange != NULL ||
	    j == JUDGE_WAIT || j == JUDGE_DROP)
		return false;
	return gate_watch_is_paused_now(&w->g->watch, h,
					w->g->kept.count > 0) ||
	       relay_client_waits_for_window(w, j, h);
}

/* Drop what was found of a message, which will be judged again. */
PAIR_COLD static void
relay_client_drop_finding(struct finding *finding)
{
	prepared_facts_drop(finding->change.facts);
	statement_list_clear(&finding->list);
	prepared_facts_rest(finding->facts);
}

/* Deal with one frame.  True: go on with the next. */
static bool
relay_client_step(struct walk *w)
{
	struct finding finding = {0};
	struct frame_header h;
	enum judgement j;

	if (w->inlet->pass_left > 0) {
		walk_through(w, w->inlet->pass_left, w->inlet->drops_rest);
		return true;
	}
	exchange_end_done(w->g);
	if (relay_client_is_blocked(w))
		return false;
	if (relay_client_is_copying(w) && walk_pass_data(w, FRONTEND_COPY_DATA))
		return true;
	switch (frame_peek(&h, w->rest)) {
	case FRAME_MORE:
		return false;
	case FRAME_BAD:
		relay_client_refuse(w);
		return false;
	case FRAME_OK:
		break;
	}
	j = relay_client_judge(w, &h, &finding);
	if (judge_is_guarded(j) && w->g->exchange != NULL) {
		relay_client_wait_for_exchange(w, &finding);
		return false;
	}
	if (relay_client_waits_at_gate(w, j, &h)) {
		relay_client_drop_finding(&finding);
		return false;
	}
	relay_client_carry_out(w, j, &h, &finding);
	return j != JUDGE_WAIT;
}

static bool
relay_client_begins_stream(struct span in)
{
	static const char command[] = "START_REPLICATION";
	const size_t len = sizeof(command) - 1;

	return in.len >= FRAME_HEADER_BYTES + len &&
	       strncasecmp((const char *)in.data + FRAME_HEADER_BYTES, command,
			   len) == 0;
}

/*
 * Note that a replication session begins to stream, or is asked for something
 * else.  Its messages are not followed; but outside of a stream the client
 * waits for each answer, so that a command stands at the front of a read, and
 * fills it; data that a read cuts does not look so.
 */
static void
relay_client_note_command(struct session *s, struct span in)
{
	struct frame_header h;

	if (frame_peek(&h, in) != FRAME_OK || h.type != FRONTEND_QUERY)
		return;
	if (!s->is_streaming && relay_client_begins_stream(in)) {
		s->is_streaming = true;
		atomic_fetch_add(&s->pair.daemon->streams, 1);
	} else if (s->is_streaming && frame_len(&h) == in.len &&
		   !relay_client_begins_stream(in)) {
		s->is_streaming = false;
		atomic_fetch_sub(&s->pair.daemon->streams, 1);
	}
}

size_t
relay_walk_client(struct session *s, struct span in)
{
	struct walk w = {
	    .s = s,
	    .p = &s->pair,
	    .g = &s->guarded,
	    .inlet = &s->pair.from_client,
	    .send = pair_to_server,
	    .run = in.data,
	    .rest = in,
	};

	if (s->is_blind && s->state == SESSION_READY) {
		relay_client_note_command(s, in);
		walk_advance(&w, in.len);
	} else {
		while (w.rest.len > 0 && !pair_is_closing(w.p) &&
		       relay_client_step(&w))
			;
	}
	walk_flush(&w);
	return (size_t)(w.rest.data - in.data);
}

/*
 * gate_watch.c - a session's part in the gate: is its transaction new, and
 * what is its next message about?
 */
#include "proxy/gate/gate_watch.h"

#include <string.h>

#include "policy/sql/words.h"
#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/pair/pair.h"

/* A session's messages */

/* False: not all of it is there, or it is none. */
static bool
text_of(struct span *sql, const struct frame_header *h, struct span in)
{
	struct parse_message p;

	if (!frame_is_whole(h, in))
		return false;
	if (h->type == FRONTEND_QUERY)
		*sql = query_text(frame_body(h, in));
	else if (h->type == FRONTEND_PARSE &&
		 parse_decode(&p, frame_body(h, in)))
		*sql = p.sql;
	else
		return false;
	return true;
}

/* Of a Bind or a Describe.  False: its name is not there yet. */
static bool
statement_name(struct span *name, const struct frame_header *h, struct span in)
{
	size_t len = in.len - FRAME_HEADER_BYTES;
	struct span body = span_of(in.data + FRAME_HEADER_BYTES,
				   len < h->body_len ? len : h->body_len);
	struct target_message t;
	struct bind_message b;

	if (h->type == FRONTEND_BIND && bind_decode(&b, body))
		*name = b.statement;
	else if (h->type == FRONTEND_DESCRIBE && target_decode(&t, body))
		*name = t.name;
	else
		return false;
	return true;
}

/* NULL: it is not known; the unnamed one mostly is not. */
static const struct recalled *
statement_of(const struct gate_watch *g, const struct frame_header *h,
	     struct span in, bool *is_unnamed)
{
	struct span name;

	*is_unnamed = false;
	if (!statement_name(&name, h, in))
		return NULL;
	*is_unnamed = name.len == 0;
	if (*is_unnamed && !g->unnamed_is_recalled)
		return NULL;
	return recall_find(&g->recall, name);
}

/* Described: its locks are held since Bind; a statement's are taken anew. */
static bool
is_of_portal(const struct frame_header *h, struct span in)
{
	struct target_message t;

	return h->type == FRONTEND_DESCRIBE && frame_is_whole(h, in) &&
	       target_decode(&t, frame_body(h, in)) && t.kind == 'P';
}

static bool
is_harmless_text(const struct frame_header *h, struct span in)
{
	struct span sql;

	return text_of(&sql, h, in) &&
	       words_are_harmless((const char *)sql.data, sql.len);
}

/* A Bind, or a Describe. */
static bool
is_harmless_use(const struct gate_watch *g, const struct frame_header *h,
		struct span in)
{
	bool is_unnamed;
	const struct recalled *r = statement_of(g, h, in, &is_unnamed);

	if (is_of_portal(h, in))
		return true;
	return is_unnamed ? g->unnamed_is_harmless
			  : r != NULL && r->is_harmless;
}

static void
note_sent_query(struct gate_watch *g, const struct frame_header *h,
		struct span in)
{
	bool is_old = g->touch_seq > g->idle_seq; /* more changes nothing */

	g->boundary_seq = g->pair->pipeline.sent_seq;
	if (is_old || !is_harmless_text(h, in))
		g->touch_seq = g->pair->pipeline.sent_seq;
}

static void
note_sent_parse(struct gate_watch *g, const struct frame_header *h,
		struct span in)
{
	bool is_shut = !gate_is_open(g->gate);
	bool is_harmless = is_harmless_text(h, in);
	struct parse_message p;

	if (!is_harmless)
		g->touch_seq = g->pair->pipeline.sent_seq;
	if (!frame_is_whole(h, in) || !parse_decode(&p, frame_body(h, in))) {
		g->unnamed_is_harmless = false; /* it may be that one */
		g->unnamed_is_recalled = false;
		return;
	}
	if (p.statement.len == 0) {
		g->unnamed_is_harmless = is_harmless;
		g->unnamed_is_recalled = is_shut;
	}
	if (p.statement.len > 0 || is_shut)
		recall_note(&g->recall, p.statement, p.sql);
}

void
gate_watch_note_sent(struct gate_watch *g, const struct frame_header *h,
		     struct span in)
{
	uint64_t seq = g->pair->pipeline.sent_seq;

	switch (h->type) {
	case FRONTEND_QUERY:
		note_sent_query(g, h, in);
		break;
	case FRONTEND_PARSE:
		note_sent_parse(g, h, in);
		break;
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
		if (!is_harmless_use(g, h, in))
			g->touch_seq = seq;
		break;
	case FRONTEND_FUNCTION_CALL:
		g->touch_seq = seq;
		g->boundary_seq = seq;
		break;
	case FRONTEND_SYNC:
		g->boundary_seq = seq;
		break;
	default:
		break;
	}
}

void
gate_watch_note_touch(struct gate_watch *g, bool is_query)
{
	g->touch_seq = g->pair->pipeline.sent_seq;
	if (is_query)
		g->boundary_seq = g->pair->pipeline.sent_seq;
}

void
gate_watch_note_idle(struct gate_watch *g)
{
	g->idle_seq = g->pair->pipeline.done_seq;
}

/* May it touch a table of this window? */
static bool
is_about(const struct gate_watch *g, const struct gate_window *w,
	 const struct frame_header *h, struct span in)
{
	const struct recalled *r;
	struct span sql;
	bool is_unnamed;

	switch (h->type) {
	case FRONTEND_QUERY:
	case FRONTEND_PARSE:
		return !text_of(&sql, h, in) ||
		       gate_names_match_text(&w->names, (const char *)sql.data,
					     sql.len);
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
		if (is_of_portal(h, in))
			return false;
		r = statement_of(g, h, in, &is_unnamed);
		if (is_unnamed && g->unnamed_is_harmless)
			return false;
		return r == NULL || gate_names_match_words(&w->names, r->words,
							   r->count, r->writes);
	case FRONTEND_FUNCTION_CALL:
		return true;
	default:
		return false;
	}
}

static struct gate_window *
window_for(const struct gate_watch *g, const struct frame_header *h,
	   struct span in)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->gate->notes, link)
	{
		struct gate_window *w = note->window;

		if (w->maker != g->pair->id &&
		    strcmp(w->database, g->pair->database) == 0 &&
		    is_about(g, w, h, in))
			return w;
	}
	return NULL;
}

/* Once, though it may come to wait for this one again and again. */
static void
count_delayed(struct gate_watch *g, struct gate_window *w)
{
	if (g->delayed_by == w->maker && g->delayed_ms == w->shut_ms)
		return;
	g->delayed_by = w->maker;
	g->delayed_ms = w->shut_ms;
	atomic_fetch_add(&w->delayed, 1);
}

static void
wait_for(struct gate_watch *g, struct gate_window *w)
{
	if (g->is_waiting)
		return;
	g->is_waiting = true;
	g->waiting_since_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&g->gate->waiting, &g->waiter, link);
	count_delayed(g, w);
	pair_set_held(g->pair, true);
}

static bool
stops(struct gate_watch *g, const struct frame_header *h, struct span in)
{
	const struct pipeline *p = &g->pair->pipeline;
	struct gate_window *w;

	if (p->skipping || p->in_copy || p->status == TRANSACTION_FAILED)
		return false;
	/* This cycle has touched a table, or the block that is open has. */
	if (g->touch_seq > g->idle_seq &&
	    (g->touch_seq > g->boundary_seq || p->done_seq >= g->boundary_seq))
		return false;
	w = window_for(g, h, in);
	if (w == NULL)
		return false;
	/* What is under way may leave a block behind that has. */
	if (p->done_seq >= g->boundary_seq)
		wait_for(g, w);
	return true;
}

bool
gate_watch_stops_now(struct gate_watch *g, const struct frame_header *h,
		     struct span in)
{
	if (stops(g, h, in))
		return true;
	gate_watch_leave(g);
	return false;
}

void
gate_watch_leave(struct gate_watch *g)
{
	if (!g->is_waiting)
		return;
	g->is_waiting = false;
	TAILQ_REMOVE(&g->gate->waiting, &g->waiter, link);
	pair_set_held(g->pair, false);
}

static void
gate_watch_go(struct gate_waiter *w)
{
	struct gate_watch *g = (struct gate_watch *)w;

	gate_watch_leave(g);
	pair_resume(g->pair);
}

void
gate_watch_init(struct gate_watch *g, struct gate *gate, struct pair *pair)
{
	g->waiter.go = gate_watch_go;
	g->gate = gate;
	g->pair = pair;
}

void
gate_watch_clear(struct gate_watch *g)
{
	gate_watch_leave(g);
	recall_clear(&g->recall);
}

/*
 * gate_watch.c - a session's part in the gate: is its transaction new, and
 * what is its next message about?
 */
#include "proxy/gate/gate_watch.h"

#include <string.h>

#include "policy/catalog/clocks.h"
#include "policy/sql/mentions.h"
#include "policy/sql/words.h"
#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/history/history.h"
#include "proxy/pair/pair.h"

enum {
	BRIEF_MS = 20, /* a wait as short is worth no question */
};

/* The text of a Query or a Parse, borrowed.  False: the message is not whole,
 * or another one. */
static bool
gate_watch_text(struct span *sql, const struct frame_header *h, struct span in)
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

/*
 * The name that a Bind or a Describe is about, borrowed.  False: not there yet.
 */
static bool
gate_watch_name(struct span *name, const struct frame_header *h, struct span in)
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

/* The statement of a Bind or a Describe.  NULL: it is not known, as the unnamed
 * one mostly is not. */
static const struct recalled *
gate_watch_statement(const struct gate_watch *g, const struct frame_header *h,
		     struct span in, bool *is_unnamed)
{
	struct span name;

	*is_unnamed = false;
	if (!gate_watch_name(&name, h, in))
		return NULL;
	*is_unnamed = name.len == 0;
	if (*is_unnamed && !g->unnamed_is_recalled)
		return NULL;
	return recall_find(&g->recall, name);
}

/*
 * A portal holds its locks since Bind; to describe a statement takes them anew.
 */
static bool
gate_watch_is_of_portal(const struct frame_header *h, struct span in)
{
	struct target_message t;

	return h->type == FRONTEND_DESCRIBE && frame_is_whole(h, in) &&
	       target_decode(&t, frame_body(h, in)) && t.kind == 'P';
}

static bool
gate_watch_is_harmless_text(const struct frame_header *h, struct span in)
{
	struct span sql;

	return gate_watch_text(&sql, h, in) &&
	       words_are_harmless((const char *)sql.data, sql.len);
}

/* A Bind or a Describe: note if it may touch a table. */
static void
gate_watch_note_use(struct gate_watch *g, const struct frame_header *h,
		    struct span in)
{
	bool is_unnamed;
	const struct recalled *r = gate_watch_statement(g, h, in, &is_unnamed);
	bool is_harmless =
	    is_unnamed ? g->unnamed_is_harmless : r != NULL && r->is_harmless;

	if (gate_watch_is_of_portal(h, in))
		return;
	g->hides_tables = r != NULL && r->count == 0 && !r->is_harmless;
	if (!is_harmless)
		g->touch_seq = g->pair->pipeline.sent_seq;
}

static void
gate_watch_note_query(struct gate_watch *g, const struct frame_header *h,
		      struct span in)
{
	bool is_old = g->touch_seq > g->idle_seq; /* spares a look */

	g->boundary_seq = g->pair->pipeline.sent_seq;
	if (is_old || !gate_watch_is_harmless_text(h, in))
		g->touch_seq = g->pair->pipeline.sent_seq;
}

static void
gate_watch_note_parse(struct gate_watch *g, const struct frame_header *h,
		      struct span in)
{
	bool is_shut = !gate_is_open(g->gate);
	bool is_harmless = gate_watch_is_harmless_text(h, in);
	struct parse_message p;

	if (!is_harmless)
		g->touch_seq = g->pair->pipeline.sent_seq;
	if (!frame_is_whole(h, in) || !parse_decode(&p, frame_body(h, in))) {
		g->unnamed_is_harmless = false; /* perhaps that one */
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

/* Tell the history for whom the session has waited so long. */
static void
gate_watch_tell_history(const struct gate_watch *g, uint64_t waited_ms)
{
	const struct pair *p = g->pair;
	struct history_delayed delayed = {
	    .ms = (uint32_t)waited_ms,
	};

	pair_tell_who(p, &delayed.who);
	history_delay(p->daemon->history, g->delayed_by, g->delayed_ms,
		      g->delayed_by_kept, &delayed);
}

/* Count the wait of the message, if it did wait at a window and not for answers
 * alone. */
static PAIR_COLD void
gate_watch_count_wait(const struct gate_watch *g)
{
	uint64_t waited_ms = clock_now_ms() - g->held_since_ms;

	counts_observe(g->pair->counts, COUNT_GATE_WAIT_MS, waited_ms);
	if (g->waiting_since_ms >= g->held_since_ms &&
	    (g->delayed_by & GATE_MAKER_ELSEWHERE) == 0)
		gate_watch_tell_history(g, waited_ms);
}

/* The message that waited has gone. */
static void
gate_watch_forget_wait(struct gate_watch *g)
{
	if (g->held_since_ms != 0)
		gate_watch_count_wait(g);
	g->held_since_ms = 0;
	g->has_clocks = false;
}

void
gate_watch_note_sent(struct gate_watch *g, const struct frame_header *h,
		     struct span in)
{
	uint64_t seq = g->pair->pipeline.sent_seq;

	gate_watch_forget_wait(g);
	switch (h->type) {
	case FRONTEND_QUERY:
		gate_watch_note_query(g, h, in);
		break;
	case FRONTEND_PARSE:
		gate_watch_note_parse(g, h, in);
		break;
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
		gate_watch_note_use(g, h, in);
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

static bool
gate_watch_text_is_about(struct gate_visitor *v, const struct gate_window *w,
			 const struct frame_header *h, struct span in)
{
	struct span sql;
	const char *text;

	if (!gate_watch_text(&sql, h, in))
		return gate_names_match_any(&w->names, v);
	text = (const char *)sql.data;
	v->writes = words_write(text, sql.len);
	return gate_names_match_text(&w->names, v, text, sql.len) &&
	       !words_never_wait(text, sql.len);
}

static bool
gate_watch_use_is_about(const struct gate_watch *g, struct gate_visitor *v,
			const struct gate_window *w,
			const struct frame_header *h, struct span in)
{
	bool is_unnamed;
	const struct recalled *r;

	if (gate_watch_is_of_portal(h, in))
		return false;
	r = gate_watch_statement(g, h, in, &is_unnamed);
	if (is_unnamed && g->unnamed_is_harmless)
		return false;
	if (r == NULL)
		return gate_names_match_any(&w->names, v);
	v->writes = r->writes;
	return !r->never_waits &&
	       gate_names_match_mentions(&w->names, v, r->mentions, r->count);
}

/* True if the message may touch a table of this window. */
static bool
gate_watch_is_about(const struct gate_watch *g, const struct gate_window *w,
		    const struct frame_header *h, struct span in)
{
	const char *user = g->pair->user;
	/* A statement that is not known may write. */
	struct gate_visitor v = {.role = token_hash_name(user, strlen(user)),
				 .writes = true};

	switch (h->type) {
	case FRONTEND_QUERY:
	case FRONTEND_PARSE:
		return gate_watch_text_is_about(&v, w, h, in);
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
		return gate_watch_use_is_about(g, &v, w, h, in);
	case FRONTEND_FUNCTION_CALL:
		return gate_names_match_any(&w->names, &v);
	default:
		return false;
	}
}

static struct gate_window *
gate_watch_find_window(const struct gate_watch *g, const struct frame_header *h,
		       struct span in)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->gate->notes, link) {
		struct gate_window *w = note->window;

		if (!w->is_pause && w->maker != g->pair->id &&
		    strcmp(w->database, g->pair->database) == 0 &&
		    gate_watch_is_about(g, w, h, in))
			return w;
	}
	return NULL;
}

/* Count a session once, though it may wait for a window again and again. */
static void
gate_watch_count_delayed(struct gate_watch *g, struct gate_window *w)
{
	if (g->delayed_by == w->maker && g->delayed_ms == w->shut_ms)
		return;
	g->delayed_by = w->maker;
	g->delayed_ms = w->shut_ms;
	g->delayed_by_kept = w->is_of_transaction;
	atomic_fetch_add(&w->delayed, 1);
}

/* True if the message has waited for as long as its session's clocks allow. */
static bool
gate_watch_is_overdue(struct gate_watch *g)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t next_ms;

	if (g->held_since_ms == 0)
		g->held_since_ms = now_ms;
	next_ms = g->has_clocks ? g->pass_ms : g->held_since_ms + BRIEF_MS;
	/* The timer may be early: libevent's clock and ours differ. */
	if (next_ms > now_ms && next_ms != UINT64_MAX)
		pair_set_timer(g->pair, next_ms - now_ms);
	return g->has_clocks && next_ms <= now_ms;
}

/* The gauge that counts the session while it waits. */
static enum count_cell
gate_watch_gauge(const struct gate_watch *g)
{
	return g->is_paused ? COUNT_PAUSED : COUNT_GATED;
}

static void
gate_watch_list(struct gate_watch *g, bool is_paused)
{
	g->is_waiting = true;
	g->is_paused = is_paused;
	g->waiting_since_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&g->gate->waiting, &g->waiter, link);
	counts_add(g->pair->counts, gate_watch_gauge(g), 1);
	pair_set_held(g->pair, true);
}

static void
gate_watch_wait(struct gate_watch *g, struct gate_window *w)
{
	if (g->is_waiting)
		return;
	gate_watch_list(g, false);
	gate_watch_count_delayed(g, w);
}

static bool
gate_watch_must_stop(struct gate_watch *g, const struct frame_header *h,
		     struct span in)
{
	const struct pipeline *p = &g->pair->pipeline;
	struct gate_window *w;

	if (p->skipping || p->in_copy || p->status == TRANSACTION_FAILED)
		return false;
	/* This cycle has touched a table, or the block that is open has. */
	if (g->touch_seq > g->idle_seq &&
	    (g->touch_seq > g->boundary_seq || p->done_seq >= g->boundary_seq))
		return false;
	w = gate_watch_find_window(g, h, in);
	if (w == NULL || gate_watch_is_overdue(g))
		return false;
	/* Messages under way may leave a block open that has touched one: then
	 * their answers decide. */
	if (p->done_seq >= g->boundary_seq)
		gate_watch_wait(g, w);
	return true;
}

bool
gate_watch_stops_now(struct gate_watch *g, const struct frame_header *h,
		     struct span in)
{
	if (gate_watch_must_stop(g, h, in))
		return true;
	gate_watch_leave(g);
	return false;
}

/* True for messages that begin something, and have an error for an answer:
 * others are the end of something, or nothing outside of it. */
static bool
gate_watch_begins(const struct frame_header *h)
{
	switch (h->type) {
	case FRONTEND_QUERY:
	case FRONTEND_FUNCTION_CALL:
	case FRONTEND_PARSE:
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
	case FRONTEND_EXECUTE:
	case FRONTEND_CLOSE:
		return true;
	default:
		return false;
	}
}

bool
gate_watch_is_paused_now(struct gate_watch *g, const struct frame_header *h,
			 bool is_cut)
{
	const struct pipeline *p = &g->pair->pipeline;

	if (is_cut || p->tail_open || p->skipping || p->in_copy ||
	    !gate_watch_begins(h) ||
	    gate_find_pause(g->gate, g->pair->database) == NULL)
		return false;
	/* The answers tell whether a transaction is open. */
	if (!pipeline_is_quiet(p))
		return true;
	if (p->status != TRANSACTION_IDLE)
		return false;
	if (!g->is_paused)
		gate_watch_pause(g);
	return true;
}

bool
gate_watch_wants_clocks(const struct gate_watch *g)
{
	return g->is_waiting && !g->is_paused && !g->has_clocks &&
	       clock_now_ms() >= g->held_since_ms + BRIEF_MS;
}

void
gate_watch_note_clocks(struct gate_watch *g, const struct clocks *clocks,
		       bool is_unknown)
{
	bool in_block = g->pair->pipeline.status != TRANSACTION_IDLE;
	uint64_t allowed_ms =
	    is_unknown ? 0 : clocks_allow_ms(clocks, in_block);

	g->has_clocks = true;
	g->pass_ms = allowed_ms == UINT64_MAX ? UINT64_MAX
					      : g->held_since_ms + allowed_ms;
}

static void
gate_watch_unlist(struct gate_watch *g)
{
	if (!g->is_waiting)
		return;
	TAILQ_REMOVE(&g->gate->waiting, &g->waiter, link);
	counts_add(g->pair->counts, gate_watch_gauge(g), -1);
	g->is_waiting = false;
	g->is_paused = false;
	pair_set_held(g->pair, false);
}

void
gate_watch_leave(struct gate_watch *g)
{
	gate_watch_forget_wait(g);
	gate_watch_unlist(g);
}

void
gate_watch_pause(struct gate_watch *g)
{
	gate_watch_leave(g); /* a window may have kept it */
	gate_watch_list(g, true);
}

static void
gate_watch_go(struct gate_waiter *w)
{
	struct gate_watch *g = (struct gate_watch *)w;

	gate_watch_unlist(g);
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

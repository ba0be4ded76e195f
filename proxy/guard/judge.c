/*
 * judge.c - what is to be done with a client's message.
 *
 * A message of an extended cycle that prepares a guarded statement is kept
 * back (guarded.kept), and so is each that follows it in that cycle, until an
 * Execute shows that the statement is run, or another message that it is not.
 */
#include "proxy/guard/judge.h"

#include <string.h>

#include "protocol/frontend.h"
#include "proxy/config/guard_settings.h"
#include "proxy/guard/guard_log.h"
#include "proxy/guard/guarded.h"
#include "proxy/guard/tell.h"

enum {
	/* Names that a message of the client may begin with. */
	NAMES_MAX_BYTES = 16 * 1024,
	KEPT_MAX = 1024, /* messages of a cycle that is kept back */
};

static struct span
judge_front(struct span in, size_t len)
{
	return span_of(in.data, len < in.len ? len : in.len);
}

static bool
judge_is_collecting(const struct guarded *g)
{
	return g->kept.frames.len > 0;
}

/*
 * True if nothing has begun in the server that keeping back would tear apart.
 */
static bool
judge_can_keep(const struct guarded *g, const struct frame_header *h)
{
	size_t limit = pair_config(g->pair)->query_limit_bytes;

	return g->kept.count < KEPT_MAX && !g->pair->pipeline.tail_began &&
	       !g->pair->pipeline.skipping && !g->pair->pipeline.in_copy &&
	       h->body_len <= limit &&
	       g->kept.frames.len + h->body_len <= limit;
}

/* Judge a message that matters only where it belongs to a kept cycle. */
static enum judgement
judge_keep_along(struct guarded *g, const struct frame_header *h,
		 struct span in)
{
	if (!judge_is_collecting(g))
		return JUDGE_PASS;
	if (!judge_can_keep(g, h))
		return JUDGE_RELEASE;
	return frame_is_whole(h, in) ? JUDGE_KEEP : JUDGE_WAIT;
}

/* True if a statement with no plan is worth a line: one of the scope, or any
 * that may wait while the transaction keeps a guarded one's locks. */
static bool
judge_misses(const struct guarded *g, const struct statement *s)
{
	return s->scope != GUARD_SCOPE_OFF && !s->has_plan &&
	       (s->scope <= pair_config(g->pair)->guard.scope ||
		lease_is_held(&g->lease));
}

/* True if the message has been judged before: it waited at the gate. */
static bool
judge_is_again(const struct guarded *g)
{
	return g->watch.held_since_ms > 0;
}

static void
judge_log_unjudged(const struct guarded *g, enum unjudged why)
{
	if (!judge_is_again(g))
		guard_log_unjudged(g->pair, why);
}

static void
judge_log_missed(const struct guarded *g, const struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		if (judge_misses(g, s))
			guard_log_unplanned(g->pair, s->tag);
		else if (s->has_plan && s->loses_names)
			guard_log_unfollowed(g->pair, s->tag);
	}
}

static bool
judge_has_guarded(const struct guarded *g, const struct statement_list *list)
{
	bool found = false;
	size_t i;

	for (i = 0; i < list->count; i++)
		found |= list->items[i].scope != GUARD_SCOPE_OFF &&
			 list->items[i].has_plan;
	/* Behind another guarded one it waits, and is judged anew. */
	if (!judge_is_again(g) && !(found && g->exchange != NULL))
		judge_log_missed(g, list);
	return found;
}

/* True if the statements are harmless where they stand: none of them counts but
 * behind a guarded one in its transaction. */
static bool
judge_is_harmless(const struct guarded *g, const struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->items[i].has_plan &&
		    list->items[i].scope != GUARD_SCOPE_BEHIND)
			return false;
	return !lease_is_held(&g->lease);
}

/* True if an operator lets all pass: what is prepared meanwhile is known
 * nevertheless. */
static bool
judge_is_off(const struct guarded *g)
{
	return atomic_load(&g->pair->daemon->is_guard_off);
}

static bool
judge_is_candidate(const struct guarded *g, struct span sql)
{
	return statement_is_candidate((const char *)sql.data, sql.len,
				      pair_config(g->pair)->detect);
}

/* True if the text holds a statement to guard; *list is then filled. */
static bool
judge_candidate(struct guarded *g, struct span sql, struct statement_list *list)
{
	const struct config *c = pair_config(g->pair);
	const char *text = (const char *)sql.data;

	if (g->pair->sends_plain_backslashes &&
	    memchr(text, '\\', sql.len) != NULL) {
		judge_log_unjudged(g, UNJUDGED_BACKSLASHES);
		return false;
	}
	switch (statement_list_parse(list, text, sql.len, c->detect,
				     c->parse_limit_bytes)) {
	case STATEMENT_OK:
		break;
	case STATEMENT_UNPARSED:
		judge_log_unjudged(g, UNJUDGED_UNPARSED);
		return false;
	case STATEMENT_TOO_LARGE:
		judge_log_unjudged(g, UNJUDGED_PARSE_LIMIT);
		return false;
	case STATEMENT_TOO_DEAR:
		judge_log_unjudged(g, UNJUDGED_PARSE_MEMORY);
		return false;
	case STATEMENT_NO_MEMORY:
		judge_log_unjudged(g, UNJUDGED_MEMORY);
		return false;
	}
	if (list->has_unparsed && !judge_is_again(g))
		guard_log_unparsed(g->pair, sql);
	if (judge_has_guarded(g, list))
		return true;
	statement_list_clear(list);
	return false;
}

/* Let a message too large to keep stream on; the beginning may still tell. */
static enum judgement
judge_too_large(struct guarded *g, struct span in)
{
	struct span head = judge_front(in, 256);

	if (judge_is_collecting(g))
		return JUDGE_RELEASE;
	if (judge_is_candidate(g, span_of(head.data + FRAME_HEADER_BYTES,
					  head.len - FRAME_HEADER_BYTES)))
		judge_log_unjudged(g, UNJUDGED_QUERY_LIMIT);
	return JUDGE_PASS;
}

/* True for what a SET mostly begins with, told without much ado. */
static bool
judge_begins_to_set(struct span sql)
{
	uint32_t letters;
	uint32_t set;

	if (sql.len < sizeof(letters))
		return false;
	memcpy(&letters, sql.data, sizeof(letters));
	memcpy(&set, "set ", sizeof(set));
	return (letters | 0x20202020) == set;
}

/* A guard_settings_warn. */
static void
judge_warn(void *arg, const char *text)
{
	struct guarded *g = arg;

	guard_log_warn(g->pair, text, true);
}

/* Warn of a parameter of ours that is none, once a session: the server takes
 * any. */
PAIR_COLD static void
judge_look_at_set(struct guarded *g, struct span sql)
{
	char name[OVERRIDE_NAME_BYTES];

	if (g->has_warned_of_name ||
	    pair_config(g->pair)->detect == GUARD_SCOPE_OFF ||
	    !overrides_find_unknown(name, (const char *)sql.data, sql.len))
		return;
	g->has_warned_of_name = true;
	guard_settings_warn_unknown(name, judge_warn, g);
}

static enum judgement
judge_query(struct guarded *g, const struct frame_header *h, struct span in,
	    struct finding *out)
{
	struct query_message q;
	struct span sql;

	if (h->body_len > pair_config(g->pair)->query_limit_bytes)
		return judge_too_large(g, in);
	if (judge_is_collecting(g))
		return JUDGE_RELEASE;
	if (!frame_is_whole(h, in))
		return JUDGE_WAIT;
	sql = query_text(frame_body(h, in));
	if (judge_begins_to_set(sql))
		judge_look_at_set(g, sql);
	/* Most hold no candidate: spare them the rest. */
	if (g->pair->pipeline.in_copy || g->pair->pipeline.skipping ||
	    !judge_is_candidate(g, sql) || !query_decode(&q, frame_body(h, in)))
		return JUDGE_PASS;
	if (!judge_candidate(g, q.sql, &out->list))
		return JUDGE_PASS;
	if (judge_is_off(g) || judge_is_harmless(g, &out->list)) {
		statement_list_clear(&out->list);
		return JUDGE_PASS;
	}
	out->sql = q.sql;
	return JUDGE_GUARD_QUERY;
}

/* The facts of a statement that is prepared; *list is taken.  NULL: they cannot
 * be kept. */
static struct prepared_facts *
judge_keep_facts(struct guarded *g, struct span sql,
		 struct statement_list *list)
{
	struct prepared_facts *facts = prepared_facts_new(list);

	if (facts != NULL &&
	    prepared_facts_keep(facts, sql, &g->prepared.room)) {
		facts->shape = shape_of_text((const char *)sql.data, sql.len);
		facts->trace = trace_of_text((const char *)sql.data, sql.len);
		return facts;
	}
	prepared_facts_drop(facts);
	judge_log_unjudged(g, UNJUDGED_PREPARED_BYTES);
	return NULL;
}

/* Judge a message with its change, whose facts are taken. */
PAIR_COLD static enum judgement
judge_change(struct guarded *g, const struct frame_header *h, struct span in,
	     const struct prepared_change *change, struct finding *out)
{
	enum judgement j;

	if (!prepared_changes(&g->prepared, change))
		return judge_keep_along(g, h, in);
	if (change->facts != NULL && judge_can_keep(g, h))
		j = frame_is_whole(h, in) ? JUDGE_KEEP : JUDGE_WAIT;
	else
		j = judge_keep_along(g, h, in);
	if (j == JUDGE_PASS)
		j = JUDGE_NOTE;
	if (j == JUDGE_NOTE || j == JUDGE_KEEP)
		out->change = *change;
	else
		prepared_facts_drop(change->facts);
	return j;
}

static enum judgement
judge_parse(struct guarded *g, const struct frame_header *h, struct span in,
	    struct finding *out)
{
	struct parse_message p;
	struct statement_list list = {0};
	struct prepared_change change = {.kind = PREPARED_STATEMENT,
					 .is_parse = true};

	if (h->body_len > pair_config(g->pair)->query_limit_bytes)
		return judge_too_large(g, in);
	if (!frame_is_whole(h, in))
		return JUDGE_WAIT;
	if (!parse_decode(&p, frame_body(h, in)))
		return judge_keep_along(g, h, in);
	if (tell_may_be_asked(p.statement))
		tell_memory(g, p.statement);
	if (judge_begins_to_set(p.sql))
		judge_look_at_set(g, p.sql);
	/* More than one statement is an error here; the server says so. */
	if (judge_is_candidate(g, p.sql) && judge_candidate(g, p.sql, &list))
		change.facts = judge_keep_facts(g, p.sql, &list);
	else if (!guarded_knows_any(g))
		return judge_keep_along(g, h, in);
	change.name = p.statement;
	return judge_change(g, h, in, &change, out);
}

static enum judgement
judge_bind(struct guarded *g, const struct frame_header *h, struct span in,
	   struct finding *out)
{
	struct prepared_change change = {.kind = PREPARED_PORTAL};
	struct bind_message b;
	struct span names;

	if (!guarded_knows_any(g))
		return judge_keep_along(g, h, in);
	names = judge_front(
	    span_of(in.data + FRAME_HEADER_BYTES, in.len - FRAME_HEADER_BYTES),
	    h->body_len);
	if (!bind_decode(&b, names)) {
		if (!frame_is_whole(h, in) && names.len < NAMES_MAX_BYTES)
			return JUDGE_WAIT;
		return judge_keep_along(g, h, in);
	}
	change.name = b.portal;
	change.facts = prepared_statement(&g->prepared, b.statement);
	if (change.facts != NULL)
		prepared_facts_use(change.facts);
	return judge_change(g, h, in, &change, out);
}

/* The facts of a portal that is guarded, awake.  NULL: it is not. */
static struct prepared_facts *
judge_portal(struct guarded *g, struct span portal)
{
	const struct config *c = pair_config(g->pair);
	struct prepared_facts *facts = prepared_portal(&g->prepared, portal);

	if (facts == NULL ||
	    prepared_facts_wake(facts, c->detect, c->parse_limit_bytes))
		return facts;
	judge_log_unjudged(g, UNJUDGED_MEMORY);
	return NULL;
}

static enum judgement
judge_execute(struct guarded *g, const struct frame_header *h, struct span in,
	      struct finding *out)
{
	struct execute_message e;

	if (g->prepared.portals == NULL || h->body_len > NAMES_MAX_BYTES)
		return judge_is_collecting(g) ? JUDGE_RELEASE : JUDGE_PASS;
	if (!frame_is_whole(h, in))
		return JUDGE_WAIT;
	if (execute_decode(&e, frame_body(h, in)) &&
	    !g->pair->pipeline.skipping && !g->pair->pipeline.in_copy)
		out->facts = judge_portal(g, e.portal);
	if (out->facts != NULL && !judge_is_off(g) &&
	    !judge_is_harmless(g, &out->facts->list))
		return JUDGE_GUARD_EXECUTE;
	prepared_facts_rest(out->facts);
	return judge_is_collecting(g) ? JUDGE_RELEASE : JUDGE_PASS;
}

static enum judgement
judge_close(struct guarded *g, const struct frame_header *h, struct span in,
	    struct finding *out)
{
	struct prepared_change change = {.kind = PREPARED_STATEMENT};
	struct target_message t;

	if (!guarded_knows_any(g) || h->body_len > NAMES_MAX_BYTES)
		return judge_keep_along(g, h, in);
	if (!frame_is_whole(h, in))
		return JUDGE_WAIT;
	if (!target_decode(&t, frame_body(h, in)))
		return judge_keep_along(g, h, in);
	if (t.kind == 'P')
		change.kind = PREPARED_PORTAL;
	change.name = t.name;
	return judge_change(g, h, in, &change, out);
}

/* Drop messages up to a Sync, as the server does behind an error of its own. */
static enum judgement
judge_skipped(struct guarded *g, const struct frame_header *h)
{
	if (h->type == FRONTEND_SYNC)
		g->skips_to_sync = false;
	if (h->type == FRONTEND_TERMINATE)
		g->pair->is_terminating = true;
	return h->type == FRONTEND_SYNC || h->type == FRONTEND_TERMINATE
		   ? JUDGE_PASS
		   : JUDGE_DROP;
}

enum judgement
judge(struct guarded *g, const struct frame_header *h, struct span in,
      struct finding *out)
{
	if (g->skips_to_sync)
		return judge_skipped(g, h);
	switch (h->type) {
	case FRONTEND_QUERY:
		return judge_query(g, h, in, out);
	case FRONTEND_PARSE:
		return judge_parse(g, h, in, out);
	case FRONTEND_BIND:
		return judge_bind(g, h, in, out);
	case FRONTEND_EXECUTE:
		return judge_execute(g, h, in, out);
	case FRONTEND_CLOSE:
		return judge_close(g, h, in, out);
	case FRONTEND_DESCRIBE:
		return judge_keep_along(g, h, in);
	case FRONTEND_TERMINATE:
		g->pair->is_terminating = true;
		break;
	default:
		break;
	}
	return judge_is_collecting(g) ? JUDGE_RELEASE : JUDGE_PASS;
}

bool
judge_keep(struct guarded *g, const struct finding *finding, const void *frame,
	   size_t len)
{
	const struct prepared_change *change = &finding->change;

	if (change->name.data != NULL &&
	    !prepared_keep(&g->prepared, change, g->kept.count))
		guard_log_unjudged(g->pair, UNJUDGED_PREPARED_COUNT);
	return kept_add(&g->kept, frame, len);
}

void
judge_note(struct guarded *g, const struct finding *finding,
	   uint64_t sent_before)
{
	uint64_t seq = g->pair->pipeline.sent_seq;

	if (seq == sent_before)
		prepared_facts_drop(finding->change.facts);
	else if (!prepared_note(&g->prepared, &finding->change, seq))
		guard_log_unjudged(g->pair, UNJUDGED_PREPARED_COUNT);
}

bool
judge_is_guarded(enum judgement j)
{
	return j == JUDGE_GUARD_QUERY || j == JUDGE_GUARD_EXECUTE;
}

#include "proxy/guard/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"
#include "policy/sql/statement_text.h"
#include "policy/sql/text.h"
#include "protocol/frontend.h"
#include "proxy/guard/guarded.h"
#include "proxy/guard/inject.h"

enum {
	BUSY_MAX_MS = 1000, /* the server's time: more is not repeated */
};

void
replay_decline(struct replay *r, const char *why)
{
	if (r->why[0] == '\0')
		snprintf(r->why, sizeof(r->why), "%s", why);
}

/* The recorded texts */

/* Take the next frame off *rest, and the text of it, empty where it has none.
 * False: there is no more. */
static bool
replay_next_text(struct span *rest, struct span *sql)
{
	struct parse_message p;
	struct query_message q;
	struct frame f;

	*sql = span_of(NULL, 0);
	if (frame_next(&f, rest, FRAME_LENGTH_MAX) != FRAME_OK)
		return false;
	if (f.type == FRONTEND_QUERY && query_decode(&q, f.body))
		*sql = q.sql;
	if (f.type == FRONTEND_PARSE && parse_decode(&p, f.body))
		*sql = p.sql;
	return true;
}

static struct span
replay_frames(const struct guarded *g)
{
	return buffer_span(&g->recording.frames);
}

/* The first text is that of the BEGIN. */
static void
replay_judge_begin(struct repeat *found, struct span sql)
{
	if (sql.len == 0 ||
	    !statement_repeat_begins((const char *)sql.data, sql.len))
		found->obstacle = "BEGIN does not stand alone";
}

/* Read the texts recorded since the last time: what they tell adds up. */
static void
replay_judge_texts(struct guarded *g)
{
	size_t limit = pair_config(g->pair)->parse_limit_bytes;
	struct recording *of = &g->recording;
	struct span rest =
	    span_of(of->frames.data + of->judged, of->frames.len - of->judged);
	bool is_first = of->judged == 0;
	struct span sql;

	while (of->found.obstacle == NULL && replay_next_text(&rest, &sql)) {
		if (is_first)
			replay_judge_begin(&of->found, sql);
		else if (sql.data != NULL)
			statement_repeat_read(
			    &of->found, (const char *)sql.data, sql.len, limit);
		is_first = false;
	}
	of->judged = of->frames.len;
}

/* Why the recording is not whole. */
static const char *
replay_missing(const struct recording *r)
{
	if (r->why != NULL)
		return r->why;
	return r->state == RECORDING_NONE ? "its begin was not seen"
					  : "nothing was done before";
}

void
replay_judge(struct replay *r, struct guarded *g, enum guard_replay most)
{
	const struct recording *of = &g->recording;

	if (!recording_is_whole(of)) {
		replay_decline(r, replay_missing(of));
	} else if (of->busy_ms > BUSY_MAX_MS) {
		replay_decline(r, "it would take long");
	} else {
		replay_judge_texts(g);
		if (of->found.obstacle != NULL)
			replay_decline(r, of->found.obstacle);
		else if (of->found.writes_first && most == GUARD_REPLAY_DDL)
			replay_decline(r, RECORDING_WRITES_FIRST);
	}
}

/* All texts but that of BEGIN, as one; the caller's to free.  NULL: out of
 * memory. */
static char *
replay_join_texts(const struct guarded *g, size_t *len)
{
	struct span rest = replay_frames(g);
	struct text all = {0};
	struct span sql;

	(void)replay_next_text(&rest, &sql);
	while (replay_next_text(&rest, &sql)) {
		text_put_bytes(&all, (const char *)sql.data, sql.len);
		text_put_string(&all, "\n;\n");
	}
	*len = all.len;
	return text_finish(&all);
}

bool
replay_gather(struct replay *r, const struct guarded *g,
	      const struct statement *others, size_t count)
{
	const struct config *c = pair_config(g->pair);
	size_t len;
	char *text = replay_join_texts(g, &len);
	enum statement_status status;

	if (text == NULL)
		return false;
	status = statement_list_parse(&r->list, text, len, c->detect,
				      c->parse_limit_bytes);
	free(text);
	if (status != STATEMENT_OK)
		return false;
	r->all_count = r->list.count + count;
	r->all = calloc(r->all_count, sizeof(*r->all));
	if (r->all == NULL)
		return false;
	memcpy(r->all, r->list.items, r->list.count * sizeof(*r->all));
	memcpy(r->all + r->list.count, others, count * sizeof(*r->all));
	return true;
}

/* The cycles, sent again */

void
replay_begin(struct replay *r, uint64_t now_ms)
{
	r->count++;
	r->is_under_way = true;
	r->since_ms = now_ms;
	r->hash = fnv_hash(NULL, 0);
}

bool
replay_is_over(const struct replay *r, const struct guarded *g)
{
	return r->cycle == g->recording.count;
}

static bool
is_set(struct span sql)
{
	struct statement_text text = {(const char *)sql.data, sql.len};
	size_t first = statement_text_skip(text, 0, text.len);

	return statement_text_is_word(text, first, "set");
}

/* All texts of the cycle are one SET each. */
static bool
replay_cycle_sets(const struct replay *r, const struct guarded *g)
{
	struct span rest = recording_cycle_frames(&g->recording, r->cycle);
	struct span sql;

	while (replay_next_text(&rest, &sql))
		if (sql.data != NULL && !is_set(sql))
			return false;
	return true;
}

bool
replay_is_at_head(const struct replay *r, const struct guarded *g)
{
	if (r->sent == 0)
		return true;
	return r->cycle > 0 && !replay_is_over(r, g) && replay_cycle_sets(r, g);
}

/* Where the BEGIN of an extended cycle ends: behind its Execute. */
static size_t
replay_end_of_begin(const struct guarded *g)
{
	struct span all = recording_cycle_frames(&g->recording, 0);
	struct span rest = all;
	struct frame f;

	while (frame_next(&f, &rest, FRAME_LENGTH_MAX) == FRAME_OK)
		if (f.type == FRONTEND_EXECUTE)
			break;
	/* Only its Sync is left. */
	if (frame_next(&f, &rest, FRAME_LENGTH_MAX) != FRAME_OK ||
	    f.type == FRONTEND_SYNC)
		return all.len;
	return (size_t)(rest.data - all.data) - FRAME_HEADER_BYTES - f.body.len;
}

static void
replay_note_sent(struct guarded *g, struct span rest)
{
	bool is_query = false;
	struct frame f;

	while (frame_next(&f, &rest, FRAME_LENGTH_MAX) == FRAME_OK) {
		pipeline_sent(&g->pair->pipeline, f.type, PIPELINE_PROXY);
		is_query = f.type == FRONTEND_QUERY;
	}
	gate_watch_note_touch(&g->watch, is_query);
}

void
replay_send(struct replay *r, struct guarded *g)
{
	size_t cycle_end = g->recording.cycles[r->cycle].end;
	size_t end = r->sent == 0 ? replay_end_of_begin(g) : cycle_end;
	struct injection sync = {.guarded = g};
	struct span frames =
	    span_of(replay_frames(g).data + r->sent, end - r->sent);

	replay_note_sent(g, frames);
	(void)pair_to_server(g->pair, frames.data, frames.len);
	r->sent = end;
	if (end < cycle_end) {
		inject_sync(&sync);
		(void)inject_send(&sync);
	}
}

bool
replay_answer(struct replay *r, const struct frame *f, struct span raw)
{
	if (recording_is_apart(f->type))
		return false;
	if (f->type == BACKEND_ERROR_RESPONSE && f->body.data != NULL &&
	    r->error.len == 0)
		write_bytes(&r->error, raw.data, raw.len);
	recording_hash(&r->hash, f);
	return true;
}

bool
replay_check(struct replay *r, const struct guarded *g)
{
	const struct recording_cycle *c = &g->recording.cycles[r->cycle];
	bool is_same;

	if (r->sent < c->end)
		return g->pair->pipeline.status == TRANSACTION_BLOCK;
	is_same = (c->is_bare || r->hash == c->hash) &&
		  (uint8_t)g->pair->pipeline.status == c->status;
	r->hash = fnv_hash(NULL, 0);
	r->cycle++;
	if (is_same)
		writer_reset(&r->error);
	return is_same;
}

void
replay_end(struct replay *r)
{
	statement_list_clear(&r->list);
	free(r->all);
	r->all = NULL;
	r->all_count = 0;
	r->sent = 0;
	r->cycle = 0;
	r->is_under_way = false;
	r->is_past_head = false;
	writer_clear(&r->error);
}

void
replay_clear(struct replay *r)
{
	replay_end(r);
	memset(r, 0, sizeof(*r));
}

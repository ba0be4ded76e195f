#include "proxy/guard/query.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/backend.h"
#include "protocol/frontend.h"
#include "proxy/guard/guarded.h"

bool
query_take(struct query *q, struct guarded *g, struct span sql,
	   struct statement_list *list)
{
	char *text = malloc(sql.len + 1);

	if (text == NULL)
		return false;
	memcpy(text, sql.data, sql.len);
	text[sql.len] = '\0';
	q->guarded = g;
	q->text = text;
	q->text_len = sql.len;
	q->list = *list;
	memset(list, 0, sizeof(*list));
	return true;
}

bool
query_cut(struct query *q, bool in_block)
{
	script_clear(&q->script);
	return script_cut(&q->script, &q->list, q->text_len, in_block);
}

void
query_leave_whole(struct query *q)
{
	q->script.count = 1;
	q->script.pieces[0] = (struct piece){.end = q->text_len};
}

const struct piece *
query_piece(const struct query *q)
{
	return &q->script.pieces[q->piece];
}

const struct statement *
query_statements(const struct query *q, size_t *count)
{
	const struct piece *p = query_piece(q);

	*count = p->count;
	return q->list.items + p->first;
}

static void
query_send(struct guarded *g, struct writer *w, enum pipeline_owner owner)
{
	if (w->failed) {
		pair_close(g->pair, CLOSE_MEMORY, NULL);
	} else {
		pipeline_sent(&g->pair->pipeline, FRONTEND_QUERY, owner);
		gate_watch_note_touch(&g->watch, true);
		(void)pair_to_server(g->pair, w->data, w->len);
	}
	writer_clear(w);
}

bool
query_has_more(const struct query *q)
{
	return q->piece + 1 < q->script.count;
}

static void
query_send_as(struct query *q, bool in_own_block, enum pipeline_owner owner)
{
	const struct piece *p = query_piece(q);
	struct writer w = {0};

	delivery_begin(&q->delivery, q->guarded->pair, q->text, p->start,
		       in_own_block && !query_has_more(q));
	query_write(&w, q->text + p->start, p->end - p->start);
	query_send(q->guarded, &w, owner);
}

void
query_send_piece(struct query *q, bool in_own_block)
{
	query_send_as(q, in_own_block, PIPELINE_CLIENT);
}

bool
query_can_undo(const struct query *q)
{
	return script_can_split(&q->script, &q->list, q->piece);
}

void
query_send_trial(struct query *q, bool in_own_block)
{
	script_split(&q->script, &q->list, q->piece);
	query_send_as(q, in_own_block, PIPELINE_PROXY);
}

bool
query_advance(struct query *q)
{
	if (q->delivery.has_failed || !query_has_more(q))
		return false;
	q->piece++;
	return true;
}

void
query_finish(struct query *q)
{
	struct pair *p = q->guarded->pair;
	struct writer w = {0};

	ready_for_query_write(&w, p->pipeline.status);
	if (w.failed)
		pair_close(p, CLOSE_MEMORY, NULL);
	else
		(void)pair_to_client(p, w.data, w.len);
	writer_clear(&w);
}

void
query_clear(struct query *q)
{
	delivery_clear(&q->delivery);
	script_clear(&q->script);
	statement_list_clear(&q->list);
	free(q->text);
	memset(q, 0, sizeof(*q));
}

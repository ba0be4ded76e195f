#include "proxy/rescue/patrol.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/unforeseen.h"
#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/rescue/rescue_call.h"

static bool
patrol_is_on(const struct patrol *p)
{
	return p->ticker.fd >= 0;
}

/* Calls */

static void
patrol_call(struct patrolled *s, uint32_t valid_ms)
{
	struct rescue_call *call = calloc(1, sizeof(*call));
	struct mail mail = {.kind = MAIL_CALL, .data = call, .discard = free};

	if (call == NULL)
		return; /* the next round calls again */
	call->session = s->pair->id;
	call->pid = s->pair->server_pid;
	call->valid_ms = valid_ms;
	memcpy(call->database, s->pair->database, sizeof(call->database));
	if (!mailbox_post(s->patrol->daemon->fleet, mail))
		free(call);
	s->is_called = valid_ms > 0;
}

static uint64_t
patrol_pause_ms(uint64_t lasted_ms)
{
	uint64_t pause_ms = lasted_ms / PATROL_SHARE;

	if (pause_ms < PATROL_ROUND_MS)
		return PATROL_ROUND_MS;
	return pause_ms < PATROL_SELDOM_MS ? pause_ms : PATROL_SELDOM_MS;
}

/* Rounds */

static void
patrol_forget(struct patrolled *s)
{
	if (!s->is_busy)
		return;
	s->is_busy = false;
	LIST_REMOVE(s, link);
	if (s->is_called)
		patrol_call(s, 0);
}

static bool
patrol_may_wait(struct patrolled *s)
{
	if (!s->is_read)
		s->is_likely = unforeseen_is_likely(s->text, s->len, s->is_cut);
	s->is_read = true;
	return s->is_likely;
}

static void
patrol_visit(struct patrolled *s, uint64_t now_ms)
{
	const struct pipeline *p = &s->pair->pipeline;
	uint64_t pause_ms;

	if (p->done_seq >= s->sent_seq) {
		patrol_forget(s);
		return;
	}
	if (s->done_seq != p->done_seq || s->since_ms == 0) {
		s->done_seq = p->done_seq;
		s->since_ms = now_ms;
		s->next_ms = now_ms + PATROL_LONG_MS;
	}
	if (now_ms < s->next_ms || !patrol_may_wait(s))
		return;
	pause_ms = patrol_pause_ms(now_ms - s->since_ms);
	/* Timers are a little early or late: half a round is left for that. */
	s->next_ms = now_ms + pause_ms - PATROL_ROUND_MS / 2;
	patrol_call(s, (uint32_t)pause_ms + 2 * PATROL_ROUND_MS);
}

static void
patrol_walk_on(struct patrol *p)
{
	p->is_walking = ticker_once(&p->ticker, PATROL_ROUND_MS);
}

static void
patrol_round(void *arg)
{
	struct patrol *p = arg;
	struct patrolled *s = LIST_FIRST(&p->busy);
	uint64_t now_ms = clock_now_ms();

	p->is_walking = false;
	while (s != NULL) {
		struct patrolled *next = LIST_NEXT(s, link);

		patrol_visit(s, now_ms);
		s = next;
	}
	if (!LIST_EMPTY(&p->busy))
		patrol_walk_on(p);
}

/* Messages */

/* A message whose text is not to be had. */
static void
patrol_note_unknown(struct patrolled *s)
{
	s->is_read = true;
	s->is_likely = false;
	s->is_fresh = false;
	s->len = 0;
}

static void
patrol_note_text(struct patrolled *s, struct span sql)
{
	s->is_cut = sql.len > sizeof(s->text);
	s->len = (uint16_t)(s->is_cut ? sizeof(s->text) : sql.len);
	memcpy(s->text, sql.data, s->len);
	s->is_read = false;
}

static void
patrol_note_query(struct patrolled *s, const struct frame_header *h,
		  struct span in)
{
	patrol_note_unknown(s);
	if (frame_is_whole(h, in))
		patrol_note_text(s, query_text(frame_body(h, in)));
}

static void
patrol_note_parse(struct patrolled *s, const struct frame_header *h,
		  struct span in)
{
	struct parse_message p;

	patrol_note_unknown(s);
	if (!frame_is_whole(h, in) || !parse_decode(&p, frame_body(h, in)))
		return;
	patrol_note_text(s, p.sql);
	s->is_fresh = true;
}

/* The text of a statement that was prepared before is known no more; what the
 * watch remembers of it is. */
static void
patrol_note_bind(struct patrolled *s, const struct gate_watch *watch)
{
	if (s->is_fresh)
		return;
	s->is_read = true;
	s->is_likely = watch->hides_tables;
	s->len = 0;
}

static void
patrol_note_busy(struct patrolled *s)
{
	s->sent_seq = s->pair->pipeline.sent_seq;
	if (s->is_busy)
		return;
	s->is_busy = true;
	s->since_ms = 0;
	LIST_INSERT_HEAD(&s->patrol->busy, s, link);
	if (!s->patrol->is_walking)
		patrol_walk_on(s->patrol);
}

void
patrol_note_sent(struct patrolled *s, const struct gate_watch *watch,
		 const struct frame_header *h, struct span in)
{
	switch (h->type) {
	case FRONTEND_QUERY:
		patrol_note_query(s, h, in);
		break;
	case FRONTEND_PARSE:
		patrol_note_parse(s, h, in);
		break;
	case FRONTEND_BIND:
		patrol_note_bind(s, watch);
		break;
	case FRONTEND_EXECUTE:
		s->is_fresh = false;
		break;
	default:
		return;
	}
	patrol_note_busy(s);
}

/* Sessions */

struct patrolled *
patrol_enlist(struct patrol *p, struct pair *pair)
{
	bool is_wanted =
	    patrol_is_on(p) && pair_config(pair)->detect != GUARD_SCOPE_OFF;
	struct patrolled *s = is_wanted ? calloc(1, sizeof(*s)) : NULL;

	if (s == NULL)
		return NULL;
	s->patrol = p;
	s->pair = pair;
	return s;
}

void
patrol_dismiss(struct patrolled *s)
{
	if (s == NULL)
		return;
	patrol_forget(s);
	free(s);
}

void
patrol_init(struct patrol *p, struct daemon *d, struct event_base *base)
{
	p->daemon = d;
	p->ticker.fd = -1;
	LIST_INIT(&p->busy);
	if (d->fleet != NULL && d->start_config->rescue)
		(void)ticker_open(&p->ticker, base, patrol_round, p);
}

void
patrol_clear(struct patrol *p)
{
	ticker_close(&p->ticker);
}

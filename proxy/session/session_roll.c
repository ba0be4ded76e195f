/*
 * session_roll.c - what a worker answers to a roll call.
 *
 * No clock runs for a transaction, as that would cost each message.  Instead
 * each look at a session notes whether it is still in the transaction of the
 * look before: since then, at the least, it is.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/guard/exchange.h"
#include "proxy/pair/roll.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

struct candidate {
	const struct session *session;
	struct roll_order order;
};

void
session_note_stint(struct session *s)
{
	uint64_t stint = s->guarded.watch.idle_seq << 1 | session_is_idle(s);

	if (stint == s->stint && s->stint_since_ms != 0)
		return;
	s->stint = stint;
	s->stint_since_ms = clock_now_ms();
}

/* When what the session waits for began, or 0: it does not wait with us. */
static uint64_t
session_waits_since_ms(const struct session *s, uint64_t now_ms)
{
	uint64_t wait_ms = session_wait_ms(s);

	if (s->state != SESSION_READY)
		return s->state_since_ms;
	return wait_ms > 0 ? now_ms - wait_ms : 0;
}

/* True if a client waits for something that is under way, or keeps locks. */
static bool
session_is_busy(const struct session *s)
{
	switch (s->state) {
	case SESSION_PAUSED:
	case SESSION_DIALING:
	case SESSION_AUTH:
		return true;
	case SESSION_READY:
		return !session_is_idle(s);
	case SESSION_STARTUP:
	case SESSION_HANDSHAKE:
	case SESSION_SASL:
	case SESSION_CONSOLE:
	case SESSION_CANCELING:
	case SESSION_CLOSING:
	case SESSION_STATES:
		break;
	}
	return false;
}

static struct candidate
candidate_of(struct session *s, uint64_t now_ms)
{
	uint64_t since_ms = session_waits_since_ms(s, now_ms);
	struct candidate c = {
	    .session = s,
	    .order =
		{
		    .id = s->pair.id,
		    .is_exact = since_ms != 0,
		    .is_busy = session_is_busy(s),
		},
	};

	session_note_stint(s);
	if (since_ms == 0)
		since_ms = s->stint_since_ms;
	c.order.for_ms = now_ms > since_ms ? now_ms - since_ms : 0;
	return c;
}

static void
entry_fill_address(struct roll_entry *e, const struct session *s)
{
	struct address a;

	if (!pair_origin(&s->pair, &a) || !address_split(&a, e->host, &e->port))
		e->host[0] = '\0';
}

static struct roll_entry
entry_of(const struct candidate *c, uint64_t now_ms)
{
	const struct session *s = c->session;
	struct roll_entry e = {.order = c->order};

	e.state = session_shown_state(s);
	e.waits_for = session_waits_for(s);
	if (s->state == SESSION_READY)
		e.transaction = (char)s->pair.pipeline.status;
	e.connected_ms = now_ms - s->since_ms;
	e.pid = s->pair.server_pid;
	entry_fill_address(&e, s);
	memcpy(e.user, s->pair.user, sizeof(e.user));
	memcpy(e.database, s->pair.database, sizeof(e.database));
	memcpy(e.application_name, s->pair.application_name,
	       sizeof(e.application_name));
	return e;
}

/* Put c in its place among the first, of which there are *count. */
static void
candidates_offer(struct candidate *first, size_t *count, struct candidate c)
{
	size_t at = *count;

	if (at == ROLL_MAX && !roll_is_before(&c.order, &first[at - 1].order))
		return;
	if (at < ROLL_MAX)
		++*count;
	else
		at--;
	for (; at > 0 && roll_is_before(&c.order, &first[at - 1].order); at--)
		first[at] = first[at - 1];
	first[at] = c;
}

/* Write the candidates as entries, or none for want of memory. */
static void
part_write(struct roll_part *part, const struct candidate *first, size_t count,
	   uint64_t now_ms)
{
	struct roll_entry *entries = calloc(count, sizeof(*entries));
	size_t i;

	if (entries == NULL)
		return;
	for (i = 0; i < count; i++)
		entries[i] = entry_of(&first[i], now_ms);
	part->entries = entries;
	part->count = count;
}

static void
sessions_write_part(struct sessions *ss, struct roll_part *part,
		    struct candidate *first)
{
	uint64_t now_ms = clock_now_ms();
	struct session *s;
	size_t count = 0;

	LIST_FOREACH(s, &ss->list, link) {
		candidates_offer(first, &count, candidate_of(s, now_ms));
		part->total++;
	}
	if (count > 0)
		part_write(part, first, count, now_ms);
}

void
sessions_answer_roll(struct sessions *ss, const struct mail *mail)
{
	struct candidate *first = calloc(ROLL_MAX, sizeof(*first));
	struct roll *r = mail->data;

	if (first != NULL)
		sessions_write_part(ss, roll_part(r, ss->worker), first);
	free(first);
	roll_answer(r, ss->worker);
}

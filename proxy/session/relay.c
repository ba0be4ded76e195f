/*
 * relay.c - read, walk over the bytes, and copy only those that must wait: the
 * front of a frame that has to be seen whole, or frames that the other side
 * does not take yet.
 */
#include "proxy/session/relay.h"

#include <string.h>

#include "proxy/guard/exchange.h"
#include "proxy/session/relay_walk.h"
#include "proxy/session/sessions.h"

static void
relay_walk_buffer(struct session *s, struct inlet *in, walk_fn *walk)
{
	bool is_secret = s->state == SESSION_AUTH;
	size_t used = walk(s, buffer_span(&in->buffer));

	if (is_secret)
		buffer_consume_secret(&in->buffer, used);
	else
		buffer_consume(&in->buffer, used);
}

/* Read into the worker's scratch, as nothing waits, and keep only the rest. */
static ssize_t
relay_read_fresh(struct session *s, struct stream *from, struct inlet *in,
		 walk_fn *walk)
{
	uint8_t *scratch = s->sessions->scratch;
	bool is_secret = s->state == SESSION_AUTH;
	ssize_t n = stream_read(from, scratch, SESSIONS_SCRATCH_BYTES);
	size_t used;

	if (n <= 0)
		return n;
	/* First, so that who has an answer finds it counted. */
	counter_add(in->received, (uint64_t)n);
	used = walk(s, span_of(scratch, (size_t)n));
	if (!buffer_append(&in->buffer, scratch + used, (size_t)n - used))
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
	if (is_secret)
		explicit_bzero(scratch, (size_t)n);
	return n;
}

/* True if the client's next message waits at the gate, or for the statement
 * before it: either has it looked at again. */
static bool
relay_keeps_waiting(const struct guarded *g)
{
	return g->watch.is_waiting ||
	       (g->exchange != NULL && exchange_is_hurried(g->exchange));
}

/* True if the client's first message is all there and has been judged, and
 * waits for others: what comes behind it changes nothing. */
static bool
relay_front_waits(const struct session *s, const struct inlet *in)
{
	struct span front = buffer_span(&in->buffer);
	struct frame_header h;

	return in == &s->pair.from_client && in->pass_left == 0 &&
	       relay_keeps_waiting(&s->guarded) &&
	       frame_peek(&h, front) == FRAME_OK && frame_is_whole(&h, front);
}

static ssize_t
relay_read_more(struct session *s, struct stream *from, struct inlet *in,
		walk_fn *walk)
{
	bool waits = relay_front_waits(s, in);
	uint8_t *room = buffer_reserve(&in->buffer, SESSIONS_SCRATCH_BYTES);
	ssize_t n;

	if (room == NULL) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return STREAM_AGAIN;
	}
	n = stream_read(from, room, SESSIONS_SCRATCH_BYTES);
	if (n <= 0)
		return n;
	counter_add(in->received, (uint64_t)n);
	buffer_commit(&in->buffer, (size_t)n);
	in->only_grew = waits;
	if (!waits)
		relay_walk_buffer(s, in, walk);
	return n;
}

static ssize_t
relay_from(struct session *s, struct stream *from, struct inlet *in,
	   walk_fn *walk)
{
	ssize_t n = in->buffer.len == 0 ? relay_read_fresh(s, from, in, walk)
					: relay_read_more(s, from, in, walk);

	/* A reset is an end, too: nobody is left to say anything. */
	if (n == STREAM_EOF || n == STREAM_ERROR)
		in->is_eof = true;
	return n;
}

void
relay_from_client(struct session *s)
{
	struct pair *p = &s->pair;
	ssize_t n =
	    relay_from(s, &p->client, &p->from_client, relay_walk_client);

	/* The client may never read what waits for it. */
	if (n == STREAM_ERROR && stream_tls_error(&p->client) != NULL)
		pair_close(p, CLOSE_TLS_FAILED, stream_tls_error(&p->client));
}

void
relay_from_server(struct session *s)
{
	struct pair *p = &s->pair;

	(void)relay_from(s, &p->server, &p->from_server, relay_walk_server);
}

void
relay_resume(struct session *s)
{
	struct inlet *in = &s->pair.from_client;

	if (in->buffer.len > 0 && !in->only_grew)
		relay_walk_buffer(s, in, relay_walk_client);
	in->only_grew = false;
}

/*
 * relay_walk.h - what the files of the relay share: a walk over the bytes that
 * one read has brought.
 *
 *   relay.c         reads, and keeps what must wait
 *   relay_client.c  walks over a client's messages
 *   relay_server.c  walks over a server's
 *
 * As long as frames just pass, the run of them grows, and one write moves it.
 */
#ifndef LOCKSTEP_PROXY_SESSION_RELAY_WALK_H
#define LOCKSTEP_PROXY_SESSION_RELAY_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "proxy/session/session.h"

struct walk {
	struct session *s;
	struct pair *p;      /* s->pair */
	struct guarded *g;   /* s->guarded */
	struct inlet *inlet; /* the one that the bytes came from */
	bool (*send)(struct pair *p, const void *data, size_t len);
	const uint8_t *run; /* the first byte that passed and was not sent */
	struct span rest;   /* the first byte that was not looked at, and on */
};

/*
 * Walk over in, borrowed for the call.  Returns how many bytes were dealt with:
 * the caller keeps the others, which must wait.  The pair may be closing.
 */
typedef size_t walk_fn(struct session *s, struct span in);

/* The walks over a client's bytes and over a server's. */
size_t relay_walk_client(struct session *s, struct span in);
size_t relay_walk_server(struct session *s, struct span in);

/* Send the run, and begin the next one. */
static inline void
walk_flush(struct walk *w)
{
	size_t len = (size_t)(w->rest.data - w->run);

	if (len > 0)
		(void)w->send(w->p, w->run, len);
	w->run = w->rest.data;
}

/* Pass the next len bytes, which are there: they belong to the run. */
static inline void
walk_advance(struct walk *w, size_t len)
{
	w->rest.data += len;
	w->rest.len -= len;
}

/* Leave out the next len bytes, which are there: the run ends before them. */
static inline void
walk_skip(struct walk *w, size_t len)
{
	walk_flush(w);
	walk_advance(w, len);
	w->run = w->rest.data;
}

/*
 * Pass or drop len bytes, as many as are there; the inlet remembers the rest.
 */
static inline void
walk_through(struct walk *w, size_t len, bool drops)
{
	size_t now = len < w->rest.len ? len : w->rest.len;

	if (drops)
		walk_skip(w, now);
	else
		walk_advance(w, now);
	w->inlet->pass_left = len - now;
	w->inlet->drops_rest = drops;
}

/*
 * Pass all whole frames of this type at once: they are data, most of what there
 * is, and nothing in them changes anything.  False: there is no such frame
 * here.
 */
static inline bool
walk_pass_data(struct walk *w, uint8_t type)
{
	size_t len = frame_run(w->rest, type);

	walk_advance(w, len);
	return len > 0;
}

#endif

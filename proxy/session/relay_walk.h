/*
 * relay_walk.h - what the files of the relay share: one pass over what one
 * read has brought.
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
	struct pair *p;    /* its */
	struct guarded *g; /* likewise */
	struct inlet *inlet;
	bool (*send)(struct pair *p, const void *data, size_t len);
	const uint8_t *run; /* the first byte that passed and was not sent */
	struct span rest;   /* the first byte that was not looked at, and on */
};

/* Walk over in; returns how many bytes were dealt with. */
typedef size_t walk_fn(struct session *s, struct span in);

size_t relay_walk_client(struct session *s, struct span in);
size_t relay_walk_server(struct session *s, struct span in);

/* Send the run. */
static inline void
walk_flush(struct walk *w)
{
	size_t len = (size_t)(w->rest.data - w->run);

	if (len > 0)
		(void)w->send(w->p, w->run, len);
	w->run = w->rest.data;
}

/* The next len bytes belong to the run. */
static inline void
walk_advance(struct walk *w, size_t len)
{
	w->rest.data += len;
	w->rest.len -= len;
}

/* The next len bytes were dealt with otherwise: they do not belong to it. */
static inline void
walk_skip(struct walk *w, size_t len)
{
	walk_flush(w);
	walk_advance(w, len);
	w->run = w->rest.data;
}

/* Go over len bytes, as many as are there; the rest is told to the inlet. */
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
 * Whole frames of data pass: they are most of what there is, and nothing in
 * them changes anything.  False: there is no such frame here.
 */
static inline bool
walk_pass_data(struct walk *w, uint8_t type)
{
	size_t len = frame_run(w->rest, type);

	walk_advance(w, len);
	return len > 0;
}

#endif

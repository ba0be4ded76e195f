/*
 * said.h - what a session's transaction has said to the server, in short: the
 * fronts of its first statements' messages and of its last one's, for the
 * post-mortem of a deadlock.
 *
 * Each statement of each client pays for this, so messages are copied, and read
 * when somebody asks.  One that was prepared long ago is not known.
 */
#ifndef LOCKSTEP_PROXY_GUARD_SAID_H
#define LOCKSTEP_PROXY_GUARD_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/types.h"

enum {
	SAID_FRONTS = 3,  /* the first messages', and the last one's */
	SAID_BYTES = 118, /* each front's */
	SAID_LEAST = 8,   /* with its zero byte: "begin;" names no table */
};

/* The front of the body of a Query or a Parse. */
struct said_front {
	uint8_t type;
	uint8_t len;
	uint8_t bytes[SAID_BYTES];
};

/* A zeroed one has said nothing. */
struct said {
	uint8_t count;
	bool awaits_bind; /* the last message is a Parse */
	bool is_unknown; /* the last statement, prepared long before its Bind */
	struct said_front fronts[SAID_FRONTS];
};

static inline void
said_add(struct said *s, uint8_t type, const uint8_t *body, size_t len)
{
	struct said_front *f;

	f = &s->fronts[s->count < SAID_FRONTS ? s->count++ : SAID_FRONTS - 1];
	f->type = type;
	f->len = (uint8_t)(len < SAID_BYTES ? len : SAID_BYTES);
	memcpy(f->bytes, body, f->len);
}

/* A Bind, of the statement that has just been parsed; of the unnamed one, whose
 * text came last of all; or of another. */
static inline void
said_note_bind(struct said *s, const uint8_t *body, size_t len)
{
	bool is_named = len >= 2 && (body[0] | body[1]) != 0;

	s->is_unknown |= is_named && !s->awaits_bind;
	s->awaits_bind = false;
}

/* Note that a client's message, at the front of in, goes to the server now;
 * begins: no transaction is open. */
static inline void
said_note_sent(struct said *s, const struct frame_header *h, struct span in,
	       bool begins)
{
	const uint8_t *body = in.data + FRAME_HEADER_BYTES;
	size_t len = in.len - FRAME_HEADER_BYTES;

	if (len > h->body_len)
		len = h->body_len;
	if (h->type == FRONTEND_BIND)
		said_note_bind(s, body, len);
	if (h->type != FRONTEND_QUERY && h->type != FRONTEND_PARSE)
		return;
	if (begins)
		s->count = 0;
	s->awaits_bind = h->type == FRONTEND_PARSE;
	s->is_unknown = false;
	if (len >= SAID_LEAST)
		said_add(s, h->type, body, len);
}

/*
 * Write the last statement, and the tables in the order in which the texts that
 * are kept first name them, by gist.h: sizes are at least 4.  What is not known
 * is empty.
 */
void said_tell_last(const struct said *s, char *out, size_t size,
		    bool is_doubtful);
void said_tell_tables(const struct said *s, char *out, size_t size);

#endif

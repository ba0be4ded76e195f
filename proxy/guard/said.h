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

/* Note a Query's or a Parse's body, of which so much is here; or a Bind's.
 * begins: no transaction is open, nor a cycle of the extended protocol. */
void said_note_text(struct said *s, uint8_t type, struct span body,
		    bool begins);
void said_note_bind(struct said *s, struct span body, bool begins);

/* Note that a client's message, at the front of in, goes to the server now. */
static inline void
said_note_sent(struct said *s, const struct frame_header *h, struct span in,
	       bool begins)
{
	struct span body = {in.data + FRAME_HEADER_BYTES,
			    in.len - FRAME_HEADER_BYTES};

	if (body.len > h->body_len)
		body.len = h->body_len;
	if (h->type == FRONTEND_QUERY || h->type == FRONTEND_PARSE)
		said_note_text(s, h->type, body, begins);
	else if (h->type == FRONTEND_BIND)
		said_note_bind(s, body, begins);
}

/*
 * Write the last statement, and the tables in the order in which the texts that
 * are kept first name them, by gist.h: sizes are at least 4.  What is not known
 * is empty.
 */
void said_tell_last(const struct said *s, char *out, size_t size,
		    bool is_doubtful);
void said_tell_tables(const struct said *s, char *out, size_t size,
		      bool is_doubtful);

#endif

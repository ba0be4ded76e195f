/*
 * frontend.h - decode what clients send, the few fields a guard must see, and
 * encode what is sent in a client's place.
 *
 * Source: PostgreSQL documentation, "Message Formats".  Every decoder takes
 * the body (without type and length), returns false if it does not have the
 * documented shape, and hands out spans that borrow from the body.
 */
#ifndef LOCKSTEP_PROTOCOL_FRONTEND_H
#define LOCKSTEP_PROTOCOL_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"
#include "protocol/types.h"
#include "protocol/writer.h"

struct query_message {
	struct span sql; /* data[len] is the NUL; no NUL within */
};

struct parse_message {
	struct span statement; /* name; empty: the unnamed statement */
	struct span sql;       /* data[len] is the NUL */
	struct span rest;      /* parameter type count and OIDs, as they came */
};

struct bind_message {
	struct span portal;
	struct span statement;
};

/* Describe and Close share this shape. */
struct target_message {
	uint8_t kind; /* 'S' statement, 'P' portal */
	struct span name;
};

struct execute_message {
	struct span portal;
	uint32_t max_rows; /* 0: no limit */
};

/* Decode a Query.  False: its text does not end in the only NUL. */
bool query_decode(struct query_message *out, struct span body);

/* The text of a Query that is taken to be well-formed: all but its NUL. */
static inline struct span
query_text(struct span body)
{
	return span_of(body.data, body.len > 0 ? body.len - 1 : 0);
}

/* Decode a Parse. */
bool parse_decode(struct parse_message *out, struct span body);

/*
 * Decode the names of a Bind, from a body that may still be incomplete: what
 * follows them can be a gigabyte of parameters.  False: two whole names are not
 * there (yet).
 */
bool bind_decode(struct bind_message *out, struct span front);

/* Decode a Describe or a Close.  False also for a kind but 'S' and 'P'. */
bool target_decode(struct target_message *out, struct span body);

/* Decode an Execute; a negative number of rows is no limit either. */
bool execute_decode(struct execute_message *out, struct span body);

/* Encode whole messages; texts are NUL terminated unless a length is given. */

/* A Query of a text of len bytes. */
void query_write(struct writer *w, const char *sql, size_t len);

/* A Parse whose parameter types are left to the server. */
void parse_write(struct writer *w, const char *statement, const char *sql);

/* A Bind of `count` text parameters, with all columns wanted as text. */
void bind_write(struct writer *w, const char *portal, const char *statement,
		char *const *params, size_t count);

/* An Execute for all rows. */
void execute_write(struct writer *w, const char *portal);

/* A Close; kind 'S' for a statement, 'P' for a portal. */
void close_write(struct writer *w, uint8_t kind, const char *name);

/* A message without a body: Sync, Flush. */
void bare_write(struct writer *w, enum frontend_type type);

#endif

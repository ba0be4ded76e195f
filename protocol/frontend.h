/*
 * frontend.h - decode what clients send: the few fields a guard must see.
 *
 * Source: PostgreSQL documentation, "Message Formats".  Every decoder takes
 * the body (without type and length), returns false if it does not have the
 * documented shape, and hands out spans that borrow from the body.
 */
#ifndef LOCKSTEP_PROTOCOL_FRONTEND_H
#define LOCKSTEP_PROTOCOL_FRONTEND_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

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

#endif

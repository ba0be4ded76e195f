/*
 * recall.h - the tables that a session's named prepared statements mention: the
 * gate is asked at Bind, when the text is long gone.
 *
 * The answers may be wrong where the server has refused a Parse or forgotten a
 * name; the gate may err.
 */
#ifndef LOCKSTEP_PROXY_GATE_RECALL_H
#define LOCKSTEP_PROXY_GATE_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

enum {
	RECALL_MAX = 2048,        /* statements; more are not known */
	RECALL_MENTIONS_MAX = 64, /* in a statement, likewise */
};

struct mention;

struct recalled {
	uint64_t name;            /* the hash of it */
	struct mention *mentions; /* owned; NULL: not known */
	uint16_t count;
	bool writes;      /* words_write of the text */
	bool never_waits; /* words_never_wait of the text */
	bool is_harmless; /* touches no table */
};

/* A zeroed one is empty and valid. */
struct recall {
	struct recalled *items; /* owned; sorted by name */
	uint32_t count;
};

/*
 * Note a Parse under this name, which may be empty; name and text are borrowed
 * for the call.  Out of memory, or RECALL_MAX reached: it is not known.
 */
void recall_note(struct recall *r, struct span name, struct span sql);

/*
 * The statement of this name, borrowed until the next note.  NULL: not known.
 */
const struct recalled *recall_find(const struct recall *r, struct span name);

/* Free all that is remembered; *r is empty afterwards. */
void recall_clear(struct recall *r);

#endif

/*
 * recall.h - what the named prepared statements of a session are about, by
 * their words: the gate is asked at Bind, when the text is long gone.
 *
 * May be wrong where the server has refused a Parse or forgotten a name; the
 * gate may err.
 */
#ifndef LOCKSTEP_PROXY_GATE_RECALL_H
#define LOCKSTEP_PROXY_GATE_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

enum {
	RECALL_MAX = 2048,      /* statements; more are not known */
	RECALL_WORDS_MAX = 128, /* different ones in a statement, likewise */
};

struct recalled {
	uint64_t name;   /* hash of it */
	uint32_t *words; /* owned; NULL: not known */
	uint16_t count;
	bool writes;
	bool is_harmless; /* touches no table */
};

/* A zeroed one is empty and valid. */
struct recall {
	struct recalled *items; /* owned; sorted by name */
	uint32_t count;
};

/* A Parse under a name.  Out of memory: it is not known. */
void recall_note(struct recall *r, struct span name, struct span sql);

/* NULL: not known. */
const struct recalled *recall_find(const struct recall *r, struct span name);

void recall_clear(struct recall *r);

#endif

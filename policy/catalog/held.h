/*
 * held.h - what the session has for itself already: relations that its
 * transaction has locked or made.  (Its own temporary ones are in no lock set.)
 * Nobody else is in the way there, and so they need no attempt, no turn and no
 * gate.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_HELD_H
#define LOCKSTEP_POLICY_CATALOG_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/lock_set.h"
#include "policy/catalog/row.h"

struct held_lock {
	uint32_t relid;
	enum lock_mode mode;
};

/* A zeroed one is empty. */
struct held {
	struct held_lock *locks; /* owned; one relation in several modes, too */
	size_t count;
};

/*
 * Read the column of the session facts: "16384:8,16390:3", an OID and a mode
 * each, which may be empty or NULL.  *out is zeroed first.  False: it has
 * another shape, or memory is out, and *out is empty.
 */
bool held_read(struct held *out, struct row_value v);

/* Take those members off the set that the session has in a mode at least as
 * strong. */
void held_subtract(const struct held *h, struct lock_set *set);

/* Free all that is owned; accepts a zeroed one, and leaves one. */
void held_clear(struct held *h);

#endif

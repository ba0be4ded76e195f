/*
 * attempt.h - one attempt to take a whole lock set: its SQL, and its result.
 *
 * An attempt is a DO block, because only that is bounded by the server itself
 * (no network delay falls between two locks), gives back every lock it took
 * when it fails, and works the same in a transaction block, in an implicit
 * one and outside of any.  It reports by an INFO message of its own SQLSTATE.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_ATTEMPT_H
#define LOCKSTEP_POLICY_CATALOG_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/lock_set.h"

#define ATTEMPT_SQLSTATE "LKSTP"

/* The key of the advisory lock that proxies before one server share. */
#define ATTEMPT_TURN_KEY "5507730182447064432"

struct attempt {
	const struct lock_set *set; /* in order; what is not lockable is left
				       out */
	bool nowait;
	bool takes_turn;          /* the advisory lock first, or nothing */
	uint32_t bound_ms;        /* from the first lock to the last */
	const char *lock_timeout; /* the session's, set back when granted */
};

/* Allocated, NUL terminated; NULL: out of memory. */
char *attempt_sql(const struct attempt *a);

/*
 * Make an autovacuum give way: wait for item `index` in a mode that conflicts
 * with it and with hardly anything else, for wait_ms, then let go.  It
 * reports as an attempt does, and the report says nothing.
 */
char *attempt_coax_sql(const struct lock_set *set, size_t index,
		       uint32_t wait_ms);

/*
 * A statement that makes the client's transaction fail as at a lock timeout:
 * static.
 */
const char *attempt_refusal_sql(void);

/*
 * Read the text of the INFO message: true and *index == set->count if all was
 * granted, set->count + 1 if the turn is another proxy's, else the item that
 * was not granted.  False: not a message of ours.
 */
bool attempt_read(const struct lock_set *set, const char *message, size_t len,
		  size_t *index);

#endif

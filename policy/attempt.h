/*
 * attempt.h - one attempt to take a whole lock set: its SQL, and its result.
 *
 * An attempt is a DO block, because only that is bounded by the server itself
 * (no network delay falls between two locks), gives back every lock it took
 * when it fails, and works the same in a transaction block, in an implicit
 * one and outside of any.  It reports by an INFO message of its own SQLSTATE.
 */
#ifndef LOCKSTEP_POLICY_ATTEMPT_H
#define LOCKSTEP_POLICY_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/lock_set.h"

#define ATTEMPT_SQLSTATE "LKSTP"

struct attempt {
	const struct lock_set *set; /* in order; what is not lockable is left
				       out */
	bool nowait;
	uint32_t bound_ms;        /* from the first lock to the last */
	const char *lock_timeout; /* the session's, set back when granted */
};

/* Allocated, NUL terminated; NULL: out of memory. */
char *attempt_sql(const struct attempt *a);

/*
 * Read the text of the INFO message: true and *index == set->count if all was
 * granted, else the item that was not.  False: not a message of ours.
 */
bool attempt_read(const struct lock_set *set, const char *message, size_t len,
		  size_t *index);

#endif

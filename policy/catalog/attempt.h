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
#include "policy/catalog/rival.h"

#define ATTEMPT_SQLSTATE "LKSTP"

enum {
	/* The first part of the key of an advisory lock that stands for a
	 * relation which no LOCK TABLE reaches; the second is its OID.  All
	 * proxies before one server share it: "Lock" in ASCII. */
	ATTEMPT_TURN_CLASS = 1282368363,
};

/* How an attempt waits for the locks that it does not get at once. */
enum attempt_manner {
	/* For none. */
	ATTEMPT_AT_ONCE,
	/* In the server's queue for the first one, while it holds nothing; for
	 * the others by trying them again and again. */
	ATTEMPT_POLLS,
	/* By trying all of them, each for a moment in the queue: where the
	 * server lets it go first, it gets the lock in that moment. */
	ATTEMPT_NUDGES,
	/* In the queue for each. */
	ATTEMPT_QUEUES,
};

/* An attempt to be made; all that is pointed to is borrowed. */
struct attempt {
	const struct lock_set *set; /* in order; what is not lockable is left
				       out */
	enum attempt_manner manner;
	bool locks_nothing;       /* the turn is all that it takes */
	bool minds_near;          /* locks nothing where somebody holds what
				     the set's relations reference */
	bool takes_turn;          /* for what is not lockable: first of all, its
				     advisory lock, or nothing */
	uint32_t bound_ms;        /* from the first lock to the last; unused
				     with ATTEMPT_AT_ONCE */
	const char *lock_timeout; /* the session's, set back when granted */
};

/* The DO block of an attempt, the caller's to free.  NULL: out of memory. */
char *attempt_sql(const struct attempt *a);

/*
 * A DO block that makes an autovacuum give way: it waits for item `index` in a
 * mode that conflicts with that and with hardly anything else, for wait_ms,
 * then lets go.  It reports as an attempt does, and the report says nothing.
 * The caller's to free.  NULL: out of memory.
 */
char *attempt_coax_sql(const struct lock_set *set, size_t index,
		       uint32_t wait_ms);

/*
 * A statement that makes the client's transaction fail as a deadlock does, or a
 * lock timeout; static.
 */
const char *attempt_refusal_sql(bool is_deadlock);

/* The same for one in which a statement has failed below a savepoint; static.
 */
const char *attempt_abort_sql(void);

/*
 * Read the text of the INFO message, which has `len` bytes.  *index becomes
 * set->count if all was granted, a greater number if the turn for an item is
 * somebody else's, else the index of the item that was not granted.  False: the
 * message is not ours.
 */
bool attempt_read(const struct lock_set *set, const char *message, size_t len,
		  size_t *index);

/*
 * Read who has the turn that an attempt did not get, from the detail of its
 * message, which has `len` bytes.  What is not told is zero.
 */
void attempt_read_rival(struct rival *out, const char *detail, size_t len);

#endif

/*
 * habits.h - what got statements their locks, for each set of tables, for all
 * sessions of the process: the next one with the same tables tries it first.
 * Every function locks it.  Only guarded statements come here.
 *
 * The table has a fixed size, by hash: a set that was not asked for lately
 * makes room.  A wrong answer costs time, and nothing else.
 */
#ifndef LOCKSTEP_PROXY_GUARD_HABITS_H
#define LOCKSTEP_PROXY_GUARD_HABITS_H

#include <stdint.h>

#include "policy/guard/guard.h"

enum {
	HABITS_MAX = 256,
};

struct habits;

/* No habits.  NULL: out of memory. */
struct habits *habits_new(void);

/* Free them, when nobody uses them any more.  Accepts NULL. */
void habits_free(struct habits *h);

/* The key of a set in a database: hash is guard_set_hash's. */
uint64_t habits_key(const char *database, uint64_t hash);

/* Tell what helped last: no help, where that is not known. */
struct guard_habit habits_recall(struct habits *h, uint64_t key);

/* Note what has helped; what was no help is not noted. */
void habits_note(struct habits *h, uint64_t key,
		 const struct guard_habit *habit);

#endif

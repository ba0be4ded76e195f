/*
 * past.h - transactions that came past the gate: they hold a table of the set
 * and began while the gate was shut for it.
 *
 * How long ago a transaction began is told by the server's clock, how long the
 * gate has been shut by ours: only these lengths are compared, and no clock
 * with another.  Where the age is not told it counts from the first look that
 * saw the transaction, and those that were under way have shown by the middle
 * of a window.
 */
#ifndef LOCKSTEP_POLICY_GUARD_PAST_H
#define LOCKSTEP_POLICY_GUARD_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/holders.h"
#include "policy/guard/holder_age.h"
#include "policy/guard/window.h"

enum {
	/* The gate is shut everywhere by then: in other threads, and in other
	 * processes of the fleet. */
	PAST_MARGIN_MS = 20,
	PAST_NAMES_MAX = 3,
	PAST_KNOWN_MAX = 64,
};

/* A zeroed one has seen none. */
struct past {
	size_t count; /* transactions, as far as looks have seen them */
	/* Different ones of theirs, as they came. */
	char names[PAST_NAMES_MAX][HOLDERS_NAME_BYTES];
	size_t name_count;
	bool has_more_names;
	/* The ids of those counted last, as a ring. */
	uint64_t known[PAST_KNOWN_MAX];
};

/*
 * Count those of a look in a window that came past the gate and were not
 * counted before.  asked_ms: when it was asked for.  age: has taken in the same
 * look.  True: there were any, counted now or before.
 */
bool past_note(struct past *p, const struct holders *holders,
	       const struct holder_age *age, const struct window *w,
	       uint64_t asked_ms, uint64_t now_ms);

#endif

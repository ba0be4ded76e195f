/*
 * holder_age.h - how old the transactions are that hold what is wanted: an
 * old one (idle, a dump) is waited for outside the server, young ones are the
 * traffic that a window is made for.
 *
 * A role without pg_read_all_stats is not told when the transactions of
 * others began.  For those their age counts from the first look that saw them.
 */
#ifndef LOCKSTEP_POLICY_GUARD_HOLDER_AGE_H
#define LOCKSTEP_POLICY_GUARD_HOLDER_AGE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/holders.h"

struct holder_age {
	struct {
		uint64_t transaction; /* as in struct holders */
		uint64_t since_ms;
	} seen[HOLDERS_UNTOLD_MAX];
	size_t seen_count;
};

/*
 * The age of the oldest of them, in ms; 0 if there is none.  To be called with
 * every look, in their order.
 */
uint64_t holder_age_oldest(struct holder_age *a, const struct holders *holders,
			   uint64_t now_ms);

#endif

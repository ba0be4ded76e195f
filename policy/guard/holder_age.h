/*
 * holder_age.h - how old the transactions are that hold wanted tables: an
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
	/* Transactions of the last look whose age is not told. */
	struct {
		uint64_t transaction; /* as in struct holders */
		uint64_t since_ms;    /* time of the first look with it */
	} seen[HOLDERS_UNTOLD_MAX];
	size_t seen_count;
};

/*
 * The age of the oldest holder, in ms; 0: there is none, or one as young as
 * that.  To be called with the holders of every look, in the order of looks:
 * *a, zeroed before the first, remembers them.
 */
uint64_t holder_age_oldest(struct holder_age *a, const struct holders *holders,
			   uint64_t now_ms);

/* The time of the first look with a transaction whose age is not told, as of
 * the last look; now_ms: that one was the first, or it is not there. */
uint64_t holder_age_since(const struct holder_age *a, uint64_t transaction,
			  uint64_t now_ms);

#endif

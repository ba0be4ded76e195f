/*
 * report.h - texts about a guarded statement for a person: the error that ends
 * it, and the notice while it waits.
 */
#ifndef LOCKSTEP_POLICY_GUARD_REPORT_H
#define LOCKSTEP_POLICY_GUARD_REPORT_H

#include <stddef.h>

#include "policy/guard/guard.h"

enum {
	REPORT_DETAIL_MAX = 2048,
	REPORT_TEXT_MAX = 256,
	REPORT_HINT_MAX = 512,
};

/* All texts are in the server's encoding, as names came from there. */
struct report {
	const char *sqlstate; /* static */
	char message[REPORT_TEXT_MAX];
	char detail[REPORT_DETAIL_MAX]; /* may be empty */
	char hint[REPORT_HINT_MAX];     /* may be empty */
};

/* Write the error for a statement that is refused.  tag: "DROP TABLE". */
void report_refusal(struct report *out, const struct guard_account *a,
		    const char *tag);

/* Write the notice for a statement that waits.  tag: as above. */
void report_waiting(struct report *out, const struct guard_account *a,
		    const char *tag);

/* Write the notice for one that takes what is remembered.  tag: as above. */
void report_remembered(struct report *out, const struct guard_account *a,
		       const char *tag);

/* Write the lock set in order, "a, b and 3 more"; cut to size bytes, its NUL
 * included, which there must be room for. */
void report_lock_set(char *out, size_t size, const struct lock_set *set);

/* Write who has, or had, the turn, as report_lock_set does; empty: nobody. */
void report_rival(char *out, size_t size, const struct guard_account *a);

/* Write who was in the way at the last look, and with which lock, likewise. */
void report_blockers(char *out, size_t size, const struct guard_account *a);

/* Write the application_names of who came past the gate, likewise. */
void report_past(char *out, size_t size, const struct guard_account *a);

/* The same of those members of the set that no attempt can lock. */
void report_unlockable(char *out, size_t size, const struct lock_set *set);

#endif

/*
 * report_steps.h - texts about foreign keys that have gone before the statement
 * that would have dropped them.  All are in the server's encoding.
 */
#ifndef LOCKSTEP_POLICY_GUARD_REPORT_STEPS_H
#define LOCKSTEP_POLICY_GUARD_REPORT_STEPS_H

#include "policy/catalog/drop_keys.h"

/* The message and the detail of the notice that a key is gone, the caller's to
 * free, each.  tag: that of the statement.  NULL: out of memory. */
char *report_step_message(const struct drop_key *key, const char *tag);
char *report_step_detail(const struct drop_key *key);

/*
 * The detail of an error that ends the statement, the caller's to free: which
 * keys are gone, and what brings each back.  doubtful: a key that may be gone;
 * NULL: there is none.  Returns NULL if there is nothing to tell, or out of
 * memory.
 */
char *report_steps_left(const struct drop_keys *keys,
			const struct drop_key *doubtful);

/* The hint for a statement that keys might go before, static. */
extern const char report_steps_hint[];

#endif

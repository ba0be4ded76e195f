/*
 * remembered.h - relations that a statement does not lock itself, but that its
 * transaction went on to lock when it last began so: how they come into the
 * statement's lock set, and out of it again.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_REMEMBERED_H
#define LOCKSTEP_POLICY_CATALOG_REMEMBERED_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/lock_set.h"

/*
 * True if a relation can be remembered: an attempt can take it, others see it,
 * and its name means the same to every session.  is_utf8: the session's
 * client_encoding, without which only names in ASCII do.
 */
bool remembered_is_fit(const struct lock_item *item, bool is_utf8);

/*
 * Set *out to a TARGET_LOCK of what `name` names, that of an item, in `mode`;
 * its relation is the caller's to free.  False: out of memory, or no such name.
 */
bool remembered_target(struct target *out, const char *name,
		       enum lock_mode mode);

/*
 * Add to *set the relations of *more that it lacks, and raise the modes of
 * those that it has, as far as an attempt can take them; *more is emptied.
 * Returns how many were added or raised.  Out of memory: fewer.
 */
size_t remembered_add(struct lock_set *set, struct lock_set *more);

/* Take back all that remembered_add did to the set. */
void remembered_drop(struct lock_set *set);

#endif

/*
 * lock_order.h - in which order a set is locked, and who goes first in the
 * next attempt.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_LOCK_ORDER_H
#define LOCKSTEP_POLICY_CATALOG_LOCK_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/lock_set.h"

enum lock_order_kind {
	LOCK_ORDER_REFERENCED_FIRST, /* parents before children; among equals
					by OID, as PostgreSQL's own tools do */
	LOCK_ORDER_DEPENDENTS_FIRST, /* the reverse */
	LOCK_ORDER_LIST,             /* as listed, then referenced-first */
};

struct lock_order {
	enum lock_order_kind kind;
	/* LOCK_ORDER_LIST: "schema.table" names as lock_item has them, or a
	 * bare table name, which stands for that table in any schema. */
	char **names; /* borrowed */
	size_t name_count;
};

/*
 * Sort set->items in place.  Cycles (tables that reference each other) are
 * broken at the lowest OID.  Deterministic.  False: out of memory; the order
 * is then unchanged.
 */
bool lock_order_sort(struct lock_set *set, const struct lock_order *order);

/* Put the item at `index` first; the others keep their order among them. */
void lock_order_promote(struct lock_set *set, size_t index);

#endif

/*
 * snapshot.h - whether the catalogs can have changed: what is committed when a
 * snapshot is taken, as the server writes it.
 *
 * A transaction that ends leaves the ones in progress of every later snapshot,
 * or moves its end: where two are equal, none that could have changed anything
 * ended between them.  That a snapshot is new each time holds for READ
 * COMMITTED only.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_SNAPSHOT_H
#define LOCKSTEP_POLICY_CATALOG_SNAPSHOT_H

#include <stdbool.h>

#include "policy/catalog/row.h"

enum {
	/* With the NUL; one with more transactions in progress is as good as
	 * none. */
	SNAPSHOT_MAX = 512,
};

/* A zeroed one is not known. */
struct snapshot {
	char text[SNAPSHOT_MAX];
};

/* The question for the present one; static.  Answer: one row of one text. */
const char *snapshot_query(void);

/* Take what the server has answered, in *out. */
void snapshot_read(struct snapshot *out, struct row_value v);

/* True if the snapshot is known. */
bool snapshot_is_known(const struct snapshot *s);

/* True if both are known, and the same. */
bool snapshot_equals(const struct snapshot *a, const struct snapshot *b);

#endif

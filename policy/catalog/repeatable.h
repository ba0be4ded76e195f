/*
 * repeatable.h - what only the catalogs know of statements that are to be done
 * again: functions that are volatile, defaults that draw from a sequence,
 * triggers, whose rows were shown.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_REPEATABLE_H
#define LOCKSTEP_POLICY_CATALOG_REPEATABLE_H

#include <stdbool.h>

#include "policy/catalog/row.h"
#include "policy/sql/statement_repeat.h"

/* The columns of repeatable_query(), in its order: X(id, name). */
#define REPEATABLE_COLUMN_TABLE(X)                                             \
	X(REPEATABLE_OBSTACLE, obstacle)                                       \
	X(REPEATABLE_ISOLATION, isolation)

enum repeatable_column {
#define X(id, name) id,
	REPEATABLE_COLUMN_TABLE(X)
#undef X
	    REPEATABLE_COLUMNS,
};

enum {
	REPEATABLE_PARAMS = 5,
};

struct repeatable {
	/* Why the statements may not be done again; empty: they may. */
	char obstacle[64];
	/* The transaction sees the rows of its first statement only. */
	bool has_one_snapshot;
};

/* The query, which answers one row; static. */
const char *repeatable_query(void);

/*
 * Make the parameters, the caller's to free, each.  only_catalogs: rows of
 * other relations may not have been shown, but for those of migration tools.
 * False: out of memory, and none is there.
 */
bool repeatable_params(char *params[REPEATABLE_PARAMS], const struct repeat *r,
		       bool only_catalogs);

/* Read the row.  False: it does not have the shape, and *out is undefined. */
bool repeatable_read(struct repeatable *out,
		     const struct row_value values[REPEATABLE_COLUMNS]);

#endif

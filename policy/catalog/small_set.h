/*
 * small_set.h - the small question: the lock set of what is simple, for a
 * fraction of what lock_set_query() costs, or the answer that it is not.
 *
 * Simple are plain tables without children, views, rules or others' uses of
 * their rows: they, their columns and constraints dropped, truncated, altered.
 * Where it answers, it names the same relations as the large question does, in
 * the same modes and phases, and with the same rights.  It looks into catalogs
 * only, and by the same rules.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_SMALL_SET_H
#define LOCKSTEP_POLICY_CATALOG_SMALL_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/lock_set.h"
#include "policy/catalog/row.h"
#include "policy/sql/statement.h"

/* The columns of small_set_query()'s answer, in its order: X(id, name). */
#define SMALL_SET_COLUMN_TABLE(X)                                              \
	LOCK_SET_COLUMN_TABLE(X)                                               \
	X(SMALL_SET_IS_SIMPLE, is_simple)

enum {
	SMALL_SET_IS_SIMPLE = LOCK_SET_COLUMNS,
	SMALL_SET_COLUMNS,
	SMALL_SET_PARAMS = 5, /* small_set_query's $1 .. $n */
	SMALL_SET_MAX = 500,  /* relations; more are not simple */
};

/* True if these statements can be simple, as far as their texts tell. */
bool small_set_may_do(const struct statement *statements, size_t count);

/*
 * The query's text for such statements: allocated, the caller's to free.  NULL:
 * out of memory.
 */
char *small_set_query(const struct statement *statements, size_t count);

/*
 * The parameters, text format; each string is allocated and the caller's to
 * free.  False: out of memory, and nothing is allocated.
 */
bool small_set_params(char *params[SMALL_SET_PARAMS],
		      const struct statement *statements, size_t count);

/*
 * Add one row of the answer to the set, or find by it that the question was too
 * small: *is_simple becomes false then, and the set is worth nothing.  False:
 * the row has not the expected shape, or memory is out; the set stays valid.
 */
bool small_set_add_row(struct lock_set *set, bool *is_simple,
		       const struct row_value values[SMALL_SET_COLUMNS]);

#endif

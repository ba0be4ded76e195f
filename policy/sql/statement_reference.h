/*
 * statement_reference.h - the tables that new foreign keys reference.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_REFERENCE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_REFERENCE_H

#include <stdbool.h>

#include "policy/sql/statement_target.h"

/*
 * The table that a foreign key, of a column or of a table, references; borrowed
 * from the tree.  NULL: the node is something else.
 */
const PgQuery__RangeVar *statement_reference_of(const PgQuery__Node *node);

/*
 * Write what makes two foreign keys of one table to another the same, as an
 * array literal: is it deferrable, is it initially deferred, on update, on
 * delete, match, the number of columns, the columns, and those that they
 * reference if the key says so.  STATEMENT_OK: *out is allocated, the caller's
 * to free; else STATEMENT_NO_MEMORY.
 */
enum statement_status statement_reference_shape(char **out,
						const PgQuery__Constraint *key);

/*
 * True if one of these columns or constraints is or has a foreign key to
 * another table than `made`, which the statement itself makes; NULL: none.
 */
bool statement_references(const PgQuery__RangeVar *made,
			  PgQuery__Node *const *nodes, size_t count);

/*
 * Add a target for each table but `made` that these columns or constraints
 * reference.  Answers as a reader does.
 */
enum statement_status statement_reference_add(struct statement *out,
					      const PgQuery__RangeVar *made,
					      PgQuery__Node *const *nodes,
					      size_t count);

#endif

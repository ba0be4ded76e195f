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

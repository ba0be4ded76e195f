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

/* True if one of these columns or constraints is or has a foreign key. */
bool statement_references(PgQuery__Node *const *nodes, size_t count);

/*
 * Add a target for each table that these columns or constraints reference.
 * Answers as a reader does.
 */
enum statement_status statement_reference_add(struct statement *out,
					      PgQuery__Node *const *nodes,
					      size_t count);

#endif

/*
 * statement_reference.h - the tables that new foreign keys reference.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_REFERENCE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_REFERENCE_H

#include <stdbool.h>

#include "policy/sql/statement_target.h"

/* Of a column's or a table's constraint; NULL for all else. */
const PgQuery__RangeVar *statement_reference_of(const PgQuery__Node *node);

/* True if one of these columns or constraints is or has a foreign key. */
bool statement_references(PgQuery__Node *const *nodes, size_t count);

/* A target for each table that these columns or constraints reference. */
enum statement_status statement_reference_add(struct statement *out,
					      PgQuery__Node *const *nodes,
					      size_t count);

#endif

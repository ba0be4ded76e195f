/*
 * statement_change.h - may a statement hide from the catalogs what was used
 * before it?  They are asked when all is done: what is gone, replaced or out of
 * the search_path then would tell nothing.
 *
 * Rather one statement too many is told of than one too few.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_CHANGE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_CHANGE_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/repeat_facts.h"
#include "policy/sql/statement_text.h"

/*
 * Why the statement may hide what r tells of those before it, static; NULL: it
 * does not.  node is its tree, text its text.
 */
const char *statement_change_obstacle(const struct repeat *r,
				      const PgQuery__Node *node,
				      struct statement_text text);

#endif

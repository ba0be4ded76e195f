/*
 * statement_brief.h - whether a statement, once it has its locks, is as good as
 * done.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_BRIEF_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_BRIEF_H

#include <stdbool.h>

#include "policy/sql/statement_target.h"

/*
 * True if the statement that node is, and whose facts are s, changes catalogs
 * alone: it reads and writes no row and runs no function that a user made, but
 * for triggers of a TRUNCATE and of events, and such as are declared immutable
 * and stand in a definition.  May err on the side of false.
 */
bool statement_is_brief(const struct statement *s, const PgQuery__Node *node);

#endif

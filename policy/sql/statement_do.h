/*
 * statement_do.h - DO $$ ... $$: a reader for statement_tree.
 *
 * What the block holds as static SQL counts, all of it, whichever way its
 * conditions and loops go.  Not seen: EXECUTE, and what functions do.
 *
 * A block that may end its transaction has no plan: the server lets it only
 * outside of a transaction block.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_DO_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_DO_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/statement_target.h"

/* DoStmt: adds the targets of all statements in the block. */
statement_reader statement_do_read;

/* The PL/pgSQL source, the tree's; NULL if it is of another language, or is
 * missing. */
const char *statement_do_source(const PgQuery__DoStmt *stmt);

#endif

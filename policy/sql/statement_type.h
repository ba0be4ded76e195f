/*
 * statement_type.h - ALTER TYPE of a composite type: with CASCADE its typed
 * tables change too.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_TYPE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_TYPE_H

#include "policy/sql/statement_target.h"

/* Add the targets of a change of attributes.  Answers as a reader does. */
enum statement_status statement_type_alter(struct statement *out,
					   const PgQuery__AlterTableStmt *stmt);

/* Add the target of RENAME ATTRIBUTE.  Answers as a reader does. */
enum statement_status statement_type_rename(struct statement *out,
					    const PgQuery__RenameStmt *stmt);

#endif

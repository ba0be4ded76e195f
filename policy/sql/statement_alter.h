/*
 * statement_alter.h - ALTER of what is or belongs to a relation: readers for
 * statement_tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_ALTER_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_ALTER_H

#include "policy/sql/statement_target.h"

/* The readers, each with the node that it reads. */
statement_reader statement_alter_read;            /* AlterTableStmt */
statement_reader statement_alter_read_move_all;   /* ALL IN TABLESPACE */
statement_reader statement_alter_read_rename;     /* RenameStmt */
statement_reader statement_alter_read_set_schema; /* AlterObjectSchemaStmt */

#endif

/*
 * statement_drop.h - what is dropped or emptied: readers for statement_tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_DROP_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_DROP_H

#include "policy/sql/statement_target.h"

/* The readers, each with the node that it reads. */
statement_reader statement_drop_read;          /* DropStmt */
statement_reader statement_drop_read_owned;    /* DropOwnedStmt */
statement_reader statement_drop_read_truncate; /* TruncateStmt */

#endif

/*
 * statement_lock.h - what locks relations and defines nothing in them: LOCK,
 * COMMENT and the commands of maintenance.  Readers for statement_tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_LOCK_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_LOCK_H

#include "policy/sql/statement_target.h"

/* The readers, each named after the statement that it reads. */
statement_reader statement_lock_read_table;
statement_reader statement_lock_read_comment;
statement_reader statement_lock_read_cluster;
statement_reader statement_lock_read_reindex;
statement_reader statement_lock_read_analyze;

#endif

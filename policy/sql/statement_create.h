/*
 * statement_create.h - a CREATE that locks relations which exist, and REFRESH:
 * readers for statement_tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_CREATE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_CREATE_H

#include "policy/sql/statement_target.h"

/* The readers, each named after the statement that it reads. */
statement_reader statement_create_read_table;
statement_reader statement_create_read_foreign_table;
statement_reader statement_create_read_schema;
statement_reader statement_create_read_index;
statement_reader statement_create_read_trigger;
statement_reader statement_create_read_rule;
statement_reader statement_create_read_policy;
statement_reader statement_create_read_statistics;
statement_reader statement_create_read_refresh;
statement_reader statement_create_read_view;

#endif

/*
 * statement_tree.h - the third sieve: one statement's syntax tree -> facts.
 *
 * The header shows nothing of libpg_query's tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_TREE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_TREE_H

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

/*
 * Parse text, one statement without its ';', and fill in what `out` says of
 * it; start and end are left alone.  Targets are added to those that are
 * there; they stay the caller's to free whatever the answer is: STATEMENT_OK,
 * STATEMENT_UNPARSED, STATEMENT_NO_MEMORY, or STATEMENT_TOO_LARGE for what a
 * DO block holds.
 *
 * Recurses as deep as the statement nests: the caller bounds its length.
 */
enum statement_status statement_tree_read(struct statement *out,
					  struct statement_text text,
					  enum guard_scope scope);

#endif

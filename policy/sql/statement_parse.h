/*
 * statement_parse.h - the text of one statement -> its syntax tree.
 *
 * Like statement_target.h it shows libpg_query's tree: for readers of it alone.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_PARSE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_PARSE_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

/* Called with the statement's node, which is gone afterwards; arg is its own.
 */
typedef enum statement_status statement_visitor(const PgQuery__Node *node,
						void *arg);

/*
 * Parse the text, which has no ';', and visit its statement.  The visitor's
 * answer; STATEMENT_NO_MEMORY; or STATEMENT_UNPARSED, unless it is one
 * statement, and the visitor is not called.
 *
 * Recurses as deep as the statement nests: the caller bounds its length.
 */
enum statement_status statement_parse(struct statement_text text,
				      statement_visitor *visit, void *arg);

#endif

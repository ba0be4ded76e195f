/*
 * statement.h - SQL text -> statement facts.
 *
 * Three sieves, each paid only by what the one before lets through: a look at
 * the first keyword behind the start and behind each ';' (all traffic), the
 * split into statements with libpg_query's scanner, and the parse of those
 * statements that can matter.  Only statement*.c see pg_query.h.
 *
 * The facts themselves stand in statement_facts.h, and the first sieve,
 * statement_is_candidate, in statement_sieve.h.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_sieve.h"

/*
 * Split a text and judge its statements.  What stands beside a guarded
 * statement that can be planned shares its transaction, or may: there a wider
 * scope than the one asked for counts, if it can be planned too.  DDL that the
 * grammar does not know counts in every scope, with all that it names.
 *
 * sql[len] must be NUL and sql must hold no other (else
 * STATEMENT_UNPARSED).  parse_bytes caps each statement that is parsed, and
 * STATEMENT_NESTING_MAX how deep it may nest: libpg_query recurses, and its
 * stack is the thread's, 2 MiB at most.
 *
 * libpg_query keeps some memory per thread, which goes with the thread.
 *
 * STATEMENT_OK: *out is filled, statement_list_clear frees it.  Otherwise
 * *out is empty.
 */
enum statement_status statement_list_parse(struct statement_list *out,
					   const char *sql, size_t len,
					   enum guard_scope scope,
					   size_t parse_bytes);

/*
 * True if the rest of the text has no syntax error either, or none but in what
 * becomes `unparsed`; `list` is of this very text and scope.  This parses all
 * that statement_list_parse did not, so it is not for traffic.  False also
 * where a statement is above parse_bytes, or all of them are above a multiple
 * of that.
 */
bool statement_list_is_sound(struct statement_list *list, const char *sql,
			     enum guard_scope scope, size_t parse_bytes);

/* The version of PostgreSQL whose grammar this is, static: "15". */
const char *statement_grammar(void);

/* The bytes on the heap that the list takes, about. */
size_t statement_list_bytes(const struct statement_list *list);

/* Free all that the list owns; accepts a zeroed one. */
void statement_list_clear(struct statement_list *list);

#endif

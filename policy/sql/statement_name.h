/*
 * statement_name.h - names of a syntax tree -> text as the server takes it.
 *
 * Every identifier comes in double quotes.  The answers:
 *   STATEMENT_OK         *out is allocated, the caller's to free
 *   STATEMENT_UNPARSED   no name that the catalogs could be asked for; the
 *                        server refuses it too, or nearly always
 *   STATEMENT_NO_MEMORY
 * *out is NULL unless OK.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_NAME_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_NAME_H

#include <stddef.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/statement_facts.h"

/* Copy the name as it is, without quotes. */
enum statement_status statement_name_bare(char **out, const char *name);

/* Write one identifier in quotes. */
enum statement_status statement_name_part(char **out, const char *name);

/* Write a relation: "schema"."relation". */
enum statement_status statement_name_range(char **out,
					   const PgQuery__RangeVar *range);

/* Write a name from a list of strings: "schema"."relation". */
enum statement_status
statement_name_list(char **out, PgQuery__Node *const *parts, size_t count);

/* Write a type as to_regtype() takes it. */
enum statement_status statement_name_type(char **out,
					  const PgQuery__TypeName *type);

/* Write an operator: "schema".+ */
enum statement_status
statement_name_operator(char **out, const PgQuery__ObjectWithArgs *object);

/* Write the arguments of a routine or an operator: ("schema"."type",NONE). */
enum statement_status
statement_name_arguments(char **out, const PgQuery__ObjectWithArgs *object);

/* Write a role in quotes, or current_user or session_user without. */
enum statement_status statement_name_role(char **out,
					  const PgQuery__RoleSpec *role);

#endif

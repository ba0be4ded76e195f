/*
 * statement_cut.h - an SQL text cut into its statements, by no grammar.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_CUT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_CUT_H

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

/* The bytes of a statement. */
static inline struct statement_text
statement_text_of(const char *sql, const struct statement *s)
{
	return (struct statement_text){sql + s->start, s->end - s->start};
}

/*
 * Cut the text of `len` bytes, which a NUL ends: *out, empty before, gets the
 * statements with their places, all else zero.  Together they have all of the
 * text but white space, comments and the ';' that end them.
 *
 * STATEMENT_OK; STATEMENT_UNPARSED, where nothing that has an end is in it;
 * STATEMENT_TOO_LARGE, STATEMENT_TOO_DEAR or STATEMENT_NO_MEMORY.  *out is the
 * caller's to clear in any case.
 */
enum statement_status statement_cut(struct statement_list *out, const char *sql,
				    size_t len);

#endif

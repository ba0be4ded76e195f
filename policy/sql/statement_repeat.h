/*
 * statement_repeat.h - may the statements of a text be done again, unseen, and
 * what must be asked of the catalogs to be sure of it.
 *
 * A statement may be done again behind a rollback of what it has done if none
 * of its effects outlasts that, and if it answers the same the second time as
 * far as anybody can tell beforehand: that it does is compared.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_REPEAT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_REPEAT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/repeat_facts.h"

/*
 * Add what a text of `len` bytes tells.  sql[len] must be NUL.  parse_bytes
 * caps each statement as in statement_list_parse.
 */
void statement_repeat_read(struct repeat *r, const char *sql, size_t len,
			   size_t parse_bytes);

/* True if the text is one statement that begins a transaction block. */
bool statement_repeat_begins(const char *sql, size_t len);

#endif

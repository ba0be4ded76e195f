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

enum {
	REPEAT_NAMES_MAX = 1000, /* names of a kind; more are an obstacle */
};

struct repeat_names {
	char **items; /* owned, each */
	size_t count;
};

/* A zeroed one is empty and valid. */
struct repeat {
	/* Why it may not be done again, static; NULL: nothing in the texts
	 * tells against it, which the first obstacle ends. */
	const char *obstacle;
	bool shows_rows;
	/* Bare names of functions that were called, perhaps. */
	struct repeat_names functions;
	/* Relations as to_regclass() takes them: rows of these were shown,
	 * rows of those were written, or read unseen. */
	struct repeat_names shown;
	struct repeat_names written;
	size_t rows_used; /* relations used that are not of the catalogs */
	/* Bare names; something was used behind the first ones. */
	struct repeat_names savepoints;
	size_t savepoints_used;
};

/*
 * Add what a text of `len` bytes tells.  sql[len] must be NUL.  parse_bytes
 * caps each statement as in statement_list_parse.
 */
void statement_repeat_read(struct repeat *r, const char *sql, size_t len,
			   size_t parse_bytes);

/* True if the text is one statement that begins a transaction block. */
bool statement_repeat_begins(const char *sql, size_t len);

/* Free all names; accepts a zeroed one, and leaves one. */
void statement_repeat_clear(struct repeat *r);

#endif

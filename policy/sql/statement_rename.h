/*
 * statement_rename.h - what names meant before they changed: the catalogs are
 * asked once, before a DO block runs, and know only the names of then.
 *
 * Which of a block's commands run nobody can tell beforehand.  So a name that
 * may have changed stands for both, what it means now and what it meant: a
 * lock too many is safe.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_RENAME_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_RENAME_H

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

enum rename_kind {
	RENAME_RELATION, /* RENAME TO, SET SCHEMA */
	RENAME_PART,     /* a column, constraint or trigger of a relation */
	RENAME_SCHEMA,
	RENAME_PATH, /* the search_path begins to have a schema */
};

struct rename {
	enum rename_kind kind;
	/* Owned, in a target's form: relations and schemas in double quotes,
	 * parts bare. */
	char *relation; /* PART: whose it is; else NULL */
	char *from;
	char *to; /* PATH: NULL */
};

/* The ones of a block, in its order.  Zeroed, there are none. */
struct renames {
	struct rename *items; /* owned */
	size_t count;
	bool is_lost; /* something was renamed that is not followed */
};

/*
 * Add what the statement renames, if it parses and does.  STATEMENT_OK,
 * STATEMENT_NO_MEMORY, or STATEMENT_TOO_LARGE: it nests too deep.
 */
enum statement_status statement_rename_read(struct renames *out,
					    struct statement_text text);

/*
 * Add the schemas that the text, code between two statements, puts into the
 * search_path.  STATEMENT_OK or STATEMENT_NO_MEMORY.
 */
enum statement_status statement_rename_path(struct renames *out,
					    struct statement_text text);

/*
 * Add to *out, for each of its targets, those that its names may have meant
 * before.  STATEMENT_OK, STATEMENT_NO_MEMORY, or STATEMENT_TOO_LARGE: they are
 * more than can be asked about.
 */
enum statement_status statement_rename_follow(struct statement *out,
					      const struct renames *renames);

/* Free what it holds; *r is empty afterwards. */
void statement_renames_clear(struct renames *r);

#endif

/*
 * statement_scan.h - what the tokens of one statement tell, without a parse.
 *
 * The tokens are those of libpg_query's scanner.  A text above
 * STATEMENT_PARSE_BYTES_MAX, or one that it cannot scan, is answered as if it
 * held no comment and no body, and nested as deep as it has bytes.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_SCAN_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/statement_text.h"

/* Where the comments behind the last token begin; the text's end if none. */
size_t statement_scan_trailing_comments(struct statement_text text);

/*
 * How deep in a routine's BEGIN ATOMIC and CASE the text ends, which begins
 * at `depth`: a ';' ends the statement at depth 0 only.
 */
size_t statement_scan_body_depth(struct statement_text text, size_t depth);

/*
 * An upper bound of how deep the syntax tree nests, in tokens.  Commas
 * separate what stands side by side; all else is taken to nest.
 */
size_t statement_scan_nesting(struct statement_text text);

/* What stands in a PL/pgSQL block. */
struct statement_block {
	/*
	 * Owned; the texts borrow from the block's.  What begins like a
	 * statement with DROP, ALTER, TRUNCATE, CREATE or REFRESH; it may yet
	 * be something else, and not parse.
	 */
	struct statement_text *items;
	size_t count;
	/* COMMIT, ROLLBACK, or a CALL or DO whose own block may have them. */
	bool may_end_transaction;
};

/*
 * False: out of memory, *out is empty.  A block that does not scan has
 * nothing in it.
 *
 * Not with libpg_query's parser for PL/pgSQL: it aborts on some input, leaks
 * on every input, and refuses much that the server runs.
 */
bool statement_scan_block(struct statement_block *out,
			  struct statement_text block);

#endif

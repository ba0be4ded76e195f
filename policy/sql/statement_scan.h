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

/*
 * The byte at which the comments behind the last token begin; the text's length
 * if there are none.
 */
size_t statement_scan_trailing_comments(struct statement_text text);

/*
 * How many of a routine's BEGIN ATOMIC and CASE are open at the text's end, if
 * `depth` are at its begin.  A ';' ends the statement at depth 0 only.
 */
size_t statement_scan_body_depth(struct statement_text text, size_t depth);

/*
 * An upper bound of how deep the syntax tree nests, in tokens.  Commas
 * separate what stands side by side; all else is taken to nest.
 */
size_t statement_scan_nesting(struct statement_text text);

/* The statements of a PL/pgSQL block that could matter. */
struct statement_block {
	/*
	 * Owned; the texts borrow from the block's.  Each begins with DROP,
	 * ALTER, TRUNCATE, CREATE or REFRESH where a statement may begin; it
	 * may yet be something else, and not parse.
	 */
	struct statement_text *items;
	size_t count;
	/* The block holds a COMMIT or ROLLBACK, or a CALL or DO, whose own
	 * block may have them. */
	bool may_end_transaction;
};

/*
 * Find the statements of a block; the caller frees out->items.  False: out of
 * memory, and *out is empty.  A block that does not scan has nothing in it.
 *
 * libpg_query's parser for PL/pgSQL is of no use: it aborts on some input,
 * leaks on every input, and refuses much that the server runs.
 */
bool statement_scan_block(struct statement_block *out,
			  struct statement_text block);

#endif

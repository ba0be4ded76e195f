/*
 * statement_scan.h - what the tokens of one statement tell, without a parse.
 *
 * The tokens are those of libpg_query's scanner.  A text above
 * STATEMENT_PARSE_BYTES_MAX, or one that it cannot scan, is answered as if it
 * held no comment and no body, and nested as deep as it has bytes.
 */
#ifndef LOCKSTEP_POLICY_STATEMENT_SCAN_H
#define LOCKSTEP_POLICY_STATEMENT_SCAN_H

#include <stddef.h>

#include "policy/statement_text.h"

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

#endif

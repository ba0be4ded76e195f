/*
 * plain_block.h - the statements of a PL/pgSQL block that holds nothing else:
 *
 *   BEGIN statement; ... [EXCEPTION WHEN ... THEN NULL; ...] END
 *
 * No variables, no conditions, no loops: what such a block does is what its
 * statements do, each of them whole or not at all.
 */
#ifndef LOCKSTEP_POLICY_SQL_PLAIN_BLOCK_H
#define LOCKSTEP_POLICY_SQL_PLAIN_BLOCK_H

#include <stdbool.h>

#include "policy/sql/statement_text.h"
#include "policy/sql/tokens.h"

enum plain_block_state {
	PLAIN_BLOCK_GOES_ON, /* a statement was found */
	PLAIN_BLOCK_ENDS,    /* as it should */
	PLAIN_BLOCK_ODD,     /* the block is not of that shape */
};

/* A walk over the statements; plain_block_begin makes it. */
struct plain_block {
	struct tokens tokens;
	struct token token; /* the next one */
};

/* Begin the walk over the source, which stays borrowed.  False: it is not of
 * that shape. */
bool plain_block_begin(struct plain_block *b, struct statement_text source);

/*
 * Go to the next statement, which is without its ';', and may be anything, or
 * no SQL.  *out is undefined unless one was found.
 */
enum plain_block_state plain_block_next(struct plain_block *b,
					struct statement_text *out);

#endif

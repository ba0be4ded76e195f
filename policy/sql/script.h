/*
 * script.h - the text of one simple Query cut into pieces, so that each
 * guarded statement can be prepared for where a transaction block is open.
 *
 * A Query message is one implicit transaction unless it holds BEGIN and
 * COMMIT of its own; a cut in an implicit transaction would commit half of it.
 * So a cut is made only where a block was opened within the text (just before
 * the first guarded statement of that block) and where a block was closed.
 */
#ifndef LOCKSTEP_POLICY_SQL_SCRIPT_H
#define LOCKSTEP_POLICY_SQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/statement.h"

struct piece {
	size_t start; /* byte range of the text, the ';' included */
	size_t end;
	/* The statements to plan for before this piece runs: the guarded ones
	 * among these; none if count is 0. */
	size_t first;
	size_t count;
	/* Not in a block: to be wrapped in BEGIN and COMMIT to hold locks. */
	bool needs_block;
};

struct script {
	struct piece *pieces; /* owned */
	size_t count;
	/* Guarded statements that no piece can prepare for: an implicit
	 * transaction that turns into a block, or a text that is not sound. */
	size_t unguarded;
};

/*
 * len: of the whole text.  At least one piece; together they are the text.
 * False: out of memory.
 */
bool script_cut(struct script *out, const struct statement_list *list,
		size_t len, bool in_block);

void script_clear(struct script *script);

#endif

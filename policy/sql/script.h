/*
 * script.h - the text of one simple Query cut into pieces, so that each
 * guarded statement can be prepared for where it stands.
 *
 * Guarded statements of one transaction are planned together, before the first
 * of them, so that their locks come in one order: up to the first statement
 * that may wait for somebody's row, for it is not to wait with locks that only
 * a later one needs.  Such a plan sees the catalogs as they are then.  So where
 * a statement before a guarded one may have changed them, or what names mean,
 * that one is planned again: the text is cut there.  Nothing of the text is
 * planned before what it begins with either: a plan takes a snapshot, and SET
 * TRANSACTION comes too late behind one.
 *
 * DDL that the grammar does not know is planned for alone, and where it is its
 * own transaction it runs in no block.
 *
 * A Query message is one implicit transaction unless it holds BEGIN and COMMIT
 * of its own.  The pieces of one such transaction run in a block of ours.
 */
#ifndef LOCKSTEP_POLICY_SQL_SCRIPT_H
#define LOCKSTEP_POLICY_SQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/statement.h"

struct piece {
	size_t start; /* byte range of the text, the ';' included */
	size_t end;
	/* The statements to plan for before this piece runs are the guarded
	 * ones of items[first] to items[first + count - 1]. */
	size_t first;
	size_t count;
	/* The piece is in no block, nor is any behind it: wrap it and those
	 * in one BEGIN and COMMIT, to hold locks. */
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
 * Cut the text of `len` bytes that `list` was parsed from; `in_block` tells
 * that a transaction block is open before it.  There is one piece at least, and
 * together they are the text.  False: out of memory, and *out is empty.
 */
bool script_cut(struct script *out, const struct statement_list *list,
		size_t len, bool in_block);

/* True if a run of the statement leaves nothing behind when its transaction is
 * taken back to before it, and ends no transaction. */
bool script_can_undo(const struct statement *s);

/*
 * True if the piece, one of those cut from `list`, begins with such statements,
 * its guarded ones all among them, and may end behind these.
 */
bool script_can_split(const struct script *script,
		      const struct statement_list *list, size_t piece);

/* Make two pieces of one that script_can_split allows, if more is behind those
 * statements; the second has nothing to plan for. */
void script_split(struct script *script, const struct statement_list *list,
		  size_t piece);

/* Free the pieces; accepts an empty script. */
void script_clear(struct script *script);

#endif

/*
 * query.h - a simple Query of the client's that holds guarded statements:
 * its text, the pieces it is sent in, and where it has come to.
 */
#ifndef LOCKSTEP_PROXY_GUARD_QUERY_H
#define LOCKSTEP_PROXY_GUARD_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/script.h"
#include "policy/sql/statement.h"
#include "protocol/span.h"
#include "proxy/guard/delivery.h"

struct guarded;

/* A zeroed one is empty and valid. */
struct query {
	struct guarded *guarded; /* borrowed */
	char *text; /* owned, NUL terminated; NULL: there is none */
	size_t text_len;
	struct statement_list list; /* owned */
	struct script script;       /* owned */
	size_t piece; /* index of the one that is prepared for or runs */
	struct delivery delivery;
};

/* Set up a zeroed query: g is borrowed, sql copied, *list taken.  False: out of
 * memory, and nothing is taken. */
bool query_take(struct query *q, struct guarded *g, struct span sql,
		struct statement_list *list);

/*
 * Decide on the pieces; in_block tells that a transaction block is open before
 * the text.  False: out of memory, and there is no piece.
 */
bool query_cut(struct query *q, bool in_block);

/* Make one piece of the text, without a plan, as if it had not been judged. */
void query_leave_whole(struct query *q);

/* The piece that is prepared for or runs, borrowed until the next cut. */
const struct piece *query_piece(const struct query *q);

/* The *count statements to prepare for before this piece runs, borrowed. */
const struct statement *query_statements(const struct query *q, size_t *count);

/* True if the text has pieces behind the one that is prepared for or runs. */
bool query_has_more(const struct query *q);

/* True if the piece, or a part of it with all that is guarded, can be run and
 * undone. */
bool query_can_undo(const struct query *q);

/*
 * Send the piece, or that part of it, which is the piece from now on, as a
 * message of ours: the caller decides what the client sees of the answers.
 */
void query_send_trial(struct query *q, bool in_own_block);

/* Send the piece.  in_own_block: the block is ours, and a COMMIT follows the
 * last piece. */
void query_send_piece(struct query *q, bool in_own_block);

/*
 * Go to the next piece.  False: that was the last, or an error ended the text.
 */
bool query_advance(struct query *q);

/* Send the client the one ReadyForQuery that it sees. */
void query_finish(struct query *q);

/* Free all that the query owns; accepts a zeroed one, and leaves one. */
void query_clear(struct query *q);

#endif

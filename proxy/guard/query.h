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
	struct script script;
	size_t piece; /* the one that is prepared for or runs */
	struct delivery delivery;
};

/* sql is copied, *list taken.  False: out of memory, and nothing is taken. */
bool query_take(struct query *q, struct guarded *g, struct span sql,
		struct statement_list *list);

/*
 * Decide on the pieces: in_block says whether the text begins in a transaction
 * block.  False: out of memory.
 */
bool query_cut(struct query *q, bool in_block);

/* One piece without a plan instead: as if the text had not been judged. */
void query_leave_whole(struct query *q);

const struct piece *query_piece(const struct query *q);

/* The statements to prepare for before this piece runs. */
const struct statement *query_statements(const struct query *q, size_t *count);

/* in_own_block: the block is ours, to be committed behind it. */
void query_send_piece(struct query *q, bool in_own_block);

/* False: that was the last piece, or an error ended the text. */
bool query_advance(struct query *q);

/* The one ReadyForQuery that the client sees. */
void query_finish(struct query *q);

void query_clear(struct query *q);

#endif

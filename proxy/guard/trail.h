/*
 * trail.h - how a session's transaction began, and whether it ends well: what
 * the memory needs to know of it.
 *
 * In a transaction block the ordinary path pays for a hash of a few bytes a
 * message.  A trail begins at the first guarded statement of a transaction that
 * goes on behind it.
 */
#ifndef LOCKSTEP_PROXY_GUARD_TRAIL_H
#define LOCKSTEP_PROXY_GUARD_TRAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "policy/sql/shape.h"
#include "protocol/frame.h"
#include "protocol/types.h"
#include "proxy/guard/memory.h"
#include "proxy/pair/pair.h"

/* A zeroed one has not begun. */
struct trail {
	uint64_t shape;         /* the messages of the open block */
	struct memory_key *key; /* owned; NULL: it has not begun */
	uint64_t since_ms;
	bool is_lost;    /* a part of the transaction was taken back */
	bool has_untold; /* a statement's set is not known to the memory */
	/* A run is under way that may be undone: its answers tell nothing, and
	 * whoever set this sets is_lost where it ends otherwise. */
	bool is_on_trial;
};

/*
 * Note a message that goes to the server while a block is open: that a
 * statement is run, and by which four letters its text begins.  Whether it was
 * prepared before makes no difference.
 */
static inline void
trail_note_sent(struct trail *t, const struct frame_header *h, struct span in)
{
	uint32_t letters = FRONTEND_EXECUTE;

	if (h->type != FRONTEND_QUERY && h->type != FRONTEND_EXECUTE)
		return;
	if (h->type == FRONTEND_QUERY && h->body_len >= 4 &&
	    in.len >= FRAME_HEADER_BYTES + 4)
		memcpy(&letters, in.data + FRAME_HEADER_BYTES, 4);
	t->shape = shape_add(t->shape, letters);
}

/* No transaction is open: what follows is the beginning of the next. */
static inline void
trail_note_idle(struct trail *t)
{
	t->shape = 0;
}

/*
 * Begin, with what was noted and the shape of the guarded statement; *key, but
 * for its shapes, is copied.  No effect if it has begun, or memory is out.
 */
void trail_begin(struct trail *t, const struct memory_key *key,
		 uint64_t statement_shape, uint64_t now_ms);

/* Note the server's answer, whole if its type is CommandComplete, to a message
 * of the client's; *status is that of the transaction. */
void trail_note_answer(struct trail *t, struct memory *m, const struct frame *f,
		       enum transaction_status status);

/* The transaction is over: tell the memory, if it has ended well. */
void trail_end(struct trail *t, struct memory *m);

/* Free what is owned; it has not begun then. */
void trail_clear(struct trail *t);

#endif

/*
 * delivery.h - the answers to a simple Query that is sent in pieces or in a
 * transaction block of ours: what the client sees of them, and when.
 *
 * Within a block of ours the last CommandComplete says too much: it is kept
 * back until the COMMIT has succeeded, as the server itself does it outside of
 * a block.  A position in an error counts from the piece; it is corrected.
 */
#ifndef LOCKSTEP_PROXY_GUARD_DELIVERY_H
#define LOCKSTEP_PROXY_GUARD_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "protocol/span.h"
#include "protocol/writer.h"

struct pair;

enum {
	DELIVERY_HELD_MAX_BYTES = 1024 * 1024,
};

struct delivery {
	struct pair *pair; /* borrowed */
	uint32_t shift;    /* characters of the text before this piece */
	bool holds_back;   /* in a block of ours */
	bool has_failed;   /* an ErrorResponse was delivered */
	size_t tag_len; /* bytes of the CommandComplete at the front of held */
	struct writer held; /* that, and the messages behind it */
};

/*
 * Start with the piece that begins at byte `offset` of the text, which is
 * borrowed for the call; p is borrowed until delivery_clear.  holds_back: the
 * piece runs in a block of ours.
 */
void delivery_begin(struct delivery *d, struct pair *p, const char *text,
		    size_t offset, bool holds_back);

/*
 * Take one of the client's answers: frame, whose body has data NULL if it is
 * too large to be there whole, and raw, the same with its header, or the front
 * of it.  True: taken, be it sent, held back or swallowed; false: the caller
 * passes it on.
 */
bool delivery_answer(struct delivery *d, struct frame frame, struct span raw);

/*
 * Take a message that answers nothing: frame, and raw, as with delivery_answer.
 * Behind a CommandComplete that is held back it is held, too, be it that there
 * is no room for it: then it passes, as it may at any time, and first those
 * before it do.  True: taken; false: the caller passes it on.
 */
bool delivery_take_async(struct delivery *d, struct frame frame,
			 struct span raw);

/* The COMMIT succeeded: send all that is held. */
void delivery_confirm(struct delivery *d);

/* The COMMIT failed: send this raw error in place of the CommandComplete and of
 * the notices behind it.  Nothing need be held.  Empty: the error is on its way
 * by another. */
void delivery_deny(struct delivery *d, struct span error);

/* Free what is held, unsent; accepts a zeroed one, and leaves one. */
void delivery_clear(struct delivery *d);

#endif

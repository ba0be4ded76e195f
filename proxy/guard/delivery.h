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

struct delivery {
	struct pair *pair; /* borrowed */
	uint32_t shift;    /* characters of the text before this piece */
	bool holds_back;   /* in a block of ours */
	bool has_failed;   /* an ErrorResponse was delivered */
	size_t tag_len; /* bytes of the CommandComplete at the front of held */
	struct writer held; /* it, and what came behind it */
};

/* Start with the piece that begins at `offset` of the text. */
void delivery_begin(struct delivery *d, struct pair *p, const char *text,
		    size_t offset, bool holds_back);

/*
 * A message of the client's answers; its body has data NULL if it is too large
 * to be there whole.  True: taken; false: to be passed.
 */
bool delivery_answer(struct delivery *d, struct frame frame, struct span raw);

/* While our COMMIT runs: what must not overtake the CommandComplete. */
void delivery_hold(struct delivery *d, struct span raw);

/* The COMMIT succeeded, or failed with this error. */
void delivery_confirm(struct delivery *d);
void delivery_deny(struct delivery *d, struct span error);

void delivery_clear(struct delivery *d);

#endif

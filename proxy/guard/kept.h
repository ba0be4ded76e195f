/*
 * kept.h - whole frames of an extended cycle that may come to run a guarded
 * statement: kept back up to its Execute, so that waiting there happens in a
 * session that has begun nothing in the server.
 */
#ifndef LOCKSTEP_PROXY_GUARD_KEPT_H
#define LOCKSTEP_PROXY_GUARD_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/buffer.h"

/* A zeroed one is empty and valid. */
struct kept {
	uint32_t count; /* number of frames */
	struct buffer frames;
};

/* Append a copy of a whole frame, `len` bytes.  False: out of memory, and
 * nothing is added. */
bool kept_add(struct kept *k, const void *frame, size_t len);

/* Forget the frames, unsent; *k is empty afterwards. */
void kept_clear(struct kept *k);

#endif

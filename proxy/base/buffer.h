/*
 * buffer.h - bytes that wait: appended at the end, consumed at the front.
 * Owns its memory and gives it back as soon as it is empty, so that an idle
 * session costs none.  A zeroed buffer is empty and valid.
 */
#ifndef LOCKSTEP_PROXY_BASE_BUFFER_H
#define LOCKSTEP_PROXY_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

struct buffer {
	uint8_t *data;
	size_t start; /* first byte that waits */
	size_t len;   /* bytes that wait */
	size_t cap;
};

/* False: out of memory, and nothing was appended. */
bool buffer_append(struct buffer *b, const void *data, size_t len);

/* Room for len more bytes at the end; NULL: out of memory. */
uint8_t *buffer_reserve(struct buffer *b, size_t len);
void buffer_commit(struct buffer *b, size_t len);

void buffer_consume(struct buffer *b, size_t len);
void buffer_consume_secret(struct buffer *b, size_t len); /* and wipe them */

/* What waits; borrowed until the buffer changes. */
struct span buffer_span(const struct buffer *b);

void buffer_clear(struct buffer *b);

#endif

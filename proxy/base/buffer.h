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

/* Copy len bytes to the end.  False: out of memory, nothing was appended. */
bool buffer_append(struct buffer *b, const void *data, size_t len);

/*
 * Make room for len more bytes at the end, to be written and committed;
 * borrowed until the buffer changes.  NULL: out of memory, nothing changed.
 */
uint8_t *buffer_reserve(struct buffer *b, size_t len);

/* Append len bytes that were written to the room reserved. */
void buffer_commit(struct buffer *b, size_t len);

/* Drop len bytes at the front; no more than wait. */
void buffer_consume(struct buffer *b, size_t len);

/* Drop and wipe them. */
void buffer_consume_secret(struct buffer *b, size_t len);

/* The bytes that wait; borrowed until the buffer changes. */
struct span buffer_span(const struct buffer *b);

/* Free the memory; the buffer is empty and valid. */
void buffer_clear(struct buffer *b);

#endif

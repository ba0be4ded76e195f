#include "proxy/base/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER_MIN = 512,
};

static void
buffer_move_to_front(struct buffer *b)
{
	if (b->start == 0)
		return;
	memmove(b->data, b->data + b->start, b->len);
	b->start = 0;
}

uint8_t *
buffer_reserve(struct buffer *b, size_t len)
{
	size_t cap = b->cap > 0 ? b->cap : BUFFER_MIN;
	uint8_t *data;

	if (b->start > 0 && b->cap - b->start - b->len < len)
		buffer_move_to_front(b);
	if (b->cap - b->start - b->len >= len)
		return b->data + b->start + b->len;
	if (len > SIZE_MAX / 4 - b->len)
		return NULL;
	while (cap < b->len + len)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		return NULL;
	b->data = data;
	b->cap = cap;
	return data + b->start + b->len;
}

void
buffer_commit(struct buffer *b, size_t len)
{
	assert(len <= b->cap - b->start - b->len);
	b->len += len;
}

bool
buffer_append(struct buffer *b, const void *data, size_t len)
{
	uint8_t *room;

	if (len == 0)
		return true;
	room = buffer_reserve(b, len);
	if (room == NULL)
		return false;
	memcpy(room, data, len);
	b->len += len;
	return true;
}

void
buffer_consume(struct buffer *b, size_t len)
{
	assert(len <= b->len);
	b->start += len;
	b->len -= len;
	if (b->len == 0)
		buffer_clear(b);
}

void
buffer_consume_secret(struct buffer *b, size_t len)
{
	assert(len <= b->len);
	if (len > 0)
		explicit_bzero(b->data + b->start, len);
	buffer_consume(b, len);
}

struct span
buffer_span(const struct buffer *b)
{
	if (b->len == 0)
		return span_of(NULL, 0);
	return span_of(b->data + b->start, b->len);
}

void
buffer_clear(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

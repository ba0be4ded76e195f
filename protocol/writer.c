#include "protocol/writer.h"

#include <assert.h>
#include <stdlib.h>

enum {
	WRITER_FIRST_CAP = 256,
	/* the length field counts itself and the body: 1 GiB - 1 */
	WRITER_MESSAGE_MAX = 0x3fffffff,
	LENGTH_BYTES = 4,
};

/* Make room for len more bytes.  False: there is none, and w has failed. */
static bool
writer_reserve(struct writer *w, size_t len)
{
	size_t cap = w->cap > 0 ? w->cap : WRITER_FIRST_CAP;
	uint8_t *data;

	if (w->failed)
		return false;
	if (len <= w->cap - w->len)
		return true;
	while (len > cap - w->len && cap <= SIZE_MAX / 2)
		cap *= 2;
	data = len > cap - w->len ? NULL : realloc(w->data, cap);
	if (data == NULL) {
		w->failed = true;
		return false;
	}
	w->data = data;
	w->cap = cap;
	return true;
}

static void
store_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

void
write_u8(struct writer *w, uint8_t value)
{
	write_bytes(w, &value, sizeof(value));
}

void
write_u16(struct writer *w, uint16_t value)
{
	uint8_t b[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	write_bytes(w, b, sizeof(b));
}

void
write_u32(struct writer *w, uint32_t value)
{
	uint8_t b[4];

	store_u32(b, value);
	write_bytes(w, b, sizeof(b));
}

void
write_bytes(struct writer *w, const void *data, size_t len)
{
	/* Judged before it is stored: a hostile length costs no memory. */
	if (w->is_open && !w->failed &&
	    len > WRITER_MESSAGE_MAX - (w->len - w->open))
		w->failed = true;
	if (len == 0 || !writer_reserve(w, len))
		return;
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

void
write_string(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text) + 1);
}

void
writer_begin(struct writer *w, uint8_t type)
{
	assert(!w->is_open);
	if (type != 0)
		write_u8(w, type);
	w->open = w->len;
	w->is_open = true;
	write_u32(w, 0);
}

void
writer_end(struct writer *w)
{
	assert(w->is_open);
	w->is_open = false;
	if (w->failed)
		return;
	assert(w->len - w->open >= LENGTH_BYTES);
	store_u32(w->data + w->open, (uint32_t)(w->len - w->open));
}

void
writer_reset(struct writer *w)
{
	w->len = 0;
	w->open = 0;
	w->is_open = false;
	w->failed = false;
}

void
writer_clear(struct writer *w)
{
	free(w->data);
	*w = (struct writer){0};
}

#include "policy/sql/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_BYTES_MIN = 64, /* room for, at first; doubled from there on */
};

/* Make room for `len` more bytes.  False: there is none, and t has failed. */
static bool
text_reserve(struct text *t, size_t len)
{
	size_t capacity = t->capacity > 0 ? t->capacity : TEXT_BYTES_MIN;
	char *data;

	if (t->failed)
		return false;
	if (len <= t->capacity - t->len)
		return true;
	while (len > capacity - t->len && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	data = len > capacity - t->len ? NULL : realloc(t->data, capacity);
	if (data == NULL) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->capacity = capacity;
	return true;
}

void
text_put(struct text *t, char c)
{
	if (text_reserve(t, 1))
		t->data[t->len++] = c;
}

void
text_put_bytes(struct text *t, const char *data, size_t len)
{
	if (len == 0 || !text_reserve(t, len))
		return;
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

void
text_put_string(struct text *t, const char *string)
{
	text_put_bytes(t, string, strlen(string));
}

void
text_print(struct text *t, const char *format, ...)
{
	size_t room = t->capacity - t->len;
	char *end = room > 0 ? t->data + t->len : NULL;
	va_list args;
	int len;

	if (t->failed)
		return;
	va_start(args, format);
	len = vsnprintf(end, room, format, args);
	va_end(args);
	assert(len >= 0); /* for lengths above INT_MAX only */
	if ((size_t)len >= room) {
		if (!text_reserve(t, (size_t)len + 1))
			return;
		va_start(args, format);
		vsnprintf(t->data + t->len, (size_t)len + 1, format, args);
		va_end(args);
	}
	t->len += (size_t)len;
}

char *
text_finish(struct text *t)
{
	char *data = NULL;

	text_put(t, '\0');
	if (t->failed)
		free(t->data);
	else
		data = t->data;
	*t = (struct text){0};
	return data;
}

void
text_clear(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

/*
 * text.h - a text that grows as it is written.
 *
 * A failed allocation sets the sticky flag `failed`; every later write is then
 * ignored, so that a builder checks once, at the end.  A zeroed text is empty
 * and valid.
 */
#ifndef LOCKSTEP_POLICY_SQL_TEXT_H
#define LOCKSTEP_POLICY_SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* owned; not NUL terminated before text_finish */
	size_t len; /* bytes written */
	size_t capacity;
	bool failed;
};

/* Append one byte. */
void text_put(struct text *t, char c);

/* Append `len` bytes; data may be NULL if len is 0. */
void text_put_bytes(struct text *t, const char *data, size_t len);

/* Append a NUL terminated string, without its NUL. */
void text_put_string(struct text *t, const char *string);

/* Append the text that printf would print. */
void text_print(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The text, NUL terminated, on the heap and the caller's to free; *t is empty
 * afterwards.  NULL: out of memory.
 */
char *text_finish(struct text *t);

/* Free what was written; *t is empty afterwards. */
void text_clear(struct text *t);

#endif

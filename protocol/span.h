/*
 * span.h - a borrowed run of bytes.  Whoever hands one out says until when
 * it is valid.
 */
#ifndef LOCKSTEP_PROTOCOL_SPAN_H
#define LOCKSTEP_PROTOCOL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t len; /* bytes */
};

/* The len bytes at data, which stay the caller's. */
static inline struct span
span_of(const void *data, size_t len)
{
	return (struct span){.data = data, .len = len};
}

/* True if the bytes are exactly this NUL terminated text. */
static inline bool
span_equals(struct span a, const char *text)
{
	size_t len = strlen(text);

	/* An empty span may have no address, which memcmp does not allow. */
	return a.len == len && (len == 0 || memcmp(a.data, text, len) == 0);
}

/* Copy the bytes, cut to what fits, with a NUL behind them; size is not 0. */
static inline void
span_copy(char *out, size_t size, struct span s)
{
	size_t len = s.len < size ? s.len : size - 1;

	if (len > 0)
		memcpy(out, s.data, len);
	out[len] = '\0';
}

#endif

/*
 * test.h - what every cmocka unit includes: cmocka with the headers it needs
 * first, and a few helpers about bytes.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_TEST_H
#define LOCKSTEP_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/span.h"

/* Version 2 of cmocka takes the word, and has another name for the range. */
#undef stop
#ifdef assert_uint_in_range
#undef assert_in_range
#define assert_in_range assert_uint_in_range
#endif

/* The bytes of a string literal, with their number. */
#define BYTES(literal) (literal), (sizeof(literal) - 1)

/* The bytes of a string literal, NULs within included. */
static inline struct span
bytes(const char *literal, size_t len)
{
	return span_of(literal, len);
}

/*
 * An exact copy on the heap, so that AddressSanitizer sees a read past its
 * end.  Give it back with bytes_free.
 */
static inline struct span
bytes_copy(struct span from)
{
	void *copy = malloc(from.len > 0 ? from.len : 1);

	assert_non_null(copy);
	if (from.len > 0)
		memcpy(copy, from.data, from.len);
	return span_of(copy, from.len);
}

static inline void
bytes_free(struct span copy)
{
	free((void *)(uintptr_t)copy.data);
}

typedef void bytes_check(struct span part);

/* Calls check with every proper prefix of whole, each an exact copy. */
static inline void
bytes_each_proper_prefix(struct span whole, bytes_check *check)
{
	for (size_t len = 0; len < whole.len; len++) {
		struct span prefix = bytes_copy(span_of(whole.data, len));

		check(prefix);
		bytes_free(prefix);
	}
}

static inline void
assert_span_equal(struct span actual, struct span expected)
{
	assert_int_equal(actual.len, expected.len);
	if (expected.len > 0)
		assert_memory_equal(actual.data, expected.data, expected.len);
}

static inline void
assert_span_text(struct span actual, const char *expected)
{
	assert_span_equal(actual, span_of(expected, strlen(expected)));
}

#endif

/*
 * shuffle.c - Fisher and Yates; the remainder of 64 bits is even enough.
 */
#include "proxy/net/shuffle.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proxy/tls/digest.h"

static void
shuffle_swap(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t kept[SHUFFLE_SIZE_MAX];

	memcpy(kept, a, size);
	memmove(a, b, size);
	memcpy(b, kept, size);
}

void
shuffle(void *items, size_t count, size_t size)
{
	uint8_t *at = items;
	uint64_t number;

	assert(size <= SHUFFLE_SIZE_MAX);
	for (; count > 1; count--) {
		if (!digest_random(&number, sizeof(number)))
			return;
		shuffle_swap(at + (count - 1) * size,
			     at + number % count * size, size);
	}
}

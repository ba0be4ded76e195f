/*
 * shuffle.h - items in an order that chance makes.
 */
#ifndef LOCKSTEP_PROXY_NET_SHUFFLE_H
#define LOCKSTEP_PROXY_NET_SHUFFLE_H

#include <stddef.h>

enum {
	SHUFFLE_SIZE_MAX = 16,
};

/* Shuffle `count` items of `size` bytes each, at most SHUFFLE_SIZE_MAX; each
 * order is as likely.  Where no random bytes are to be had they stay. */
void shuffle(void *items, size_t count, size_t size);

#endif

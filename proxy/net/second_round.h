/*
 * second_round.h - the addresses that a dial tries behind all others: those of
 * the lowest rank first.
 */
#ifndef LOCKSTEP_PROXY_NET_SECOND_ROUND_H
#define LOCKSTEP_PROXY_NET_SECOND_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/net/address.h"

enum {
	SECOND_ROUND_MAX = 8, /* addresses that have a place */
};

struct second_place {
	struct address peer;
	size_t endpoint; /* the dial's number for it */
	uint64_t rank;   /* misfits_rank; UINT64_MAX: it was tried already */
};

/* A zeroed one has not begun, and is empty. */
struct second_round {
	bool has_begun;
	size_t first; /* the places before it are taken */
	size_t count;
	struct second_place places[SECOND_ROUND_MAX];
};

/* Add one; once the round has begun, the one that was taken last.  False: there
 * is no place. */
bool second_round_add(struct second_round *r, const struct second_place *p);

/* Take the next one, and have the round begun.  False: none is left. */
bool second_round_take(struct second_round *r, struct second_place *out);

/* True if one is left. */
bool second_round_has_more(const struct second_round *r);

#endif

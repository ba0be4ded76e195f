/*
 * guard_graph.h - other sessions around a guarded statement that is held: each
 * may be in its way, and may wait for our transaction or for one another.
 *
 * Who waits goes on only when the one that it waits for ends; the server ends
 * cycles among others, so none comes to be here.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_GRAPH_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_GRAPH_H

#include "policy/catalog/holders.h"

enum {
	GRAPH_OTHERS = 4,
	GRAPH_US = GRAPH_OTHERS,
	GRAPH_NOBODY,
};

struct graph {
	struct {
		uint64_t transaction;
		bool is_in_way;
		bool is_stalled; /* wants a row, not an advisory lock */
		uint32_t waits_for;
	} others[GRAPH_OTHERS];
	uint64_t random;
	uint64_t cycle; /* transaction of the first in the way who waits for us;
			   0: there is none */
	/* Since that one is there. */
	unsigned looks;
	unsigned waits;
};

static inline uint32_t
graph_pick(struct graph *g, uint32_t count)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return (uint32_t)(g->random >> 16) % count;
}

static inline void
graph_init(struct graph *g, uint64_t seed)
{
	*g = (struct graph){.random = seed * 0x9e3779b97f4a7c15u + 1};
	for (uint32_t i = 0; i < GRAPH_OTHERS; i++) {
		g->others[i].transaction = i + 1;
		g->others[i].waits_for = GRAPH_NOBODY;
	}
}

/* The end of the chain from this one on: GRAPH_US, or who waits for nobody. */
static inline uint32_t
graph_end(const struct graph *g, uint32_t i)
{
	while (i < GRAPH_OTHERS && g->others[i].waits_for != GRAPH_NOBODY)
		i = g->others[i].waits_for;
	return i;
}

static inline bool
graph_waits_for_us(const struct graph *g, uint32_t i)
{
	return graph_end(g, i) == GRAPH_US;
}

static inline void
graph_end_transaction(struct graph *g, uint32_t i)
{
	g->others[i].transaction += GRAPH_OTHERS;
	g->others[i].is_in_way = false;
	for (uint32_t w = 0; w < GRAPH_OTHERS; w++)
		if (g->others[w].waits_for == i)
			g->others[w].waits_for = GRAPH_NOBODY;
}

static inline void
graph_move_one(struct graph *g, uint32_t i)
{
	uint32_t blocker = graph_pick(g, GRAPH_OTHERS + 1);

	switch (graph_pick(g, 8)) {
	case 0:
		if (graph_end(g, blocker) != i)
			g->others[i].waits_for = blocker;
		g->others[i].is_stalled = graph_pick(g, 2) == 0;
		break;
	case 1:
	case 2:
		g->others[i].is_in_way = true;
		break;
	case 3:
	case 4:
	case 5:
		graph_end_transaction(g, i);
		break;
	default:
		break;
	}
}

static inline uint64_t
graph_find_cycle(const struct graph *g)
{
	for (uint32_t i = 0; i < GRAPH_OTHERS; i++)
		if (g->others[i].is_in_way && graph_waits_for_us(g, i))
			return g->others[i].transaction;
	return 0;
}

/* A moment passes: whoever waits for nobody may go on. */
static inline void
graph_move(struct graph *g)
{
	uint64_t cycle;

	for (uint32_t i = 0; i < GRAPH_OTHERS; i++)
		if (g->others[i].waits_for == GRAPH_NOBODY)
			graph_move_one(g, i);
	cycle = graph_find_cycle(g);
	if (cycle == g->cycle)
		return;
	g->cycle = cycle;
	g->looks = 0;
	g->waits = 0;
}

/* What a look finds, but for ages. */
static inline void
graph_look(struct graph *g, struct holders *h)
{
	for (uint32_t i = 0; i < GRAPH_OTHERS; i++) {
		bool is_direct = g->others[i].waits_for == GRAPH_US;

		h->count += g->others[i].is_in_way;
		h->waiter_count += graph_waits_for_us(g, i);
		h->stalled_count += is_direct && g->others[i].is_stalled;
	}
	h->cycle = g->cycle;
	g->looks++;
}

#endif

/*
 * guard_memory.c - the set of a transaction's first guarded statement, with all
 * that the transaction went on to lock when it last began so.
 *
 * Locks that are taken together, in order, while nothing is held close no
 * circle; taken one by one they do.  But what is remembered may be wrong this
 * time.  So it gets a part of the budget only; and whoever waits for this
 * transaction in a circle that only the remembered part closes ends it, too.
 * From then on the statement goes its way as if nothing were remembered.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

#include "policy/catalog/remembered.h"

enum {
	MEMORY_SHARE = 2, /* part of the budget: one in so many */
	MEMORY_MAX_MS = 30000,
};

struct guard_step
guard_remember(struct guard *g, struct lock_set *more)
{
	assert(guard_is_doing(g, GUARD_HOLDERS) ||
	       guard_is_doing(g, GUARD_TURN));
	g->remembered = remembered_add(&g->set, more);
	guard_note_set(g);
	return guard_step(g);
}

bool
guard_forget(struct guard *g)
{
	if (g->remembered == 0)
		return false;
	g->remembered = 0;
	remembered_drop(&g->set);
	guard_note_set(g);
	return true;
}

void
guard_lose_memory(struct guard *g, uint64_t now_ms)
{
	uint64_t share_ms = (g->deadline_ms - g->begun_ms) / MEMORY_SHARE;

	if (now_ms >= g->begun_ms + guard_min(share_ms, MEMORY_MAX_MS))
		(void)guard_forget(g);
}

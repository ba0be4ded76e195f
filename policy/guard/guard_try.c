/*
 * guard_try.c - the rest of an attempt, where the set has members that no LOCK
 * TABLE reaches: the statement itself takes those, with the others held.
 *
 * It waits for each of them no longer than its part of half an attempt's bound,
 * so that from the first lock of the attempt to the last one of the statement
 * it is less than two thirds of the server's deadlock_timeout: nobody dies of
 * that, as of an attempt.  A run that the bound has ended is undone, and the
 * guard goes on as behind an attempt that found something in use.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

enum {
	TRY_SHARE = 2, /* this part of the attempt's bound */
};

static size_t
count_unlockable(const struct guard *g)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < g->set.count; i++)
		n += !g->set.items[i].is_lockable;
	return n;
}

uint32_t
guard_try_bound_ms(const struct guard *g)
{
	size_t count = count_unlockable(g);

	assert(count > 0);
	return (uint32_t)guard_max(g->attempt_bound_ms / TRY_SHARE / count, 1);
}

struct guard_step
guard_go_behind_grant(struct guard *g)
{
	bool in_window = guard_in_window(g);

	if (!guard_has_unlockable(g))
		return guard_enter(g, in_window ? GUARD_AT_RUN_IN_WINDOW
						: GUARD_AT_RUN_PROTECTED);
	if (!g->may_try)
		return guard_enter(g, in_window ? GUARD_AT_RUN_PARTLY_IN_WINDOW
						: GUARD_AT_RUN_PARTLY);
	g->trials++;
	return guard_enter(g,
			   in_window ? GUARD_AT_WINDOW_TRIAL : GUARD_AT_TRIAL);
}

struct guard_step
guard_tried(struct guard *g, bool is_over, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_TRY));
	if (!is_over)
		return guard_attempt_later(g, now_ms);
	return guard_enter(g, guard_in_window(g) ? GUARD_AT_RUN_IN_WINDOW
						 : GUARD_AT_RUN_PROTECTED);
}

/*
 * guard_try.c - attempts at a set of which no LOCK TABLE reaches all, and at
 * one that nobody knows yet: the statement itself takes it.
 *
 * Nobody dies of who does not wait.  So a statement that is brief begins by a
 * run of its own, ahead of any plan: mostly nobody is in the way, and a plan
 * costs more than such a statement.
 *
 * The statement takes all of it, and nothing is locked ahead: who reads a view
 * holds that when it comes to the view's table, and every reader that came
 * while we had the table, and were not yet at the view, would be in our way. It
 * waits for each lock no longer than its part of an attempt's bound, so that
 * nobody dies of that, as of an attempt.  A run that the bound has ended is
 * undone, and the guard goes on as behind an attempt that found something in
 * use.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

bool
guard_wants_try(const struct guard *g)
{
	return g->may_try && guard_has_unlockable(g);
}

uint32_t
guard_try_bound_ms(const struct guard *g)
{
	if (g->state == GUARD_AT_FIRST_TRIAL)
		return GUARD_FIRST_BOUND_MS;
	assert(g->set.count > 0);
	return (uint32_t)guard_max(g->attempt_bound_ms / g->set.count, 1);
}

struct guard_step
guard_go_behind_grant(struct guard *g)
{
	bool in_window = guard_in_window(g);

	if (!guard_has_unlockable(g))
		return guard_enter(g, in_window ? GUARD_AT_RUN_IN_WINDOW
						: GUARD_AT_RUN_PROTECTED);
	if (!guard_wants_try(g))
		return guard_enter(g, in_window ? GUARD_AT_RUN_PARTLY_IN_WINDOW
						: GUARD_AT_RUN_PARTLY);
	g->trials++;
	return guard_enter(g,
			   in_window ? GUARD_AT_WINDOW_TRIAL : GUARD_AT_TRIAL);
}

struct guard_step
guard_glanced(struct guard *g, const struct guard_settings *settings,
	      enum guard_sight sight)
{
	assert(guard_is_doing(g, GUARD_GLANCE));
	if (sight == GUARD_SEES_NOTHING)
		return guard_enter(g, GUARD_AT_PLAN);
	g->settings = settings;
	if (sight == GUARD_SEES_SPARED)
		return guard_enter(g, GUARD_AT_RUN_UNSCOPED);
	g->trials++;
	return guard_enter(g, GUARD_AT_FIRST_TRIAL);
}

struct guard_step
guard_tried(struct guard *g, bool is_over, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_TRY));
	if (g->state == GUARD_AT_FIRST_TRIAL)
		return guard_enter(g, is_over ? GUARD_AT_RUN_UNOPPOSED
					      : GUARD_AT_PLAN);
	if (!is_over) {
		if (g->is_pressing)
			guard_press_pause(g, now_ms);
		return guard_attempt_later(g, now_ms);
	}
	return guard_enter(g, guard_in_window(g) ? GUARD_AT_RUN_IN_WINDOW
						 : GUARD_AT_RUN_PROTECTED);
}

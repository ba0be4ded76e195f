/*
 * guard_window.c - windows: the gate keeps new transactions in the proxy while
 * those under way finish, and the guard looks until nobody is left.
 *
 * A window ends when the set is locked, when its time is over, or when going on
 * needs something that it was not shut for.  The next one may come only after a
 * pause (window.h).
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

enum {
	SETTLE_MS = 10,      /* behind shutting the gate for a transaction */
	ALLOWANCE_SHARE = 3, /* times what is missing, until it is there */
};

void
guard_end_window(struct guard *g, uint64_t now_ms)
{
	if (!guard_in_window(g))
		return;
	window_end(&g->window, now_ms, guard_random(g));
	guard_press_behind_window(g, now_ms);
}

bool
guard_window_is_due(const struct guard *g, uint64_t now_ms)
{
	return now_ms >= guard_max(g->window.next_ms, g->press_next_ms) &&
	       now_ms < g->deadline_ms;
}

struct guard_step
guard_turned_to_shut(struct guard *g, uint32_t allowance_ms, uint64_t now_ms)
{
	uint32_t wanted_ms = g->settings->gate_window_ms;

	if (allowance_ms < wanted_ms / 2) {
		/* The gate was shut too much lately for a window to be of use
		 * now. */
		window_put_off(&g->window, now_ms,
			       (uint64_t)ALLOWANCE_SHARE *
				   (wanted_ms - allowance_ms));
		return guard_hold(g, now_ms);
	}
	g->window_ms = (uint32_t)guard_min(wanted_ms, allowance_ms);
	return guard_enter(g, GUARD_AT_SHUT);
}

struct guard_step
guard_shut(struct guard *g, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_SHUT));
	if (now_ms >= g->deadline_ms)
		return guard_spend(g, now_ms);
	window_begin(&g->window, now_ms, g->window_ms);
	g->has_pressed = false;
	g->look_ms = now_ms;
	if (!guard_gate_lasts(g))
		return guard_enter(g, GUARD_AT_WINDOW_LOOK);
	/* Transactions that passed just before take their locks meanwhile, and
	 * show. */
	return guard_wait_until(g, GUARD_AT_WINDOW_WAIT,
				now_ms + guard_min(SETTLE_MS, g->window_ms),
				now_ms);
}

struct guard_step
guard_wait_in_window(struct guard *g, uint64_t now_ms)
{
	uint64_t until_ms = g->window.until_ms;

	if (now_ms >= until_ms)
		return guard_hold(g, now_ms);
	return guard_wait_until(
	    g, GUARD_AT_WINDOW_WAIT,
	    guard_min(now_ms + GUARD_WINDOW_LOOK_MS, until_ms), now_ms);
}

/*
 * A transaction that holds a table which our next statement may want, and then
 * wants one of these, would wait for us in the server and be in its way: better
 * that it is done before.  For half a window: perhaps nobody will want it.
 */
static bool
waits_for_near(const struct guard *g, uint64_t now_ms)
{
	return guard_minds_near(g) && g->holders.near_count > 0 &&
	       !guard_window_is_half_over(g, now_ms);
}

struct guard_step
guard_looked_in_window(struct guard *g, uint64_t now_ms)
{
	bool is_free = g->holders.count == 0;

	/* The gate may have been open already when the server looked. */
	if (now_ms >= g->window.until_ms)
		return guard_wait_in_window(g, now_ms);
	guard_note_past(g, now_ms);
	g->is_pressing = !is_free && guard_presses_in_window(g, now_ms);
	g->has_pressed |= g->is_pressing;
	if (g->is_pressing || (is_free && !waits_for_near(g, now_ms)))
		return guard_attempt(g, GUARD_AT_WINDOW_ATTEMPT, now_ms);
	return guard_wait_in_window(g, now_ms);
}

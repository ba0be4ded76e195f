/*
 * guard_turn.c - the turn: statements whose sets meet come one after the other,
 * and none waits for another for ever.
 *
 * The turn spares attempts that would come to nothing; what keeps two
 * statements apart are their locks.  So whoever has it is waited for with
 * patience, and at the end of that the attempt is made without it: no wait for
 * a turn refuses a statement that was not attempted.
 *
 * The server's turn, advisory locks for what no LOCK TABLE reaches, is
 * anybody's to take, so it gets no more patience than another statement does.
 * In a window that is half of it: others wait meanwhile.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

enum {
	TURN_PATIENCE_MS = 5000,
	TURN_DELAY_MS = 10, /* until it is asked for again */
};

bool
guard_turn_starves(const struct guard *g)
{
	return g->turn_denied_ms > 0 && g->attempts == 0;
}

void
guard_end_turn_wait(struct guard *g, uint64_t now_ms)
{
	if (g->turn_denied_ms > 0)
		g->turn_ms += now_ms - g->turn_denied_ms;
	g->turn_denied_ms = 0;
}

void
guard_lose_patience(struct guard *g, uint64_t now_ms)
{
	if (g->turn_denied_ms > 0 && now_ms >= g->turn_until_ms)
		g->is_impatient = true;
}

struct guard_step
guard_ask_turn(struct guard *g, enum guard_state turn, uint64_t now_ms)
{
	guard_lose_patience(g, now_ms);
	return guard_enter(g, turn);
}

void
guard_met(struct guard *g, const struct rival *rival)
{
	g->rival = *rival;
}

static void
turn_begin_wait(struct guard *g, uint64_t now_ms)
{
	uint64_t rest_ms =
	    g->deadline_ms > now_ms ? g->deadline_ms - now_ms : 0;

	if (g->turn_denied_ms > 0)
		return;
	g->turn_denied_ms = now_ms;
	g->turn_until_ms = now_ms + guard_min(TURN_PATIENCE_MS, rest_ms / 2);
}

struct guard_step
guard_turn_denied(struct guard *g, uint64_t now_ms)
{
	const struct window *w = &g->window;
	uint64_t delay_ms = TURN_DELAY_MS / 2 + 1;

	turn_begin_wait(g, now_ms);
	if (guard_in_window(g)) {
		g->turn_until_ms =
		    guard_min(g->turn_until_ms, w->until_ms - g->window_ms / 2);
		return guard_wait_in_window(g, now_ms);
	}
	delay_ms += guard_random(g) % (TURN_DELAY_MS / 2);
	if (now_ms >= g->deadline_ms && !guard_turn_starves(g))
		return guard_spend(g, now_ms);
	g->wake_ms = guard_min(now_ms + delay_ms, g->deadline_ms);
	g->has_waited = true;
	return guard_enter(g, GUARD_AT_WAIT);
}

struct guard_step
guard_turned(struct guard *g, const struct rival *rival, uint32_t allowance_ms,
	     uint64_t now_ms)
{
	bool is_to_shut = g->state == GUARD_AT_SHUT_TURN;

	assert(guard_is_doing(g, GUARD_TURN));
	if (rival != NULL) {
		guard_met(g, rival);
		return guard_turn_denied(g, now_ms);
	}
	if (guard_is_overdue(g, now_ms) ||
	    (is_to_shut && now_ms >= g->deadline_ms))
		return guard_spend(g, now_ms);
	if (is_to_shut) {
		guard_end_turn_wait(g, now_ms);
		return guard_turned_to_shut(g, allowance_ms, now_ms);
	}
	return guard_attempt(g, GUARD_AT_ATTEMPT, now_ms);
}

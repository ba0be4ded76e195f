/*
 * guard_look.c - the guard has seen who is in the way: attempt, coax, shut the
 * gate, or hold.
 *
 * Old transactions are waited for, since a window could only delay others for
 * them.  Against young ones, traffic that renews itself, a window helps.
 *
 * An autovacuum worker gives way to whoever waits for it directly until that
 * one's deadlock check.  The guard coaxes it in a mode that hardly anybody else
 * conflicts with, by a statement that holds nothing.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

enum {
	/* Transactions as old as this in windows are traffic, too, if there
	 * was no better moment for so long. */
	STEADY_MS = 2000,
	STEADY_WINDOWS = 4,
	COAX_MARGIN_MS = 200, /* beyond deadlock_timeout */
	COAX_AGAIN_MS = 30000,
};

uint64_t
guard_coax_ms(const struct guard *g)
{
	return (uint64_t)g->facts.deadlock_timeout_ms + COAX_MARGIN_MS;
}

static bool
is_coax_in_time(const struct guard *g, uint64_t now_ms)
{
	const struct session_facts *f = &g->facts;
	uint64_t bound_ms = guard_coax_ms(g);

	return now_ms + bound_ms <= g->deadline_ms &&
	       (f->statement_timeout_ms == 0 ||
		f->statement_timeout_ms >= 2 * bound_ms) &&
	       (g->coaxed_ms == 0 || now_ms - g->coaxed_ms >= COAX_AGAIN_MS);
}

static bool
is_only_autovacuum(const struct holders *h)
{
	return h->count > 0 && h->autovacuum_count >= h->count;
}

/* True, with coax_index set: that is the table that the autovacuum works on. */
static bool
may_coax(struct guard *g, uint64_t now_ms)
{
	size_t i;

	if (!is_only_autovacuum(&g->holders) || g->facts.holds_strong_locks ||
	    !is_coax_in_time(g, now_ms))
		return false;
	for (i = 0; i < g->set.count; i++) {
		if (g->set.items[i].relid != g->holders.shown[0].relid)
			continue;
		g->coax_index = i;
		return g->set.items[i].is_lockable;
	}
	return false;
}

static struct guard_step
coax_autovacuum(struct guard *g, uint64_t now_ms)
{
	g->coaxed_ms = now_ms;
	return guard_enter(g, GUARD_AT_COAX);
}

/* A window could only delay others for such a one. */
static bool
is_somebody_old(const struct guard *g, uint64_t now_ms)
{
	uint64_t young_ms = g->settings->gate_window_ms;

	if (now_ms - g->begun_ms > STEADY_MS)
		young_ms *= STEADY_WINDOWS;
	return g->oldest_ms >= young_ms;
}

static struct guard_step
looked_to_lock(struct guard *g, uint64_t now_ms)
{
	if (may_coax(g, now_ms))
		return coax_autovacuum(g, now_ms);
	if (g->holders.unlockable_count == 0)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	return guard_hold(g, now_ms);
}

static struct guard_step
looked_to_hold(struct guard *g, uint64_t now_ms)
{
	bool is_free = g->holders.count == 0;
	bool needs_gate = guard_needs_gate(g);
	bool is_early = g->attempts < GUARD_QUICK_ATTEMPTS && !needs_gate &&
			!guard_gate_lasts(g);

	if (is_free && is_early)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	if (may_coax(g, now_ms))
		return coax_autovacuum(g, now_ms);
	if (is_somebody_old(g, now_ms))
		return guard_hold(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_AUTO && is_early &&
	    g->holders.unlockable_count == 0)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	if (now_ms >= g->window.next_ms && now_ms < g->deadline_ms)
		return guard_ask_turn(g, GUARD_AT_SHUT_TURN, now_ms);
	if (is_free && !needs_gate)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	return guard_hold(g, now_ms);
}

struct guard_step
guard_looked(struct guard *g, const struct holders *holders, uint32_t company,
	     uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_HOLDERS));
	g->holders = *holders;
	g->company = company;
	g->is_clear = holders->count == 0;
	g->oldest_ms = holder_age_oldest(&g->age, holders, now_ms);
	if (g->state == GUARD_AT_LAST_LOOK)
		return guard_enter(g, GUARD_AT_REFUSE_TIMED_OUT);
	if (guard_is_overdue(g, now_ms))
		return guard_spend(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_LOCK)
		return looked_to_lock(g, now_ms);
	if (guard_in_window(g))
		return guard_looked_in_window(g, now_ms);
	return looked_to_hold(g, now_ms);
}

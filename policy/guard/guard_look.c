/*
 * guard_look.c - the guard has seen who is in the way: attempt, coax, shut the
 * gate, or hold.
 *
 * Old transactions are waited for, since a window could only delay others for
 * them.  Against young ones, traffic that renews itself, a window helps.
 *
 * Whoever waits for us while we are held is not seen by the server's deadlock
 * check, so the guard does its work: somebody in our way who waits for us will
 * never be gone.  Two looks in a row must show that transaction so, as their
 * parts are not read at one moment.  Where both ends of the cycle are held by a
 * Lockstep, only the one with the greater pid ends.
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
	CYCLE_LOOK_MS = 5,    /* until the second look at a cycle */
	GIVE_WAY_MS = 1000,   /* until the other one has ended it */
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
	const struct lock_item *item;

	if (!is_only_autovacuum(&g->holders) || g->facts.holds_strong_locks ||
	    g->holders.waiter_count > 0 || !is_coax_in_time(g, now_ms))
		return false;
	item = lock_set_item(&g->set, g->holders.shown[0].relid);
	if (item == NULL)
		return false;
	g->coax_index = (size_t)(item - g->set.items);
	return item->is_lockable && item->owner == NULL;
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
	if (!guard_sees_watched(g))
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	return guard_hold(g, now_ms);
}

static struct guard_step
looked_to_hold(struct guard *g, uint64_t now_ms)
{
	bool is_free = g->holders.count == 0;
	bool needs_gate = guard_needs_gate(g);
	bool is_early = g->attempts < guard_quick_attempts(g) && !needs_gate;
	bool is_near = guard_minds_near(g) && g->holders.near_count > 0;

	if (is_free && is_early && !is_near)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	if (may_coax(g, now_ms))
		return coax_autovacuum(g, now_ms);
	if (is_somebody_old(g, now_ms))
		return guard_hold(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_AUTO && is_early &&
	    !guard_sees_watched(g))
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	g->is_pressing = guard_press_is_due(g, now_ms);
	if (g->is_pressing)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	if (guard_window_is_due(g, now_ms))
		return guard_ask_turn(g, GUARD_AT_SHUT_TURN, now_ms);
	if (is_free && !needs_gate)
		return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
	return guard_hold(g, now_ms);
}

/* A cycle has been seen: for the second time in a row, or the first. */
static struct guard_step
looked_at_cycle(struct guard *g, bool is_certain, uint64_t now_ms)
{
	if (is_certain && guard_forget(g))
		return guard_hold(g, now_ms);
	if (is_certain && g->is_unknown)
		return guard_spend(g, now_ms);
	if (is_certain) {
		guard_end_window(g, now_ms);
		return guard_enter(g, GUARD_AT_REFUSE_DEADLOCK);
	}
	if (guard_in_window(g))
		return guard_wait_in_window(g, now_ms);
	return guard_wait_about(g, CYCLE_LOOK_MS, now_ms);
}

/* Others who wait for our transaction shorten its budget. */
static void
note_stalled(struct guard *g, uint64_t now_ms)
{
	if (!g->in_transaction || g->holders.stalled_count == 0)
		g->stalled_ms = 0;
	else if (g->stalled_ms == 0)
		g->stalled_ms = now_ms;
	guard_set_deadline(g);
}

/*
 * The cycle that is for us to end; 0: none.  Another held session of it is left
 * to end it first, but perhaps it does not see us.
 */
static uint64_t
cycle_to_end(struct guard *g, const struct holders *h, uint64_t now_ms)
{
	if (h->cycle == 0 || !h->gives_way) {
		g->gave_way_ms = 0;
		return h->cycle;
	}
	if (g->gave_way_ms == 0)
		g->gave_way_ms = now_ms;
	return now_ms - g->gave_way_ms < GIVE_WAY_MS ? 0 : h->cycle;
}

struct guard_step
guard_looked(struct guard *g, const struct holders *holders, uint32_t company,
	     uint64_t now_ms)
{
	uint64_t cycle = cycle_to_end(g, holders, now_ms);
	bool is_certain = cycle == g->cycle;

	assert(guard_is_doing(g, GUARD_HOLDERS));
	g->holders = *holders;
	g->cycle = cycle;
	g->company = company;
	g->is_pressing = false;
	g->is_clear = holders->count == 0;
	g->oldest_ms = holder_age_oldest(&g->age, holders, now_ms);
	if (g->state == GUARD_AT_LAST_LOOK)
		return guard_enter(g, GUARD_AT_REFUSE_TIMED_OUT);
	note_stalled(g, now_ms);
	if (cycle != 0)
		return looked_at_cycle(g, is_certain, now_ms);
	if (guard_is_overdue(g, now_ms))
		return guard_spend(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_LOCK)
		return looked_to_lock(g, now_ms);
	if (guard_in_window(g))
		return guard_looked_in_window(g, now_ms);
	return looked_to_hold(g, now_ms);
}

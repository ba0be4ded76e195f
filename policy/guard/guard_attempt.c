/*
 * guard_attempt.c - attempts: whether they wait in the server, for how long,
 * and how it goes on behind each.
 *
 * An attempt is safe by its bound: from the first lock asked for to the last
 * one granted it takes less than half the server's deadlock_timeout.  Nobody
 * who queues behind it can reach a deadlock check while waiting for it, and its
 * own check never fires.  Between attempts nothing is held and nothing is
 * queued in the server.
 *
 * Where the client's transaction already holds strong locks, or others are seen
 * to wait for it, only NOWAIT attempts are made, and for a short budget:
 * polling while holding forms no cycle that the server would see.  But NOWAIT
 * also fails because of who waits for our own locks, and whom the server would
 * let us go before.  So where a look has just found nobody in the way, the next
 * attempt waits, a moment for each lock: the server grants what it would let us
 * go before at once.
 *
 * Where traffic comes past the gate policy auto makes attempts that press: they
 * wait as those of policy lock do, for a bound that grows (guard_press.c).
 *
 * A bound is by the clock, and a server that stands still for a second (a
 * stalled disk) ignores it: behind that, all timers are overdue.  Then a waiter
 * that waits for us in the server dies of us only if we wait there, too, and
 * for it.  So an attempt queues while it holds nothing, for its first lock, and
 * polls for the others: who polls is in no cycle.
 */
#include "policy/guard/guard_internal.h"

#include <assert.h>

enum {
	FIRST_DELAY_MS = 10,
	DELAY_DOUBLINGS_MAX = 8,
	/* Behind an attempt: in the first ten seconds, and at any time; amid
	 * these it is the GUARD_DELAY_SHARE. */
	QUICK_DELAY_MAX_MS = 250,
	DELAY_MAX_MS = 1000,
	FAILURES_MAX = 3,
	QUICK_BOUND_MS = 20, /* all but those of policy lock */
	QUEUE_EVERY = 4,     /* policy lock: for all tables */
};

/* The most ms for the attempt.  0: no time to wait in the server's queue. */
static uint32_t
attempt_bound_ms(const struct guard *g, uint64_t now_ms)
{
	const struct session_facts *f = &g->facts;
	uint64_t rest_ms =
	    g->deadline_ms > now_ms ? g->deadline_ms - now_ms : 0;
	uint64_t bound_ms = guard_min(g->settings->attempt_timeout_ms,
				      f->deadlock_timeout_ms / 5 * 2ull);

	if (f->statement_timeout_ms > 0)
		bound_ms = guard_min(bound_ms, f->statement_timeout_ms / 2);
	return (uint32_t)guard_min(bound_ms, rest_ms);
}

/* Whoever waits for the transaction's own locks is not in its way. */
static bool
goes_first(const struct guard *g)
{
	return g->facts.holds_strong_locks && g->is_clear;
}

/* True if the attempt may wait in the server's queue, for a moment. */
static bool
attempt_may_wait(const struct guard *g)
{
	if (g->attempts == 0)
		return false;
	if (goes_first(g))
		return true;
	if (g->holders.waiter_count > 0)
		return false;
	switch (g->settings->policy) {
	case GUARD_POLICY_LOCK:
		break;
	case GUARD_POLICY_AUTO:
		if (g->attempts >= guard_quick_attempts(g))
			return false;
		break;
	case GUARD_POLICY_HOLD:
	case GUARD_POLICY_PASS:
	case GUARD_POLICY_REJECT:
		return false;
	}
	return !guard_in_window(g) && !g->facts.holds_strong_locks;
}

/* Traffic may leave no gap: the last resort. */
static bool
queues_for_all(const struct guard *g)
{
	if (g->settings->policy == GUARD_POLICY_LOCK)
		return g->attempts % QUEUE_EVERY == QUEUE_EVERY - 1;
	return g->is_pressing && guard_press_queues(g);
}

static enum attempt_manner
attempt_manner(const struct guard *g, uint32_t bound_ms)
{
	if (bound_ms == 0 || (!g->is_pressing && !attempt_may_wait(g)))
		return ATTEMPT_AT_ONCE;
	if (g->facts.holds_strong_locks)
		return ATTEMPT_NUDGES;
	if (queues_for_all(g))
		return ATTEMPT_QUEUES;
	return ATTEMPT_POLLS;
}

/* The most ms for the attempt, of those that all have. */
static uint32_t
fit_bound_ms(const struct guard *g, uint32_t bound_ms, uint64_t now_ms)
{
	if (g->is_pressing)
		return guard_press_bound_ms(g, bound_ms, now_ms);
	if (g->settings->policy != GUARD_POLICY_LOCK || goes_first(g))
		return (uint32_t)guard_min(bound_ms, QUICK_BOUND_MS);
	return bound_ms;
}

struct guard_step
guard_attempt(struct guard *g, enum guard_state attempt, uint64_t now_ms)
{
	guard_lose_patience(g, now_ms);
	g->attempt_bound_ms =
	    fit_bound_ms(g, attempt_bound_ms(g, now_ms), now_ms);
	g->manner = attempt_manner(g, g->attempt_bound_ms);
	g->attempt_begun_ms = now_ms;
	return guard_enter(g, attempt);
}

/*
 * At least as long as the attempt took: others get as much time as it did.
 * Steady traffic gives way to many quick attempts; somebody who sits on a lock
 * for minutes does not, and then they get rarer.
 */
static struct guard_step
attempt_backs_off(struct guard *g, uint64_t now_ms)
{
	uint64_t delay_ms = FIRST_DELAY_MS;
	uint64_t most_ms = (now_ms - g->begun_ms) / GUARD_DELAY_SHARE;

	most_ms =
	    guard_min(guard_max(most_ms, QUICK_DELAY_MAX_MS), DELAY_MAX_MS);
	if (g->manner != ATTEMPT_AT_ONCE)
		delay_ms <<= guard_min(g->attempts, DELAY_DOUBLINGS_MAX);
	delay_ms = guard_max(delay_ms, now_ms - g->attempt_begun_ms);
	return guard_wait_about(g, guard_min(delay_ms, most_ms), now_ms);
}

/* In a window the names that it goes by may lack the new tables. */
static struct guard_step
attempt_starts_over(struct guard *g, struct lock_set *grown, uint64_t now_ms)
{
	guard_take_set(g, grown);
	if (guard_in_window(g))
		return guard_hold(g, now_ms);
	return attempt_backs_off(g, now_ms);
}

static struct guard_step
attempt_was_granted(struct guard *g, struct lock_set *again, uint64_t now_ms)
{
	if (again->count > 0 && !lock_set_covers(&g->set, again))
		return attempt_starts_over(g, again, now_ms);
	lock_set_clear(again);
	return guard_go_behind_grant(g);
}

struct guard_step
guard_attempt_later(struct guard *g, uint64_t now_ms)
{
	if (guard_in_window(g))
		return guard_wait_in_window(g, now_ms);
	if (g->presses)
		return guard_press_later(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_LOCK ||
	    g->attempts < guard_quick_attempts(g))
		return attempt_backs_off(g, now_ms);
	/* Nobody may be seen to wait for, only a queue: not at full speed. */
	if (now_ms < g->window.next_ms)
		return guard_hold(g, now_ms);
	/* Look, and shut the gate if that would help. */
	return guard_wait_about(g, GUARD_WINDOW_LOOK_MS, now_ms);
}

static struct guard_step
attempt_was_busy(struct guard *g, size_t index, uint64_t now_ms)
{
	lock_order_promote(&g->set, index);
	return guard_attempt_later(g, now_ms);
}

static struct guard_step
attempt_has_failed(struct guard *g, uint64_t now_ms)
{
	if (++g->failures == FAILURES_MAX)
		return guard_plan_failed(g);
	if (now_ms >= g->deadline_ms)
		return guard_spend(g, now_ms);
	guard_end_window(g, now_ms);
	return guard_enter(g, GUARD_AT_PLAN);
}

struct guard_step
guard_attempted(struct guard *g, enum attempt_result result, size_t index,
		struct lock_set *again, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_ATTEMPT));
	g->is_clear = false;
	if (result == ATTEMPT_NO_TURN)
		return guard_turn_denied(g, now_ms);
	g->attempts++;
	if (g->is_pressing)
		guard_pressed(g, now_ms);
	guard_end_turn_wait(g, now_ms);
	switch (result) {
	case ATTEMPT_GRANTED:
		return attempt_was_granted(g, again, now_ms);
	case ATTEMPT_BUSY:
		return attempt_was_busy(g, index, now_ms);
	case ATTEMPT_FAILED:
		return attempt_has_failed(g, now_ms);
	case ATTEMPT_NO_TURN:
		break;
	}
	assert(false && "no such attempt result");
	return guard_step(g);
}

/*
 * guard.c - when to plan, look, attempt, wait, and give up.
 *
 * What makes an attempt safe is its bound: from the first lock asked for to
 * the last one granted it takes less than half the server's deadlock_timeout.
 * Nobody who queues behind it can reach his own deadlock check while it waits
 * for him, and its own check never fires.  Between attempts nothing is held
 * and nothing is queued in the server.
 *
 * Where the client's transaction already holds strong locks others wait for
 * these all the time, so there only NOWAIT attempts are made, and for a short
 * budget: polling while holding forms no cycle that the server would see.
 *
 * Invariants (guard_check asserts them after every transition):
 *   (1) RUN and REFUSE, and only these, have an outcome.
 *   (2) PROTECTED comes only from an attempt that was granted for a set that
 *       covers what was planned with the locks held.
 *   (3) WAIT never sleeps past the deadline.
 *   (4) An attempt that waits in the server does so for less than half of
 *       deadlock_timeout.
 */
#include "policy/guard.h"

#include <assert.h>
#include <string.h>

enum {
	FIRST_DELAY_MS = 10,
	QUICK_DELAY_MAX_MS = 250, /* for the first ten seconds; */
	DELAY_SHARE = 40,         /* then this part of the time gone by, */
	DELAY_MAX_MS = 1000,      /* up to this */
	FIRST_LOOK_MS = 5,
	LOOK_MAX_MS = 250,
	FAILURES_MAX = 3,
};

static void
guard_check(const struct guard *g)
{
	bool is_end = g->action == GUARD_RUN || g->action == GUARD_REFUSE;

	assert(is_end == (g->outcome != GUARD_PENDING));
	assert(g->action != GUARD_WAIT || g->wake_ms <= g->deadline_ms);
	assert(g->action != GUARD_ATTEMPT || g->attempt_nowait ||
	       (g->attempt_bound_ms > 0 &&
		g->attempt_bound_ms * 2ull < g->facts.deadlock_timeout_ms));
}

static enum guard_action
next(struct guard *g, enum guard_action action)
{
	g->action = action;
	guard_check(g);
	return action;
}

static enum guard_action
finish(struct guard *g, enum guard_action action, enum guard_outcome outcome)
{
	g->outcome = outcome;
	return next(g, action);
}

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* xorshift64: jitter need not be secret. */
static uint64_t
random_next(struct guard *g)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return g->random;
}

static enum guard_action
spend(struct guard *g)
{
	bool is_ours = g->limit == GUARD_LIMIT_HOLD ||
		       g->limit == GUARD_LIMIT_IN_TRANSACTION;

	/* The session's own timeouts are errors whatever we are set to. */
	if (is_ours && g->settings->on_timeout == GUARD_TIMEOUT_PASS)
		return finish(g, GUARD_RUN, GUARD_OVERDUE);
	g->is_spent = true;
	g->look_at = HOLDERS_OF_ALL;
	return next(g, GUARD_HOLDERS);
}

/* Half to all of delay_ms, so that two proxies do not keep step. */
static enum guard_action
wait_about(struct guard *g, uint64_t delay_ms, uint64_t now_ms)
{
	if (now_ms >= g->deadline_ms)
		return spend(g);
	delay_ms = delay_ms / 2 + random_next(g) % (delay_ms / 2 + 1) + 1;
	g->wake_ms = now_ms + delay_ms;
	if (g->wake_ms > g->deadline_ms)
		g->wake_ms = g->deadline_ms;
	return next(g, GUARD_WAIT);
}

static bool
has_unlockable(const struct lock_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (!set->items[i].is_lockable)
			return true;
	return false;
}

/* 0: there is no time to wait in the server's queue. */
static uint32_t
bound_of(const struct guard *g, uint64_t now_ms)
{
	const struct session_facts *f = &g->facts;
	uint64_t rest_ms =
	    g->deadline_ms > now_ms ? g->deadline_ms - now_ms : 0;
	uint32_t bound_ms = g->settings->attempt_timeout_ms;

	bound_ms = min_u32(bound_ms, f->deadlock_timeout_ms / 5 * 2);
	if (f->statement_timeout_ms > 0)
		bound_ms = min_u32(bound_ms, f->statement_timeout_ms / 2);
	return rest_ms < bound_ms ? (uint32_t)rest_ms : bound_ms;
}

static enum guard_action
attempt(struct guard *g, uint64_t now_ms)
{
	g->attempt_bound_ms = bound_of(g, now_ms);
	g->attempt_nowait = g->attempts == 0 || g->attempt_bound_ms == 0 ||
			    g->facts.holds_strong_locks ||
			    g->settings->policy == GUARD_POLICY_HOLD;
	g->attempt_begun_ms = now_ms;
	return next(g, GUARD_ATTEMPT);
}

static enum guard_action
approach(struct guard *g, uint64_t now_ms)
{
	bool holds = g->settings->policy == GUARD_POLICY_HOLD;

	g->look_at = holds ? HOLDERS_OF_ALL : HOLDERS_OF_UNLOCKABLE;
	if (holds || has_unlockable(&g->set))
		return next(g, GUARD_HOLDERS);
	return attempt(g, now_ms);
}

static void
cap_budget(struct guard *g, uint32_t timeout_ms, enum guard_limit limit)
{
	if (g->begun_ms + timeout_ms >= g->deadline_ms)
		return;
	g->deadline_ms = g->begun_ms + timeout_ms;
	g->limit = limit;
}

static void
set_deadline(struct guard *g)
{
	const struct session_facts *f = &g->facts;

	g->deadline_ms = g->begun_ms + g->settings->hold_timeout_ms;
	g->limit = GUARD_LIMIT_HOLD;
	if (f->holds_strong_locks)
		cap_budget(g, g->settings->in_transaction_timeout_ms,
			   GUARD_LIMIT_IN_TRANSACTION);
	if (f->lock_timeout_ms > 0)
		cap_budget(g, f->lock_timeout_ms, GUARD_LIMIT_LOCK);
	if (f->statement_timeout_ms > 0)
		cap_budget(g, f->statement_timeout_ms, GUARD_LIMIT_STATEMENT);
}

enum guard_action
guard_begin(struct guard *g, const struct guard_settings *settings,
	    bool in_transaction, uint64_t now_ms, uint64_t seed)
{
	guard_clear(g);
	g->settings = settings;
	g->in_transaction = in_transaction;
	g->begun_ms = now_ms;
	g->random = seed | 1;
	if (settings->policy == GUARD_POLICY_PASS)
		return finish(g, GUARD_RUN, GUARD_PASSED);
	return next(g, GUARD_PLAN);
}

static bool
is_worth_guarding(const struct guard *g)
{
	if (g->in_transaction || g->settings->guard_single_table)
		return g->set.count > 0;
	return g->set.count > 1;
}

enum guard_action
guard_planned(struct guard *g, const struct session_facts *facts,
	      struct lock_set *set, uint64_t now_ms)
{
	assert(g->action == GUARD_PLAN);
	g->facts = *facts;
	lock_set_clear(&g->set);
	g->set = *set;
	memset(set, 0, sizeof(*set));
	if (facts->is_read_only || facts->is_in_recovery)
		return finish(g, GUARD_RUN, GUARD_READ_ONLY);
	if (!is_worth_guarding(g))
		return finish(g, GUARD_RUN, GUARD_UNNEEDED);
	if (g->settings->policy == GUARD_POLICY_REJECT)
		return finish(g, GUARD_REFUSE, GUARD_REJECTED);
	if (!facts->can_attempt)
		return guard_plan_failed(g);
	(void)lock_order_sort(&g->set, &g->settings->order);
	set_deadline(g);
	return approach(g, now_ms);
}

enum guard_action
guard_plan_failed(struct guard *g)
{
	/* What failed was the last look, for the report. */
	if (g->is_spent)
		return finish(g, GUARD_REFUSE, GUARD_TIMED_OUT);
	return finish(g, GUARD_RUN, GUARD_UNPLANNED);
}

enum guard_action
guard_looked(struct guard *g, const struct holders *holders, uint64_t now_ms)
{
	uint64_t delay_ms = FIRST_LOOK_MS;

	assert(g->action == GUARD_HOLDERS);
	g->holders = *holders;
	if (g->is_spent)
		return finish(g, GUARD_REFUSE, GUARD_TIMED_OUT);
	if (holders->count == 0)
		return attempt(g, now_ms);
	delay_ms <<= g->looks < 8 ? g->looks : 8;
	g->looks++;
	return wait_about(g, delay_ms < LOOK_MAX_MS ? delay_ms : LOOK_MAX_MS,
			  now_ms);
}

/*
 * At least as long as the attempt took: others get as much time as it did.
 * Steady traffic gives way to many quick attempts; somebody who sits on a lock
 * for minutes does not, and then they get rarer.
 */
static enum guard_action
back_off(struct guard *g, uint64_t now_ms)
{
	uint64_t delay_ms = FIRST_DELAY_MS;
	uint64_t most_ms = (now_ms - g->begun_ms) / DELAY_SHARE;

	if (most_ms < QUICK_DELAY_MAX_MS)
		most_ms = QUICK_DELAY_MAX_MS;
	if (most_ms > DELAY_MAX_MS)
		most_ms = DELAY_MAX_MS;
	if (!g->attempt_nowait)
		delay_ms <<= g->attempts < 8 ? g->attempts : 8;
	if (delay_ms < now_ms - g->attempt_begun_ms)
		delay_ms = now_ms - g->attempt_begun_ms;
	if (delay_ms > most_ms)
		delay_ms = most_ms;
	return wait_about(g, delay_ms, now_ms);
}

static enum guard_action
start_over(struct guard *g, struct lock_set *grown, uint64_t now_ms)
{
	lock_set_clear(&g->set);
	g->set = *grown;
	memset(grown, 0, sizeof(*grown));
	(void)lock_order_sort(&g->set, &g->settings->order);
	return back_off(g, now_ms);
}

enum guard_action
guard_attempted(struct guard *g, enum attempt_result result, size_t index,
		struct lock_set *again, uint64_t now_ms)
{
	assert(g->action == GUARD_ATTEMPT);
	g->attempts++;
	switch (result) {
	case ATTEMPT_GRANTED:
		if (again->count > 0 && !lock_set_covers(&g->set, again))
			return start_over(g, again, now_ms);
		lock_set_clear(again);
		return finish(g, GUARD_RUN, GUARD_PROTECTED);
	case ATTEMPT_BUSY:
		lock_order_promote(&g->set, index);
		return back_off(g, now_ms);
	case ATTEMPT_FAILED:
		if (++g->failures == FAILURES_MAX)
			return guard_plan_failed(g);
		return next(g, GUARD_PLAN);
	}
	assert(false && "no such attempt result");
	return g->action;
}

enum guard_action
guard_woken(struct guard *g, uint64_t now_ms)
{
	assert(g->action == GUARD_WAIT);
	if (now_ms >= g->deadline_ms)
		return spend(g);
	return approach(g, now_ms);
}

enum guard_action
guard_cancel(struct guard *g)
{
	return finish(g, GUARD_REFUSE, GUARD_CANCELED);
}

const char *
guard_outcome_name(enum guard_outcome outcome)
{
	switch (outcome) {
	case GUARD_PENDING:
		return "pending";
	case GUARD_PROTECTED:
		return "protected";
	case GUARD_UNNEEDED:
		return "unneeded";
	case GUARD_PASSED:
		return "passed";
	case GUARD_UNPLANNED:
		return "unplanned";
	case GUARD_READ_ONLY:
		return "read-only";
	case GUARD_OVERDUE:
		return "overdue";
	case GUARD_TIMED_OUT:
		return "timed-out";
	case GUARD_REJECTED:
		return "rejected";
	case GUARD_CANCELED:
		return "canceled";
	}
	return "?";
}

const char *
guard_policy_name(enum guard_policy policy)
{
	switch (policy) {
	case GUARD_POLICY_AUTO:
		return "auto";
	case GUARD_POLICY_LOCK:
		return "lock";
	case GUARD_POLICY_HOLD:
		return "hold";
	case GUARD_POLICY_PASS:
		return "pass";
	case GUARD_POLICY_REJECT:
		return "reject";
	}
	return "?";
}

void
guard_clear(struct guard *g)
{
	lock_set_clear(&g->set);
	memset(g, 0, sizeof(*g));
}

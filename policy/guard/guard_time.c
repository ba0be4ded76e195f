/*
 * guard_time.c - the guard's budget, and how long it waits between two tries.
 *
 * The budget is the shortest of our own limits and the session's; it begins
 * with the statement, so the plan counts.  A transaction that others are seen
 * to wait for has less, from then on and as long as they do.  Each wait is half
 * to all of a delay that grows with the time gone by: what goes away soon is
 * seen soon, what stays is not asked about all the time.
 */
#include "policy/guard/guard_internal.h"

enum {
	FIRST_LOOK_MS = 5,
	LOOK_DOUBLINGS_MAX = 9,
	/* Between two looks: in the first two seconds, and at any time; amid
	 * these it is the GUARD_DELAY_SHARE. */
	LOOK_QUICK_MAX_MS = 50,
	LOOK_MAX_MS = 250,
	LOOKERS = 4, /* so many look as often as they like */
	LOOK_COMPANY_MAX_MS = 2000,
};

/* xorshift64: jitter need not be secret. */
uint64_t
guard_random(struct guard *g)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return g->random;
}

static void
budget_cap(struct guard *g, uint64_t end_ms, enum guard_limit limit)
{
	if (end_ms >= g->deadline_ms)
		return;
	g->deadline_ms = end_ms;
	g->limit = limit;
}

void
guard_set_deadline(struct guard *g)
{
	const struct session_facts *f = &g->facts;
	uint64_t from_ms = f->holds_strong_locks ? g->begun_ms : g->stalled_ms;

	g->deadline_ms = g->begun_ms + g->settings->hold_timeout_ms;
	g->limit = GUARD_LIMIT_HOLD;
	if (from_ms > 0)
		budget_cap(g, from_ms + g->settings->in_transaction_timeout_ms,
			   GUARD_LIMIT_IN_TRANSACTION);
	if (f->lock_timeout_ms > 0)
		budget_cap(g, g->begun_ms + f->lock_timeout_ms,
			   GUARD_LIMIT_LOCK);
	if (f->statement_timeout_ms > 0)
		budget_cap(g, g->begun_ms + f->statement_timeout_ms,
			   GUARD_LIMIT_STATEMENT);
}

bool
guard_is_overdue(const struct guard *g, uint64_t now_ms)
{
	return now_ms >= g->deadline_ms && g->attempts > 0;
}

struct guard_step
guard_spend(struct guard *g, uint64_t now_ms)
{
	bool is_ours = g->limit == GUARD_LIMIT_HOLD ||
		       g->limit == GUARD_LIMIT_IN_TRANSACTION;

	guard_end_window(g, now_ms);
	if (g->is_unknown)
		return guard_enter(g, GUARD_AT_RUN_OVERDUE);
	/* The session's own timeouts are errors whatever we are set to; and
	 * what may be a deadlock is not made one in the server. */
	if (is_ours && g->cycle == 0 &&
	    g->settings->on_timeout == GUARD_TIMEOUT_PASS)
		return guard_enter(g, GUARD_AT_RUN_OVERDUE);
	return guard_enter(g, GUARD_AT_LAST_LOOK);
}

struct guard_step
guard_wait_until(struct guard *g, enum guard_state wait, uint64_t wake_ms,
		 uint64_t now_ms)
{
	if (now_ms >= g->deadline_ms)
		return guard_spend(g, now_ms);
	g->wake_ms = guard_min(wake_ms, g->deadline_ms);
	g->has_waited = true;
	return guard_enter(g, wait);
}

struct guard_step
guard_wait_about(struct guard *g, uint64_t delay_ms, uint64_t now_ms)
{
	delay_ms = delay_ms / 2 + guard_random(g) % (delay_ms / 2 + 1) + 1;
	return guard_wait_until(g, GUARD_AT_WAIT, now_ms + delay_ms, now_ms);
}

/*
 * The most that there is between two looks.  Each costs the server a
 * millisecond or so: however many are held, they look not much more often
 * together than LOOKERS do.
 */
static uint64_t
most_between_looks_ms(const struct guard *g, uint64_t now_ms)
{
	uint64_t share_ms = (now_ms - g->begun_ms) / GUARD_DELAY_SHARE;
	uint64_t alone_ms =
	    guard_max(LOOK_QUICK_MAX_MS, guard_min(share_ms, LOOK_MAX_MS));

	if (g->in_transaction)
		return alone_ms; /* others may wait for it */
	return guard_min(alone_ms * (1 + g->company / LOOKERS),
			 LOOK_COMPANY_MAX_MS);
}

struct guard_step
guard_hold(struct guard *g, uint64_t now_ms)
{
	uint64_t delay_ms = FIRST_LOOK_MS;

	delay_ms <<= guard_min(g->waits, LOOK_DOUBLINGS_MAX);
	g->waits++;
	if (now_ms >= g->deadline_ms)
		return guard_spend(g, now_ms);
	guard_end_window(g, now_ms);
	return guard_wait_about(
	    g, guard_min(delay_ms, most_between_looks_ms(g, now_ms)), now_ms);
}

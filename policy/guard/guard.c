/*
 * guard.c - when to plan, look, attempt, shut the gate, wait, and give up.
 *
 * What makes an attempt safe is its bound: from the first lock asked for to
 * the last one granted it takes less than half the server's deadlock_timeout.
 * Nobody who queues behind it can reach his own deadlock check while it waits
 * for him, and its own check never fires.  Between attempts nothing is held
 * and nothing is queued in the server.
 *
 * Where the client's transaction already holds strong locks others wait for
 * these all the time, so there only NOWAIT attempts are made, and for a short
 * budget: polling while holding forms no cycle that the server would see.  But
 * NOWAIT also fails because of who waits for what we hold, and the server would
 * let us go before him.  So where a look has just found nobody in the way, the
 * next attempt waits: whoever gets there meanwhile has not waited for us for
 * so long that his deadlock check could be near.
 *
 * Policy lock makes attempts until one succeeds.  Policy auto makes two, then
 * does as hold does: it looks who holds what conflicts.  An old transaction is
 * waited for; against young ones, traffic that renews itself, a window helps:
 * the gate keeps new transactions in the proxy while those under way finish.
 * A window that did not help is followed by ever longer times without one.
 * In a transaction of the client's, which will keep the locks, the gate is shut
 * before the first of them: who came between would wait for it in the server,
 * holding what its next statement may want.  The next statement of one that
 * drops a foreign key is often about another key of the same table: so the
 * tables at the other ends of those count as well, for a while.  And as there
 * are no quick attempts before that window, one is made in it.
 *
 * Invariants (guard_check asserts them after every transition):
 *   (1) RUN and REFUSE, and only these, have an outcome.
 *   (2) PROTECTED comes only from an attempt that was granted for a set that
 *       covers what was planned with the locks held.
 *   (3) WAIT never sleeps past the deadline, nor past the end of a window.
 *   (4) An attempt that waits in the server does so for less than half of
 *       deadlock_timeout.
 *   (5) An attempt is made, and the gate is shut, only by who has the turn,
 *       and in the end only who runs protected keeps either.
 */
#include "policy/guard/guard.h"

#include <assert.h>
#include <string.h>

enum {
	FIRST_DELAY_MS = 10,
	QUICK_DELAY_MAX_MS = 250, /* for the first ten seconds; */
	DELAY_SHARE = 40,         /* then this part of the time gone by, */
	DELAY_MAX_MS = 1000,      /* up to this */
	FIRST_LOOK_MS = 5,
	LOOK_QUICK_MAX_MS = 50, /* for the first two seconds; */
	LOOK_MAX_MS = 250,      /* later DELAY_SHARE, up to this */
	LOOKERS = 4,            /* so many look as often as they like */
	LOOK_COMPANY_MAX_MS = 2000,
	FAILURES_MAX = 3,
	QUICK_ATTEMPTS = 2,      /* of policy auto */
	QUICK_BOUND_MS = 20,     /* of the second one */
	TURN_DELAY_MS = 10,      /* somebody else has it */
	TURN_PATIENCE_MS = 5000, /* a transaction may keep it for long */
	WINDOW_LOOK_MS = 3,      /* between two looks while the gate is shut */
	SETTLE_MS = 10,          /* behind shutting it for a transaction */
	ALLOWANCE_SHARE = 3,     /* times what is missing, until it is there */
	/* Transactions as old as this in windows are traffic, too, if there
	 * was no better moment for so long. */
	STEADY_MS = 2000,
	STEADY_WINDOWS = 4,
	COAX_MARGIN_MS = 200, /* beyond deadlock_timeout */
	COAX_AGAIN_MS = 30000,
	/* Policy lock looks for an autovacuum at every so many attempts. */
	LOOK_EVERY = 8,
};

static const char *const action_names[] = {
#define X(constant, text) [GUARD_##constant] = text,
    GUARD_ACTIONS(X)
#undef X
};

static const char *const outcome_names[] = {
#define X(constant, text) [GUARD_##constant] = text,
    GUARD_OUTCOMES(X)
#undef X
};

const char *
guard_action_name(enum guard_action action)
{
	return action_names[action];
}

const char *
guard_outcome_name(enum guard_outcome outcome)
{
	return outcome_names[outcome];
}

static void
guard_check(const struct guard *g)
{
	bool is_end = g->action == GUARD_RUN || g->action == GUARD_REFUSE;

	assert(is_end == (g->outcome != GUARD_PENDING));
	assert(g->action != GUARD_WAIT || g->wake_ms <= g->deadline_ms);
	assert(g->action != GUARD_WAIT || !g->window.is_shut ||
	       g->wake_ms <= g->window.until_ms);
	assert(!g->window.is_shut || g->has_turn);
	assert((g->action != GUARD_ATTEMPT && g->action != GUARD_SHUT) ||
	       g->has_turn);
	assert(!is_end || !g->has_turn || g->outcome == GUARD_PROTECTED);
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
	if (outcome != GUARD_PROTECTED) {
		g->window.is_shut = false;
		g->has_turn = false;
	}
	return next(g, action);
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
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
look(struct guard *g, enum holders_of at)
{
	g->look_at = at;
	return next(g, GUARD_HOLDERS);
}

static void
leave_window(struct guard *g, uint64_t now_ms)
{
	if (g->window.is_shut)
		window_end(&g->window, now_ms, random_next(g));
}

static enum guard_action
spend(struct guard *g, uint64_t now_ms)
{
	bool is_ours = g->limit == GUARD_LIMIT_HOLD ||
		       g->limit == GUARD_LIMIT_IN_TRANSACTION;

	leave_window(g, now_ms);
	/* The session's own timeouts are errors whatever we are set to. */
	if (is_ours && g->settings->on_timeout == GUARD_TIMEOUT_PASS)
		return finish(g, GUARD_RUN, GUARD_OVERDUE);
	g->is_spent = true;
	g->has_turn = false;
	return look(g, HOLDERS_OF_ALL);
}

/*
 * Spent, but for a first attempt: a lock_timeout shorter than a plan takes is
 * not to refuse what nobody is in the way of.
 */
static bool
is_overdue(const struct guard *g, uint64_t now_ms)
{
	return now_ms >= g->deadline_ms && g->attempts > 0;
}

static enum guard_action
wait_until(struct guard *g, uint64_t wake_ms, uint64_t now_ms)
{
	if (now_ms >= g->deadline_ms)
		return spend(g, now_ms);
	if (!g->window.is_shut)
		g->has_turn = false;
	g->wake_ms = min_u64(wake_ms, g->deadline_ms);
	return next(g, GUARD_WAIT);
}

/* Half to all of delay_ms, so that two proxies do not keep step. */
static enum guard_action
wait_about(struct guard *g, uint64_t delay_ms, uint64_t now_ms)
{
	delay_ms = delay_ms / 2 + random_next(g) % (delay_ms / 2 + 1) + 1;
	return wait_until(g, now_ms + delay_ms, now_ms);
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

/*
 * Tables that the role may not LOCK, views and the like.  A sequence is
 * reached through its table, mostly, and is looked at all the same.
 */
static bool
needs_gate(const struct lock_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (!set->items[i].is_lockable && set->items[i].relkind != 'S')
			return true;
	return false;
}

bool
guard_uses_gate(const struct guard_settings *settings)
{
	return settings->policy == GUARD_POLICY_AUTO ||
	       settings->policy == GUARD_POLICY_HOLD;
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
turn_then(struct guard *g, enum guard_action action)
{
	if (g->has_turn)
		return next(g, action);
	g->behind_turn = action;
	return next(g, GUARD_TURN);
}

/* Who waits for what the transaction holds is not in its way. */
static bool
goes_first(const struct guard *g)
{
	return g->facts.holds_strong_locks && g->is_clear;
}

/* In the server's queue, for a moment. */
static bool
may_wait(const struct guard *g)
{
	if (g->attempts == 0)
		return false;
	if (goes_first(g))
		return true;
	switch (g->settings->policy) {
	case GUARD_POLICY_LOCK:
		break;
	case GUARD_POLICY_AUTO:
		if (g->attempts >= QUICK_ATTEMPTS)
			return false;
		break;
	case GUARD_POLICY_HOLD:
	case GUARD_POLICY_PASS:
	case GUARD_POLICY_REJECT:
		return false;
	}
	return !g->window.is_shut && !g->facts.holds_strong_locks;
}

static enum guard_action
attempt(struct guard *g, uint64_t now_ms)
{
	bool is_quick = g->settings->policy != GUARD_POLICY_LOCK;

	g->attempt_bound_ms = bound_of(g, now_ms);
	if (is_quick || goes_first(g))
		g->attempt_bound_ms =
		    min_u32(g->attempt_bound_ms, QUICK_BOUND_MS);
	g->attempt_nowait =
	    g->attempt_bound_ms == 0 || (!g->is_pressing && !may_wait(g));
	g->attempt_begun_ms = now_ms;
	return turn_then(g, GUARD_ATTEMPT);
}

static enum guard_action
approach(struct guard *g, uint64_t now_ms)
{
	if (is_overdue(g, now_ms))
		return spend(g, now_ms);
	switch (g->settings->policy) {
	case GUARD_POLICY_HOLD:
		return look(g, HOLDERS_OF_ALL);
	case GUARD_POLICY_AUTO:
		if (g->attempts > 0 || g->wants_gate || has_unlockable(&g->set))
			return look(g, HOLDERS_OF_ALL);
		break;
	case GUARD_POLICY_LOCK:
		if (g->attempts % LOOK_EVERY == LOOK_EVERY / 2)
			return look(g, HOLDERS_OF_ALL);
		if (has_unlockable(&g->set))
			return look(g, HOLDERS_OF_UNLOCKABLE);
		break;
	case GUARD_POLICY_PASS:
	case GUARD_POLICY_REJECT:
		break; /* never get here */
	}
	return attempt(g, now_ms);
}

/* Windows */

/*
 * The most that there is between two looks.  Each costs the server a
 * millisecond or so: however many are held, they look not much more often
 * together than LOOKERS do.
 */
static uint64_t
most_between_looks_ms(const struct guard *g, uint64_t now_ms)
{
	uint64_t held_ms = now_ms - g->begun_ms;
	uint64_t alone_ms = max_u64(
	    LOOK_QUICK_MAX_MS, min_u64(held_ms / DELAY_SHARE, LOOK_MAX_MS));

	if (g->facts.holds_strong_locks)
		return alone_ms; /* others wait for it */
	return min_u64(alone_ms * (1 + g->company / LOOKERS),
		       LOOK_COMPANY_MAX_MS);
}

/* Hold: nothing is queued in the server, somebody is to finish first. */
static enum guard_action
hold(struct guard *g, uint64_t now_ms)
{
	uint64_t delay_ms = FIRST_LOOK_MS;

	leave_window(g, now_ms);
	delay_ms <<= min_u32(g->looks, 9);
	g->looks++;
	return wait_about(
	    g, min_u64(delay_ms, most_between_looks_ms(g, now_ms)), now_ms);
}

static enum guard_action
wait_in_window(struct guard *g, uint64_t now_ms)
{
	if (now_ms >= g->window.until_ms)
		return hold(g, now_ms);
	return wait_until(
	    g, min_u64(now_ms + WINDOW_LOOK_MS, g->window.until_ms), now_ms);
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
	return next(g, GUARD_PLAN);
}

enum guard_outcome
guard_judge(const struct guard_settings *settings,
	    const struct session_facts *facts, enum guard_scope scope,
	    size_t set_count, bool in_transaction)
{
	size_t enough = in_transaction || settings->guard_single_table ? 1 : 2;

	if (facts->is_read_only || facts->is_in_recovery)
		return GUARD_READ_ONLY;
	if (settings->scope < scope)
		return GUARD_OUT_OF_SCOPE;
	if (set_count < enough)
		return GUARD_UNNEEDED;
	if (settings->policy == GUARD_POLICY_PASS)
		return GUARD_PASSED;
	if (settings->policy == GUARD_POLICY_REJECT)
		return GUARD_REJECTED;
	return facts->can_attempt ? GUARD_PENDING : GUARD_UNPLANNED;
}

enum guard_action
guard_planned(struct guard *g, const struct guard_settings *settings,
	      enum guard_scope scope, const struct session_facts *facts,
	      struct lock_set *set, uint64_t now_ms)
{
	enum guard_outcome outcome;

	assert(g->action == GUARD_PLAN);
	g->settings = settings;
	g->facts = *facts;
	lock_set_clear(&g->set);
	g->set = *set;
	memset(set, 0, sizeof(*set));
	(void)lock_order_sort(&g->set, &settings->order);
	g->needs_gate = needs_gate(&g->set);
	g->wants_gate = g->in_transaction && guard_uses_gate(settings) &&
			settings->gate_transaction_ms > 0;
	g->has_near = g->wants_gate && g->set.count > 1;
	outcome = guard_judge(settings, facts, scope, g->set.count,
			      g->in_transaction);
	if (outcome == GUARD_REJECTED)
		return finish(g, GUARD_REFUSE, outcome);
	if (outcome != GUARD_PENDING)
		return finish(g, GUARD_RUN, outcome);
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

/*
 * An autovacuum worker gives way to whoever waits for it directly until his
 * deadlock check.  It is asked in a mode that hardly anybody else conflicts
 * with, by a statement that holds nothing.
 */
static bool
may_coax(struct guard *g, uint64_t now_ms)
{
	const struct session_facts *f = &g->facts;
	uint64_t bound_ms = (uint64_t)f->deadlock_timeout_ms + COAX_MARGIN_MS;
	size_t i;

	if (g->holders.count == 0 ||
	    g->holders.autovacuum_count < g->holders.count ||
	    f->holds_strong_locks || now_ms + bound_ms > g->deadline_ms ||
	    (f->statement_timeout_ms > 0 &&
	     f->statement_timeout_ms < 2 * bound_ms) ||
	    (g->coaxed_ms > 0 && now_ms - g->coaxed_ms < COAX_AGAIN_MS))
		return false;
	for (i = 0; i < g->set.count; i++) {
		if (g->set.items[i].relid != g->holders.shown[0].relid)
			continue;
		g->coax_index = i;
		g->coax_bound_ms = (uint32_t)bound_ms;
		return g->set.items[i].is_lockable;
	}
	return false;
}

static enum guard_action
coax(struct guard *g, uint64_t now_ms)
{
	g->coaxed_ms = now_ms;
	g->has_turn = false;
	return next(g, GUARD_COAX);
}

/* Whom a window could only delay others for. */
static bool
is_somebody_old(const struct guard *g, uint64_t now_ms)
{
	uint64_t young_ms = g->settings->gate_window_ms;

	if (now_ms - g->begun_ms > STEADY_MS)
		young_ms *= STEADY_WINDOWS;
	return g->oldest_ms >= young_ms;
}

static enum guard_action
looked_to_lock(struct guard *g, uint64_t now_ms)
{
	if (may_coax(g, now_ms))
		return coax(g, now_ms);
	if (g->holders.unlockable_count == 0)
		return attempt(g, now_ms);
	return hold(g, now_ms);
}

/*
 * Who holds a table that the transaction's next statement may want, and wants
 * one of these, would wait for us in the server and be in its way: better that
 * he is done before.  For half a window: perhaps nobody will want it.
 */
static bool
waits_for_near(const struct guard *g, uint64_t now_ms)
{
	return g->has_near && !g->facts.holds_strong_locks &&
	       g->holders.near_count > 0 &&
	       now_ms + g->window_ms / 2 < g->window.until_ms;
}

/*
 * Not all traffic comes by this gate.  What is left of it after half a window
 * gives way to a quick attempt that waits, as it does outside of transactions;
 * there that one is the second of all, here there was none before.
 */
static bool
may_press(const struct guard *g, uint64_t now_ms)
{
	return g->wants_gate && g->settings->policy == GUARD_POLICY_AUTO &&
	       !g->has_pressed && !g->needs_gate &&
	       !g->facts.holds_strong_locks &&
	       g->holders.unlockable_count == 0 &&
	       now_ms + g->window_ms / 2 >= g->window.until_ms;
}

static enum guard_action
looked_in_window(struct guard *g, uint64_t now_ms)
{
	if (now_ms >= g->window.until_ms)
		return wait_in_window(g, now_ms);
	if (g->holders.count == 0 && !waits_for_near(g, now_ms))
		return attempt(g, now_ms);
	if (g->holders.count == 0 || !may_press(g, now_ms))
		return wait_in_window(g, now_ms);
	g->has_pressed = true;
	g->is_pressing = true;
	return attempt(g, now_ms);
}

static enum guard_action
looked_to_hold(struct guard *g, uint64_t now_ms)
{
	bool is_free = g->holders.count == 0;
	bool is_early =
	    g->attempts < QUICK_ATTEMPTS && !g->needs_gate && !g->wants_gate;

	if (is_free && is_early)
		return attempt(g, now_ms);
	if (may_coax(g, now_ms))
		return coax(g, now_ms);
	if (is_somebody_old(g, now_ms))
		return hold(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_AUTO && is_early &&
	    g->holders.unlockable_count == 0)
		return attempt(g, now_ms);
	if (now_ms >= g->window.next_ms && now_ms < g->deadline_ms)
		return turn_then(g, GUARD_SHUT);
	if (is_free && !g->needs_gate)
		return attempt(g, now_ms);
	return hold(g, now_ms);
}

enum guard_action
guard_looked(struct guard *g, const struct holders *holders, uint64_t now_ms)
{
	assert(g->action == GUARD_HOLDERS);
	g->holders = *holders;
	g->is_clear = holders->count == 0;
	g->oldest_ms = holder_age_oldest(&g->age, holders, now_ms);
	if (g->is_spent)
		return finish(g, GUARD_REFUSE, GUARD_TIMED_OUT);
	if (is_overdue(g, now_ms))
		return spend(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_LOCK)
		return looked_to_lock(g, now_ms);
	if (g->window.is_shut)
		return looked_in_window(g, now_ms);
	return looked_to_hold(g, now_ms);
}

enum guard_action
guard_turned(struct guard *g, bool granted, uint32_t allowance_ms,
	     uint64_t now_ms)
{
	uint32_t wanted_ms = g->settings->gate_window_ms;
	bool is_to_shut = g->behind_turn == GUARD_SHUT;

	assert(g->action == GUARD_TURN);
	if (!granted)
		return wait_about(g, TURN_DELAY_MS, now_ms);
	if (is_overdue(g, now_ms) || (is_to_shut && now_ms >= g->deadline_ms))
		return spend(g, now_ms);
	g->has_turn = true;
	if (!is_to_shut)
		return attempt(g, now_ms);
	if (allowance_ms < wanted_ms / 2) {
		/* Too much lately to be of use now. */
		window_put_off(&g->window, now_ms,
			       ALLOWANCE_SHARE * (wanted_ms - allowance_ms));
		return hold(g, now_ms);
	}
	g->window_ms = min_u32(wanted_ms, allowance_ms);
	return next(g, GUARD_SHUT);
}

enum guard_action
guard_shut(struct guard *g, uint64_t now_ms)
{
	assert(g->action == GUARD_SHUT);
	if (now_ms >= g->deadline_ms)
		return spend(g, now_ms);
	window_begin(&g->window, now_ms, g->window_ms);
	g->has_pressed = false;
	if (!g->wants_gate)
		return look(g, HOLDERS_OF_ALL);
	/* What passed just before takes its locks meanwhile, and shows. */
	return wait_until(g, now_ms + min_u32(SETTLE_MS, g->window_ms), now_ms);
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

/* In a window the names that it goes by may lack what was not planned. */
static enum guard_action
start_over(struct guard *g, struct lock_set *grown, uint64_t now_ms)
{
	lock_set_clear(&g->set);
	g->set = *grown;
	memset(grown, 0, sizeof(*grown));
	(void)lock_order_sort(&g->set, &g->settings->order);
	g->needs_gate = needs_gate(&g->set);
	if (g->window.is_shut)
		return hold(g, now_ms);
	return back_off(g, now_ms);
}

static enum guard_action
attempt_was_busy(struct guard *g, size_t index, uint64_t now_ms)
{
	lock_order_promote(&g->set, index);
	if (g->window.is_shut)
		return wait_in_window(g, now_ms);
	if (g->settings->policy == GUARD_POLICY_LOCK ||
	    g->attempts < QUICK_ATTEMPTS)
		return back_off(g, now_ms);
	/* Nobody may be seen to wait for, only a queue: not at full speed. */
	if (now_ms < g->window.next_ms)
		return hold(g, now_ms);
	/* A look, and a window. */
	return wait_about(g, WINDOW_LOOK_MS, now_ms);
}

/*
 * A client's transaction keeps the server's turn to its end, which may be far;
 * what it holds conflicts with an attempt at its tables anyway.
 */
static enum guard_action
attempt_had_no_turn(struct guard *g, uint64_t now_ms)
{
	if (g->turn_denied_ms == 0)
		g->turn_denied_ms = now_ms;
	g->skips_turn = now_ms - g->turn_denied_ms >= TURN_PATIENCE_MS;
	if (g->window.is_shut)
		return hold(g, now_ms);
	return wait_about(g, TURN_DELAY_MS, now_ms);
}

static enum guard_action
plan_anew(struct guard *g, uint64_t now_ms)
{
	if (now_ms >= g->deadline_ms)
		return spend(g, now_ms);
	leave_window(g, now_ms);
	g->has_turn = false;
	return next(g, GUARD_PLAN);
}

enum guard_action
guard_attempted(struct guard *g, enum attempt_result result, size_t index,
		struct lock_set *again, uint64_t now_ms)
{
	assert(g->action == GUARD_ATTEMPT);
	g->is_clear = false;
	g->is_pressing = false;
	if (result == ATTEMPT_NO_TURN)
		return attempt_had_no_turn(g, now_ms);
	g->attempts++;
	if (result != ATTEMPT_FAILED && !g->skips_turn)
		g->turn_denied_ms = 0;
	switch (result) {
	case ATTEMPT_GRANTED:
		if (again->count > 0 && !lock_set_covers(&g->set, again))
			return start_over(g, again, now_ms);
		lock_set_clear(again);
		return finish(g, GUARD_RUN, GUARD_PROTECTED);
	case ATTEMPT_BUSY:
		return attempt_was_busy(g, index, now_ms);
	case ATTEMPT_FAILED:
		if (++g->failures == FAILURES_MAX)
			return guard_plan_failed(g);
		return plan_anew(g, now_ms);
	case ATTEMPT_NO_TURN:
		break;
	}
	assert(false && "no such attempt result");
	return g->action;
}

enum guard_action
guard_coaxed(struct guard *g, uint64_t now_ms)
{
	assert(g->action == GUARD_COAX);
	if (now_ms >= g->deadline_ms)
		return spend(g, now_ms);
	return approach(g, now_ms);
}

enum guard_action
guard_woken(struct guard *g, uint64_t now_ms)
{
	assert(g->action == GUARD_WAIT);
	g->is_clear = false;
	if (now_ms >= g->deadline_ms)
		return spend(g, now_ms);
	if (g->window.is_shut)
		return look(g, HOLDERS_OF_ALL);
	return approach(g, now_ms);
}

enum guard_action
guard_cancel(struct guard *g)
{
	return finish(g, GUARD_REFUSE, GUARD_CANCELED);
}

void
guard_clear(struct guard *g)
{
	lock_set_clear(&g->set);
	memset(g, 0, sizeof(*g));
}

/*
 * guard.c - when to plan, look, attempt, shut the gate, wait, and give up.
 *
 * Policy lock makes attempts until one succeeds, with a look before each but
 * the first.  Policy auto makes two, then does as hold does: it looks who holds
 * conflicting locks.  An old transaction
 * is waited for; against young ones, traffic that renews itself, a window
 * helps: the gate keeps new transactions in the proxy while those under way
 * finish.  A window that did not help is followed by ever longer times without
 * one.  Where transactions are seen to come past the gate, policy auto makes
 * attempts that wait, too, in windows and between them.
 *
 * In a transaction of the client's, which will keep the locks, only the first
 * attempt is a quick one: where it finds nobody, the gate is shut behind it.
 * Else the gate is shut before the next: who came between would wait for it in
 * the server, holding tables that its next statement may want.  The next
 * statement of one that drops a foreign key is often about another key of the
 * same table: so the tables at the other ends of those count as well, in the
 * first attempt, and for a while in a window.  And as there was no attempt
 * before that window which waits, one is made in it.
 *
 * guard_state.c has the states and the invariants, guard_attempt.c the reason
 * why an attempt is safe.
 */
#include "policy/guard/guard.h"

#include <assert.h>
#include <string.h>

#include "policy/guard/guard_internal.h"

enum {
	QUICK_ATTEMPTS = 2, /* by which policy auto begins */
};

/* The set, and what follows from it */

void
guard_note_set(struct guard *g)
{
	if (g->is_unknown)
		lock_set_leave_unlocked(&g->set);
	g->counts_near = guard_gate_lasts(g) && g->set.count > 1;
	(void)lock_order_sort(&g->set, &g->settings->order);
}

void
guard_take_set(struct guard *g, struct lock_set *set)
{
	lock_set_clear(&g->set);
	g->set = *set;
	g->remembered = 0;
	memset(set, 0, sizeof(*set));
	guard_note_set(g);
}

bool
guard_has_unlockable(const struct guard *g)
{
	size_t i;

	for (i = 0; i < g->set.count; i++)
		if (!g->set.items[i].is_lockable)
			return true;
	return false;
}

bool
guard_only_watches(const struct guard *g)
{
	return !g->may_try && guard_has_unlockable(g);
}

bool
guard_sees_watched(const struct guard *g)
{
	return !g->may_try && g->holders.unlockable_count > 0;
}

bool
guard_needs_gate(const struct guard *g)
{
	size_t i;

	if (g->may_try)
		return false;
	for (i = 0; i < g->set.count; i++)
		if (!g->set.items[i].is_lockable &&
		    g->set.items[i].relkind != 'S')
			return true;
	return false;
}

bool
guard_uses_gate(const struct guard_settings *settings)
{
	return settings->policy == GUARD_POLICY_AUTO ||
	       settings->policy == GUARD_POLICY_HOLD;
}

uint32_t
guard_quick_attempts(const struct guard *g)
{
	return guard_gate_lasts(g) || g->presses ? 1 : QUICK_ATTEMPTS;
}

bool
guard_gate_lasts(const struct guard *g)
{
	return g->in_transaction && guard_uses_gate(g->settings) &&
	       g->settings->gate_transaction_ms > 0;
}

bool
guard_counts_near(const struct guard *g)
{
	return g->counts_near;
}

bool
guard_minds_near(const struct guard *g)
{
	return g->counts_near && !g->facts.holds_strong_locks;
}

const struct lock_set *
guard_set(const struct guard *g)
{
	return &g->set;
}

const struct session_facts *
guard_facts(const struct guard *g)
{
	return &g->facts;
}

/* From the beginning to the first attempt */

static void
guard_reset(struct guard *g, const struct guard_settings *settings,
	    bool in_transaction, uint64_t now_ms, uint64_t seed)
{
	guard_clear(g);
	g->settings = settings;
	g->in_transaction = in_transaction;
	g->begun_ms = now_ms;
	g->random = seed | 1;
}

struct guard_step
guard_begin(struct guard *g, const struct guard_settings *settings,
	    bool in_transaction, uint64_t now_ms, uint64_t seed)
{
	guard_reset(g, settings, in_transaction, now_ms, seed);
	return guard_enter(g, GUARD_AT_PLAN);
}

struct guard_step
guard_begin_to_glance(struct guard *g, const struct guard_settings *settings,
		      bool in_transaction, uint64_t now_ms, uint64_t seed)
{
	guard_reset(g, settings, in_transaction, now_ms, seed);
	return guard_enter(g, GUARD_AT_GLANCE);
}

void
guard_expect_more(struct guard *g)
{
	g->in_company = true;
}

void
guard_expect_unknown(struct guard *g)
{
	g->is_unknown = true;
}

void
guard_allow_trials(struct guard *g)
{
	g->may_try = true;
}

void
guard_forbid_trials(struct guard *g)
{
	g->may_try = false;
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

/* Each outcome of guard_judge is that of one state. */
static enum guard_state
state_of_judgement(enum guard_outcome outcome)
{
	enum guard_state state = GUARD_AT_RUN_UNNEEDED;

	while (guard_state_outcome(state) != outcome)
		state++;
	return state;
}

static bool
approach_looks(const struct guard *g)
{
	if (g->settings->policy == GUARD_POLICY_HOLD || guard_only_watches(g))
		return true;
	/* Others may have come to wait for us meanwhile. */
	return g->attempts > 0 || (g->in_transaction && g->has_waited);
}

/* Begin the next round: look, or attempt at once. */
static struct guard_step
guard_approach(struct guard *g, uint64_t now_ms)
{
	if (guard_is_overdue(g, now_ms))
		return guard_spend(g, now_ms);
	if (approach_looks(g))
		return guard_enter(g, GUARD_AT_LOOK);
	return guard_ask_turn(g, GUARD_AT_TURN, now_ms);
}

struct guard_step
guard_planned(struct guard *g, const struct guard_settings *settings,
	      enum guard_scope scope, const struct session_facts *facts,
	      struct lock_set *set, uint64_t now_ms)
{
	enum guard_outcome outcome;

	assert(guard_is_doing(g, GUARD_PLAN));
	g->settings = settings;
	g->facts = *facts;
	guard_take_set(g, set);
	outcome = guard_judge(settings, facts, scope, g->set.count,
			      g->in_transaction || g->in_company);
	if (outcome != GUARD_PENDING)
		return guard_enter(g, state_of_judgement(outcome));
	guard_set_deadline(g);
	return guard_approach(g, now_ms);
}

/* Behind a pause, or at any time */

struct guard_step
guard_coaxed(struct guard *g, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_COAX));
	if (now_ms >= g->deadline_ms)
		return guard_spend(g, now_ms);
	return guard_approach(g, now_ms);
}

bool
guard_awaits_look(const struct guard *g)
{
	return g->state == GUARD_AT_WAIT && approach_looks(g);
}

struct guard_step
guard_woken(struct guard *g, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_WAIT));
	g->is_clear = false;
	if (now_ms >= g->deadline_ms && !guard_turn_starves(g))
		return guard_spend(g, now_ms);
	if (guard_in_window(g)) {
		g->look_ms = now_ms;
		return guard_enter(g, GUARD_AT_WINDOW_LOOK);
	}
	guard_lose_memory(g, now_ms);
	return guard_approach(g, now_ms);
}

struct guard_step
guard_plan_failed(struct guard *g)
{
	/* The last look is for the report of a refusal. */
	if (g->state == GUARD_AT_LAST_LOOK)
		return guard_enter(g, GUARD_AT_REFUSE_TIMED_OUT);
	if (guard_is_doing(g, GUARD_REFUSE))
		return guard_step(g);
	return guard_enter(g, GUARD_AT_RUN_UNPLANNED);
}

struct guard_step
guard_cancel(struct guard *g)
{
	return guard_enter(g, GUARD_AT_REFUSE_CANCELED);
}

struct guard_step
guard_release(struct guard *g, uint64_t now_ms)
{
	assert(guard_is_doing(g, GUARD_WAIT));
	guard_end_window(g, now_ms);
	return guard_enter(g, GUARD_AT_RUN_RELEASED);
}

/* For people */

void
guard_noticed(struct guard *g, const struct holders *holders)
{
	g->holders = *holders;
}

struct guard_account
guard_account(const struct guard *g, uint64_t now_ms)
{
	const struct window *w = &g->window;
	struct guard_account a = {
	    .state = g->state,
	    .outcome = guard_state_outcome(g->state),
	    .limit = g->limit,
	    .settings = g->settings,
	    .facts = &g->facts,
	    .set = &g->set,
	    .holders = &g->holders,
	    .rival = g->turn_until_ms > 0 ? &g->rival : NULL,
	    .awaits_turn = g->turn_denied_ms > 0,
	    .turn_ms = g->turn_ms,
	    .held_ms = now_ms - g->begun_ms,
	    .deadline_ms = g->deadline_ms,
	    .attempts = g->attempts,
	    .trials = g->trials,
	    .waits = g->waits,
	    .had_window = w->begun_ms > 0,
	    .windows = w->count,
	    .gate_ms = w->total_ms,
	    .past = &g->past,
	    .remembered = g->remembered,
	    .is_unknown = g->is_unknown,
	};

	if (a.awaits_turn)
		a.turn_ms += now_ms - g->turn_denied_ms;
	if (a.rival != NULL && a.rival->since_ms > 0)
		a.rival_ms = now_ms - a.rival->since_ms;
	if (guard_in_window(g)) {
		a.windows++;
		a.gate_ms += guard_min(now_ms, w->until_ms) - w->begun_ms;
	}
	return a;
}

void
guard_clear(struct guard *g)
{
	lock_set_clear(&g->set);
	memset(g, 0, sizeof(*g));
}

/*
 * guard_model.h - a model of the guard that keeps its own account of what that
 * was told, and judges what it asks for: it must keep what guard.h and the
 * design promise.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_MODEL_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_MODEL_H

#include "policy/guard/guard.h"
#include "tests/support/guard.h"
#include "tests/support/guard_graph.h"
#include "tests/support/guard_traffic.h"

enum {
	RELATIONS_MAX = 8,
	UNTOLD_MAX = 4,
	STEPS_MAX = 100000,
	/* Actions in a row without a wait: a few failures, and a window. */
	HURRY_MAX = 40,
	PAUSE_LEAST_MS = 1000,
	STEADY_MS = 2000,
	COAX_AGAIN_MS = 30000,
	GIVE_WAY_MS = 1000,
	/* From a cycle to its end, in a transaction of the client's. */
	CYCLE_WAITS_MAX = 3,
	CYCLE_WAIT_MAX_MS = 1001,
};

/* The last look showed this; void as soon as something else is done. */
struct sight {
	bool is_fresh;
	bool is_free;
	bool is_vacuum; /* an autovacuum, alone, on what can be locked */
	bool has_unlockable;
	uint64_t oldest_ms;
};

struct model {
	struct guard_settings settings;
	struct session_facts facts; /* as of the last plan */
	bool in_transaction;
	struct guard guard;
	struct guard_step step; /* the last one */
	uint64_t now_ms;
	uint64_t seed;
	/* By relid. */
	enum lock_mode wanted[RELATIONS_MAX]; /* LOCK_NONE: not */
	bool is_lockable[RELATIONS_MAX];
	bool has_unlockable;
	bool needs_gate;
	struct sight sight;
	bool has_graph; /* looks are at this, and not at random */
	struct graph graph;
	bool has_traffic; /* looks are at this, and not at the others */
	struct traffic traffic;
	uint64_t asked_ms; /* the question under way was asked then */
	size_t past_count; /* looks at transactions younger than the window */
	bool may_press;    /* such were seen, or are known to come */
	uint64_t paused_until_ms; /* no delay of others before that */
	/* As of the last look: */
	size_t waiter_count;
	uint64_t stalled_ms;
	uint64_t gave_way_ms; /* to another one of a cycle; 0: not */
	uint64_t cycle;       /* 0: none, or another Lockstep ends it */
	bool is_certain;      /* the look before saw the same cycle */
	uint64_t untold_since_ms[UNTOLD_MAX]; /* 0: not in the last look */
	bool may_try;
	bool has_run;    /* on trial, to its end */
	uint32_t in_use; /* relid of the last BUSY; 0: none since a plan */
	/* The driver holds for the guard: */
	bool has_locks;
	bool has_turn;
	bool is_shut;
	uint32_t allowance_ms;
	uint64_t shut_ms;
	uint64_t until_ms;
	uint64_t opened_ms;
	uint64_t length_ms; /* granted to the one under way */
	uint64_t window_ms; /* how long the last one was */
	uint64_t shut_total_ms;
	unsigned windows;
	uint64_t coaxed_ms;
	/* The turn is another one's, for ever; that in the server is. */
	bool is_rival_stubborn;
	bool is_stranger_stubborn;
	uint64_t denied_ms; /* since then without an attempt; 0: not */
	uint64_t patient_until_ms;
	bool has_seen;  /* a look has found somebody */
	bool has_slept; /* the server, or the machine, for long */
	bool is_canceled;
	bool is_released;
	unsigned attempts;
	unsigned presses; /* past the gate */
	unsigned failures;
	unsigned hurry;
	unsigned steps;
};

static inline uint32_t
pick(struct model *m, uint32_t count)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)(m->seed >> 16) % count;
}

static inline bool
happens(struct model *m, uint32_t one_in)
{
	return pick(m, one_in) == 0;
}

static inline uint32_t
pick_of(struct model *m, const uint32_t *values, uint32_t count)
{
	return values[pick(m, count)];
}

static inline void
model_init(struct model *m, uint64_t seed)
{
	static const enum guard_policy policies[] = {
	    GUARD_POLICY_AUTO,   GUARD_POLICY_AUTO, GUARD_POLICY_AUTO,
	    GUARD_POLICY_AUTO,   GUARD_POLICY_LOCK, GUARD_POLICY_LOCK,
	    GUARD_POLICY_HOLD,   GUARD_POLICY_HOLD, GUARD_POLICY_PASS,
	    GUARD_POLICY_REJECT,
	};
	static const uint32_t holds[] = {10, 100, 2000, 300000};
	static const uint32_t bounds[] = {10, 200, 60000};
	static const uint32_t blocks[] = {10, 2000, 3600000};
	static const uint32_t windows[] = {10, 300, 300, 10000};

	memset(m, 0, sizeof(*m));
	m->seed = seed * 0x9e3779b97f4a7c15u + 1;
	m->now_ms = BEGUN_MS;
	/* Most conversations are to be long ones. */
	m->facts.is_read_only = happens(m, 20);
	m->settings.scope =
	    happens(m, 20) ? GUARD_SCOPE_OFF : GUARD_SCOPE_DROPS;
	m->settings.policy =
	    policies[pick(m, sizeof(policies) / sizeof(*policies))];
	m->settings.on_timeout =
	    happens(m, 2) ? GUARD_TIMEOUT_PASS : GUARD_TIMEOUT_ERROR;
	m->settings.guard_single_table = happens(m, 2);
	m->settings.hold_timeout_ms = pick_of(m, holds, 4);
	m->settings.attempt_timeout_ms = pick_of(m, bounds, 3);
	m->settings.in_transaction_timeout_ms = pick_of(m, blocks, 3);
	m->settings.gate_window_ms = pick_of(m, windows, 4);
	m->settings.gate_transaction_ms = pick(m, 2) == 0 ? 5000 : 0;
	m->has_graph = happens(m, 2);
	graph_init(&m->graph, m->seed);
	m->is_rival_stubborn = happens(m, 20);
	m->is_stranger_stubborn = happens(m, 20);
	m->may_try = happens(m, 2);
	m->has_traffic = !m->has_graph && happens(m, 3);
	traffic_init(&m->traffic, m->seed);
}

static inline uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t
budget_of_ours(const struct model *m)
{
	uint64_t budget_ms = m->settings.hold_timeout_ms;
	uint64_t shorter_ms = m->settings.in_transaction_timeout_ms;

	if (m->facts.holds_strong_locks)
		return least(budget_ms, shorter_ms);
	if (m->stalled_ms > 0)
		return least(budget_ms, m->stalled_ms - BEGUN_MS + shorter_ms);
	return budget_ms;
}

/* on_timeout = pass has no say over the session's own timeouts. */
static inline bool
passes_on_timeout(const struct model *m)
{
	uint64_t budget_ms = budget_of_ours(m);

	return m->settings.on_timeout == GUARD_TIMEOUT_PASS && m->cycle == 0 &&
	       (m->facts.lock_timeout_ms == 0 ||
		m->facts.lock_timeout_ms >= budget_ms) &&
	       (m->facts.statement_timeout_ms == 0 ||
		m->facts.statement_timeout_ms >= budget_ms);
}

static inline uint64_t
deadline_of(const struct model *m)
{
	uint64_t budget_ms = budget_of_ours(m);

	if (m->facts.lock_timeout_ms > 0)
		budget_ms = least(budget_ms, m->facts.lock_timeout_ms);
	if (m->facts.statement_timeout_ms > 0)
		budget_ms = least(budget_ms, m->facts.statement_timeout_ms);
	return BEGUN_MS + budget_ms;
}

static inline bool
is_late(const struct model *m)
{
	return m->now_ms >= deadline_of(m);
}

static inline bool
has_gate_policy(const struct model *m)
{
	return m->settings.policy == GUARD_POLICY_AUTO ||
	       m->settings.policy == GUARD_POLICY_HOLD;
}

static inline void
check_look(const struct model *m)
{
	const struct guard_step *step = &m->step;
	bool is_last = step->state == GUARD_AT_LAST_LOOK;

	if (is_last) {
		assert_true(is_late(m));
		assert_false(passes_on_timeout(m));
	} else if (is_late(m)) {
		assert_int_equal(m->attempts, 0);
	}
}

static inline void
check_attempt_set(const struct model *m)
{
	const struct lock_set *set = guard_set(&m->guard);
	size_t count = 0;

	for (uint32_t relid = 1; relid < RELATIONS_MAX; relid++)
		count += m->wanted[relid] != LOCK_NONE;
	assert_int_equal(set->count, count);
	for (size_t i = 0; i < set->count; i++)
		assert_int_equal(set->items[i].mode,
				 m->wanted[set->items[i].relid]);
	if (m->in_use != 0)
		assert_int_equal(set->items[0].relid, m->in_use);
}

/* Without known traffic that comes past the gate: once in a window, and late.
 */
static inline void
check_pressing_once(const struct model *m)
{
	assert_true(m->is_shut);
	assert_true(m->in_transaction || (m->may_try && m->has_unlockable));
	assert_true(m->now_ms + m->length_ms / 2 >= m->until_ms);
	assert_true(m->step.attempt_bound_ms <= 20);
}

/* It gives way to whom it delays, and is over when the gate is open again. */
static inline void
check_pressing_past(const struct model *m)
{
	if (m->is_shut)
		assert_true(m->now_ms + m->step.attempt_bound_ms <=
			    m->until_ms);
	else
		assert_true(m->now_ms >= m->paused_until_ms);
}

/* Against what does not come by the gate. */
static inline void
check_pressing(const struct model *m)
{
	if (m->may_press)
		check_pressing_past(m);
	else
		check_pressing_once(m);
	assert_int_equal(m->settings.policy, GUARD_POLICY_AUTO);
	assert_false(m->facts.holds_strong_locks);
	assert_true(m->may_try || !m->needs_gate);
	assert_true(m->sight.is_fresh);
	assert_true(m->may_try || !m->sight.has_unlockable);
	assert_int_equal(m->waiter_count, 0);
	assert_false(m->step.manner == ATTEMPT_AT_ONCE &&
		     m->step.attempt_bound_ms > 0);
	assert_true(m->step.attempt_bound_ms <= m->settings.attempt_timeout_ms);
	assert_true(2 * (uint64_t)m->step.attempt_bound_ms <
			m->facts.deadlock_timeout_ms ||
		    m->step.manner == ATTEMPT_AT_ONCE);
}

/* The last look found somebody, or would not have had to find nobody. */
static inline bool
is_pressing(const struct model *m)
{
	return m->guard.is_pressing;
}

/* The last look must have allowed the attempt. */
static inline void
check_attempt_sight(const struct model *m)
{
	const struct sight *s = &m->sight;

	if (is_pressing(m)) {
		check_pressing(m);
		return;
	}
	if (m->is_shut || m->settings.policy == GUARD_POLICY_HOLD)
		assert_true(s->is_fresh && s->is_free);
	if (m->has_unlockable && !m->may_try)
		assert_true(s->is_fresh && !s->has_unlockable);
	if (m->attempts > 0)
		assert_true(s->is_fresh && m->cycle == 0);
	if (m->needs_gate && !m->may_try && has_gate_policy(m))
		assert_true(m->is_shut);
	if (m->settings.policy == GUARD_POLICY_AUTO && m->attempts >= 2)
		assert_true(s->is_fresh && s->is_free);
}

static inline void
check_attempt(const struct model *m)
{
	const struct guard_step *step = &m->step;
	const struct session_facts *facts = &m->facts;
	bool goes_first =
	    facts->holds_strong_locks && m->sight.is_fresh && m->sight.is_free;

	assert_true(m->has_turn);
	check_attempt_set(m);
	check_attempt_sight(m);
	assert_true(facts->can_attempt);
	assert_true(m->attempts == 0 || !is_late(m));
	if (m->denied_ms > 0 && m->now_ms >= m->patient_until_ms)
		assert_false(step->takes_turn);
	if (is_pressing(m))
		return;
	if (m->attempts == 0 ||
	    (!goes_first &&
	     (facts->holds_strong_locks || m->is_shut ||
	      m->settings.policy == GUARD_POLICY_HOLD ||
	      (m->settings.policy == GUARD_POLICY_AUTO && m->attempts >= 2))))
		assert_int_equal(step->manner, ATTEMPT_AT_ONCE);
	if (step->manner == ATTEMPT_AT_ONCE)
		return;
	assert_int_equal(step->manner == ATTEMPT_NUDGES,
			 facts->holds_strong_locks);
	if (step->manner == ATTEMPT_QUEUES)
		assert_int_equal(m->settings.policy, GUARD_POLICY_LOCK);
	if (facts->holds_strong_locks)
		assert_true(step->attempt_bound_ms <= 20);
	assert_true(goes_first || m->waiter_count == 0);
	assert_true(step->attempt_bound_ms > 0);
	assert_true(2 * (uint64_t)step->attempt_bound_ms <
		    facts->deadlock_timeout_ms);
	assert_true(step->attempt_bound_ms <= m->settings.attempt_timeout_ms);
	assert_true(m->now_ms + step->attempt_bound_ms <= deadline_of(m));
}

static inline void
check_wait(const struct model *m)
{
	uint64_t wake_ms = m->step.wake_ms;

	assert_true(wake_ms > m->now_ms || is_late(m));
	assert_true(wake_ms <= deadline_of(m));
	if (m->is_shut)
		assert_true(wake_ms <= m->until_ms);
}

static inline void
check_turn(const struct model *m)
{
	uint64_t young_ms = m->settings.gate_window_ms;

	assert_false(m->has_turn);
	assert_true(!is_late(m) || m->attempts == 0);
	if (m->denied_ms > 0 && m->now_ms >= m->patient_until_ms)
		assert_true(m->step.is_impatient);
	if (m->step.state != GUARD_AT_SHUT_TURN)
		return;
	if (m->now_ms - BEGUN_MS > STEADY_MS)
		young_ms *= 4;
	assert_true(has_gate_policy(m));
	assert_false(is_late(m));
	assert_true(m->sight.is_fresh && m->sight.oldest_ms < young_ms);
}

/* The gate has been open for long enough. */
static inline void
check_shut(const struct model *m)
{
	uint32_t window_ms = m->step.window_ms;
	uint64_t pause_ms = PAUSE_LEAST_MS;
	unsigned doublings = m->windows < 4 ? m->windows : 4;

	assert_true(m->has_turn);
	assert_false(m->is_shut);
	assert_false(is_late(m));
	assert_true(window_ms > 0);
	assert_true(window_ms <= m->settings.gate_window_ms);
	assert_true(window_ms <= m->allowance_ms);
	assert_true(m->now_ms >= m->paused_until_ms);
	if (m->windows == 0)
		return;
	if (pause_ms < 3 * m->window_ms)
		pause_ms = 3 * m->window_ms;
	assert_true(m->now_ms - m->opened_ms >= pause_ms << (doublings - 1));
}

static inline void
check_coax(const struct model *m)
{
	const struct guard_step *step = &m->step;
	const struct lock_set *set = guard_set(&m->guard);

	assert_false(m->has_turn);
	assert_true(m->sight.is_fresh && m->sight.is_vacuum);
	assert_true(step->coax_index < set->count);
	assert_true(set->items[step->coax_index].is_lockable);
	assert_false(m->facts.holds_strong_locks);
	assert_int_equal(m->waiter_count, 0);
	assert_true(m->now_ms + step->coax_bound_ms <= deadline_of(m));
	assert_true(step->coax_bound_ms > m->facts.deadlock_timeout_ms);
	assert_true(m->coaxed_ms == 0 ||
		    m->now_ms - m->coaxed_ms >= COAX_AGAIN_MS);
}

/* From the attempt's first lock to the last of the trial nobody may come to
 * check for a deadlock. */
static inline void
check_try(const struct model *m)
{
	const struct lock_set *set = guard_set(&m->guard);
	uint64_t sum_ms = 0;

	if (m->step.state == GUARD_AT_FIRST_TRIAL) {
		assert_false(m->has_turn || m->is_shut || m->has_locks);
		assert_int_equal(m->step.try_bound_ms, GUARD_FIRST_BOUND_MS);
		return;
	}
	assert_true(m->may_try && m->has_turn && m->has_locks);
	assert_true(m->step.try_bound_ms > 0);
	sum_ms = set->count * m->step.try_bound_ms;
	assert_true(sum_ms <= RELATIONS_MAX ||
		    2 * sum_ms < m->facts.deadlock_timeout_ms);
}

/* What is not held is not called protected. */
static inline void
check_is_honest(const struct model *m, enum guard_outcome outcome)
{
	const struct lock_set *set = guard_set(&m->guard);
	bool is_whole = true;

	for (size_t i = 0; i < set->count; i++)
		is_whole &= set->items[i].is_lockable;
	assert_int_equal(outcome == GUARD_PROTECTED, is_whole || m->has_run);
}

static inline void
check_run(const struct model *m)
{
	enum guard_outcome outcome = m->step.outcome;

	assert_int_equal(m->has_locks, guard_outcome_holds(outcome));
	switch (outcome) {
	case GUARD_PROTECTED:
	case GUARD_PARTLY:
		assert_true(m->has_turn);
		check_is_honest(m, outcome);
		break;
	case GUARD_UNOPPOSED:
		assert_true(m->has_run && m->attempts == 0);
		break;
	case GUARD_OVERDUE:
		assert_true(passes_on_timeout(m));
		assert_true(is_late(m));
		break;
	case GUARD_RELEASED:
		assert_true(m->is_released);
		break;
	case GUARD_PASSED:
		assert_int_equal(m->settings.policy, GUARD_POLICY_PASS);
		break;
	case GUARD_READ_ONLY:
		assert_true(m->facts.is_read_only);
		break;
	case GUARD_OUT_OF_SCOPE:
		assert_int_equal(m->settings.scope, GUARD_SCOPE_OFF);
		break;
	case GUARD_UNNEEDED:
		assert_true(guard_set(&m->guard)->count < 2);
		break;
	case GUARD_UNPLANNED:
		break;
	case GUARD_PENDING:
	case GUARD_TIMED_OUT:
	case GUARD_REJECTED:
	case GUARD_DEADLOCK:
	case GUARD_CANCELED:
		fail_msg("runs as %s", guard_outcome_name(outcome));
	}
}

static inline void
check_refuse(const struct model *m)
{
	enum guard_outcome outcome = m->step.outcome;

	assert_false(m->has_locks);
	assert_int_equal(m->is_canceled, outcome == GUARD_CANCELED);
	if (m->is_canceled)
		return;
	if (outcome == GUARD_REJECTED) {
		assert_int_equal(m->settings.policy, GUARD_POLICY_REJECT);
		return;
	}
	if (outcome == GUARD_DEADLOCK) {
		assert_true(m->cycle != 0 && m->is_certain);
		return;
	}
	assert_int_equal(outcome, GUARD_TIMED_OUT);
	assert_false(passes_on_timeout(m));
	assert_true(is_late(m));
	/* A turn that stays away refuses nothing. */
	if (m->denied_ms > 0 && m->attempts == 0)
		assert_true(m->has_seen || m->has_slept ||
			    (m->needs_gate && !m->may_try));
}

/* No cycle outlives its second look, and that one comes soon. */
static inline void
check_cycle(struct model *m)
{
	struct graph *g = &m->graph;

	if (!m->has_graph || g->cycle == 0)
		return;
	if (g->looks >= 2)
		assert_int_equal(m->step.action, GUARD_REFUSE);
	if (m->step.action != GUARD_WAIT || !m->in_transaction)
		return;
	assert_true(++g->waits <= CYCLE_WAITS_MAX);
	assert_true(m->step.wake_ms <= m->now_ms + CYCLE_WAIT_MAX_MS);
}

static inline void
check_action(struct model *m)
{
	const struct guard_step *step = &m->step;
	bool is_end = step->action == GUARD_RUN || step->action == GUARD_REFUSE;

	assert_true(++m->steps < STEPS_MAX);
	m->hurry = step->action == GUARD_WAIT ? 0 : m->hurry + 1;
	assert_true(m->hurry < HURRY_MAX);
	assert_int_equal(step->outcome == GUARD_PENDING, !is_end);
	check_cycle(m);
	if (is_end && !guard_outcome_holds(step->outcome))
		assert_false(m->has_turn || m->is_shut);
	switch (step->action) {
	case GUARD_IDLE:
		fail_msg("idle behind its beginning");
		break;
	case GUARD_GLANCE:
		assert_int_equal(m->steps, 1);
		break;
	case GUARD_PLAN:
		assert_true(m->attempts == 0 ||
			    (m->failures > 0 && !is_late(m)));
		break;
	case GUARD_HOLDERS:
		check_look(m);
		break;
	case GUARD_TURN:
		check_turn(m);
		break;
	case GUARD_SHUT:
		check_shut(m);
		break;
	case GUARD_ATTEMPT:
		check_attempt(m);
		break;
	case GUARD_TRY:
		check_try(m);
		break;
	case GUARD_COAX:
		check_coax(m);
		break;
	case GUARD_WAIT:
		check_wait(m);
		break;
	case GUARD_RUN:
		check_run(m);
		break;
	case GUARD_REFUSE:
		check_refuse(m);
		break;
	}
}

#endif

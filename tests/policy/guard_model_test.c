/*
 * guard_model_test.c - thousands of random conversations with the guard,
 * judged by a model that keeps its own account of what the guard was told.
 */
#include "policy/guard.h"

#include <stdio.h>

#include "tests/support/test.h"

static void
add_table(struct lock_set *set, uint32_t relid, enum lock_mode mode,
	  bool is_lockable)
{
	char oid[16];
	char number[16];
	const char *row[LOCK_SET_COLUMNS] = {
	    oid, "r", "s.t", number, is_lockable ? "t" : "f", "{}", "1"};
	struct lock_set_value values[LOCK_SET_COLUMNS];

	(void)snprintf(oid, sizeof(oid), "%u", (unsigned)relid);
	(void)snprintf(number, sizeof(number), "%d", (int)mode);
	for (int i = 0; i < LOCK_SET_COLUMNS; i++)
		values[i] = (struct lock_set_value){row[i], strlen(row[i])};
	assert_true(lock_set_add_row(set, values));
}

enum {
	BEGUN_MS = 1000000,
	RELATIONS_MAX = 8,
	STEPS_MAX = 100000,
};

struct model {
	struct guard_settings settings;
	struct session_facts facts; /* as of the last plan */
	bool in_transaction;
	struct guard guard;
	uint64_t now_ms;
	uint64_t seed;
	enum lock_mode wanted[RELATIONS_MAX]; /* by relid; LOCK_NONE: not */
	bool has_unlockable;
	bool looked_free; /* the last thing told was that */
	bool granted_all; /* the last thing told was that */
	bool is_canceled;
	uint32_t in_use; /* relid of the last BUSY; 0: none since a plan */
	unsigned attempts;
	unsigned failures;
	unsigned late_steps; /* made when the budget was spent */
	unsigned steps;
};

static uint32_t
pick(struct model *m, uint32_t count)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)(m->seed >> 16) % count;
}

static uint32_t
pick_of(struct model *m, const uint32_t *values, uint32_t count)
{
	return values[pick(m, count)];
}

static void
model_init(struct model *m, uint64_t seed)
{
	static const enum guard_policy policies[] = {
	    GUARD_POLICY_LOCK, GUARD_POLICY_LOCK,   GUARD_POLICY_LOCK,
	    GUARD_POLICY_HOLD, GUARD_POLICY_HOLD,   GUARD_POLICY_HOLD,
	    GUARD_POLICY_PASS, GUARD_POLICY_REJECT,
	};
	static const uint32_t holds[] = {10, 100, 2000, 300000};
	static const uint32_t bounds[] = {10, 200, 60000};
	static const uint32_t blocks[] = {10, 2000, 3600000};

	memset(m, 0, sizeof(*m));
	m->seed = seed * 0x9e3779b97f4a7c15u + 1;
	m->now_ms = BEGUN_MS;
	m->in_transaction = pick(m, 2) == 0;
	/* Most conversations are to be long ones. */
	m->facts.is_read_only = pick(m, 20) == 0;
	m->settings.policy =
	    policies[pick(m, sizeof(policies) / sizeof(*policies))];
	m->settings.on_timeout =
	    pick(m, 2) == 0 ? GUARD_TIMEOUT_PASS : GUARD_TIMEOUT_ERROR;
	m->settings.guard_single_table = pick(m, 2) == 0;
	m->settings.hold_timeout_ms = pick_of(m, holds, 4);
	m->settings.attempt_timeout_ms = pick_of(m, bounds, 3);
	m->settings.in_transaction_timeout_ms = pick_of(m, blocks, 3);
}

static void
pick_facts(struct model *m)
{
	static const uint32_t deadlocks[] = {1, 2, 4, 5, 50, 1000, 2147483647};
	static const uint32_t limits[] = {0, 0, 0, 1, 50, 5000, UINT32_MAX};

	m->facts.deadlock_timeout_ms = pick_of(m, deadlocks, 7);
	m->facts.lock_timeout_ms = pick_of(m, limits, 7);
	m->facts.statement_timeout_ms = pick_of(m, limits, 7);
	m->facts.holds_strong_locks = pick(m, 3) == 0;
	m->facts.can_attempt = pick(m, 50) > 0;
}

static struct lock_set
pick_set(struct model *m)
{
	struct lock_set set = {0};

	m->has_unlockable = false;
	memset(m->wanted, 0, sizeof(m->wanted));
	for (uint32_t relid = RELATIONS_MAX - 1; relid > 0; relid--) {
		bool is_lockable = pick(m, 10) > 0;

		if (pick(m, 3) > 0)
			continue;
		m->wanted[relid] = pick(m, 2) == 0 ? LOCK_SHARE_ROW_EXCLUSIVE
						   : LOCK_ACCESS_EXCLUSIVE;
		m->has_unlockable |= !is_lockable;
		add_table(&set, relid, m->wanted[relid], is_lockable);
	}
	m->in_use = 0;
	return set;
}

/* on_timeout = pass has no say over the session's own timeouts. */
static bool
passes_on_timeout(const struct model *m)
{
	uint32_t budget_ms = m->settings.hold_timeout_ms;

	if (m->facts.holds_strong_locks &&
	    m->settings.in_transaction_timeout_ms < budget_ms)
		budget_ms = m->settings.in_transaction_timeout_ms;
	return m->settings.on_timeout == GUARD_TIMEOUT_PASS &&
	       (m->facts.lock_timeout_ms == 0 ||
		m->facts.lock_timeout_ms >= budget_ms) &&
	       (m->facts.statement_timeout_ms == 0 ||
		m->facts.statement_timeout_ms >= budget_ms);
}

static uint64_t
model_deadline(const struct model *m)
{
	const struct guard_settings *s = &m->settings;
	const struct session_facts *facts = &m->facts;
	uint64_t budget_ms = s->hold_timeout_ms;

	if (facts->lock_timeout_ms > 0 && facts->lock_timeout_ms < budget_ms)
		budget_ms = facts->lock_timeout_ms;
	if (facts->statement_timeout_ms > 0 &&
	    facts->statement_timeout_ms < budget_ms)
		budget_ms = facts->statement_timeout_ms;
	if (facts->holds_strong_locks &&
	    s->in_transaction_timeout_ms < budget_ms)
		budget_ms = s->in_transaction_timeout_ms;
	return BEGUN_MS + budget_ms;
}

/* What the guard asks for must keep what guard.h and the design promise. */

static void
check_wait(const struct model *m)
{
	const struct guard *g = &m->guard;

	assert_true(g->wake_ms > m->now_ms);
	assert_true(g->wake_ms <= model_deadline(m));
}

static void
check_look(const struct model *m)
{
	const struct guard *g = &m->guard;
	bool is_late = m->now_ms >= model_deadline(m);
	bool holds = m->settings.policy == GUARD_POLICY_HOLD;

	if (g->is_spent) {
		assert_true(is_late);
		assert_false(passes_on_timeout(m));
	} else {
		assert_true(holds || m->has_unlockable);
	}
	assert_int_equal(g->look_at, g->is_spent || holds
					 ? HOLDERS_OF_ALL
					 : HOLDERS_OF_UNLOCKABLE);
}

static void
check_attempt_set(const struct model *m)
{
	const struct lock_set *set = &m->guard.set;
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

static void
check_attempt(const struct model *m)
{
	const struct guard *g = &m->guard;
	const struct session_facts *facts = &m->facts;
	bool holds = m->settings.policy == GUARD_POLICY_HOLD;

	check_attempt_set(m);
	assert_true(m->looked_free || (!holds && !m->has_unlockable));
	assert_false(g->is_spent);
	assert_true(facts->can_attempt);
	if (m->attempts == 0 || facts->holds_strong_locks || holds)
		assert_true(g->attempt_nowait);
	if (g->attempt_nowait)
		return;
	assert_true(g->attempt_bound_ms > 0);
	assert_true(2 * (uint64_t)g->attempt_bound_ms <
		    facts->deadlock_timeout_ms);
	assert_true(g->attempt_bound_ms <= m->settings.attempt_timeout_ms);
	assert_true(m->now_ms + g->attempt_bound_ms <= model_deadline(m));
}

static void
check_run(const struct model *m)
{
	switch (m->guard.outcome) {
	case GUARD_PROTECTED:
		assert_true(m->granted_all);
		break;
	case GUARD_OVERDUE:
		assert_true(passes_on_timeout(m));
		assert_true(m->now_ms >= model_deadline(m));
		break;
	case GUARD_PASSED:
		assert_int_equal(m->settings.policy, GUARD_POLICY_PASS);
		break;
	case GUARD_READ_ONLY:
		assert_true(m->facts.is_read_only);
		break;
	case GUARD_UNNEEDED:
		assert_true(m->guard.set.count < 2);
		break;
	case GUARD_UNPLANNED:
		assert_false(m->guard.is_spent);
		break;
	case GUARD_PENDING:
	case GUARD_TIMED_OUT:
	case GUARD_REJECTED:
	case GUARD_CANCELED:
		fail_msg("runs as %s", report_outcome(m->guard.outcome));
	}
}

static void
check_refuse(const struct model *m)
{
	enum guard_outcome outcome = m->guard.outcome;

	assert_int_equal(m->is_canceled, outcome == GUARD_CANCELED);
	if (m->is_canceled)
		return;
	if (outcome == GUARD_REJECTED) {
		assert_int_equal(m->settings.policy, GUARD_POLICY_REJECT);
		return;
	}
	assert_int_equal(outcome, GUARD_TIMED_OUT);
	assert_false(passes_on_timeout(m));
	assert_true(m->now_ms >= model_deadline(m));
}

/* Within a few steps: a plan, a look, an attempt, and that again. */
static void
check_progress(struct model *m)
{
	assert_true(++m->steps < STEPS_MAX);
	if (m->attempts + m->failures > 0 && m->guard.deadline_ms > 0 &&
	    m->now_ms >= model_deadline(m))
		assert_true(++m->late_steps < 12);
}

static void
check_action(struct model *m)
{
	const struct guard *g = &m->guard;
	bool is_end = g->action == GUARD_RUN || g->action == GUARD_REFUSE;

	check_progress(m);
	assert_int_equal(g->outcome == GUARD_PENDING, !is_end);
	switch (g->action) {
	case GUARD_PLAN:
		assert_true(m->attempts == 0 || m->failures > 0);
		break;
	case GUARD_HOLDERS:
		check_look(m);
		break;
	case GUARD_ATTEMPT:
		check_attempt(m);
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

/* What the guard is told */

static void
tell_plan(struct model *m)
{
	struct lock_set set;

	if (pick(m, 40) == 0) {
		(void)guard_plan_failed(&m->guard);
		return;
	}
	pick_facts(m);
	set = pick_set(m);
	(void)guard_planned(&m->guard, &m->facts, &set, m->now_ms);
	assert_null(set.items);
}

static void
tell_look(struct model *m)
{
	struct holders holders = {.count = pick(m, 3) == 0 ? 0 : pick(m, 10)};

	if (pick(m, 40) == 0) {
		(void)guard_plan_failed(&m->guard);
		return;
	}
	m->looked_free = holders.count == 0;
	(void)guard_looked(&m->guard, &holders, m->now_ms);
}

static bool
model_covers(const enum lock_mode held[RELATIONS_MAX],
	     const enum lock_mode wanted[RELATIONS_MAX])
{
	/* Of the two modes in use the greater one covers the other. */
	for (uint32_t relid = 1; relid < RELATIONS_MAX; relid++)
		if (wanted[relid] > held[relid])
			return false;
	return true;
}

/* The plan behind it finds the same, nothing, or any other set. */
static void
tell_grant(struct model *m)
{
	struct lock_set again = {0};
	struct model before = *m;
	uint32_t kind = pick(m, 3);

	if (kind == 0)
		again = pick_set(m);
	for (uint32_t relid = 1; kind == 1 && relid < RELATIONS_MAX; relid++)
		if (m->wanted[relid] != LOCK_NONE)
			add_table(&again, relid, m->wanted[relid], true);
	m->granted_all = kind > 0 || model_covers(before.wanted, m->wanted);
	(void)guard_attempted(&m->guard, ATTEMPT_GRANTED, m->guard.set.count,
			      &again, m->now_ms);
	assert_null(again.items);
}

static void
tell_refusal(struct model *m, enum attempt_result result, size_t index)
{
	struct lock_set again = {0};

	(void)guard_attempted(&m->guard, result, index, &again, m->now_ms);
}

static void
tell_attempt(struct model *m)
{
	struct guard *g = &m->guard;
	uint32_t kind = pick(m, 20);
	size_t index = pick(m, (uint32_t)g->set.count);

	m->attempts++;
	if (kind == 0 || g->set.count == 0) {
		tell_grant(m);
	} else if (kind == 1) {
		m->failures++;
		tell_refusal(m, ATTEMPT_FAILED, 0);
	} else {
		m->in_use = g->set.items[index].relid;
		tell_refusal(m, ATTEMPT_BUSY, index);
	}
}

/* Mostly on time; now and then the server, or the machine, has slept. */
static void
pass_time(struct model *m)
{
	const struct guard *g = &m->guard;

	if (g->action == GUARD_WAIT)
		m->now_ms = g->wake_ms;
	else if (g->action == GUARD_ATTEMPT && !g->attempt_nowait)
		m->now_ms += pick(m, g->attempt_bound_ms + 2);
	else
		m->now_ms += pick(m, 4);
	if (pick(m, 200) == 0)
		m->now_ms += pick(m, 100000);
}

static void
tell(struct model *m)
{
	enum guard_action action = m->guard.action;

	pass_time(m);
	m->granted_all = false;
	if (action != GUARD_HOLDERS)
		m->looked_free = false;
	if (pick(m, 300) == 0) {
		m->is_canceled = true;
		(void)guard_cancel(&m->guard);
		return;
	}
	switch (action) {
	case GUARD_PLAN:
		tell_plan(m);
		break;
	case GUARD_HOLDERS:
		tell_look(m);
		break;
	case GUARD_ATTEMPT:
		tell_attempt(m);
		break;
	case GUARD_WAIT:
		(void)guard_woken(&m->guard, m->now_ms);
		break;
	case GUARD_RUN:
	case GUARD_REFUSE:
		fail_msg("told something behind the end");
	}
}

static enum guard_outcome
converse(struct model *m, uint64_t seed)
{
	enum guard_outcome outcome;

	model_init(m, seed);
	(void)guard_begin(&m->guard, &m->settings, m->in_transaction, m->now_ms,
			  seed);
	check_action(m);
	while (m->guard.outcome == GUARD_PENDING) {
		tell(m);
		check_action(m);
	}
	outcome = m->guard.outcome;
	guard_clear(&m->guard);
	return outcome;
}

/* 0: none has failed. */
static uint64_t seed_under_way;

static int
print_seed(void **state)
{
	(void)state;
	if (seed_under_way != 0)
		print_error("seed %llu\n", (unsigned long long)seed_under_way);
	return 0;
}

static void
guard_keeps_its_promises_in_any_conversation(void **state)
{
	enum { FIRST_SEED = 1, SEEDS = 30000 };
	unsigned outcomes[GUARD_CANCELED + 1] = {0};
	struct model m;

	(void)state;
	print_message("seeds %d to %d\n", FIRST_SEED, FIRST_SEED + SEEDS - 1);
	for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
		seed_under_way = seed;
		outcomes[converse(&m, seed)]++;
	}
	seed_under_way = 0;
	for (int o = GUARD_PENDING + 1; o <= GUARD_CANCELED; o++) {
		print_message("%s: %u\n", report_outcome((enum guard_outcome)o),
			      outcomes[o]);
		assert_true(outcomes[o] > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		guard_keeps_its_promises_in_any_conversation, print_seed),
	};

	return cmocka_run_group_tests_name("policy/guard_model", tests, NULL,
					   NULL);
}

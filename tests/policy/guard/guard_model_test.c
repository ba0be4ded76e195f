/*
 * Thousands of random conversations with the guard, judged by a model: amid
 * anybody, and amid traffic that comes by gates which are shut late, or never.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard_model.h"

/* By the states that each goes from and to, in all conversations. */
static bool is_taken[GUARD_STATE_COUNT][GUARD_STATE_COUNT];

static void
take(struct model *m, struct guard_step step)
{
	is_taken[m->step.state][step.state] = true;
	m->step = step;
}

/* The driver, as the model plays it */

/* Others have three times as long to themselves. */
static void
note_delay(struct model *m, uint64_t delay_ms)
{
	uint64_t until_ms = m->now_ms + 3 * delay_ms;

	if (until_ms > m->paused_until_ms)
		m->paused_until_ms = until_ms;
}

/* A gate opens by itself when its time is over. */
static void
note_open(struct model *m)
{
	uint64_t end_ms = least(m->now_ms, m->until_ms);

	m->is_shut = false;
	traffic_open(&m->traffic, m->now_ms);
	note_delay(m, end_ms - m->shut_ms);
	m->opened_ms = end_ms;
	m->window_ms = end_ms - m->shut_ms;
	m->windows++;
	assert_true(4 * m->shut_total_ms <= end_ms - BEGUN_MS);
	m->shut_total_ms += m->window_ms;
}

/* The guard takes nothing itself; the driver gives back the rest. */
static void
settle(struct model *m)
{
	bool keeps_gate = m->step.keeps == GUARD_KEEPS_GATE;
	bool keeps_turn = m->step.keeps != GUARD_KEEPS_NOTHING;

	assert_true(m->is_shut || !keeps_gate);
	if (m->is_shut && !keeps_gate)
		note_open(m);
	if (m->is_shut)
		assert_int_equal(m->step.gate_until_ms, m->until_ms);
	assert_true(m->has_turn || !keeps_turn);
	m->has_turn = keeps_turn;
	assert_true(m->has_turn || !m->is_shut);
	if (m->step.action != GUARD_RUN && m->step.action != GUARD_TRY)
		m->has_locks = false; /* ROLLBACK */
}

static void
pick_facts(struct model *m)
{
	static const uint32_t deadlocks[] = {0,  1,    2,          4,         5,
					     50, 1000, 2147483647, UINT32_MAX};
	static const uint32_t limits[] = {0, 0, 0, 1, 50, 5000, UINT32_MAX};

	m->facts.deadlock_timeout_ms = pick_of(m, deadlocks, 9);
	m->facts.lock_timeout_ms = pick_of(m, limits, 7);
	m->facts.statement_timeout_ms = pick_of(m, limits, 7);
	m->facts.holds_strong_locks = happens(m, 3);
	m->facts.can_attempt = !happens(m, 50);
}

static struct lock_set
pick_set(struct model *m)
{
	static const char kinds[] = {'v', 'S', 'r'};
	uint32_t one_in = happens(m, 2) ? 10 : 1000000;
	struct lock_set set = {0};

	m->has_unlockable = false;
	m->needs_gate = false;
	memset(m->wanted, 0, sizeof(m->wanted));
	for (uint32_t relid = RELATIONS_MAX - 1; relid > 0; relid--) {
		bool is_lockable = !happens(m, one_in);
		char kind = is_lockable ? 'r' : kinds[pick(m, 3)];

		if (pick(m, 3) > 0)
			continue;
		m->wanted[relid] = happens(m, 2) ? LOCK_SHARE_ROW_EXCLUSIVE
						 : LOCK_ACCESS_EXCLUSIVE;
		m->is_lockable[relid] = is_lockable;
		m->has_unlockable |= !is_lockable;
		m->needs_gate |= !is_lockable && kind != 'S';
		add_relation(&set, relid, kind, m->wanted[relid], is_lockable);
	}
	m->in_use = 0;
	return set;
}

/* Sometimes something is known to have helped last. */
static void
follow_habit(struct model *m)
{
	struct guard_habit habit = {
	    .help =
		happens(m, 2) ? (enum guard_help)pick(m, 4) : GUARD_HELP_NONE,
	    .first = m->seed,
	};

	m->may_press |= habit.help >= GUARD_HELP_PRESS &&
			m->settings.policy == GUARD_POLICY_AUTO;
	take(m, guard_follow(&m->guard, &habit));
}

static void
tell_plan(struct model *m)
{
	struct lock_set set;

	pick_facts(m);
	set = pick_set(m);
	if (m->may_try)
		guard_allow_trials(&m->guard);
	take(m, guard_planned(&m->guard, &m->settings, GUARD_SCOPE_DROPS,
			      &m->facts, &set, m->now_ms));
	assert_null(set.items);
	if (m->step.outcome == GUARD_PENDING)
		follow_habit(m);
}

/* Transactions whose age nobody tells, as holder_age.h has it. */
static void
add_untold(struct model *m, struct holders *h)
{
	for (uint64_t t = 0; t < UNTOLD_MAX; t++) {
		if (h->count == 0 || pick(m, 3) > 0) {
			m->untold_since_ms[t] = 0;
			continue;
		}
		h->untold[h->untold_count++] = t + 4711;
		if (m->untold_since_ms[t] == 0)
			m->untold_since_ms[t] = m->now_ms;
		if (m->now_ms - m->untold_since_ms[t] > m->sight.oldest_ms)
			m->sight.oldest_ms = m->now_ms - m->untold_since_ms[t];
	}
}

static void
pick_holders(struct model *m, struct holders *h)
{
	h->count = pick(m, 2) * pick(m, 10);
	if (happens(m, 3))
		h->waiter_count = 1 + pick(m, 9);
	if (h->waiter_count > 0)
		h->stalled_count = pick(m, 2) * pick(m, 9);
	if (h->count > 0 && h->waiter_count > 0)
		h->cycle = pick(m, 2);
	h->gives_way = h->cycle != 0 && happens(m, 2);
}

static void
note_waiters(struct model *m, const struct holders *h)
{
	uint64_t cycle = h->cycle;

	if (!h->gives_way)
		m->gave_way_ms = 0;
	else if (m->gave_way_ms == 0)
		m->gave_way_ms = m->now_ms;
	if (h->gives_way && m->now_ms - m->gave_way_ms < GIVE_WAY_MS)
		cycle = 0;
	if (m->step.state == GUARD_AT_LAST_LOOK)
		return; /* for the report only */
	m->is_certain = cycle == m->cycle;
	m->cycle = cycle;
	m->waiter_count = h->waiter_count;
	if (!m->in_transaction || h->stalled_count == 0)
		m->stalled_ms = 0;
	else if (m->stalled_ms == 0)
		m->stalled_ms = m->now_ms;
}

/* Traffic instead of whatever holders there were. */
static void
look_at_traffic(struct model *m, struct holders *h)
{
	size_t later = traffic_look(&m->traffic, h, m->shut_ms, m->now_ms);

	if (m->is_shut)
		m->past_count += later;
	h->unlockable_count = 0;
	h->autovacuum_count = 0;
	m->sight = (struct sight){
	    .is_fresh = true,
	    .is_free = h->count == 0,
	};
}

/* Nobody is said to have come past who was under way before, and where all came
 * by gates that were shut in time nobody is. */
static void
check_past(struct model *m)
{
	size_t count = guard_account(&m->guard, m->now_ms).past->count;

	if (!m->has_traffic) {
		assert_int_equal(count, 0);
		return;
	}
	if (m->traffic.is_told)
		assert_true(count <= m->past_count);
	if (m->traffic.is_told && traffic_is_gated(&m->traffic))
		assert_int_equal(count, 0);
	m->may_press |= count > 0 && m->settings.policy == GUARD_POLICY_AUTO;
}

static void
tell_look(struct model *m)
{
	static const uint32_t ages[] = {0, 5, 100, 299, 300, 1000, 60000};
	struct holders h = {0};
	uint32_t relid = 1 + pick(m, RELATIONS_MAX); /* hostile: any */
	bool is_wanted = relid < RELATIONS_MAX && m->wanted[relid] != LOCK_NONE;

	if (m->has_graph)
		graph_look(&m->graph, &h);
	else
		pick_holders(m, &h);
	note_waiters(m, &h);
	h.shown[0].relid = relid;
	if (h.count > 0 && is_wanted && !m->is_lockable[relid])
		h.unlockable_count = 1 + pick(m, (uint32_t)h.count);
	if (h.count > 0)
		h.oldest_ms = pick_of(m, ages, happens(m, 3) ? 7 : 3);
	if (happens(m, 4))
		h.autovacuum_count = h.count;
	m->sight = (struct sight){
	    .is_fresh = true,
	    .is_free = h.count == 0,
	    .has_unlockable = h.unlockable_count > 0,
	    .is_vacuum = h.count > 0 && h.autovacuum_count == h.count &&
			 is_wanted && m->is_lockable[relid],
	    .oldest_ms = h.oldest_ms,
	};
	if (m->has_traffic)
		look_at_traffic(m, &h);
	else
		add_untold(m, &h);
	m->has_seen |= h.count > 0;
	take(m, guard_looked(&m->guard, &h, 0, m->now_ms));
	check_past(m);
}

/* Patience ends after 5 s, or half of what is left. */
static void
note_denial(struct model *m)
{
	uint64_t deadline_ms = deadline_of(m);
	uint64_t rest_ms =
	    deadline_ms > m->now_ms ? deadline_ms - m->now_ms : 0;

	if (m->denied_ms == 0) {
		m->denied_ms = m->now_ms;
		m->patient_until_ms = m->now_ms + least(5000, rest_ms / 2);
	}
}

static void
tell_turn(struct model *m)
{
	const struct rival rival = {.session = 17};

	m->allowance_ms = happens(m, 5) ? pick(m, 400) : UINT32_MAX;
	m->has_turn =
	    m->step.is_impatient || !(m->is_rival_stubborn || happens(m, 5));
	if (!m->has_turn)
		note_denial(m);
	else if (m->step.state == GUARD_AT_SHUT_TURN && !is_late(m))
		m->denied_ms = 0;
	take(m, guard_turned(&m->guard, m->has_turn ? NULL : &rival,
			     m->allowance_ms, m->now_ms));
}

static void
tell_shut(struct model *m)
{
	m->is_shut = true;
	m->shut_ms = m->now_ms;
	m->length_ms = m->step.window_ms;
	m->until_ms = m->now_ms + m->length_ms;
	traffic_shut(&m->traffic, m->now_ms, m->step.window_ms);
	take(m, guard_shut(&m->guard, m->now_ms));
}

static bool
model_covers(const enum lock_mode held[RELATIONS_MAX],
	     const enum lock_mode wanted[RELATIONS_MAX])
{
	/* The greater one of the two modes in use covers the other. */
	for (uint32_t relid = 1; relid < RELATIONS_MAX; relid++)
		if (wanted[relid] > held[relid])
			return false;
	return true;
}

/* The plan under the locks has fewer members: the guard keeps its set. */
static void
keep_set(struct model *m, const struct model *before)
{
	memcpy(m->wanted, before->wanted, sizeof(m->wanted));
	memcpy(m->is_lockable, before->is_lockable, sizeof(m->is_lockable));
	m->has_unlockable = before->has_unlockable;
	m->needs_gate = before->needs_gate;
	m->in_use = before->in_use;
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
			add_relation(&again, relid, 'r', m->wanted[relid],
				     true);
	m->has_locks = kind > 0 || again.count == 0 ||
		       model_covers(before.wanted, m->wanted);
	if (m->has_locks)
		keep_set(m, &before);
	take(m,
	     guard_attempted(&m->guard, ATTEMPT_GRANTED,
			     guard_set(&m->guard)->count, &again, m->now_ms));
	assert_null(again.items);
}

static void
tell_refusal(struct model *m, enum attempt_result result, size_t index)
{
	struct lock_set again = {0};

	take(m, guard_attempted(&m->guard, result, index, &again, m->now_ms));
}

static void
tell_attempt(struct model *m)
{
	const struct lock_set *set = guard_set(&m->guard);
	size_t count = set->count;
	size_t index = pick(m, (uint32_t)count);

	if (m->step.takes_turn && (m->is_stranger_stubborn || happens(m, 20))) {
		note_denial(m);
		tell_refusal(m, ATTEMPT_NO_TURN, count + 1);
		return;
	}
	m->denied_ms = 0;
	m->attempts++;
	m->presses += m->guard.is_pressing && m->may_press;
	if (m->guard.is_pressing && m->may_press && !m->is_shut)
		note_delay(m, m->now_ms - m->asked_ms);
	if (happens(m, 30)) {
		tell_grant(m);
	} else if (happens(m, 30)) {
		m->failures++;
		tell_refusal(m, ATTEMPT_FAILED, 0);
	} else {
		m->in_use = set->items[index].relid;
		tell_refusal(m, ATTEMPT_BUSY, index);
	}
}

static void
tell_trial(struct model *m)
{
	m->has_run = happens(m, 2);
	m->has_locks = m->has_run && m->step.state != GUARD_AT_FIRST_TRIAL;
	take(m, guard_tried(&m->guard, m->has_run, m->now_ms));
}

static void
tell_coax(struct model *m)
{
	m->coaxed_ms = m->now_ms;
	if (happens(m, 4))
		m->now_ms += pick(m, 200000); /* it takes its time */
	m->now_ms += pick(m, m->step.coax_bound_ms + 10);
	take(m, guard_coaxed(&m->guard, m->now_ms));
}

/* Mostly on time; now and then the server, or the machine, has slept. */
static void
pass_time(struct model *m)
{
	const struct guard_step *step = &m->step;

	if (step->action == GUARD_WAIT)
		m->now_ms = step->wake_ms;
	else if (step->action == GUARD_ATTEMPT &&
		 step->manner != ATTEMPT_AT_ONCE)
		m->now_ms += pick(m, step->attempt_bound_ms + 2);
	else
		m->now_ms += pick(m, 4);
	if (happens(m, step->action == GUARD_TRY ? 4 : 500)) {
		m->now_ms += pick(m, 100000);
		m->has_slept = true;
	}
}

/* A question of ours that fails, or a cancel: at any step. */
static bool
is_cut_short(struct model *m)
{
	/* Trials are rare, and so is coaxing. */
	bool is_rare =
	    m->step.action == GUARD_TRY || m->step.action == GUARD_COAX;
	uint32_t one_in = is_rare ? 10 : 600;

	if (happens(m, one_in)) {
		m->is_canceled = true;
		take(m, guard_cancel(&m->guard));
		return true;
	}
	if (happens(m, one_in)) {
		m->has_locks = false; /* a trial is undone */
		take(m, guard_plan_failed(&m->guard));
		return true;
	}
	return false;
}

static enum guard_sight
sight(struct model *m)
{
	if (m->settings.scope == GUARD_SCOPE_OFF)
		return GUARD_SEES_SPARED;
	return happens(m, 2) ? GUARD_SEES_CLEAR : GUARD_SEES_NOTHING;
}

static void
tell(struct model *m)
{
	enum guard_action action = m->step.action;

	m->asked_ms = m->now_ms;
	pass_time(m);
	graph_move(&m->graph);
	traffic_move(&m->traffic, m->now_ms);
	if (action == GUARD_WAIT || action == GUARD_COAX)
		m->sight.is_fresh = false;
	if (is_cut_short(m))
		return;
	switch (action) {
	case GUARD_GLANCE:
		take(m, guard_glanced(&m->guard, &m->settings, sight(m)));
		break;
	case GUARD_PLAN:
		tell_plan(m);
		break;
	case GUARD_HOLDERS:
		tell_look(m);
		break;
	case GUARD_TURN:
		tell_turn(m);
		break;
	case GUARD_SHUT:
		tell_shut(m);
		break;
	case GUARD_ATTEMPT:
		tell_attempt(m);
		break;
	case GUARD_TRY:
		tell_trial(m);
		break;
	case GUARD_COAX:
		tell_coax(m);
		break;
	case GUARD_WAIT:
		/* Without a choice of its own: others stay what they were. */
		m->is_released = m->seed % 64 == 0;
		take(m, m->is_released ? guard_release(&m->guard, m->now_ms)
				       : guard_woken(&m->guard, m->now_ms));
		break;
	case GUARD_IDLE:
	case GUARD_RUN:
	case GUARD_REFUSE:
		fail_msg("told something behind the end");
	}
}

/* Something fails before the end has been carried out, or a cancel comes. */
static void
take_back(struct model *m)
{
	enum guard_state end = m->step.state;

	if (happens(m, 2)) {
		take(m, guard_cancel(&m->guard));
		assert_int_equal(m->step.state, GUARD_AT_REFUSE_CANCELED);
	} else {
		take(m, guard_plan_failed(&m->guard));
		assert_int_equal(m->step.state,
				 guard_state_action(end) == GUARD_REFUSE
				     ? end
				     : GUARD_AT_RUN_UNPLANNED);
	}
	settle(m);
}

static enum guard_outcome
converse(struct model *m, uint64_t seed)
{
	enum guard_outcome outcome;

	model_init(m, seed);
	m->in_transaction = happens(m, 2);
	take(m,
	     (seed % 8 == 0 ? guard_begin_to_glance : guard_begin)(
		 &m->guard, &m->settings, m->in_transaction, m->now_ms, seed));
	check_action(m);
	while (m->step.outcome == GUARD_PENDING) {
		tell(m);
		settle(m);
		check_action(m);
	}
	outcome = m->step.outcome;
	if (happens(m, 2))
		take_back(m);
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
check_transition(enum guard_state from, enum guard_state to)
{
	if (guard_state_allows(from, to) && !is_taken[from][to])
		fail_msg("never taken: from '%s' to '%s'",
			 guard_state_name(from), guard_state_name(to));
}

/* Each state is reached, and each transition of the table is taken; guard_enter
 * sees to it that no other is. */
static void
check_transitions(void)
{
	for (int to = 0; to < GUARD_STATE_COUNT; to++) {
		bool is_reached = to == GUARD_AT_IDLE;

		for (int from = 0; from < GUARD_STATE_COUNT; from++) {
			is_reached |= is_taken[from][to];
			check_transition((enum guard_state)from,
					 (enum guard_state)to);
		}
		if (!is_reached)
			fail_msg("never reached: '%s'",
				 guard_state_name((enum guard_state)to));
	}
}

static void
guard_keeps_its_promises_in_any_conversation(void **state)
{
	enum { FIRST_SEED = 1, SEEDS = 150000 };
	unsigned outcomes[GUARD_CANCELED + 1] = {0};
	unsigned long windows = 0;
	unsigned long presses = 0;
	struct model m;

	(void)state;
	print_message("seeds %d to %d\n", FIRST_SEED, FIRST_SEED + SEEDS - 1);
	for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
		seed_under_way = seed;
		outcomes[converse(&m, seed)]++;
		windows += m.windows;
		presses += m.presses;
	}
	seed_under_way = 0;
	for (int o = GUARD_PENDING + 1; o <= GUARD_CANCELED; o++) {
		print_message("%s: %u\n",
			      guard_outcome_name((enum guard_outcome)o),
			      outcomes[o]);
		assert_true(outcomes[o] > 0);
	}
	check_transitions();
	print_message("windows: %lu\n", windows);
	assert_true(windows > SEEDS / 10);
	print_message("attempts that press: %lu\n", presses);
	assert_true(presses > SEEDS / 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		guard_keeps_its_promises_in_any_conversation, print_seed),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_model", tests,
					   NULL, NULL);
}

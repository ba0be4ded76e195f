/*
 * guard.h - a guard as its tests drive it: settings and facts that may be
 * otherwise than plain, and one short call for each thing it can be told.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_H

#include <stdio.h>

#include "policy/guard/guard.h"
#include "tests/support/test.h"

enum {
	BEGUN_MS = 1000000,
	HOLD_MS = 10000,
	WINDOW_MS = 300,
	IN_TRANSACTION_MS = 2000,
	PLENTY_MS = 1000, /* of allowance */
	SEED = 42,
};

/* Differences from the plain case: policy auto, an idle session. */
enum condition {
	IN_BLOCK = 1 << 0,    /* the client's block is open */
	SINGLE = 1 << 1,      /* guard_single_table */
	STRONG = 1 << 2,      /* it holds strong locks */
	VIEW = 1 << 3,        /* the first relation is a view */
	SEQUENCE = 1 << 4,    /* or a sequence */
	PASS_ON_END = 1 << 5, /* on_timeout = pass */
	READ_ONLY = 1 << 6,   /* the transaction is */
	IN_RECOVERY = 1 << 7, /* the server is */
	NO_PLPGSQL = 1 << 8,  /* an attempt cannot be made */
	OWN_LIMIT = 1 << 9,   /* the session's lock_timeout, 1 s */
	OF_DDL = 1 << 10,     /* the statement is guarded by `ddl` only */
	LOCK = 1 << 11,       /* policy = lock */
	HOLD = 1 << 12,       /* policy = hold */
	PASS = 1 << 13,       /* policy = pass */
	REJECT = 1 << 14,     /* policy = reject */
	NO_SCOPE = 1 << 15,   /* guard = off */
};

struct fixture {
	struct guard_settings settings;
	struct session_facts facts;
	unsigned conditions;
	struct guard guard;
	struct guard_step step; /* the last one */
	uint32_t company;
	uint64_t now_ms;
	bool may_try; /* what cannot be locked is tried */
	bool is_free; /* go_on finds nobody in the way */
};

static inline enum guard_policy
fixture_policy(unsigned conditions)
{
	if (conditions & LOCK)
		return GUARD_POLICY_LOCK;
	if (conditions & HOLD)
		return GUARD_POLICY_HOLD;
	if (conditions & PASS)
		return GUARD_POLICY_PASS;
	return conditions & REJECT ? GUARD_POLICY_REJECT : GUARD_POLICY_AUTO;
}

static inline void
fixture_init(struct fixture *f, unsigned conditions)
{
	*f = (struct fixture){
	    .conditions = conditions,
	    .now_ms = BEGUN_MS,
	};
	f->settings = (struct guard_settings){
	    .scope =
		conditions & NO_SCOPE ? GUARD_SCOPE_OFF : GUARD_SCOPE_DROPS,
	    .policy = fixture_policy(conditions),
	    .on_timeout = conditions & PASS_ON_END ? GUARD_TIMEOUT_PASS
						   : GUARD_TIMEOUT_ERROR,
	    .guard_single_table = (conditions & SINGLE) != 0,
	    .attempt_timeout_ms = 200,
	    .hold_timeout_ms = HOLD_MS,
	    .in_transaction_timeout_ms = IN_TRANSACTION_MS,
	    .gate_window_ms = WINDOW_MS,
	};
	f->facts = (struct session_facts){
	    .is_read_only = (conditions & READ_ONLY) != 0,
	    .is_in_recovery = (conditions & IN_RECOVERY) != 0,
	    .can_attempt = (conditions & NO_PLPGSQL) == 0,
	    .holds_strong_locks = (conditions & STRONG) != 0,
	    .lock_timeout_ms = conditions & OWN_LIMIT ? 1000 : 0,
	    .deadlock_timeout_ms = 1000,
	    .lock_timeout = "0",
	};
}

static inline void
add_relation(struct lock_set *set, uint32_t relid, char kind,
	     enum lock_mode mode, bool is_lockable)
{
	char oid[16];
	char number[16];
	char relkind[2] = {kind, '\0'};
	const char *row[LOCK_SET_COLUMNS] = {
	    oid,  relkind, "s.t", number, is_lockable ? "t" : "f",
	    "{}", "1",     ""};
	struct row_value values[LOCK_SET_COLUMNS];

	(void)snprintf(oid, sizeof(oid), "%u", (unsigned)relid);
	(void)snprintf(number, sizeof(number), "%d", (int)mode);
	for (int i = 0; i < LOCK_SET_COLUMNS; i++)
		values[i] = (struct row_value){row[i], strlen(row[i])};
	assert_true(lock_set_add_row(set, values));
}

static inline void
add_table(struct lock_set *set, uint32_t relid)
{
	add_relation(set, relid, 'r', LOCK_ACCESS_EXCLUSIVE, true);
}

/* Relations first .. first + count - 1; VIEW and SEQUENCE say what 1 is. */
static inline struct lock_set
relations(const struct fixture *f, uint32_t first, uint32_t count)
{
	bool has_odd_one = f->conditions & (VIEW | SEQUENCE);
	struct lock_set set = {0};

	for (uint32_t i = first; i < first + count; i++) {
		if (i == 1 && has_odd_one)
			add_relation(&set, i, f->conditions & VIEW ? 'v' : 'S',
				     LOCK_ACCESS_EXCLUSIVE, false);
		else
			add_table(&set, i);
	}
	return set;
}

/* The guard's side */

static inline struct guard_account
account(const struct fixture *f)
{
	return guard_account(&f->guard, f->now_ms);
}

static inline bool
has_turn(const struct fixture *f)
{
	return f->step.keeps != GUARD_KEEPS_NOTHING;
}

static inline bool
in_window(const struct fixture *f)
{
	return f->step.keeps == GUARD_KEEPS_GATE;
}

/* The table of states has the truth about each step. */
static inline enum guard_action
take_step(struct fixture *f, struct guard_step step)
{
	assert_int_equal(step.state, guard_step(&f->guard).state);
	assert_int_equal(step.action, guard_state_action(step.state));
	assert_int_equal(step.keeps, guard_state_keeps(step.state));
	assert_int_equal(step.outcome, guard_state_outcome(step.state));
	assert_int_equal(step.state, account(f).state);
	assert_int_equal(step.outcome, account(f).outcome);
	f->step = step;
	return step.action;
}

/* The driver's side */

static inline enum guard_action
begin_with(struct fixture *f, const struct guard_settings *settings,
	   uint64_t seed)
{
	bool in_transaction = (f->conditions & IN_BLOCK) != 0;

	return take_step(f, guard_begin(&f->guard, settings, in_transaction,
					f->now_ms, seed));
}

static inline enum guard_action
begin(struct fixture *f)
{
	return begin_with(f, &f->settings, SEED);
}

static inline enum guard_action
plan_set(struct fixture *f, struct lock_set set)
{
	enum guard_scope scope =
	    f->conditions & OF_DDL ? GUARD_SCOPE_DDL : GUARD_SCOPE_DROPS;
	enum guard_action action;

	if (f->may_try)
		guard_allow_trials(&f->guard);
	action = take_step(f, guard_planned(&f->guard, &f->settings, scope,
					    &f->facts, &set, f->now_ms));
	assert_int_equal(set.count, 0);
	assert_null(set.items);
	return action;
}

static inline enum guard_action
plan(struct fixture *f, uint32_t count)
{
	return plan_set(f, relations(f, 1, count));
}

static inline enum guard_action
fail_plan(struct fixture *f)
{
	return take_step(f, guard_plan_failed(&f->guard));
}

static inline enum guard_action
cancel(struct fixture *f)
{
	return take_step(f, guard_cancel(&f->guard));
}

static inline enum guard_action
release(struct fixture *f)
{
	return take_step(f, guard_release(&f->guard, f->now_ms));
}

static inline enum guard_action
coaxed(struct fixture *f)
{
	return take_step(f, guard_coaxed(&f->guard, f->now_ms));
}

static inline enum guard_action
tried(struct fixture *f, bool is_over)
{
	return take_step(f, guard_tried(&f->guard, is_over, f->now_ms));
}

static inline enum guard_action
look_at(struct fixture *f, struct holders holders)
{
	return take_step(
	    f, guard_looked(&f->guard, &holders, f->company, f->now_ms));
}

/* So many locks of transactions that are so old are in the way. */
static inline enum guard_action
look(struct fixture *f, size_t count, uint64_t oldest_ms)
{
	return look_at(f, (struct holders){
			      .count = count,
			      .shown[0].relid = 2,
			      .oldest_ms = count > 0 ? oldest_ms : 0,
			  });
}

/* An autovacuum works on this relation, and nobody else. */
static inline enum guard_action
look_vacuum(struct fixture *f, uint32_t relid)
{
	return look_at(f, (struct holders){
			      .count = 1,
			      .autovacuum_count = 1,
			      .shown[0].relid = relid,
			      .oldest_ms = 60000,
			  });
}

static inline enum guard_action
take_turn(struct fixture *f, uint32_t allowance_ms)
{
	return take_step(
	    f, guard_turned(&f->guard, NULL, allowance_ms, f->now_ms));
}

static inline enum guard_action
miss_turn(struct fixture *f)
{
	const struct rival rival = {
	    .session = 17,
	    .pid = 4712,
	    .user = "eve",
	    .application_name = "loader",
	    .since_ms = BEGUN_MS - 1000,
	};

	return take_step(f, guard_turned(&f->guard, &rival, 0, f->now_ms));
}

static inline enum guard_action
shut(struct fixture *f)
{
	return take_step(f, guard_shut(&f->guard, f->now_ms));
}

/* All is held, and the plan finds this now. */
static inline enum guard_action
grant_set(struct fixture *f, struct lock_set again)
{
	size_t count = guard_set(&f->guard)->count;
	enum guard_action action =
	    take_step(f, guard_attempted(&f->guard, ATTEMPT_GRANTED, count,
					 &again, f->now_ms));

	assert_null(again.items);
	return action;
}

static inline enum guard_action
grant(struct fixture *f, uint32_t first, uint32_t count)
{
	return grant_set(f, relations(f, first, count));
}

static inline enum guard_action
deny(struct fixture *f, enum attempt_result result, size_t index)
{
	struct lock_set again = {0};

	return take_step(
	    f, guard_attempted(&f->guard, result, index, &again, f->now_ms));
}

static inline enum guard_action
begin_to_glance(struct fixture *f)
{
	return take_step(f, guard_begin_to_glance(&f->guard, &f->settings,
						  false, f->now_ms, SEED));
}

static inline enum guard_action
glance(struct fixture *f, enum guard_sight sight)
{
	return take_step(f, guard_glanced(&f->guard, &f->settings, sight));
}

static inline enum guard_action
wake_now(struct fixture *f)
{
	return take_step(f, guard_woken(&f->guard, f->now_ms));
}

static inline enum guard_action
wake(struct fixture *f)
{
	f->now_ms = f->step.wake_ms;
	return wake_now(f);
}

/*
 * The shortest way on, where tables are in use by the young and nothing is
 * denied: one step of it.
 */
static inline enum guard_action
go_on(struct fixture *f)
{
	switch (f->step.action) {
	case GUARD_GLANCE:
		return glance(f, GUARD_SEES_NOTHING);
	case GUARD_PLAN:
		return plan(f, 2);
	case GUARD_HOLDERS:
		return look(f, f->is_free ? 0 : 1, 5);
	case GUARD_TURN:
		return take_turn(f, PLENTY_MS);
	case GUARD_SHUT:
		return shut(f);
	case GUARD_ATTEMPT:
		return deny(f, ATTEMPT_BUSY, 0);
	case GUARD_TRY:
		return tried(f, false);
	case GUARD_COAX:
		return coaxed(f);
	case GUARD_WAIT:
		return wake(f);
	case GUARD_IDLE:
	case GUARD_RUN:
	case GUARD_REFUSE:
		break;
	}
	fail_msg("nothing comes behind the end");
	return f->step.action;
}

/* That way to the next such action. */
static inline void
go_on_to(struct fixture *f, enum guard_action action)
{
	for (int steps = 0; go_on(f) != action; steps++)
		assert_true(steps < 100);
}

static inline bool
wants_window(const struct fixture *f)
{
	return f->step.state == GUARD_AT_SHUT_TURN;
}

/* On, each step a round trip of 1 ms, until the gate is shut. */
static inline void
go_on_to_window(struct fixture *f)
{
	for (int steps = 0; !in_window(f); steps++) {
		assert_true(steps < 10000);
		f->now_ms++;
		(void)go_on(f);
	}
}

/* Where it is told something: steps, and how it came there. */
enum place {
	AT_BEGIN,
	AT_PLAN,
	AT_LOOK, /* before the first attempt */
	AT_TURN,
	AT_ATTEMPT,
	AT_WAIT,       /* behind a first attempt that found it in use */
	AT_LOOK_AGAIN, /* behind that wait, with policy auto or hold */
	AT_TURN_AGAIN,
	AT_ATTEMPT_AGAIN,
	AT_SHUT_TURN,
	AT_SHUT,
	AT_WINDOW_LOOK,
	AT_WINDOW_WAIT,
	AT_WINDOW_ATTEMPT,
	AT_PAUSE,      /* behind a window */
	AT_PAUSE_LOOK, /* behind that wait */
	AT_COAX,
	AT_PLAN_AGAIN,   /* behind an attempt that failed */
	AT_LAST_ATTEMPT, /* behind two that did */
	AT_LAST_LOOK,    /* the budget is spent */
	PLACES,
};

static inline void
go_to_turn(struct fixture *f)
{
	if (plan(f, 2) == GUARD_HOLDERS)
		(void)look(f, 0, 0);
	assert_int_equal(f->step.action, GUARD_TURN);
}

static inline void
go_to_attempt(struct fixture *f)
{
	go_to_turn(f);
	(void)take_turn(f, PLENTY_MS);
	assert_int_equal(f->step.action, GUARD_ATTEMPT);
}

static inline void
go_to_shut_turn(struct fixture *f)
{
	do
		go_on_to(f, GUARD_TURN);
	while (f->step.state != GUARD_AT_SHUT_TURN);
}

static inline void
go_behind_wait(struct fixture *f, enum place place)
{
	go_to_attempt(f);
	(void)deny(f, ATTEMPT_BUSY, 1);
	assert_int_equal(f->step.action, GUARD_WAIT);
	if (place == AT_WAIT)
		return;
	if (place == AT_LAST_LOOK) {
		f->now_ms = account(f).deadline_ms;
		(void)wake_now(f);
		return;
	}
	if (wake(f) == GUARD_HOLDERS && place != AT_LOOK_AGAIN)
		(void)look(f, 0, 0);
	if (place == AT_ATTEMPT_AGAIN)
		(void)take_turn(f, PLENTY_MS);
}

static inline void
go_behind_shut(struct fixture *f, enum place place)
{
	go_to_shut_turn(f);
	if (place == AT_SHUT_TURN)
		return;
	(void)take_turn(f, PLENTY_MS);
	if (place == AT_SHUT)
		return;
	(void)shut(f);
	if (place == AT_WINDOW_LOOK)
		return;
	(void)look(f, place == AT_WINDOW_ATTEMPT ? 0 : 1, 5);
	if (place == AT_WINDOW_ATTEMPT || place == AT_WINDOW_WAIT)
		return;
	while (in_window(f))
		(void)go_on(f);
	if (place == AT_PAUSE_LOOK)
		(void)wake(f);
}

static inline void
go_behind_failure(struct fixture *f, enum place place)
{
	f->is_free = true;
	go_to_attempt(f);
	(void)deny(f, ATTEMPT_FAILED, 0);
	assert_int_equal(f->step.action, GUARD_PLAN);
	if (place == AT_PLAN_AGAIN)
		return;
	go_on_to(f, GUARD_ATTEMPT);
	(void)deny(f, ATTEMPT_FAILED, 0);
	assert_int_equal(f->step.action, GUARD_PLAN);
	go_on_to(f, GUARD_ATTEMPT);
}

static inline void
go_to(struct fixture *f, enum place place)
{
	if (place == AT_BEGIN)
		return;
	assert_int_equal(begin(f), GUARD_PLAN);
	switch (place) {
	case AT_BEGIN:
	case AT_PLAN:
	case PLACES:
		break;
	case AT_LOOK:
		assert_int_equal(plan(f, 2), GUARD_HOLDERS);
		break;
	case AT_TURN:
		go_to_turn(f);
		break;
	case AT_ATTEMPT:
		go_to_attempt(f);
		break;
	case AT_WAIT:
	case AT_LOOK_AGAIN:
	case AT_TURN_AGAIN:
	case AT_ATTEMPT_AGAIN:
	case AT_LAST_LOOK:
		go_behind_wait(f, place);
		break;
	case AT_SHUT_TURN:
	case AT_SHUT:
	case AT_WINDOW_LOOK:
	case AT_WINDOW_WAIT:
	case AT_WINDOW_ATTEMPT:
	case AT_PAUSE:
	case AT_PAUSE_LOOK:
		go_behind_shut(f, place);
		break;
	case AT_COAX:
		go_on_to(f, GUARD_HOLDERS);
		assert_int_equal(look_vacuum(f, 2), GUARD_COAX);
		break;
	case AT_PLAN_AGAIN:
	case AT_LAST_ATTEMPT:
		go_behind_failure(f, place);
		break;
	}
}

/* Past the wait, with the turn at hand.  True: a look found nobody. */
static inline bool
attempt_again(struct fixture *f)
{
	enum guard_action first = wake(f);

	f->is_free = true;
	if (first != GUARD_ATTEMPT)
		go_on_to(f, GUARD_ATTEMPT);
	return first == GUARD_HOLDERS;
}

static inline uint64_t
wait_ms(const struct fixture *f)
{
	assert_int_equal(f->step.action, GUARD_WAIT);
	return f->step.wake_ms - f->now_ms;
}

#endif

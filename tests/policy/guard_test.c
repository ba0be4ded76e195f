#include "policy/guard.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	BEGUN_MS = 1000000,
	HOLD_MS = 10000,
	SEED = 42,
};

static const char *const actions[] = {
    [GUARD_PLAN] = "plan",       [GUARD_HOLDERS] = "holders",
    [GUARD_ATTEMPT] = "attempt", [GUARD_WAIT] = "wait",
    [GUARD_RUN] = "run",         [GUARD_REFUSE] = "refuse",
};

static const struct guard_settings plain_settings = {
    .scope = GUARD_SCOPE_DROPS,
    .policy = GUARD_POLICY_LOCK,
    .attempt_timeout_ms = 200,
    .hold_timeout_ms = HOLD_MS,
    .in_transaction_timeout_ms = 2000,
};

static const struct session_facts plain_facts = {
    .can_attempt = true, .deadlock_timeout_ms = 1000, .lock_timeout = "0"};

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

/* Tables first .. first + count - 1. */
static struct lock_set
tables(uint32_t first, uint32_t count)
{
	struct lock_set set = {0};

	for (uint32_t i = 0; i < count; i++)
		add_table(&set, first + i, LOCK_ACCESS_EXCLUSIVE, true);
	return set;
}

/* What may be otherwise than plain. */
enum condition {
	IN_BLOCK = 1 << 0,      /* the client's block is open */
	SINGLE = 1 << 1,        /* guard_single_table */
	STRONG = 1 << 2,        /* it holds strong locks */
	UNLOCKABLE = 1 << 3,    /* a table is not to be locked */
	PASS_ON_END = 1 << 4,   /* on_timeout = pass */
	READ_ONLY = 1 << 5,     /* the transaction is */
	IN_RECOVERY = 1 << 6,   /* the server is */
	HOLD_POLICY = 1 << 7,   /* policy = hold */
	PASS_POLICY = 1 << 8,   /* policy = pass */
	REJECT_POLICY = 1 << 9, /* policy = reject */
	NO_PLPGSQL = 1 << 10,   /* an attempt cannot be made */
	OWN_LIMIT = 1 << 11,    /* the session's lock_timeout is the shortest */
};

struct fixture {
	struct guard_settings settings;
	struct session_facts facts;
	unsigned conditions;
	struct guard guard;
	uint64_t now_ms;
};

static void
fixture_init(struct fixture *f, unsigned conditions)
{
	*f = (struct fixture){.settings = plain_settings,
			      .facts = plain_facts,
			      .conditions = conditions,
			      .now_ms = BEGUN_MS};
	if (conditions & HOLD_POLICY)
		f->settings.policy = GUARD_POLICY_HOLD;
	if (conditions & PASS_POLICY)
		f->settings.policy = GUARD_POLICY_PASS;
	if (conditions & REJECT_POLICY)
		f->settings.policy = GUARD_POLICY_REJECT;
	if (conditions & PASS_ON_END)
		f->settings.on_timeout = GUARD_TIMEOUT_PASS;
	f->settings.guard_single_table = (conditions & SINGLE) != 0;
	f->facts.holds_strong_locks = (conditions & STRONG) != 0;
	f->facts.is_read_only = (conditions & READ_ONLY) != 0;
	f->facts.can_attempt = (conditions & NO_PLPGSQL) == 0;
	f->facts.lock_timeout_ms = (conditions & OWN_LIMIT) ? 1000 : 0;
	f->facts.is_in_recovery = (conditions & IN_RECOVERY) != 0;
}

static enum guard_action
begin(struct fixture *f)
{
	return guard_begin(&f->guard, &f->settings,
			   (f->conditions & IN_BLOCK) != 0, f->now_ms, SEED);
}

static enum guard_action
plan(struct fixture *f, uint32_t count)
{
	struct lock_set set = tables(1, count);
	enum guard_action action;

	if (count > 0 && (f->conditions & UNLOCKABLE))
		set.items[0].is_lockable = false;
	action = guard_planned(&f->guard, &f->facts, &set, f->now_ms);
	assert_int_equal(set.count, 0);
	assert_null(set.items);
	return action;
}

static enum guard_action
look(struct fixture *f, size_t count)
{
	struct holders holders = {.count = count};

	return guard_looked(&f->guard, &holders, f->now_ms);
}

static enum guard_action
grant(struct fixture *f, uint32_t first, uint32_t count)
{
	struct lock_set again = tables(first, count);
	enum guard_action action = guard_attempted(
	    &f->guard, ATTEMPT_GRANTED, f->guard.set.count, &again, f->now_ms);

	assert_null(again.items);
	return action;
}

static enum guard_action
refuse(struct fixture *f, enum attempt_result result, size_t index)
{
	struct lock_set again = {0};

	return guard_attempted(&f->guard, result, index, &again, f->now_ms);
}

static enum guard_action
wake(struct fixture *f)
{
	f->now_ms = f->guard.wake_ms;
	return guard_woken(&f->guard, f->now_ms);
}

/* One transition */

enum place {
	AT_BEGIN,
	AT_PLAN,
	AT_LOOK,          /* before the first attempt */
	AT_ATTEMPT,       /* the first one */
	AT_WAIT,          /* behind a first attempt that found it in use */
	AT_ATTEMPT_AGAIN, /* behind that wait */
	AT_PLAN_AGAIN,    /* behind an attempt that failed */
	AT_LAST_ATTEMPT,  /* behind two that did */
	AT_LAST_LOOK,     /* the budget is spent */
};

enum event {
	BEGIN,
	PLANNED_NONE, /* no table */
	PLANNED_ONE,
	PLANNED_TWO,
	PLAN_FAILED,
	LOOKED_FREE,
	LOOKED_HELD,
	LOOKED_HELD_LATE, /* when the budget is spent */
	GRANTED,
	GRANTED_LATE,
	GRANTED_LESS, /* a table has gone */
	GRANTED_MORE, /* a table has come */
	GRANTED_MORE_LATE,
	GRANTED_UNSEEN, /* with no plan to compare with */
	BUSY,
	BUSY_LATE,
	FAILED,
	WOKEN,
	WOKEN_LATE,
	CANCEL,
};

static void
go_to_attempt(struct fixture *f)
{
	if (plan(f, 2) == GUARD_HOLDERS)
		(void)look(f, 0);
	assert_int_equal(f->guard.action, GUARD_ATTEMPT);
}

static void
go_to(struct fixture *f, enum place place)
{
	if (place == AT_BEGIN)
		return;
	assert_int_equal(begin(f), GUARD_PLAN);
	switch (place) {
	case AT_BEGIN:
	case AT_PLAN:
		break;
	case AT_LOOK:
		assert_int_equal(plan(f, 2), GUARD_HOLDERS);
		break;
	case AT_ATTEMPT:
		go_to_attempt(f);
		break;
	case AT_WAIT:
	case AT_ATTEMPT_AGAIN:
	case AT_LAST_LOOK:
		go_to_attempt(f);
		assert_int_equal(refuse(f, ATTEMPT_BUSY, 1), GUARD_WAIT);
		if (place == AT_WAIT)
			break;
		if (place == AT_LAST_LOOK)
			f->guard.wake_ms = f->guard.deadline_ms;
		if (wake(f) == GUARD_HOLDERS && place == AT_ATTEMPT_AGAIN)
			(void)look(f, 0);
		break;
	case AT_PLAN_AGAIN:
	case AT_LAST_ATTEMPT:
		go_to_attempt(f);
		assert_int_equal(refuse(f, ATTEMPT_FAILED, 0), GUARD_PLAN);
		if (place == AT_PLAN_AGAIN)
			break;
		go_to_attempt(f);
		assert_int_equal(refuse(f, ATTEMPT_FAILED, 0), GUARD_PLAN);
		go_to_attempt(f);
		break;
	}
}

static enum guard_action
fire(struct fixture *f, enum event event)
{
	switch (event) {
	case BEGIN:
		return begin(f);
	case PLANNED_NONE:
		return plan(f, 0);
	case PLANNED_ONE:
		return plan(f, 1);
	case PLANNED_TWO:
		return plan(f, 2);
	case PLAN_FAILED:
		return guard_plan_failed(&f->guard);
	case LOOKED_FREE:
		return look(f, 0);
	case LOOKED_HELD_LATE:
		f->now_ms = f->guard.deadline_ms;
		return look(f, 9);
	case LOOKED_HELD:
		return look(f, 1);
	case GRANTED_LATE:
		f->now_ms = f->guard.deadline_ms + 1;
		return grant(f, 1, 2);
	case GRANTED:
		return grant(f, 1, 2);
	case GRANTED_LESS:
		return grant(f, 2, 1);
	case GRANTED_MORE_LATE:
		f->now_ms = f->guard.deadline_ms;
		return grant(f, 2, 2);
	case GRANTED_MORE:
		return grant(f, 2, 2);
	case GRANTED_UNSEEN:
		return grant(f, 1, 0);
	case BUSY_LATE:
		f->now_ms = f->guard.deadline_ms;
		return refuse(f, ATTEMPT_BUSY, 0);
	case BUSY:
		return refuse(f, ATTEMPT_BUSY, 0);
	case FAILED:
		return refuse(f, ATTEMPT_FAILED, 0);
	case WOKEN:
		return wake(f);
	case WOKEN_LATE:
		f->now_ms = f->guard.deadline_ms;
		return guard_woken(&f->guard, f->now_ms);
	case CANCEL:
		return guard_cancel(&f->guard);
	}
	fail_msg("no such event");
	return GUARD_PLAN;
}

struct transition {
	enum place from;
	unsigned conditions;
	enum event event;
	enum guard_action action;
	enum guard_outcome outcome;
};

static void
check_transitions(const struct transition *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fixture f;
		enum guard_action action;

		fixture_init(&f, t[i].conditions);
		go_to(&f, t[i].from);
		action = fire(&f, t[i].event);
		assert_int_equal(action, f.guard.action);
		if (action != t[i].action || f.guard.outcome != t[i].outcome)
			fail_msg("transition %zu is to %s, %s", i,
				 actions[action],
				 report_outcome(f.guard.outcome));
		guard_clear(&f.guard);
	}
}

#define CHECK_TRANSITIONS(t) check_transitions(t, sizeof(t) / sizeof((t)[0]))

static void
guard_begin_plans_unless_it_is_to_pass(void **state)
{
	static const struct transition transitions[] = {
	    {AT_BEGIN, 0, BEGIN, GUARD_PLAN, GUARD_PENDING},
	    {AT_BEGIN, IN_BLOCK, BEGIN, GUARD_PLAN, GUARD_PENDING},
	    {AT_BEGIN, HOLD_POLICY, BEGIN, GUARD_PLAN, GUARD_PENDING},
	    {AT_BEGIN, REJECT_POLICY, BEGIN, GUARD_PLAN, GUARD_PENDING},
	    {AT_BEGIN, PASS_POLICY, BEGIN, GUARD_RUN, GUARD_PASSED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_planned_judges_whether_it_is_worth_it(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLANNED_NONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_ONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, 0, PLANNED_TWO, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_PLAN, IN_BLOCK, PLANNED_NONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, IN_BLOCK, PLANNED_ONE, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_PLAN, SINGLE, PLANNED_NONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, SINGLE, PLANNED_ONE, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_PLAN, HOLD_POLICY, PLANNED_ONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, HOLD_POLICY, PLANNED_TWO, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_PLAN, UNLOCKABLE, PLANNED_TWO, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_PLAN, STRONG | IN_BLOCK, PLANNED_TWO, GUARD_ATTEMPT,
	     GUARD_PENDING},
	    {AT_PLAN, REJECT_POLICY, PLANNED_ONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, REJECT_POLICY, PLANNED_TWO, GUARD_REFUSE, GUARD_REJECTED},
	    {AT_PLAN, READ_ONLY, PLANNED_TWO, GUARD_RUN, GUARD_READ_ONLY},
	    {AT_PLAN, IN_RECOVERY, PLANNED_TWO, GUARD_RUN, GUARD_READ_ONLY},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_ONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN, NO_PLPGSQL, PLANNED_TWO, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | HOLD_POLICY, PLANNED_TWO, GUARD_RUN,
	     GUARD_UNPLANNED},
	    {AT_PLAN, NO_PLPGSQL | REJECT_POLICY, PLANNED_TWO, GUARD_REFUSE,
	     GUARD_REJECTED},
	    {AT_PLAN, READ_ONLY | REJECT_POLICY, PLANNED_TWO, GUARD_RUN,
	     GUARD_READ_ONLY},
	    /* The second time as the first: the schema may be another. */
	    {AT_PLAN_AGAIN, 0, PLANNED_TWO, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_PLAN_AGAIN, 0, PLANNED_ONE, GUARD_RUN, GUARD_UNNEEDED},
	    {AT_PLAN_AGAIN, HOLD_POLICY, PLANNED_TWO, GUARD_HOLDERS,
	     GUARD_PENDING},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

/* There it runs as if without us; but not when it was to be refused. */
static void
guard_plan_failed_lets_it_run_within_the_budget_only(void **state)
{
	static const struct transition transitions[] = {
	    {AT_PLAN, 0, PLAN_FAILED, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_PLAN, IN_BLOCK, PLAN_FAILED, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_PLAN_AGAIN, 0, PLAN_FAILED, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_LOOK, HOLD_POLICY, PLAN_FAILED, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_LAST_LOOK, 0, PLAN_FAILED, GUARD_REFUSE, GUARD_TIMED_OUT},
	    {AT_LAST_LOOK, HOLD_POLICY, PLAN_FAILED, GUARD_REFUSE,
	     GUARD_TIMED_OUT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_looked_attempts_when_nobody_is_there(void **state)
{
	static const struct transition transitions[] = {
	    {AT_LOOK, HOLD_POLICY, LOOKED_FREE, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_LOOK, HOLD_POLICY, LOOKED_HELD, GUARD_WAIT, GUARD_PENDING},
	    {AT_LOOK, HOLD_POLICY, LOOKED_HELD_LATE, GUARD_HOLDERS,
	     GUARD_PENDING},
	    {AT_LOOK, HOLD_POLICY | PASS_ON_END, LOOKED_HELD_LATE, GUARD_RUN,
	     GUARD_OVERDUE},
	    {AT_LOOK, UNLOCKABLE, LOOKED_FREE, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_LOOK, UNLOCKABLE, LOOKED_HELD, GUARD_WAIT, GUARD_PENDING},
	    {AT_LAST_LOOK, 0, LOOKED_FREE, GUARD_REFUSE, GUARD_TIMED_OUT},
	    {AT_LAST_LOOK, 0, LOOKED_HELD, GUARD_REFUSE, GUARD_TIMED_OUT},
	    {AT_LAST_LOOK, HOLD_POLICY, LOOKED_HELD, GUARD_REFUSE,
	     GUARD_TIMED_OUT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_runs_when_all_is_held_that_is_needed(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, GRANTED, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_LATE, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_LESS, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_UNSEEN, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT, 0, GRANTED_MORE, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT, 0, GRANTED_MORE_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_ATTEMPT, PASS_ON_END, GRANTED_MORE_LATE, GUARD_RUN,
	     GUARD_OVERDUE},
	    {AT_ATTEMPT, HOLD_POLICY, GRANTED, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT, HOLD_POLICY, GRANTED_MORE, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT, UNLOCKABLE, GRANTED, GUARD_RUN, GUARD_PROTECTED},
	    {AT_ATTEMPT_AGAIN, 0, GRANTED, GUARD_RUN, GUARD_PROTECTED},
	    {AT_LAST_ATTEMPT, 0, GRANTED, GUARD_RUN, GUARD_PROTECTED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_attempted_waits_or_plans_anew_when_not(void **state)
{
	static const struct transition transitions[] = {
	    {AT_ATTEMPT, 0, BUSY, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT, 0, BUSY_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_ATTEMPT, PASS_ON_END, BUSY_LATE, GUARD_RUN, GUARD_OVERDUE},
	    {AT_ATTEMPT, HOLD_POLICY, BUSY, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT, STRONG, BUSY, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT, STRONG, BUSY_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_ATTEMPT_AGAIN, 0, BUSY, GUARD_WAIT, GUARD_PENDING},
	    {AT_ATTEMPT_AGAIN, 0, BUSY_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_ATTEMPT, 0, FAILED, GUARD_PLAN, GUARD_PENDING},
	    {AT_ATTEMPT_AGAIN, 0, FAILED, GUARD_PLAN, GUARD_PENDING},
	    {AT_LAST_ATTEMPT, 0, BUSY, GUARD_WAIT, GUARD_PENDING},
	    {AT_LAST_ATTEMPT, 0, FAILED, GUARD_RUN, GUARD_UNPLANNED},
	    {AT_LAST_ATTEMPT, HOLD_POLICY, FAILED, GUARD_RUN, GUARD_UNPLANNED},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_woken_tries_again_or_gives_up(void **state)
{
	static const struct transition transitions[] = {
	    {AT_WAIT, 0, WOKEN, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_WAIT, STRONG, WOKEN, GUARD_ATTEMPT, GUARD_PENDING},
	    {AT_WAIT, HOLD_POLICY, WOKEN, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_WAIT, UNLOCKABLE, WOKEN, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_WAIT, 0, WOKEN_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_WAIT, HOLD_POLICY, WOKEN_LATE, GUARD_HOLDERS, GUARD_PENDING},
	    {AT_WAIT, PASS_ON_END, WOKEN_LATE, GUARD_RUN, GUARD_OVERDUE},
	    {AT_WAIT, PASS_ON_END | STRONG, WOKEN_LATE, GUARD_RUN,
	     GUARD_OVERDUE},
	    /* The session's own timeouts are errors in any case. */
	    {AT_WAIT, PASS_ON_END | OWN_LIMIT, WOKEN_LATE, GUARD_HOLDERS,
	     GUARD_PENDING},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, LOOKED_HELD, GUARD_REFUSE,
	     GUARD_TIMED_OUT},
	    {AT_LAST_LOOK, PASS_ON_END | OWN_LIMIT, PLAN_FAILED, GUARD_REFUSE,
	     GUARD_TIMED_OUT},
	};

	(void)state;
	CHECK_TRANSITIONS(transitions);
}

static void
guard_cancel_refuses_wherever_it_stands(void **state)
{
	(void)state;
	for (int place = AT_PLAN; place <= AT_LAST_LOOK; place++) {
		struct transition t = {(enum place)place, HOLD_POLICY, CANCEL,
				       GUARD_REFUSE, GUARD_CANCELED};

		check_transitions(&t, 1);
	}
}

/* Until it has been carried out, RUN too can be taken back. */
static void
guard_cancel_takes_back_a_run(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
	assert_int_equal(guard_cancel(&f.guard), GUARD_REFUSE);
	assert_int_equal(f.guard.outcome, GUARD_CANCELED);
	guard_clear(&f.guard);
}

/* What is asked for at each step */

static void
guard_looks_at_what_no_lock_can_cover(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, UNLOCKABLE);
	go_to(&f, AT_LOOK);
	assert_int_equal(f.guard.look_at, HOLDERS_OF_UNLOCKABLE);
	guard_clear(&f.guard);
	fixture_init(&f, UNLOCKABLE | HOLD_POLICY);
	go_to(&f, AT_LOOK);
	assert_int_equal(f.guard.look_at, HOLDERS_OF_ALL);
	guard_clear(&f.guard);
	fixture_init(&f, UNLOCKABLE);
	go_to(&f, AT_LAST_LOOK);
	assert_int_equal(f.guard.look_at, HOLDERS_OF_ALL);
	guard_clear(&f.guard);
}

static void
guard_looked_keeps_the_holders_for_the_report(void **state)
{
	struct holders holders = {.count = 3};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD_POLICY);
	go_to(&f, AT_LOOK);
	holders.shown[0].pid = 4711;
	(void)guard_looked(&f.guard, &holders, f.now_ms);
	assert_int_equal(f.guard.holders.count, 3);
	assert_int_equal(f.guard.holders.shown[0].pid, 4711);
	guard_clear(&f.guard);
}

static void
guard_planned_sorts_as_set(void **state)
{
	struct lock_set set = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin(&f);
	add_table(&set, 30, LOCK_SHARE, true);
	add_table(&set, 10, LOCK_SHARE, true);
	add_table(&set, 20, LOCK_SHARE, true);
	(void)guard_planned(&f.guard, &f.facts, &set, f.now_ms);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(f.guard.set.items[i].relid, 10 * (i + 1));
	guard_clear(&f.guard);
}

static void
guard_attempted_puts_the_table_in_use_first(void **state)
{
	static const uint32_t first[] = {4, 3, 2, 1};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin(&f);
	(void)plan(&f, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(refuse(&f, ATTEMPT_BUSY, 3), GUARD_WAIT);
		assert_int_equal(wake(&f), GUARD_ATTEMPT);
		assert_int_equal(f.guard.set.items[0].relid, first[i]);
	}
	assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_int_equal(f.guard.set.items[0].relid, 1);
	assert_int_equal(f.guard.attempts, 5);
	guard_clear(&f.guard);
}

/* The same tables, one of them to be locked in a stronger mode. */
static void
guard_attempted_starts_over_when_a_mode_grew(void **state)
{
	struct lock_set set = {0};
	struct lock_set again = {0};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	(void)begin(&f);
	add_table(&set, 1, LOCK_SHARE_ROW_EXCLUSIVE, true);
	add_table(&set, 2, LOCK_ACCESS_EXCLUSIVE, true);
	(void)guard_planned(&f.guard, &f.facts, &set, f.now_ms);
	add_table(&again, 2, LOCK_ACCESS_EXCLUSIVE, true);
	add_table(&again, 1, LOCK_ACCESS_EXCLUSIVE, true);
	assert_int_equal(
	    guard_attempted(&f.guard, ATTEMPT_GRANTED, 2, &again, f.now_ms),
	    GUARD_WAIT);
	assert_null(again.items);
	assert_int_equal(f.guard.set.count, 2);
	assert_int_equal(f.guard.set.items[0].relid, 1);
	assert_int_equal(f.guard.set.items[0].mode, LOCK_ACCESS_EXCLUSIVE);
	assert_int_equal(wake(&f), GUARD_ATTEMPT);
	assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
	assert_int_equal(f.guard.outcome, GUARD_PROTECTED);
	guard_clear(&f.guard);
}

/* What could not be compared is not taken for covered. */
static void
guard_attempted_starts_over_when_memory_is_out(void **state)
{
	struct lock_set again = tables(1, 2);
	struct fixture f;
	enum guard_action action;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	allocation_fail_after(0);
	action =
	    guard_attempted(&f.guard, ATTEMPT_GRANTED, 2, &again, f.now_ms);
	assert_true(allocation_restore());
	assert_int_equal(action, GUARD_WAIT);
	assert_int_equal(f.guard.set.count, 2);
	guard_clear(&f.guard);
}

static void
guard_begin_forgets_what_was_before(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_LAST_LOOK);
	f.now_ms += 5;
	assert_int_equal(begin(&f), GUARD_PLAN);
	assert_int_equal(f.guard.outcome, GUARD_PENDING);
	assert_int_equal(f.guard.attempts, 0);
	assert_int_equal(f.guard.begun_ms, f.now_ms);
	assert_false(f.guard.is_spent);
	assert_null(f.guard.set.items);
	guard_clear(&f.guard);
}

static void
guard_clear_accepts_a_zeroed_guard(void **state)
{
	struct guard g = {0};

	(void)state;
	guard_clear(&g);
	guard_clear(&g);
}

/* Time */

static void
guard_planned_takes_the_shortest_budget(void **state)
{
	static const struct {
		uint32_t lock_timeout_ms;
		uint32_t statement_timeout_ms;
		unsigned conditions;
		uint64_t budget_ms;
		enum guard_limit limit;
	} budgets[] = {
	    {0, 0, 0, HOLD_MS, GUARD_LIMIT_HOLD},
	    {0, 0, IN_BLOCK, HOLD_MS, GUARD_LIMIT_HOLD},
	    {0, 0, IN_BLOCK | STRONG, 2000, GUARD_LIMIT_IN_TRANSACTION},
	    {500, 0, 0, 500, GUARD_LIMIT_LOCK},
	    {500, 0, IN_BLOCK | STRONG, 500, GUARD_LIMIT_LOCK},
	    {5000, 0, IN_BLOCK | STRONG, 2000, GUARD_LIMIT_IN_TRANSACTION},
	    {0, 700, 0, 700, GUARD_LIMIT_STATEMENT},
	    {500, 700, 0, 500, GUARD_LIMIT_LOCK},
	    {700, 500, 0, 500, GUARD_LIMIT_STATEMENT},
	    {20000, 30000, 0, HOLD_MS, GUARD_LIMIT_HOLD},
	    {UINT32_MAX, UINT32_MAX, STRONG, 2000, GUARD_LIMIT_IN_TRANSACTION},
	    {1, 0, 0, 1, GUARD_LIMIT_LOCK},
	    /* As the server tells them apart, then ours before its. */
	    {500, 500, 0, 500, GUARD_LIMIT_LOCK},
	    {HOLD_MS, HOLD_MS, 0, HOLD_MS, GUARD_LIMIT_HOLD},
	    {2000, 2000, STRONG, 2000, GUARD_LIMIT_IN_TRANSACTION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(budgets) / sizeof(*budgets); i++) {
		struct fixture f;

		fixture_init(&f, budgets[i].conditions);
		f.facts.lock_timeout_ms = budgets[i].lock_timeout_ms;
		f.facts.statement_timeout_ms = budgets[i].statement_timeout_ms;
		(void)begin(&f);
		f.now_ms += 3; /* the plan took this: it counts */
		(void)plan(&f, 2);
		assert_int_equal(f.guard.deadline_ms - f.guard.begun_ms,
				 budgets[i].budget_ms);
		assert_int_equal(f.guard.limit, budgets[i].limit);
		guard_clear(&f.guard);
	}
}

static void
guard_woken_late_passes_by_limits_of_ours_only(void **state)
{
	static const struct {
		uint32_t lock_timeout_ms;
		uint32_t statement_timeout_ms;
		unsigned conditions;
		enum guard_limit limit;
		enum guard_action action;
	} limits[] = {
	    {0, 0, 0, GUARD_LIMIT_HOLD, GUARD_RUN},
	    {0, 0, STRONG, GUARD_LIMIT_IN_TRANSACTION, GUARD_RUN},
	    {500, 0, STRONG, GUARD_LIMIT_LOCK, GUARD_HOLDERS},
	    {0, 500, STRONG, GUARD_LIMIT_STATEMENT, GUARD_HOLDERS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct fixture f;

		fixture_init(&f, limits[i].conditions | PASS_ON_END);
		f.facts.lock_timeout_ms = limits[i].lock_timeout_ms;
		f.facts.statement_timeout_ms = limits[i].statement_timeout_ms;
		go_to(&f, AT_WAIT);
		assert_int_equal(f.guard.limit, limits[i].limit);
		assert_int_equal(fire(&f, WOKEN_LATE), limits[i].action);
		if (limits[i].action == GUARD_HOLDERS)
			assert_int_equal(look(&f, 1), GUARD_REFUSE);
		assert_int_equal(f.guard.outcome, limits[i].action == GUARD_RUN
						      ? GUARD_OVERDUE
						      : GUARD_TIMED_OUT);
		guard_clear(&f.guard);
	}
}

/* The session may have set it otherwise meanwhile. */
static void
guard_planned_anew_takes_the_limit_anew(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, OWN_LIMIT);
	go_to(&f, AT_PLAN_AGAIN);
	assert_int_equal(f.guard.limit, GUARD_LIMIT_LOCK);
	f.facts.lock_timeout_ms = 0;
	assert_int_equal(plan(&f, 2), GUARD_ATTEMPT);
	assert_int_equal(f.guard.limit, GUARD_LIMIT_HOLD);
	assert_int_equal(f.guard.deadline_ms - f.guard.begun_ms, HOLD_MS);
	guard_clear(&f.guard);
}

/* Of a second attempt; the first one never waits in the server. */
static void
guard_attempt_is_bounded_by_the_shortest_of_all(void **state)
{
	static const struct {
		uint32_t attempt_timeout_ms;
		uint32_t deadlock_timeout_ms;
		uint32_t lock_timeout_ms;
		uint32_t statement_timeout_ms;
		uint32_t bound_ms; /* 0: it is NOWAIT, too */
	} bounds[] = {
	    {200, 1000, 0, 0, 200},
	    {60000, 1000, 0, 0, 400},
	    {60000, 100, 0, 0, 40},
	    {200, 50, 0, 0, 20},
	    {200, 5, 0, 0, 2},
	    {200, 4, 0, 0, 0},
	    {200, 1, 0, 0, 0},
	    {200, 0, 0, 0, 0},
	    {200, 2147483647, 0, 0, 200},
	    {UINT32_MAX, UINT32_MAX, 0, 0, HOLD_MS - 50},
	    {200, 1000, 0, 300, 150},
	    {200, 1000, 0, 100, 50},
	    {200, 1000, 120, 0, 70}, /* what is left of 120, 50 ms later */
	    {200, 1000, 51, 0, 1},
	    {10, 1000, 0, 0, 10},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		struct fixture f;

		fixture_init(&f, 0);
		f.settings.attempt_timeout_ms = bounds[i].attempt_timeout_ms;
		f.facts.deadlock_timeout_ms = bounds[i].deadlock_timeout_ms;
		f.facts.lock_timeout_ms = bounds[i].lock_timeout_ms;
		f.facts.statement_timeout_ms = bounds[i].statement_timeout_ms;
		go_to(&f, AT_ATTEMPT);
		assert_true(f.guard.attempt_nowait);
		assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
		f.guard.wake_ms = BEGUN_MS + 50;
		assert_int_equal(wake(&f), GUARD_ATTEMPT);
		assert_int_equal(f.guard.attempt_nowait,
				 bounds[i].bound_ms == 0);
		assert_int_equal(f.guard.attempt_bound_ms, bounds[i].bound_ms);
		guard_clear(&f.guard);
	}
}

static void
guard_attempt_never_waits_where_waiting_is_harmful(void **state)
{
	static const unsigned conditions[] = {STRONG | IN_BLOCK, HOLD_POLICY};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		go_to(&f, AT_ATTEMPT_AGAIN);
		for (int n = 0; n < 100; n++) {
			assert_int_equal(f.guard.action, GUARD_ATTEMPT);
			assert_true(f.guard.attempt_nowait);
			assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0),
					 GUARD_WAIT);
			assert_true(f.guard.wake_ms - f.now_ms <= 11);
			if (wake(&f) == GUARD_HOLDERS)
				(void)look(&f, 0);
		}
		guard_clear(&f.guard);
	}
}

/* The longest a wait can be, so long after the beginning. */
static uint64_t
most_delay_ms(uint64_t held_ms)
{
	if (held_ms <= 10000)
		return 251;
	return held_ms >= 40000 ? 1001 : held_ms / 40 + 1;
}

static void
guard_attempted_backs_off_longer_and_longer(void **state)
{
	static const uint64_t first_ms[] = {11, 41, 81, 161};
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	f.settings.hold_timeout_ms = 3600000;
	go_to(&f, AT_ATTEMPT);
	for (size_t n = 0; n < 300; n++) {
		uint64_t most =
		    n < 4 ? first_ms[n] : most_delay_ms(f.now_ms - BEGUN_MS);
		uint64_t wait_ms;

		assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
		wait_ms = f.guard.wake_ms - f.now_ms;
		assert_in_range(wait_ms, most / 2, most);
		assert_int_equal(wake(&f), GUARD_ATTEMPT);
	}
	assert_true(f.now_ms - BEGUN_MS > 40000); /* has seen it all */
	guard_clear(&f.guard);
}

/* Others get as much time as it took, within what is the most then. */
static void
guard_attempted_backs_off_as_long_as_it_took(void **state)
{
	static const struct {
		uint64_t held_ms; /* when the attempt began */
		uint64_t took_ms;
		uint64_t most_ms;
	} delays[] = {
	    {20, 200, 201},    {20, 400, 251},      {9000, 1000, 251},
	    {15600, 400, 401}, {19000, 1000, 501},  {40000, 400, 401},
	    {40000, 900, 901}, {40000, 5000, 1001}, {3000000, 5000, 1001},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
		struct fixture f;

		fixture_init(&f, 0);
		f.settings.hold_timeout_ms = 3600000;
		go_to(&f, AT_WAIT);
		f.guard.wake_ms = BEGUN_MS + delays[i].held_ms;
		assert_int_equal(wake(&f), GUARD_ATTEMPT);
		f.now_ms += delays[i].took_ms;
		assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
		assert_in_range(f.guard.wake_ms - f.now_ms,
				delays[i].most_ms / 2, delays[i].most_ms);
		guard_clear(&f.guard);
	}
}

/* It must not make it wait for ever. */
static void
guard_attempted_backs_off_when_the_clock_is_set_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT_AGAIN);
	f.now_ms -= 1;
	assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_in_range(f.guard.wake_ms - f.now_ms, 1, 251);
	guard_clear(&f.guard);
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT_AGAIN);
	f.now_ms = BEGUN_MS - 1;
	assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_in_range(f.guard.wake_ms - f.now_ms, 1, 1001);
	guard_clear(&f.guard);
}

static void
guard_looked_looks_less_often_in_time(void **state)
{
	static const uint64_t most_ms[] = {6, 11, 21, 41, 81, 161, 251};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD_POLICY);
	f.settings.hold_timeout_ms = 3600000;
	go_to(&f, AT_LOOK);
	for (size_t n = 0; n < 300; n++) {
		uint64_t most = most_ms[n < 6 ? n : 6];

		assert_int_equal(look(&f, 1), GUARD_WAIT);
		assert_in_range(f.guard.wake_ms - f.now_ms, most / 2, most);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
	}
	assert_int_equal(look(&f, 0), GUARD_ATTEMPT);
	guard_clear(&f.guard);
}

static void
guard_wait_ends_at_the_deadline(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	go_to(&f, AT_ATTEMPT);
	f.now_ms = f.guard.deadline_ms - 1;
	assert_int_equal(refuse(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_int_equal(f.guard.wake_ms, f.guard.deadline_ms);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	assert_true(f.guard.is_spent);
	assert_int_equal(look(&f, 1), GUARD_REFUSE);
	assert_int_equal(f.guard.outcome, GUARD_TIMED_OUT);
	guard_clear(&f.guard);
}

/* Two proxies must not keep step. */
static void
guard_waits_differ_by_seed(void **state)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct fixture f;
		uint64_t wait_ms;

		fixture_init(&f, 0);
		(void)guard_begin(&f.guard, &f.settings, false, f.now_ms,
				  seed * 0x9e3779b97f4a7c15u);
		(void)plan(&f, 2);
		(void)refuse(&f, ATTEMPT_BUSY, 0);
		wait_ms = f.guard.wake_ms - f.now_ms;
		least = wait_ms < least ? wait_ms : least;
		most = wait_ms > most ? wait_ms : most;
		guard_clear(&f.guard);
	}
	assert_int_equal(least, 6);
	assert_int_equal(most, 11);
}

static void
guard_names_are_those_of_the_log(void **state)
{
	(void)state;
	for (int o = GUARD_PENDING; o <= GUARD_CANCELED; o++)
		assert_string_not_equal(
		    report_outcome((enum guard_outcome)o), "?");
	assert_string_equal(report_outcome(GUARD_PROTECTED), "protected");
	assert_string_equal(report_outcome(GUARD_TIMED_OUT), "timed-out");
	assert_string_equal(report_policy(GUARD_POLICY_LOCK), "lock");
	assert_string_equal(report_policy(GUARD_POLICY_HOLD), "hold");
	assert_string_equal(report_policy(GUARD_POLICY_PASS), "pass");
	assert_string_equal(report_policy(GUARD_POLICY_REJECT), "reject");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_begin_plans_unless_it_is_to_pass),
	    cmocka_unit_test(guard_planned_judges_whether_it_is_worth_it),
	    cmocka_unit_test(
		guard_plan_failed_lets_it_run_within_the_budget_only),
	    cmocka_unit_test(guard_looked_attempts_when_nobody_is_there),
	    cmocka_unit_test(
		guard_attempted_runs_when_all_is_held_that_is_needed),
	    cmocka_unit_test(guard_attempted_waits_or_plans_anew_when_not),
	    cmocka_unit_test(guard_woken_tries_again_or_gives_up),
	    cmocka_unit_test(guard_cancel_refuses_wherever_it_stands),
	    cmocka_unit_test(guard_cancel_takes_back_a_run),
	    cmocka_unit_test(guard_looks_at_what_no_lock_can_cover),
	    cmocka_unit_test(guard_looked_keeps_the_holders_for_the_report),
	    cmocka_unit_test(guard_planned_sorts_as_set),
	    cmocka_unit_test(guard_attempted_puts_the_table_in_use_first),
	    cmocka_unit_test(guard_attempted_starts_over_when_a_mode_grew),
	    cmocka_unit_test(guard_attempted_starts_over_when_memory_is_out),
	    cmocka_unit_test(guard_begin_forgets_what_was_before),
	    cmocka_unit_test(guard_clear_accepts_a_zeroed_guard),
	    cmocka_unit_test(guard_planned_takes_the_shortest_budget),
	    cmocka_unit_test(guard_woken_late_passes_by_limits_of_ours_only),
	    cmocka_unit_test(guard_planned_anew_takes_the_limit_anew),
	    cmocka_unit_test(guard_attempt_is_bounded_by_the_shortest_of_all),
	    cmocka_unit_test(
		guard_attempt_never_waits_where_waiting_is_harmful),
	    cmocka_unit_test(guard_attempted_backs_off_longer_and_longer),
	    cmocka_unit_test(guard_attempted_backs_off_as_long_as_it_took),
	    cmocka_unit_test(
		guard_attempted_backs_off_when_the_clock_is_set_back),
	    cmocka_unit_test(guard_looked_looks_less_often_in_time),
	    cmocka_unit_test(guard_wait_ends_at_the_deadline),
	    cmocka_unit_test(guard_waits_differ_by_seed),
	    cmocka_unit_test(guard_names_are_those_of_the_log),
	};

	return cmocka_run_group_tests_name("policy/guard", tests, NULL, NULL);
}

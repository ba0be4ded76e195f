/*
 * Whether an attempt waits in the server, in which manner and for how long.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

/* A second attempt, since the first one never waits in the server. */
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

		fixture_init(&f, LOCK);
		f.settings.attempt_timeout_ms = bounds[i].attempt_timeout_ms;
		f.facts.deadlock_timeout_ms = bounds[i].deadlock_timeout_ms;
		f.facts.lock_timeout_ms = bounds[i].lock_timeout_ms;
		f.facts.statement_timeout_ms = bounds[i].statement_timeout_ms;
		go_to(&f, AT_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		(void)deny(&f, ATTEMPT_BUSY, 0);
		f.step.wake_ms = BEGUN_MS + 50;
		(void)attempt_again(&f);
		assert_int_equal(f.step.manner == ATTEMPT_AT_ONCE,
				 bounds[i].bound_ms == 0);
		assert_int_equal(f.step.attempt_bound_ms, bounds[i].bound_ms);
		guard_clear(&f.guard);
	}
}

/* With policy auto the second one alone waits, and briefly. */
static void
guard_attempt_of_policy_auto_is_quick(void **state)
{
	static const struct {
		uint32_t deadlock_timeout_ms;
		uint32_t bound_ms; /* 0: it is NOWAIT, too */
	} bounds[] = {{1000, 20}, {40, 16}, {4, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		struct fixture f;

		fixture_init(&f, 0);
		f.facts.deadlock_timeout_ms = bounds[i].deadlock_timeout_ms;
		go_to(&f, AT_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		(void)deny(&f, ATTEMPT_BUSY, 0);
		(void)attempt_again(&f);
		assert_int_equal(f.step.manner == ATTEMPT_AT_ONCE,
				 bounds[i].bound_ms == 0);
		assert_int_equal(f.step.attempt_bound_ms, bounds[i].bound_ms);
		for (int n = 0; n < 20; n++) {
			(void)deny(&f, ATTEMPT_BUSY, 0);
			(void)attempt_again(&f);
			assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		}
		guard_clear(&f.guard);
	}
}

/* For all tables only as the last resort, and only with policy lock. */
static void
guard_attempt_queues_for_all_tables_now_and_then(void **state)
{
	struct fixture f;
	int queues = 0;

	(void)state;
	fixture_init(&f, LOCK);
	go_to(&f, AT_ATTEMPT);
	for (int n = 1; n < 40; n++) {
		(void)deny(&f, ATTEMPT_BUSY, 0);
		(void)attempt_again(&f);
		if (f.step.manner == ATTEMPT_QUEUES)
			queues++;
		else
			assert_int_equal(f.step.manner, ATTEMPT_POLLS);
		assert_true(queues <= (n + 1) / 4);
	}
	assert_true(queues > 5);
	guard_clear(&f.guard);
}

static void
guard_attempt_is_bounded_as_of_when_it_has_the_turn(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	go_to(&f, AT_TURN_AGAIN);
	f.now_ms = account(&f).deadline_ms - 30;
	assert_int_equal(take_turn(&f, PLENTY_MS), GUARD_ATTEMPT);
	assert_int_not_equal(f.step.manner, ATTEMPT_AT_ONCE);
	assert_int_equal(f.step.attempt_bound_ms, 30);
	guard_clear(&f.guard);
	/* As is the time that it took, which others get, too. */
	fixture_init(&f, LOCK);
	go_to(&f, AT_TURN_AGAIN);
	f.now_ms += 200;
	(void)take_turn(&f, PLENTY_MS);
	(void)deny(&f, ATTEMPT_BUSY, 0);
	assert_in_range(wait_ms(&f), 20, 41);
	guard_clear(&f.guard);
}

static void
guard_attempt_never_waits_under_policy_hold(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	f.settings.hold_timeout_ms = 60000;
	go_to(&f, AT_ATTEMPT);
	for (int n = 0; n < 50; n++) {
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		(void)deny(&f, ATTEMPT_BUSY, 0);
		(void)attempt_again(&f);
	}
	guard_clear(&f.guard);
}

/*
 * Waiters for what the transaction holds make NOWAIT fail, but let it go
 * first.  Somebody who is in the way may be about to check for deadlocks.
 */
static void
guard_attempt_with_strong_locks_waits_only_where_nobody_was_seen(void **state)
{
	static const unsigned conditions[] = {LOCK | STRONG | IN_BLOCK,
					      STRONG | IN_BLOCK, HOLD | STRONG};
	int waiting = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		f.settings.in_transaction_timeout_ms = 60000;
		f.settings.hold_timeout_ms = 60000;
		go_to(&f, AT_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		for (int n = 0; n < 50; n++) {
			bool has_looked;

			(void)deny(&f, ATTEMPT_BUSY, 0);
			has_looked = attempt_again(&f);
			if (f.step.manner == ATTEMPT_AT_ONCE)
				continue;
			waiting++;
			assert_int_equal(f.step.manner, ATTEMPT_NUDGES);
			assert_true(has_looked);
			assert_true(f.step.attempt_bound_ms <= 20);
		}
		guard_clear(&f.guard);
	}
	assert_in_range(waiting, 50, 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_attempt_is_bounded_by_the_shortest_of_all),
	    cmocka_unit_test(guard_attempt_of_policy_auto_is_quick),
	    cmocka_unit_test(guard_attempt_queues_for_all_tables_now_and_then),
	    cmocka_unit_test(
		guard_attempt_is_bounded_as_of_when_it_has_the_turn),
	    cmocka_unit_test(guard_attempt_never_waits_under_policy_hold),
	    cmocka_unit_test(
		guard_attempt_with_strong_locks_waits_only_where_nobody_was_seen),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_attempt", tests,
					   NULL, NULL);
}

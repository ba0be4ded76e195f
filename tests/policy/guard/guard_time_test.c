/*
 * Budgets and how long the guard waits.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

/* The budget */

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
		assert_int_equal(account(&f).deadline_ms - BEGUN_MS,
				 budgets[i].budget_ms);
		assert_int_equal(account(&f).limit, budgets[i].limit);
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
		assert_int_equal(account(&f).limit, limits[i].limit);
		f.now_ms = account(&f).deadline_ms;
		assert_int_equal(wake_now(&f), limits[i].action);
		if (limits[i].action == GUARD_HOLDERS)
			assert_int_equal(look(&f, 1, 10), GUARD_REFUSE);
		assert_int_equal(f.step.outcome, limits[i].action == GUARD_RUN
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
	fixture_init(&f, OWN_LIMIT | LOCK);
	go_to(&f, AT_PLAN_AGAIN);
	assert_int_equal(account(&f).limit, GUARD_LIMIT_LOCK);
	f.facts.lock_timeout_ms = 0;
	assert_int_equal(plan(&f, 2), GUARD_HOLDERS);
	assert_int_equal(account(&f).limit, GUARD_LIMIT_HOLD);
	assert_int_equal(account(&f).deadline_ms - BEGUN_MS, HOLD_MS);
	guard_clear(&f.guard);
}

static void
guard_wait_ends_at_the_deadline(void **state)
{
	static const unsigned policies[] = {0, LOCK, HOLD};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, policies[i]);
		go_to(&f, AT_ATTEMPT);
		f.now_ms = account(&f).deadline_ms - 1;
		assert_int_equal(deny(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
		assert_int_equal(f.step.wake_ms, account(&f).deadline_ms);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
		assert_true(f.step.state == GUARD_AT_LAST_LOOK);
		assert_int_equal(look(&f, 1, 10), GUARD_REFUSE);
		assert_int_equal(f.step.outcome, GUARD_TIMED_OUT);
		guard_clear(&f.guard);
	}
}

/* Where a plan takes longer than lock_timeout, one attempt that cannot wait. */
static void
guard_attempt_beyond_the_budget_does_not_wait(void **state)
{
	static const unsigned policies[] = {0, LOCK, HOLD};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, policies[i]);
		f.is_free = true;
		f.facts.lock_timeout_ms = 1;
		(void)begin(&f);
		f.now_ms += 20;
		go_on_to(&f, GUARD_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		assert_int_equal(deny(&f, ATTEMPT_BUSY, 0), GUARD_HOLDERS);
		assert_true(f.step.state == GUARD_AT_LAST_LOOK);
		guard_clear(&f.guard);
	}
}

/* How long it waits */

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
	fixture_init(&f, LOCK);
	f.settings.hold_timeout_ms = 3600000;
	go_to(&f, AT_ATTEMPT);
	for (size_t n = 0; n < 300; n++) {
		uint64_t most =
		    n < 4 ? first_ms[n] : most_delay_ms(f.now_ms - BEGUN_MS);

		(void)deny(&f, ATTEMPT_BUSY, 0);
		assert_in_range(wait_ms(&f), most / 2, most);
		(void)attempt_again(&f);
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

		fixture_init(&f, LOCK);
		f.settings.hold_timeout_ms = 3600000;
		go_to(&f, AT_WAIT);
		f.step.wake_ms = BEGUN_MS + delays[i].held_ms;
		(void)attempt_again(&f);
		f.now_ms += delays[i].took_ms;
		(void)deny(&f, ATTEMPT_BUSY, 0);
		assert_in_range(wait_ms(&f), delays[i].most_ms / 2,
				delays[i].most_ms);
		guard_clear(&f.guard);
	}
}

/* A clock that runs back must not make the guard wait for ever. */
static void
guard_attempted_backs_off_when_the_clock_is_set_back(void **state)
{
	static const unsigned policies[] = {0, LOCK, HOLD};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, policies[i]);
		go_to(&f, AT_ATTEMPT_AGAIN);
		f.now_ms -= 1;
		(void)deny(&f, ATTEMPT_BUSY, 0);
		assert_in_range(wait_ms(&f), 1, 251);
		guard_clear(&f.guard);
		fixture_init(&f, policies[i]);
		go_to(&f, AT_ATTEMPT_AGAIN);
		f.now_ms = BEGUN_MS - 1;
		(void)deny(&f, ATTEMPT_BUSY, 0);
		assert_in_range(wait_ms(&f), 1, 1001);
		guard_clear(&f.guard);
	}
}

/* The longest a look can be off, so many looks and so long later. */
static uint64_t
most_look_ms(size_t looks, uint64_t held_ms)
{
	static const uint64_t first_ms[] = {6, 11, 21, 41};
	uint64_t most = held_ms / 40 < 250 ? held_ms / 40 : 250;

	if (looks < 4)
		return first_ms[looks];
	return (most > 50 ? most : 50) + 1;
}

/* Together they look as often as a few of them would. */
static void
guard_looked_looks_less_often_in_company(void **state)
{
	struct holders old = {
	    .count = 1, .shown[0].relid = 1, .oldest_ms = 60000};
	static const uint32_t companies[] = {0, 3, 4, 99, UINT32_MAX};
	static const uint64_t most_ms[] = {51, 51, 101, 1251, 2001};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		fixture_init(&f, HOLD);
		f.settings.hold_timeout_ms = 3600000;
		go_to(&f, AT_LOOK);
		for (int n = 0; n < 9; n++) {
			assert_int_equal(look_at(&f, old), GUARD_WAIT);
			assert_int_equal(wake(&f), GUARD_HOLDERS);
		}
		f.company = companies[i];
		assert_int_equal(look_at(&f, old), GUARD_WAIT);
		assert_in_range(wait_ms(&f), most_ms[i] / 2, most_ms[i]);
		guard_clear(&f.guard);
	}
}

/* A statement that waits for the turn before its first attempt does not look.
 */
static void
guard_awaits_look_tells_which_wait_it_is(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_LOOK);
	assert_false(guard_awaits_look(&f.guard));
	assert_int_equal(look(&f, 1, 60000), GUARD_WAIT);
	assert_true(guard_awaits_look(&f.guard));
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	guard_clear(&f.guard);
	fixture_init(&f, 0);
	go_to(&f, AT_TURN);
	assert_int_equal(miss_turn(&f), GUARD_WAIT);
	assert_false(guard_awaits_look(&f.guard));
	assert_int_equal(wake(&f), GUARD_TURN);
	guard_clear(&f.guard);
}

static void
guard_looked_looks_less_often_in_time(void **state)
{
	static const unsigned conditions[] = {HOLD, SEQUENCE, LOCK | SEQUENCE};
	struct holders old = {
	    .count = 1,
	    .unlockable_count = 1,
	    .shown[0].relid = 1,
	    .oldest_ms = 60000,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		f.settings.hold_timeout_ms = 3600000;
		go_to(&f, AT_LOOK);
		for (size_t n = 0; n < 300; n++) {
			uint64_t most = most_look_ms(n, f.now_ms - BEGUN_MS);

			assert_int_equal(look_at(&f, old), GUARD_WAIT);
			assert_in_range(wait_ms(&f), most / 2, most);
			assert_int_equal(wake(&f), GUARD_HOLDERS);
		}
		assert_true(f.now_ms - BEGUN_MS > 10000);
		guard_clear(&f.guard);
	}
}

static void
guard_turned_asks_again_soon(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	go_to(&f, AT_TURN);
	for (int n = 0; n < 100; n++) {
		assert_int_equal(miss_turn(&f), GUARD_WAIT);
		assert_in_range(wait_ms(&f), 6, 11);
		assert_int_equal(wake(&f), GUARD_TURN);
	}
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

		fixture_init(&f, LOCK);
		(void)begin_with(&f, &f.settings, seed * 0x9e3779b97f4a7c15u);
		go_on_to(&f, GUARD_WAIT);
		least = wait_ms(&f) < least ? wait_ms(&f) : least;
		most = wait_ms(&f) > most ? wait_ms(&f) : most;
		guard_clear(&f.guard);
	}
	assert_int_equal(least, 6);
	assert_int_equal(most, 11);
}

/* The server's turn: an advisory lock */

static void
guard_attempted_without_the_servers_turn_is_patient_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	go_to(&f, AT_ATTEMPT);
	while (f.step.takes_turn) {
		assert_true(f.now_ms - BEGUN_MS < 5100);
		(void)deny(&f, ATTEMPT_NO_TURN, 3);
		assert_in_range(wait_ms(&f), 6, 11);
		(void)attempt_again(&f);
	}
	assert_in_range(f.now_ms - BEGUN_MS, 5000, 5020);
	assert_int_equal(account(&f).attempts, 0);
	/* For the rest of this statement: the other one sits on it. */
	(void)deny(&f, ATTEMPT_BUSY, 0);
	(void)attempt_again(&f);
	assert_false(f.step.takes_turn);
	guard_clear(&f.guard);
}

/* Another proxy's attempts take it for a moment each. */
static void
guard_attempted_with_the_servers_turn_is_patient_anew(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK);
	go_to(&f, AT_ATTEMPT);
	while (f.now_ms - BEGUN_MS < 8000) {
		(void)deny(&f, ATTEMPT_NO_TURN, 3);
		(void)attempt_again(&f);
		(void)deny(&f, ATTEMPT_BUSY, 0);
		(void)attempt_again(&f);
		assert_true(f.step.takes_turn);
	}
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_planned_takes_the_shortest_budget),
	    cmocka_unit_test(guard_woken_late_passes_by_limits_of_ours_only),
	    cmocka_unit_test(guard_planned_anew_takes_the_limit_anew),
	    cmocka_unit_test(guard_wait_ends_at_the_deadline),
	    cmocka_unit_test(guard_attempt_beyond_the_budget_does_not_wait),
	    cmocka_unit_test(guard_attempted_backs_off_longer_and_longer),
	    cmocka_unit_test(guard_attempted_backs_off_as_long_as_it_took),
	    cmocka_unit_test(
		guard_attempted_backs_off_when_the_clock_is_set_back),
	    cmocka_unit_test(guard_looked_looks_less_often_in_company),
	    cmocka_unit_test(guard_awaits_look_tells_which_wait_it_is),
	    cmocka_unit_test(guard_looked_looks_less_often_in_time),
	    cmocka_unit_test(guard_turned_asks_again_soon),
	    cmocka_unit_test(guard_waits_differ_by_seed),
	    cmocka_unit_test(
		guard_attempted_without_the_servers_turn_is_patient_once),
	    cmocka_unit_test(
		guard_attempted_with_the_servers_turn_is_patient_anew),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_time", tests,
					   NULL, NULL);
}

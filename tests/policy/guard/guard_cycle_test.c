/*
 * Others who wait for the transaction of a statement that is held.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

/* Somebody old is in the way, and waits for us. */
static struct holders
cycle_of(uint64_t transaction)
{
	return (struct holders){
	    .count = 1,
	    .shown[0].relid = 2,
	    .oldest_ms = 60000,
	    .waiter_count = 1,
	    .stalled_count = 1,
	    .cycle = transaction,
	};
}

/* Somebody old is in the way, and another one waits for us. */
static struct holders
stalled(size_t count)
{
	return (struct holders){
	    .count = 1,
	    .shown[0].relid = 2,
	    .oldest_ms = 60000,
	    .waiter_count = count,
	    .stalled_count = count,
	};
}

static const enum place looks[] = {AT_LOOK, AT_WINDOW_LOOK, AT_PAUSE_LOOK};
static const unsigned conditions[] = {VIEW,
				      HOLD,
				      HOLD | IN_BLOCK,
				      VIEW | IN_BLOCK | STRONG,
				      VIEW | PASS_ON_END,
				      HOLD | IN_BLOCK | OWN_LIMIT};

/* The second look comes at once, whatever the first one was for. */
static void
guard_looked_refuses_a_cycle_that_two_looks_see(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * 6; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i % 6]);
		go_to(&f, looks[i / 6]);
		assert_int_equal(f.step.action, GUARD_HOLDERS);
		assert_int_equal(look_at(&f, cycle_of(7)), GUARD_WAIT);
		assert_true(f.step.wake_ms <= f.now_ms + 6);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
		assert_int_equal(look_at(&f, cycle_of(7)), GUARD_REFUSE);
		assert_int_equal(f.step.outcome, GUARD_DEADLOCK);
		assert_int_equal(f.step.keeps, GUARD_KEEPS_NOTHING);
		guard_clear(&f.guard);
	}
}

/* Locks and waits are not read at one moment: it may be the next one's. */
static void
guard_looked_wants_the_same_transaction_twice(void **state)
{
	static const uint64_t seen[] = {1, 2, 0, 2, 3, 1, 1};
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD | IN_BLOCK);
	go_to(&f, AT_LOOK);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(look_at(&f, cycle_of(seen[i])), GUARD_WAIT);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
	}
	assert_int_equal(look_at(&f, cycle_of(1)), GUARD_REFUSE);
	guard_clear(&f.guard);
}

/* Both are held by a Lockstep: it is enough that one of them ends, but perhaps
 * that one does not see us. */
static void
guard_looked_lets_another_lockstep_end_the_cycle(void **state)
{
	struct holders h = cycle_of(7);
	struct fixture f;

	(void)state;
	h.gives_way = true;
	fixture_init(&f, HOLD | IN_BLOCK);
	go_to(&f, AT_LOOK);
	while (look_at(&f, h) == GUARD_WAIT)
		(void)wake(&f);
	assert_int_equal(f.step.outcome, GUARD_DEADLOCK);
	assert_in_range(f.now_ms - BEGUN_MS, 1000, 1200);
	guard_clear(&f.guard);
}

/* The cycle would be one of the server's then, and the application its victim.
 */
static void
guard_woken_late_does_not_pass_what_may_be_a_cycle(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD | IN_BLOCK | PASS_ON_END);
	go_to(&f, AT_LOOK);
	assert_int_equal(look_at(&f, cycle_of(7)), GUARD_WAIT);
	f.now_ms = account(&f).deadline_ms;
	assert_int_equal(wake_now(&f), GUARD_HOLDERS);
	assert_int_equal(f.step.state, GUARD_AT_LAST_LOOK);
	assert_int_equal(look_at(&f, cycle_of(7)), GUARD_REFUSE);
	assert_int_equal(f.step.outcome, GUARD_TIMED_OUT);
	guard_clear(&f.guard);
}

static void
guard_looked_counts_from_when_others_began_to_wait(void **state)
{
	static const unsigned policies[] = {IN_BLOCK | VIEW, IN_BLOCK | HOLD,
					    IN_BLOCK | LOCK | VIEW};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, policies[i]);
		go_to(&f, AT_LOOK);
		(void)look_at(&f, stalled(0));
		assert_int_equal(account(&f).limit, GUARD_LIMIT_HOLD);
		go_on_to(&f, GUARD_HOLDERS);
		f.now_ms = BEGUN_MS + 500;
		(void)look_at(&f, stalled(3));
		assert_int_equal(account(&f).limit, GUARD_LIMIT_IN_TRANSACTION);
		assert_int_equal(account(&f).deadline_ms,
				 BEGUN_MS + 500 + IN_TRANSACTION_MS);
		go_on_to(&f, GUARD_HOLDERS);
		f.now_ms = BEGUN_MS + 1000;
		(void)look_at(&f, stalled(1));
		assert_int_equal(account(&f).deadline_ms,
				 BEGUN_MS + 500 + IN_TRANSACTION_MS);
		go_on_to(&f, GUARD_HOLDERS);
		(void)look_at(&f, stalled(0));
		assert_int_equal(account(&f).limit, GUARD_LIMIT_HOLD);
		assert_int_equal(account(&f).deadline_ms, BEGUN_MS + HOLD_MS);
		guard_clear(&f.guard);
	}
}

/* Outside of a block nothing but advisory locks is kept from anybody. */
static void
guard_looked_counts_nobody_outside_of_a_block(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD);
	go_to(&f, AT_LOOK);
	(void)look_at(&f, stalled(3));
	assert_int_equal(account(&f).limit, GUARD_LIMIT_HOLD);
	guard_clear(&f.guard);
}

/* Their deadlock checks may be near, and we would be in the cycle. */
static void
guard_attempt_does_not_wait_while_others_wait_for_us(void **state)
{
	static const unsigned policies[] = {IN_BLOCK, IN_BLOCK | LOCK};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct holders young = {.count = 1, .shown[0].relid = 2};
		struct fixture f;

		fixture_init(&f, policies[i]);
		go_to(&f, AT_LOOK_AGAIN);
		assert_int_equal(look_at(&f, young), GUARD_TURN);
		assert_int_equal(take_turn(&f, PLENTY_MS), GUARD_ATTEMPT);
		assert_int_not_equal(f.step.manner, ATTEMPT_AT_ONCE);
		guard_clear(&f.guard);
		young.waiter_count = 1;
		fixture_init(&f, policies[i]);
		go_to(&f, AT_LOOK_AGAIN);
		assert_int_equal(look_at(&f, young), GUARD_TURN);
		assert_int_equal(take_turn(&f, PLENTY_MS), GUARD_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		guard_clear(&f.guard);
	}
}

static void
guard_turned_away_in_a_block_looks_before_it_asks_again(void **state)
{
	static const unsigned policies[] = {IN_BLOCK, IN_BLOCK | LOCK};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, policies[i]);
		go_to(&f, AT_TURN);
		assert_int_equal(miss_turn(&f), GUARD_WAIT);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
		guard_clear(&f.guard);
	}
}

/* However many are held: others may wait for the transaction. */
static void
guard_looked_looks_as_often_in_company_where_a_block_is_open(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, HOLD | IN_BLOCK);
	f.company = 1000;
	go_to(&f, AT_LOOK);
	for (int n = 0; n < 20; n++) {
		assert_int_equal(look_at(&f, stalled(0)), GUARD_WAIT);
		assert_true(f.step.wake_ms - f.now_ms <= 51);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
	}
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_looked_refuses_a_cycle_that_two_looks_see),
	    cmocka_unit_test(guard_looked_wants_the_same_transaction_twice),
	    cmocka_unit_test(guard_looked_lets_another_lockstep_end_the_cycle),
	    cmocka_unit_test(
		guard_woken_late_does_not_pass_what_may_be_a_cycle),
	    cmocka_unit_test(
		guard_looked_counts_from_when_others_began_to_wait),
	    cmocka_unit_test(guard_looked_counts_nobody_outside_of_a_block),
	    cmocka_unit_test(
		guard_attempt_does_not_wait_while_others_wait_for_us),
	    cmocka_unit_test(
		guard_turned_away_in_a_block_looks_before_it_asks_again),
	    cmocka_unit_test(
		guard_looked_looks_as_often_in_company_where_a_block_is_open),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_cycle", tests,
					   NULL, NULL);
}

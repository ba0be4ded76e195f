/*
 * Windows of a client's transaction, which will keep the locks.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

/* A first attempt that finds nobody needs no gate before it. */
static void
guard_attempts_once_before_the_gate_of_a_transaction(void **state)
{
	static const unsigned conditions[] = {IN_BLOCK, IN_BLOCK | STRONG,
					      IN_BLOCK | HOLD, IN_BLOCK | LOCK};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		f.settings.gate_transaction_ms = 5000;
		(void)begin(&f);
		(void)plan(&f, 2);
		if (f.step.action == GUARD_HOLDERS)
			(void)look(&f, 0, 0);
		assert_int_equal(f.step.action, GUARD_TURN);
		assert_false(wants_window(&f));
		assert_int_equal(take_turn(&f, 0), GUARD_ATTEMPT);
		assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
		assert_int_equal(f.step.minds_near, conditions[i] == IN_BLOCK);
		assert_int_equal(grant(&f, 1, 2), GUARD_RUN);
		assert_false(in_window(&f));
		guard_clear(&f.guard);
	}
}

static void
go_behind_first_attempt(struct fixture *f, unsigned conditions)
{
	fixture_init(f, conditions);
	f->settings.gate_transaction_ms = 5000;
	(void)begin(f);
	(void)plan(f, 2);
	if (f->step.action == GUARD_HOLDERS)
		(void)look(f, 0, 0);
	(void)take_turn(f, UINT32_MAX);
	assert_int_equal(deny(f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_true(f->step.wake_ms - f->now_ms <= 4);
	assert_int_equal(wake(f), GUARD_HOLDERS);
}

/* Whoever came between the lock and the gate would wait in the server. */
static void
guard_shuts_the_gate_where_a_transaction_met_somebody(void **state)
{
	static const unsigned conditions[] = {IN_BLOCK, IN_BLOCK | HOLD};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fixture f;

		go_behind_first_attempt(&f, conditions[i % 2]);
		(void)look(&f, i / 2, 5);
		assert_true(wants_window(&f));
		guard_clear(&f.guard);
	}
}

/* Transactions that had passed take their locks meanwhile, and show. */
static void
guard_settles_behind_the_gate_of_a_transaction(void **state)
{
	struct fixture f;

	(void)state;
	go_behind_first_attempt(&f, IN_BLOCK);
	(void)look(&f, 0, 0);
	(void)take_turn(&f, UINT32_MAX);
	assert_int_equal(shut(&f), GUARD_WAIT);
	assert_true(in_window(&f));
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	assert_int_equal(look(&f, 0, 0), GUARD_ATTEMPT);
	assert_int_equal(f.step.manner, ATTEMPT_AT_ONCE);
	guard_clear(&f.guard);
}

/* Traffic that does not come by the gate */

static void
go_into_window(struct fixture *f, unsigned conditions)
{
	fixture_init(f, conditions);
	f->settings.gate_transaction_ms = 5000;
	go_to(f, AT_PLAN);
	go_on_to_window(f);
	while (f->step.action != GUARD_HOLDERS) {
		f->now_ms++;
		(void)go_on(f);
	}
}

static void
guard_looked_presses_once_after_half_a_window_of_a_transaction(void **state)
{
	struct fixture f;
	uint64_t half_ms;

	(void)state;
	go_into_window(&f, IN_BLOCK);
	half_ms = f.step.gate_until_ms - f.settings.gate_window_ms / 2;
	while (look(&f, 1, 5) == GUARD_WAIT) {
		assert_true(f.now_ms < half_ms);
		assert_int_equal(wake(&f), GUARD_HOLDERS);
	}
	assert_int_equal(f.step.action, GUARD_ATTEMPT);
	assert_true(f.now_ms >= half_ms);
	assert_int_not_equal(f.step.manner, ATTEMPT_AT_ONCE);
	assert_int_equal(f.step.attempt_bound_ms, 20);
	assert_int_equal(deny(&f, ATTEMPT_BUSY, 0), GUARD_WAIT);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	assert_int_equal(look(&f, 1, 5), GUARD_WAIT);
	guard_clear(&f.guard);
}

static void
guard_looked_does_not_press_where_waiting_is_harmful(void **state)
{
	static const unsigned conditions[] = {IN_BLOCK | STRONG,
					      IN_BLOCK | VIEW, HOLD | IN_BLOCK};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		go_into_window(&f, conditions[i]);
		while (in_window(&f)) {
			assert_int_not_equal(f.step.action, GUARD_ATTEMPT);
			if (f.step.action == GUARD_HOLDERS)
				(void)look(&f, 1, 5);
			else
				(void)wake(&f);
		}
		guard_clear(&f.guard);
	}
}

/* Tables that the transaction's next statement may want */

static enum guard_action
look_near(struct fixture *f, size_t near_count)
{
	return look_at(f, (struct holders){.near_count = near_count});
}

static void
guard_looked_waits_for_those_nearby_for_half_a_window(void **state)
{
	struct fixture f;
	uint64_t half_ms;

	(void)state;
	go_into_window(&f, IN_BLOCK);
	half_ms = f.step.gate_until_ms - f.settings.gate_window_ms / 2;
	while (look_near(&f, 1) == GUARD_WAIT) {
		assert_true(f.now_ms < half_ms);
		f.now_ms = f.step.wake_ms;
		assert_int_equal(wake(&f), GUARD_HOLDERS);
	}
	assert_int_equal(f.step.action, GUARD_ATTEMPT);
	assert_true(f.now_ms >= half_ms);
	guard_clear(&f.guard);
}

static void
guard_looked_goes_on_where_nobody_is_nearby(void **state)
{
	struct fixture f;

	(void)state;
	go_into_window(&f, IN_BLOCK);
	assert_int_equal(look_near(&f, 0), GUARD_ATTEMPT);
	guard_clear(&f.guard);
}

static void
guard_looked_before_any_attempt_shuts_the_gate_for_those_nearby(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, IN_BLOCK | HOLD);
	f.settings.gate_transaction_ms = 5000;
	(void)begin(&f);
	assert_int_equal(plan(&f, 2), GUARD_HOLDERS);
	(void)look_near(&f, 1);
	assert_true(wants_window(&f));
	guard_clear(&f.guard);
}

/* They may be waiting for what the transaction holds already. */
static void
guard_looked_with_strong_locks_does_not_wait_for_those_nearby(void **state)
{
	struct fixture f;

	(void)state;
	go_into_window(&f, IN_BLOCK | STRONG);
	assert_int_equal(look_near(&f, 1), GUARD_ATTEMPT);
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		guard_attempts_once_before_the_gate_of_a_transaction),
	    cmocka_unit_test(
		guard_shuts_the_gate_where_a_transaction_met_somebody),
	    cmocka_unit_test(
		guard_looked_before_any_attempt_shuts_the_gate_for_those_nearby),
	    cmocka_unit_test(guard_settles_behind_the_gate_of_a_transaction),
	    cmocka_unit_test(
		guard_looked_presses_once_after_half_a_window_of_a_transaction),
	    cmocka_unit_test(
		guard_looked_does_not_press_where_waiting_is_harmful),
	    cmocka_unit_test(
		guard_looked_waits_for_those_nearby_for_half_a_window),
	    cmocka_unit_test(guard_looked_goes_on_where_nobody_is_nearby),
	    cmocka_unit_test(
		guard_looked_with_strong_locks_does_not_wait_for_those_nearby),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_block", tests,
					   NULL, NULL);
}

/*
 * An autovacuum worker as the only one in the way.
 */
#include "policy/guard/guard.h"

#include "tests/support/guard.h"

enum {
	COAX_MS = 1200, /* deadlock_timeout, and a margin */
};

static void
guard_looked_coaxes_an_autovacuum(void **state)
{
	static const unsigned conditions[] = {0, HOLD, SEQUENCE,
					      HOLD | SEQUENCE, HOLD | VIEW};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		go_to(&f, AT_COAX);
		assert_int_equal(
		    guard_set(&f.guard)->items[f.step.coax_index].relid, 2);
		assert_int_equal(f.step.coax_bound_ms, COAX_MS);
		guard_clear(&f.guard);
	}
}

static void
guard_looked_coaxes_nobody_but_an_autovacuum(void **state)
{
	static const struct {
		unsigned conditions;
		size_t count;
		size_t vacuums;
		uint32_t relid;
		bool coaxes;
	} looks[] = {
	    {0, 1, 1, 1, true},         {0, 2, 2, 1, true},
	    {0, 2, 1, 1, false},        {0, 0, 0, 0, false},
	    {0, 1, 1, 3, false}, /* not of the set: no such row is kept */
	    {SEQUENCE, 1, 1, 1, false}, {VIEW, 1, 1, 1, false},
	    {VIEW, 1, 1, 2, true},      {STRONG, 1, 1, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		struct holders holders = {
		    .count = looks[i].count,
		    .autovacuum_count = looks[i].vacuums,
		    .shown[0].relid = looks[i].relid,
		    .oldest_ms = 60000,
		};
		struct fixture f;

		fixture_init(&f, looks[i].conditions | HOLD);
		go_to(&f, AT_LOOK);
		(void)look_at(&f, holders);
		assert_int_equal(f.step.action == GUARD_COAX, looks[i].coaxes);
		guard_clear(&f.guard);
	}
}

static void
guard_looked_coaxes_only_where_there_is_time(void **state)
{
	static const struct {
		uint32_t deadlock_timeout_ms;
		uint32_t statement_timeout_ms;
		uint32_t left_ms; /* of the budget */
		bool coaxes;
	} times[] = {
	    {1000, 0, HOLD_MS, true},
	    {1000, 0, COAX_MS, true},
	    {1000, 0, COAX_MS - 1, false},
	    {HOLD_MS, 0, HOLD_MS, false},
	    {UINT32_MAX, 0, HOLD_MS, false},
	    {0, 0, 200, true},
	    {1000, 2 * COAX_MS, 2 * COAX_MS, true},
	    {1000, 2 * COAX_MS - 1, 2 * COAX_MS - 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct fixture f;

		fixture_init(&f, HOLD);
		f.facts.deadlock_timeout_ms = times[i].deadlock_timeout_ms;
		f.facts.statement_timeout_ms = times[i].statement_timeout_ms;
		go_to(&f, AT_LOOK);
		f.now_ms = account(&f).deadline_ms - times[i].left_ms;
		(void)look_vacuum(&f, 2);
		assert_int_equal(f.step.action == GUARD_COAX, times[i].coaxes);
		guard_clear(&f.guard);
	}
}

static void
guard_looked_coaxes_again_after_half_a_minute(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		uint64_t coaxed_ms;

		fixture_init(&f, i == 0 ? 0 : HOLD);
		f.settings.hold_timeout_ms = 120000;
		go_to(&f, AT_COAX);
		coaxed_ms = f.now_ms;
		f.now_ms += COAX_MS;
		(void)coaxed(&f);
		while (f.now_ms - coaxed_ms < 30000) {
			assert_int_equal(f.step.action, GUARD_HOLDERS);
			assert_int_equal(look_vacuum(&f, 2), GUARD_WAIT);
			(void)wake(&f);
		}
		assert_int_equal(look_vacuum(&f, 2), GUARD_COAX);
		guard_clear(&f.guard);
	}
}

/* Behind its first attempt, with a sequence in the set as without. */
static void
guard_of_policy_lock_coaxes_too(void **state)
{
	static const unsigned conditions[] = {LOCK, LOCK | SEQUENCE};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_init(&f, conditions[i]);
		f.is_free = true;
		go_to(&f, AT_PLAN);
		do
			go_on_to(&f, GUARD_HOLDERS);
		while (account(&f).attempts == 0);
		assert_int_equal(account(&f).attempts, 1);
		assert_int_equal(look_vacuum(&f, 2), GUARD_COAX);
		(void)coaxed(&f);
		assert_int_equal(look(&f, 0, 0), GUARD_TURN);
		guard_clear(&f.guard);
	}
}

static void
guard_of_policy_lock_attempts_at_tables_that_are_held(void **state)
{
	struct holders holders = {
	    .count = 2,
	    .shown[0].relid = 2,
	    .oldest_ms = 60000,
	};
	struct fixture f;

	(void)state;
	fixture_init(&f, LOCK | SEQUENCE);
	f.is_free = true;
	go_to(&f, AT_PLAN);
	go_on_to(&f, GUARD_HOLDERS);
	assert_int_equal(look_at(&f, holders), GUARD_TURN);
	(void)miss_turn(&f);
	assert_int_equal(wake(&f), GUARD_HOLDERS);
	holders.unlockable_count = 1;
	assert_int_equal(look_at(&f, holders), GUARD_WAIT);
	guard_clear(&f.guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_looked_coaxes_an_autovacuum),
	    cmocka_unit_test(guard_looked_coaxes_nobody_but_an_autovacuum),
	    cmocka_unit_test(guard_looked_coaxes_only_where_there_is_time),
	    cmocka_unit_test(guard_looked_coaxes_again_after_half_a_minute),
	    cmocka_unit_test(guard_of_policy_lock_coaxes_too),
	    cmocka_unit_test(
		guard_of_policy_lock_attempts_at_tables_that_are_held),
	};

	return cmocka_run_group_tests_name("policy/guard/guard_coax", tests,
					   NULL, NULL);
}

#include "policy/guard/holder_age.h"

#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
};

/* Told ages are so old; the ages of these are not told. */
static struct holders
holders(uint64_t told_ms, const uint64_t *untold, size_t count)
{
	struct holders h = {
	    .count = count + (told_ms > 0),
	    .oldest_ms = told_ms,
	    .untold_count = count,
	};

	if (count > 0)
		memcpy(h.untold, untold, count * sizeof(*untold));
	return h;
}

/* A look so long after the first one. */
static uint64_t
oldest(struct holder_age *a, uint64_t after_ms, struct holders h)
{
	return holder_age_oldest(a, &h, NOW_MS + after_ms);
}

static void
holder_age_oldest_takes_what_is_told(void **state)
{
	struct holder_age a = {0};

	(void)state;
	assert_int_equal(oldest(&a, 0, holders(0, NULL, 0)), 0);
	assert_int_equal(oldest(&a, 5, holders(1500, NULL, 0)), 1500);
	assert_int_equal(oldest(&a, 9, holders(20, NULL, 0)), 20);
	assert_int_equal(oldest(&a, 9, holders(0, NULL, 0)), 0);
}

static void
holder_age_oldest_counts_from_the_first_look(void **state)
{
	static const uint64_t one[] = {4711};
	struct holder_age a = {0};

	(void)state;
	assert_int_equal(oldest(&a, 0, holders(0, one, 1)), 0);
	assert_int_equal(oldest(&a, 0, holders(0, one, 1)), 0);
	assert_int_equal(oldest(&a, 40, holders(0, one, 1)), 40);
	assert_int_equal(oldest(&a, 90, holders(0, one, 1)), 90);
}

static void
holder_age_oldest_tells_transactions_apart(void **state)
{
	static const uint64_t first[] = {1, 2};
	static const uint64_t second[] = {3, 2};
	static const uint64_t third[] = {3};
	struct holder_age a = {0};

	(void)state;
	assert_int_equal(oldest(&a, 0, holders(0, first, 2)), 0);
	assert_int_equal(oldest(&a, 50, holders(0, second, 2)), 50);
	assert_int_equal(oldest(&a, 80, holders(0, third, 1)), 30);
}

/* The transaction has let go meanwhile: its locks may be from just now. */
static void
holder_age_oldest_forgets_whom_a_look_did_not_see(void **state)
{
	static const uint64_t one[] = {4711};
	static const uint64_t other[] = {4712};
	struct holder_age a = {0};

	(void)state;
	assert_int_equal(oldest(&a, 0, holders(0, one, 1)), 0);
	assert_int_equal(oldest(&a, 50, holders(0, NULL, 0)), 0);
	assert_int_equal(oldest(&a, 80, holders(0, one, 1)), 0);
	assert_int_equal(oldest(&a, 90, holders(0, other, 1)), 0);
	assert_int_equal(oldest(&a, 95, holders(0, one, 1)), 0);
	assert_int_equal(oldest(&a, 99, holders(0, one, 1)), 4);
}

static void
holder_age_oldest_is_that_of_all(void **state)
{
	static const uint64_t one[] = {4711};
	struct holder_age a = {0};

	(void)state;
	assert_int_equal(oldest(&a, 0, holders(100, one, 1)), 100);
	assert_int_equal(oldest(&a, 99, holders(100, one, 1)), 100);
	assert_int_equal(oldest(&a, 101, holders(100, one, 1)), 101);
	assert_int_equal(oldest(&a, 200, holders(UINT64_MAX, one, 1)),
			 UINT64_MAX);
}

static void
holder_age_oldest_has_room_for_all_that_a_look_keeps(void **state)
{
	uint64_t many[HOLDERS_UNTOLD_MAX];
	struct holder_age a = {0};

	(void)state;
	for (size_t i = 0; i < HOLDERS_UNTOLD_MAX; i++)
		many[i] = i; /* a hash may be 0 */
	assert_int_equal(oldest(&a, 0, holders(0, many, HOLDERS_UNTOLD_MAX)),
			 0);
	assert_int_equal(oldest(&a, 7, holders(0, many, HOLDERS_UNTOLD_MAX)),
			 7);
	for (size_t i = 0; i + 1 < HOLDERS_UNTOLD_MAX; i++)
		many[i] += 100;
	assert_int_equal(oldest(&a, 9, holders(0, many, HOLDERS_UNTOLD_MAX)),
			 9);
	assert_int_equal(a.seen_count, HOLDERS_UNTOLD_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(holder_age_oldest_takes_what_is_told),
	    cmocka_unit_test(holder_age_oldest_counts_from_the_first_look),
	    cmocka_unit_test(holder_age_oldest_tells_transactions_apart),
	    cmocka_unit_test(holder_age_oldest_forgets_whom_a_look_did_not_see),
	    cmocka_unit_test(holder_age_oldest_is_that_of_all),
	    cmocka_unit_test(
		holder_age_oldest_has_room_for_all_that_a_look_keeps),
	};

	return cmocka_run_group_tests_name("policy/guard/holder_age", tests,
					   NULL, NULL);
}

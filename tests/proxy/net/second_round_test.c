#include "proxy/net/second_round.h"

#include "tests/support/test.h"

static bool
add(struct second_round *r, size_t endpoint, uint64_t rank)
{
	struct second_place p = {.endpoint = endpoint, .rank = rank};

	return second_round_add(r, &p);
}

/* The endpoint that comes next; 0: none is left. */
static size_t
take(struct second_round *r)
{
	struct second_place p;

	return second_round_take(r, &p) ? p.endpoint : 0;
}

static void
second_round_takes_the_lowest_rank_first(void **state)
{
	struct second_round r = {0};

	(void)state;
	assert_true(add(&r, 1, 30) && add(&r, 2, 10) && add(&r, 3, 20));
	assert_true(second_round_has_more(&r));
	assert_int_equal(take(&r), 2);
	assert_int_equal(take(&r), 3);
	assert_int_equal(take(&r), 1);
	assert_false(second_round_has_more(&r));
	assert_int_equal(take(&r), 0);
}

static void
second_round_keeps_the_order_of_equal_ranks(void **state)
{
	struct second_round r = {0};

	(void)state;
	assert_true(add(&r, 1, UINT64_MAX) && add(&r, 2, UINT64_MAX) &&
		    add(&r, 3, 1));
	assert_int_equal(take(&r), 3);
	assert_int_equal(take(&r), 1);
	assert_int_equal(take(&r), 2);
}

static void
second_round_takes_back_what_it_gave(void **state)
{
	struct second_round r = {0};
	size_t i;

	(void)state;
	for (i = 1; i <= SECOND_ROUND_MAX; i++)
		assert_true(add(&r, i, i));
	assert_false(add(&r, i, i));
	assert_int_equal(take(&r), 1);
	assert_true(add(&r, 1, UINT64_MAX));
	for (i = 2; i <= SECOND_ROUND_MAX; i++)
		assert_int_equal(take(&r), i);
	assert_int_equal(take(&r), 1);
	assert_int_equal(take(&r), 0);
}

static void
second_round_that_was_empty_takes_none(void **state)
{
	struct second_round r = {0};

	(void)state;
	assert_int_equal(take(&r), 0);
	assert_false(add(&r, 1, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(second_round_takes_the_lowest_rank_first),
	    cmocka_unit_test(second_round_keeps_the_order_of_equal_ranks),
	    cmocka_unit_test(second_round_takes_back_what_it_gave),
	    cmocka_unit_test(second_round_that_was_empty_takes_none),
	};

	return cmocka_run_group_tests_name("proxy/net/second_round", tests,
					   NULL, NULL);
}

#include "proxy/net/shuffle.h"

#include <stdint.h>

#include "tests/support/test.h"

enum {
	MANY = 2000, /* some order of three in none of them: (5/6)^2000 */
};

static void
shuffle_makes_every_order(void **state)
{
	unsigned int seen = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		uint8_t items[] = {0, 1, 2};

		shuffle(items, 3, 1);
		assert_int_equal(
		    1u << items[0] | 1u << items[1] | 1u << items[2], 7);
		seen |= 1u << (items[0] * 2 + (items[1] > items[2]));
	}
	assert_int_equal(seen, 0x3f);
}

static void
shuffle_moves_items_whole(void **state)
{
	uint64_t items[50];
	uint64_t sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 50; i++)
		items[i] = i << 40 | i;
	shuffle(items, 50, sizeof(items[0]));
	for (i = 0; i < 50; i++) {
		assert_int_equal(items[i] >> 40, items[i] & 0xff);
		sum += items[i] & 0xff;
	}
	assert_int_equal(sum, 49 * 50 / 2);
}

static void
shuffle_leaves_one_alone(void **state)
{
	uint64_t one = 7;

	(void)state;
	shuffle(&one, 1, sizeof(one));
	assert_int_equal(one, 7);
	shuffle(NULL, 0, sizeof(one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shuffle_makes_every_order),
	    cmocka_unit_test(shuffle_moves_items_whole),
	    cmocka_unit_test(shuffle_leaves_one_alone),
	};

	return cmocka_run_group_tests_name("proxy/net/shuffle", tests, NULL,
					   NULL);
}

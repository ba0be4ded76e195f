#include "policy/sql/grow.h"

#include <stdint.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

/* The address sanitizer sees a write behind what was asked for. */
static void
grow_array_has_room_for_each_item(void **state)
{
	(void)state;
	for (size_t least = 1; least <= 16; least *= 2) {
		uint64_t *items = NULL;

		for (size_t count = 0; count < 100; count++) {
			items = grow_array(items, count, sizeof(*items), least);
			assert_non_null(items);
			items[count] = count;
		}
		for (size_t i = 0; i < 100; i++)
			assert_int_equal(items[i], i);
		free(items);
	}
}

/* Allocates at 0, 8, 16, 32 and 64 items only. */
static void
grow_array_doubles(void **state)
{
	uint64_t *items = NULL;
	size_t grown = 0;

	(void)state;
	for (size_t count = 0; count < 100; count++) {
		uint64_t *same;

		allocation_fail_after(0);
		same = grow_array(items, count, sizeof(*items), 8);
		if (!allocation_restore()) {
			assert_ptr_equal(same, items);
			continue;
		}
		assert_null(same);
		grown++;
		items = grow_array(items, count, sizeof(*items), 8);
		assert_non_null(items);
	}
	assert_int_equal(grown, 5);
	free(items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grow_array_has_room_for_each_item),
	    cmocka_unit_test(grow_array_doubles),
	};

	return cmocka_run_group_tests_name("policy/sql/grow", tests, NULL,
					   NULL);
}

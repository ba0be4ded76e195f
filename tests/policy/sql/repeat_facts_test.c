#include "policy/sql/repeat_facts.h"

#include <stdlib.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static void
repeat_stop_keeps_the_first_obstacle(void **state)
{
	struct repeat r = {0};

	(void)state;
	repeat_stop(&r, "a");
	repeat_stop(&r, "b");
	assert_string_equal(r.obstacle, "a");
	repeat_clear(&r);
	assert_null(r.obstacle);
}

static void
repeat_add_is_bounded(void **state)
{
	struct repeat r = {0};

	(void)state;
	for (int i = 0; i < REPEAT_NAMES_MAX; i++)
		repeat_add(&r, &r.shown, strdup("a"));
	assert_null(r.obstacle);
	repeat_add(&r, &r.shown, strdup("a"));
	assert_string_equal(r.obstacle, "it names too much");
	assert_int_equal(r.shown.count, REPEAT_NAMES_MAX);
	repeat_clear(&r);
	assert_int_equal(r.shown.count, 0);
}

static void
repeat_add_survives_lack_of_memory(void **state)
{
	struct repeat r = {0};
	char *name = strdup("a");

	(void)state;
	repeat_add(&r, &r.filled, NULL);
	assert_string_equal(r.obstacle, "out of memory");
	repeat_clear(&r);
	allocation_fail_after(0);
	repeat_add(&r, &r.filled, name);
	(void)allocation_restore();
	assert_string_equal(r.obstacle, "out of memory");
	assert_int_equal(r.filled.count, 0);
	repeat_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(repeat_stop_keeps_the_first_obstacle),
	    cmocka_unit_test(repeat_add_is_bounded),
	    cmocka_unit_test(repeat_add_survives_lack_of_memory),
	};

	return cmocka_run_group_tests_name("policy/sql/repeat_facts", tests,
					   NULL, NULL);
}

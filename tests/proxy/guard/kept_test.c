#include "proxy/guard/kept.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static void
kept_add_appends_copies(void **state)
{
	struct kept k = {0};
	char frame[] = "S\0\0\0\4";

	(void)state;
	assert_true(kept_add(&k, "P\0\0\0\4", 5));
	assert_true(kept_add(&k, frame, 5));
	frame[0] = 'x';
	assert_int_equal(k.count, 2);
	assert_span_equal(buffer_span(&k.frames),
			  bytes("P\0\0\0\4S\0\0\0\4", 10));
	kept_clear(&k);
	assert_int_equal(k.count, 0);
	assert_int_equal(buffer_span(&k.frames).len, 0);
}

static void
kept_add_without_memory_adds_nothing(void **state)
{
	struct kept k = {0};

	(void)state;
	allocation_fail_after(0);
	assert_false(kept_add(&k, "S\0\0\0\4", 5));
	assert_true(allocation_restore());
	assert_int_equal(k.count, 0);
	assert_int_equal(k.frames.len, 0);
	kept_clear(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept_add_appends_copies),
	    cmocka_unit_test(kept_add_without_memory_adds_nothing),
	};

	return cmocka_run_group_tests_name("proxy/guard/kept", tests, NULL,
					   NULL);
}

#include "policy/sql/fnv.h"

#include "tests/support/test.h"

/* The vectors of draft-eastlake-fnv, appendix C. */
static void
fnv_hash_is_fnv_1a(void **state)
{
	(void)state;
	assert_true(fnv_hash(NULL, 0) == 0xcbf29ce484222325u);
	assert_true(fnv_hash("a", 1) == 0xaf63dc4c8601ec8cu);
	assert_true(fnv_hash("foobar", 6) == 0x85944171f73967e8u);
	assert_true(fnv_hash("\xff\0", 2) != fnv_hash("\xff", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fnv_hash_is_fnv_1a),
	};

	return cmocka_run_group_tests_name("policy/sql/fnv", tests, NULL, NULL);
}

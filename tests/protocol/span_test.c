#include "protocol/span.h"

#include "tests/support/test.h"

static void
span_equals_takes_a_whole_text(void **state)
{
	(void)state;
	assert_true(span_equals(span_of("abc", 3), "abc"));
	assert_false(span_equals(span_of("abc", 2), "abc"));
	assert_true(span_equals(span_of(NULL, 0), ""));
}

/* An empty span may have no address. */
static void
span_copy_cuts(void **state)
{
	char out[4];

	(void)state;
	span_copy(out, sizeof(out), span_of("abcd", 4));
	assert_string_equal(out, "abc");
	span_copy(out, sizeof(out), span_of("abc", 3));
	assert_string_equal(out, "abc");
	span_copy(out, sizeof(out), span_of(NULL, 0));
	assert_string_equal(out, "");
	span_copy(out, 1, span_of("a", 1));
	assert_string_equal(out, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(span_equals_takes_a_whole_text),
	    cmocka_unit_test(span_copy_cuts),
	};

	return cmocka_run_group_tests_name("protocol/span", tests, NULL, NULL);
}

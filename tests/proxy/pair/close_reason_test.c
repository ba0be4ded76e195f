#include "proxy/pair/close_reason.h"

#include <ctype.h>

#include "tests/support/test.h"

/* Log and metrics tell reasons apart by these. */
static void
close_reasons_have_names_of_their_own(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < CLOSE_REASON_COUNT; i++) {
		assert_non_null(close_reasons[i].name);
		for (j = 0; j < i; j++)
			assert_string_not_equal(close_reasons[i].name,
						close_reasons[j].name);
	}
}

static void
assert_sqlstate(const char *text)
{
	size_t i;

	assert_int_equal(strlen(text), 5);
	for (i = 0; i < 5; i++)
		assert_true(isupper((unsigned char)text[i]) ||
			    isdigit((unsigned char)text[i]));
}

static void
close_reasons_tell_the_client_both_or_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < CLOSE_REASON_COUNT; i++) {
		const struct close_reason_row *r = &close_reasons[i];

		assert_int_equal(r->sqlstate == NULL, r->message == NULL);
		if (r->sqlstate != NULL)
			assert_sqlstate(r->sqlstate);
	}
}

/* Nobody is left to be told. */
static void
close_reasons_of_a_client_that_is_gone_say_nothing(void **state)
{
	(void)state;
	assert_null(close_reasons[CLOSE_CLIENT_LEFT].message);
	assert_null(close_reasons[CLOSE_CLIENT_BROKEN].message);
	assert_false(close_reasons[CLOSE_CLIENT_LEFT].is_error);
	assert_false(close_reasons[CLOSE_CLIENT_BROKEN].is_error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(close_reasons_have_names_of_their_own),
	    cmocka_unit_test(close_reasons_tell_the_client_both_or_nothing),
	    cmocka_unit_test(
		close_reasons_of_a_client_that_is_gone_say_nothing),
	};

	return cmocka_run_group_tests_name("proxy/pair/close_reason", tests,
					   NULL, NULL);
}

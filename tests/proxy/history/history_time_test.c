#include "proxy/history/history_time.h"

#include "tests/support/test.h"

static void
assert_time(uint64_t at_ms, char between, const char *expected)
{
	char text[HISTORY_TIME_BYTES];

	history_time_text(text, at_ms, between);
	assert_string_equal(text, expected);
}

static void
history_time_text_is_utc(void **state)
{
	(void)state;
	assert_time(0, 'T', "1970-01-01T00:00:00.000");
	assert_time(1769860800123, ' ', "2026-01-31 12:00:00.123");
}

static void
assert_span(uint64_t ms, const char *expected)
{
	char text[HISTORY_SPAN_BYTES];

	history_span_text(text, ms);
	assert_string_equal(text, expected);
}

static void
history_span_text_is_as_short_as_can_be(void **state)
{
	(void)state;
	assert_span(0, "0 ms");
	assert_span(999, "999 ms");
	assert_span(3400, "3.4 s");
	assert_span(306000, "5 min 6 s");
	assert_span(UINT64_MAX, "307445734561825 min 51 s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(history_time_text_is_utc),
	    cmocka_unit_test(history_span_text_is_as_short_as_can_be),
	};

	return cmocka_run_group_tests_name("proxy/history/history_time", tests,
					   NULL, NULL);
}

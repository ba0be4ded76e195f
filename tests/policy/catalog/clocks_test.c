#include "policy/catalog/clocks.h"

#include <string.h>

#include "tests/support/test.h"

static struct row_value
value(const char *text)
{
	return (struct row_value){text, strlen(text)};
}

static void
clocks_count_tells_what_a_version_has(void **state)
{
	static const struct {
		uint32_t version;
		size_t count;
	} versions[] = {{0, 3},  {13, 3}, {14, 4},
			{16, 4}, {17, 5}, {99, CLOCK_COUNT}};

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		assert_int_equal(clocks_count(versions[i].version),
				 versions[i].count);
}

/* A SELECT would take a snapshot. */
static void
clocks_query_shows_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < CLOCK_COUNT; i++)
		assert_memory_equal(clocks_query((enum clock_kind)i), "SHOW ",
				    5);
	assert_string_equal(clocks_query(CLOCK_IDLE),
			    "SHOW idle_session_timeout");
}

static void
clocks_read_takes_durations_only(void **state)
{
	struct clocks c = {0};

	(void)state;
	assert_true(clocks_read(&c, CLOCK_LOCK, value("1500ms")));
	assert_true(clocks_read(&c, CLOCK_STATEMENT, value("2min")));
	assert_int_equal(c.ms[CLOCK_LOCK], 1500);
	assert_int_equal(c.ms[CLOCK_STATEMENT], 120000);
	assert_true(clocks_read(&c, CLOCK_LOCK, value("0")));
	assert_int_equal(c.ms[CLOCK_LOCK], 0);
	assert_false(clocks_read(&c, CLOCK_LOCK, value("")));
	assert_false(clocks_read(&c, CLOCK_LOCK, value("soon")));
	assert_false(clocks_read(&c, CLOCK_LOCK, value("1 fortnight")));
}

static void
clocks_allow_what_the_soonest_allows(void **state)
{
	static const struct {
		struct clocks clocks; /* as in CLOCKS */
		uint64_t idle_ms;
		uint64_t block_ms;
	} cases[] = {
	    {{{0}}, UINT64_MAX, UINT64_MAX},
	    {{{1000}}, 250, 250},
	    {{{0, 400}}, 100, 100},
	    {{{1000, 400}}, 100, 100},
	    {{{0, 0, 1000}}, UINT64_MAX, 500},
	    {{{0, 0, 0, 1000}}, 500, UINT64_MAX},
	    {{{0, 0, 0, 0, 1000}}, UINT64_MAX, 250},
	    {{{4000, 0, 1000, 3000, 1200}}, 1000, 300},
	    {{{1}}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(clocks_allow_ms(&cases[i].clocks, false) ==
			    cases[i].idle_ms);
		assert_true(clocks_allow_ms(&cases[i].clocks, true) ==
			    cases[i].block_ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clocks_count_tells_what_a_version_has),
	    cmocka_unit_test(clocks_query_shows_each),
	    cmocka_unit_test(clocks_read_takes_durations_only),
	    cmocka_unit_test(clocks_allow_what_the_soonest_allows),
	};

	return cmocka_run_group_tests_name("policy/catalog/clocks", tests, NULL,
					   NULL);
}

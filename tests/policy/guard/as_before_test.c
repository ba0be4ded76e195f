#include "policy/guard/as_before.h"
#include "policy/guard/settings.h"

#include "tests/support/sql.h"
#include "tests/support/test.h"

/* A session may have exit_on_error: the error is to end nothing. */
static void
check_question(const char *sql, const char *column, int params)
{
	char text[80];

	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		snprintf(text, sizeof(text),
			 ", pg_catalog.current_setting('lockstep.%s', true)",
			 settings_name((enum guard_setting)i));
		assert_non_null(strstr(sql, text));
	}
	assert_non_null(strstr(sql, "'exit_on_error', 'off', true"));
	sql_check_columns(sql, &column, 1);
	sql_check_operators(sql);
	sql_check_params(sql, params);
}

static void
as_before_query_asks_for_every_setting(void **state)
{
	(void)state;
	check_question(as_before_query(), "as_before", AS_BEFORE_PARAMS);
	assert_non_null(strstr(as_before_query(), "'lock_timeout', $3"));
}

static void
as_before_unset_query_asks_for_every_setting(void **state)
{
	(void)state;
	check_question(as_before_unset_query(), "unset",
		       AS_BEFORE_UNSET_PARAMS);
	assert_null(strstr(as_before_unset_query(), "'lock_timeout'"));
}

/* The server would have to plan what reads a table. */
static void
as_before_query_reads_no_table(void **state)
{
	(void)state;
	assert_null(strstr(as_before_query(), "FROM"));
	assert_null(strstr(as_before_unset_query(), "FROM"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_before_query_asks_for_every_setting),
	    cmocka_unit_test(as_before_unset_query_asks_for_every_setting),
	    cmocka_unit_test(as_before_query_reads_no_table),
	};

	return cmocka_run_group_tests_name("policy/guard/as_before", tests,
					   NULL, NULL);
}

#include "policy/catalog/plain_settings.h"

#include <stdlib.h>

#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static void
plain_settings_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[PLAIN_SETTINGS_COLUMNS] = {
	    [PLAIN_SETTINGS_DIFFERING] = "differing",
	    [PLAIN_SETTINGS_BEFORE] = "before",
	};

	(void)state;
	sql_check_operators(plain_settings_query());
	sql_check_params(plain_settings_query(), 2);
	sql_check_columns(plain_settings_query(), columns,
			  PLAIN_SETTINGS_COLUMNS);
}

static void
plain_settings_restore_is_qualified_and_answers_alike(void **state)
{
	static const char *const columns[PLAIN_SETTINGS_COLUMNS] = {
	    "restored",
	    "before",
	};

	(void)state;
	sql_check_operators(plain_settings_restore());
	sql_check_params(plain_settings_restore(), 0);
	sql_check_columns(plain_settings_restore(), columns,
			  PLAIN_SETTINGS_COLUMNS);
}

static void
plain_settings_execute_names_what_was_prepared(void **state)
{
	char *sql = plain_settings_execute("_lockstep7");

	(void)state;
	assert_non_null(sql);
	assert_non_null(strstr(sql, "EXECUTE _lockstep7 ("));
	assert_null(strchr(sql, '%'));
	sql_check_operators(sql);
	free(sql);
}

static void
plain_settings_read_tells_whether_any_differs(void **state)
{
	static const struct {
		const char *count;
		bool is_read;
		bool differ;
	} rows[] = {
	    {"0", true, false},     {"1", true, true},  {"32", true, true},
	    {NULL, false, false},   {"", false, false}, {"-1", false, false},
	    {"many", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct row_value v[PLAIN_SETTINGS_COLUMNS] = {
		    value(rows[i].count), value("work_mem=64kB")};
		bool differ = false;

		assert_int_equal(plain_settings_read(&differ, v),
				 rows[i].is_read);
		assert_int_equal(differ, rows[i].differ);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		plain_settings_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(
		plain_settings_restore_is_qualified_and_answers_alike),
	    cmocka_unit_test(plain_settings_execute_names_what_was_prepared),
	    cmocka_unit_test(plain_settings_read_tells_whether_any_differs),
	};

	return cmocka_run_group_tests_name("policy/catalog/plain_settings",
					   tests, NULL, NULL);
}

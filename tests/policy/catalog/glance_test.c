#include "policy/catalog/glance.h"

#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

#define X(id, name) [id] = (name),
static const char *const columns[] = {GLANCE_COLUMN_TABLE(X)};
#undef X

static void
check_query(const char *sql)
{
	sql_check_operators(sql);
	sql_check_params(sql, 0);
	sql_check_columns(sql, columns, GLANCE_COLUMNS);
}

static void
glance_query_is_qualified(void **state)
{
	(void)state;
	check_query(glance_query(false));
	check_query(glance_query(true));
	assert_null(strstr(glance_query(false), "pg_trigger"));
}

static bool
read_row(struct glance *out, const char *const texts[GLANCE_COLUMNS])
{
	struct row_value values[GLANCE_COLUMNS];

	for (size_t i = 0; i < GLANCE_COLUMNS; i++)
		values[i] = value(texts[i]);
	memset(out, 0xff, sizeof(*out));
	return glance_read(out, values);
}

static void
glance_read_takes_a_row(void **state)
{
	struct glance g;

	(void)state;
	assert_true(read_row(&g, (const char *[]){"5s", "warning", "1s", "t"}));
	assert_string_equal(g.lock_timeout, "5s");
	assert_true(g.wants_warnings);
	assert_int_equal(g.deadlock_timeout_ms, 1000);
	assert_true(g.is_plain);
	assert_true(read_row(&g, (const char *[]){"0", "error", "2", "f"}));
	assert_false(g.wants_warnings);
	assert_int_equal(g.deadlock_timeout_ms, 2);
	assert_false(g.is_plain);
	assert_true(read_row(&g, (const char *[]){"0", "error", "2", NULL}));
	assert_false(g.is_plain);
}

static void
glance_read_refuses_another_shape(void **state)
{
	char text[SESSION_FACTS_SETTING_MAX + 1];
	struct glance g;

	(void)state;
	memset(text, '1', sizeof(text));
	text[SESSION_FACTS_SETTING_MAX] = '\0';
	assert_false(read_row(&g, (const char *[]){text, "error", "1s", "t"}));
	assert_false(read_row(&g, (const char *[]){NULL, "error", "1s", "t"}));
	assert_false(read_row(&g, (const char *[]){"0", "error", "?", "t"}));
	assert_false(read_row(&g, (const char *[]){"0", "error", NULL, "t"}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(glance_query_is_qualified),
	    cmocka_unit_test(glance_read_takes_a_row),
	    cmocka_unit_test(glance_read_refuses_another_shape),
	};

	return cmocka_run_group_tests_name("policy/catalog/glance", tests, NULL,
					   NULL);
}

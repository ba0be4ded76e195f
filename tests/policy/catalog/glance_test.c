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
	sql_check_params(sql, GLANCE_PARAMS);
	sql_check_columns(sql, columns, GLANCE_COLUMNS);
}

static void
glance_query_is_qualified(void **state)
{
	(void)state;
	check_query(glance_query(GLANCE_PLAINLY));
	check_query(glance_query(GLANCE_TRUNCATES));
	check_query(glance_query(GLANCE_CASCADES));
	assert_null(strstr(glance_query(GLANCE_PLAINLY), "pg_trigger"));
}

/* A session may have exit_on_error: the error is to end nothing. */
static void
glance_names_query_is_qualified(void **state)
{
	static const enum glance_kind kinds[] = {
	    GLANCE_PLAINLY, GLANCE_TRUNCATES, GLANCE_CASCADES};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *sql = glance_names_query(kinds[i]);
		const char *column = "names";

		sql_check_operators(sql);
		sql_check_params(sql, GLANCE_PARAMS);
		sql_check_columns(sql, &column, 1);
		assert_non_null(strstr(sql, "'exit_on_error', 'off', true"));
	}
}

/* Where no relation has children, no name is one of them. */
static void
glance_asks_names_where_it_must(void **state)
{
	static const struct glance flat = {.is_flat = true};
	static const struct glance deep = {.is_flat = false};

	(void)state;
	assert_false(glance_asks_names(&flat, GLANCE_PLAINLY));
	assert_true(glance_asks_names(&deep, GLANCE_PLAINLY));
	assert_true(glance_asks_names(&flat, GLANCE_TRUNCATES));
	assert_true(glance_asks_names(&flat, GLANCE_CASCADES));
}

static void
glance_print_before_has_all(void **state)
{
	struct glance g = {.is_flat = true,
			   .lock_timeout = "7s",
			   .deadlock_timeout = "1s",
			   .jit_above_cost = "1e+06"};
	char text[GLANCE_BEFORE_MAX];

	(void)state;
	glance_print_before(text, &g);
	assert_string_equal(text, "7s 1s 1e+06 off 0 t");
	g.is_flat = false;
	memset(g.lock_timeout, '1', sizeof(g.lock_timeout) - 1);
	memset(g.deadlock_timeout, '2', sizeof(g.deadlock_timeout) - 1);
	memset(g.jit_above_cost, '3', sizeof(g.jit_above_cost) - 1);
	glance_print_before(text, &g);
	assert_int_equal(strlen(text), 3 * (SESSION_FACTS_SETTING_MAX - 1) +
					   strlen("   off 0 f"));
	assert_string_equal(strchr(text, 'o'), "off 0 f");
}

static void
glance_asks_about_what_is_named(void **state)
{
	static const struct {
		const char *sql;
		enum glance_kind kind;
		const char *schemas;
		const char *names;
	} rows[] = {
	    {"drop table c cascade", GLANCE_PLAINLY, "{NULL}",
	     "{\"\\\"c\\\"\"}"},
	    {"drop function f()", GLANCE_PLAINLY, "{}", "{}"},
	    {"drop table s.a; truncate a", GLANCE_CASCADES,
	     "{\"\\\"s\\\"\",NULL}", "{\"\\\"s\\\".\\\"a\\\"\",\"\\\"a\\\"\"}"},
	    {"truncate a, s.b", GLANCE_TRUNCATES, "{NULL,\"\\\"s\\\"\"}",
	     "{\"\\\"a\\\"\",\"\\\"s\\\".\\\"b\\\"\"}"},
	    {"truncate a cascade", GLANCE_CASCADES, "{NULL}",
	     "{\"\\\"a\\\"\"}"},
	};
	char *params[GLANCE_PARAMS];
	struct statement_list list;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    statement_list_parse(&list, rows[i].sql,
					 strlen(rows[i].sql), GUARD_SCOPE_DDL,
					 STATEMENT_PARSE_BYTES_DEFAULT),
		    STATEMENT_OK);
		assert_int_equal(glance_kind_of(list.items, list.count),
				 rows[i].kind);
		assert_true(glance_params(params, list.items, list.count));
		assert_string_equal(params[0], rows[i].schemas);
		assert_string_equal(params[1], rows[i].names);
		free(params[0]);
		free(params[1]);
		statement_list_clear(&list);
	}
}

/* -1 turns compiling off. */
static void
glance_is_compiled_by_its_cost(void **state)
{
	static const char *const never[] = {"-1", "100000", "1e+06"};
	static const char *const always[] = {"0", "0.01", "500"};
	struct glance g = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(g.jit_above_cost, sizeof(g.jit_above_cost), "%s",
			       never[i]);
		assert_false(glance_is_compiled(&g));
		(void)snprintf(g.jit_above_cost, sizeof(g.jit_above_cost), "%s",
			       always[i]);
		assert_true(glance_is_compiled(&g));
	}
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
	assert_true(read_row(
	    &g, (const char *[]){"5s", "warning", "1s", "0", "t", "t"}));
	assert_string_equal(g.lock_timeout, "5s");
	assert_true(g.wants_warnings);
	assert_int_equal(g.deadlock_timeout_ms, 1000);
	assert_true(g.is_plain);
	assert_true(g.is_flat);
	assert_true(
	    read_row(&g, (const char *[]){"0", "error", "2", "0", "f", "f"}));
	assert_false(g.wants_warnings);
	assert_int_equal(g.deadlock_timeout_ms, 2);
	assert_false(g.is_plain);
	assert_false(g.is_flat);
	assert_true(
	    read_row(&g, (const char *[]){"0", "error", "2", "0", NULL, NULL}));
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
	assert_false(
	    read_row(&g, (const char *[]){text, "error", "1s", "0", "t", "t"}));
	assert_false(
	    read_row(&g, (const char *[]){NULL, "error", "1s", "0", "t", "t"}));
	assert_false(
	    read_row(&g, (const char *[]){"0", "error", "?", "0", "t", "t"}));
	assert_false(
	    read_row(&g, (const char *[]){"0", "error", NULL, "0", "t", "t"}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(glance_query_is_qualified),
	    cmocka_unit_test(glance_names_query_is_qualified),
	    cmocka_unit_test(glance_asks_names_where_it_must),
	    cmocka_unit_test(glance_print_before_has_all),
	    cmocka_unit_test(glance_is_compiled_by_its_cost),
	    cmocka_unit_test(glance_asks_about_what_is_named),
	    cmocka_unit_test(glance_read_takes_a_row),
	    cmocka_unit_test(glance_read_refuses_another_shape),
	};

	return cmocka_run_group_tests_name("policy/catalog/glance", tests, NULL,
					   NULL);
}

#include "policy/catalog/repeatable.h"

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static void
repeatable_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    REPEATABLE_COLUMN_TABLE(X)
#undef X
	};

	(void)state;
	sql_check_operators(repeatable_query());
	sql_check_params(repeatable_query(), REPEATABLE_PARAMS);
	sql_check_columns(repeatable_query(), columns, REPEATABLE_COLUMNS);
}

static char function[] = "f";
static char odd[] = "\"a\\\"\"\"";
static char plain[] = "\"b\"";
static char tool[] = "\"b\".\"alembic_version\"";
static char *functions[] = {function};
static char *relations[] = {odd, tool, plain};
static const struct repeat some = {
    .functions = {functions, 1},
    .shown = {relations, 3},
    .filled = {functions, 1},
};

static void
repeatable_params_are_arrays(void **state)
{
	char *params[REPEATABLE_PARAMS];

	(void)state;
	assert_true(repeatable_params(params, &some, true));
	assert_string_equal(params[0], "{\"f\"}");
	assert_string_equal(params[1], "{\"\\\"a\\\\\\\"\\\"\\\"\","
				       "\"\\\"b\\\".\\\"alembic_version\\\"\","
				       "\"\\\"b\\\"\"}");
	assert_string_equal(params[2], "{}");
	assert_string_equal(params[3], "{\"\\\"a\\\\\\\"\\\"\\\"\","
				       "\"\\\"b\\\"\"}");
	assert_string_equal(params[4], "{\"f\"}");
	for (int i = 0; i < REPEATABLE_PARAMS; i++)
		free(params[i]);
}

static void
repeatable_params_survives_lack_of_memory(void **state)
{
	char *params[REPEATABLE_PARAMS];
	unsigned int n = 0;

	(void)state;
	for (;; n++) {
		bool is_made;

		allocation_fail_after(n);
		is_made = repeatable_params(params, &some, false);
		(void)allocation_restore();
		if (is_made)
			break;
		for (int i = 0; i < REPEATABLE_PARAMS; i++)
			assert_null(params[i]);
	}
	assert_true(n > 2);
	assert_string_equal(params[3], "{}");
	for (int i = 0; i < REPEATABLE_PARAMS; i++)
		free(params[i]);
}

static bool
reads(struct repeatable *out, const char *obstacle, const char *isolation)
{
	const struct row_value row[REPEATABLE_COLUMNS] = {value(obstacle),
							  value(isolation)};

	return repeatable_read(out, row);
}

static void
repeatable_read_takes_the_row(void **state)
{
	struct repeatable r;

	(void)state;
	assert_true(reads(&r, "", "read committed"));
	assert_string_equal(r.obstacle, "");
	assert_false(r.has_one_snapshot);
	assert_true(reads(&r, "because", "serializable"));
	assert_string_equal(r.obstacle, "because");
	assert_true(r.has_one_snapshot);
	assert_true(reads(&r, "", "read uncommitted"));
	assert_false(r.has_one_snapshot);
	assert_false(reads(&r, NULL, "serializable"));
	assert_false(reads(&r, "", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		repeatable_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(repeatable_params_are_arrays),
	    cmocka_unit_test(repeatable_params_survives_lack_of_memory),
	    cmocka_unit_test(repeatable_read_takes_the_row),
	};

	return cmocka_run_group_tests_name("policy/catalog/repeatable", tests,
					   NULL, NULL);
}

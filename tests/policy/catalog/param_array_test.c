#include "policy/catalog/param_array.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static char *
array_of(void (*add)(struct text *a, const char *value), const char *value)
{
	struct text array = {0};
	char *param;

	param_arrays_begin(&array, 1);
	add(&array, value);
	assert_true(param_arrays_finish(&param, &array, 1));
	return param;
}

static void
check_array(void (*add)(struct text *a, const char *value), const char *value,
	    const char *expected)
{
	char *param = array_of(add, value);

	assert_string_equal(param, expected);
	free(param);
}

static void
param_array_add_quotes(void **state)
{
	(void)state;
	check_array(param_array_add, "a", "{\"a\"}");
	check_array(param_array_add, NULL, "{NULL}");
	check_array(param_array_add, "NULL", "{\"NULL\"}");
	check_array(param_array_add, "\\,\"}", "{\"\\\\,\\\"}\"}");
}

static void
param_array_add_schema_finds_it(void **state)
{
	(void)state;
	check_array(param_array_add_schema, "\"a\"", "{NULL}");
	check_array(param_array_add_schema, "\"s\".\"a\"", "{\"\\\"s\\\"\"}");
	check_array(param_array_add_schema, "\"d\".\"s\".\"a\"",
		    "{\"\\\"s\\\"\"}");
	check_array(param_array_add_schema, "\"s\"\"t\".\"a\"",
		    "{\"\\\"s\\\"\\\"t\\\"\"}");
	check_array(param_array_add_schema, "\"pg_temp\".\"a\"", "{NULL}");
}

static void
param_array_add_relation_leaves_the_database(void **state)
{
	(void)state;
	check_array(param_array_add_relation, "\"a\"", "{\"\\\"a\\\"\"}");
	check_array(param_array_add_relation, "\"s\".\"a\"",
		    "{\"\\\"s\\\".\\\"a\\\"\"}");
	check_array(param_array_add_relation, "\"d\".\"s\".\"a.b\"",
		    "{\"\\\"s\\\".\\\"a.b\\\"\"}");
	check_array(param_array_add_relation, "a", "{NULL}");
}

static void
param_arrays_finish_frees_all_when_memory_is_out(void **state)
{
	struct text arrays[2] = {0};
	char *params[2];

	(void)state;
	param_arrays_begin(arrays, 2);
	param_array_add_number(&arrays[0], 8);
	allocation_fail_after(0);
	param_array_add(&arrays[1], "a name that does not fit in there, since "
				    "a text begins with less room than that");
	assert_true(allocation_restore());
	assert_false(param_arrays_finish(params, arrays, 2));
	assert_null(params[0]);
	assert_null(params[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(param_array_add_quotes),
	    cmocka_unit_test(param_array_add_schema_finds_it),
	    cmocka_unit_test(param_array_add_relation_leaves_the_database),
	    cmocka_unit_test(param_arrays_finish_frees_all_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/catalog/param_array", tests,
					   NULL, NULL);
}

#include "policy/catalog/lock_set.h"

#include "tests/support/allocation.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

enum { KINDS = TARGET_KINDS };

/* The query for one target of each of these kinds. */
static char *
query_for(const enum target_kind kinds[], size_t count)
{
	struct target targets[KINDS] = {0};
	struct statement statement = {.targets = targets,
				      .target_count = count};
	char *query;

	for (size_t i = 0; i < count; i++)
		targets[i].kind = kinds[i];
	query = lock_set_query(&statement, 1);
	assert_non_null(query);
	return query;
}

/* Of each kind alone, and of all of them. */
static void
for_every_query(void (*check)(const char *query))
{
	enum target_kind kinds[KINDS];
	char *query;

	for (int i = 0; i < KINDS; i++) {
		kinds[i] = (enum target_kind)i;
		query = query_for(&kinds[i], 1);
		check(query);
		free(query);
	}
	query = query_for(kinds, KINDS);
	check(query);
	free(query);
}

static void
check_parameters(const char *query)
{
	sql_check_params(query, LOCK_SET_PARAMS);
}

static void
lock_set_query_names_every_parameter(void **state)
{
	(void)state;
	for_every_query(check_parameters);
}

static void
lock_set_query_has_no_bare_operator(void **state)
{
	(void)state;
	for_every_query(sql_check_operators);
}

static void
check_columns(const char *query)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    LOCK_SET_COLUMN_TABLE(X)
#undef X
	};

	sql_check_columns(query, columns, LOCK_SET_COLUMNS);
}

static void
lock_set_query_answers_the_columns_that_are_read(void **state)
{
	(void)state;
	for_every_query(check_columns);
}

static void
lock_set_query_has_the_parts_that_its_targets_need(void **state)
{
	enum target_kind kinds[] = {TARGET_LOCK, TARGET_TRUNCATE};
	char *query = query_for(kinds, 1);

	(void)state;
	assert_null(strstr(query, "truncate_lock"));
	assert_null(strstr(query, "walk_lock"));
	assert_null(strstr(query, "pg_depend"));
	free(query);

	query = query_for(kinds, 2);
	assert_non_null(strstr(query, "truncate_lock (relid"));
	assert_non_null(strstr(query, "SELECT * FROM truncate_lock"));
	assert_null(strstr(query, "walk_lock"));
	free(query);

	kinds[0] = TARGET_COLUMN;
	query = query_for(kinds, 2);
	assert_non_null(strstr(query, "SELECT * FROM column_seed"));
	assert_null(strstr(query, "constraint_seed"));
	assert_non_null(strstr(query, "SELECT * FROM walk_lock"));
	free(query);
}

static void
lock_set_query_knows_a_tree_with_a_condition(void **state)
{
	struct target targets[] = {
	    {.kind = TARGET_TREE},
	    {.kind = TARGET_TREE, .condition = CONDITION_FROM_18},
	};
	struct statement statement = {.targets = targets, .target_count = 1};
	char *query = lock_set_query(&statement, 1);

	(void)state;
	assert_non_null(query);
	assert_null(strstr(query, "condition_lock"));
	free(query);
	statement.target_count = 2;
	query = lock_set_query(&statement, 1);
	assert_non_null(query);
	assert_non_null(strstr(query, "SELECT * FROM condition_lock"));
	assert_non_null(strstr(query, "SELECT * FROM tree_lock"));
	sql_check_operators(query);
	check_parameters(query);
	free(query);
}

static void
lock_set_query_looks_at_all_statements(void **state)
{
	struct target drop = {.kind = TARGET_DROP};
	struct target truncate = {.kind = TARGET_TRUNCATE};
	struct statement statements[] = {
	    {.targets = &drop, .target_count = 1},
	    {.targets = NULL, .target_count = 0},
	    {.targets = &truncate, .target_count = 1},
	};
	char *query = lock_set_query(statements, 3);

	(void)state;
	assert_non_null(query);
	assert_non_null(strstr(query, "SELECT * FROM drop_seed"));
	assert_non_null(strstr(query, "SELECT * FROM truncate_lock"));
	free(query);
	query = lock_set_query(NULL, 0);
	assert_non_null(query);
	assert_non_null(strstr(query, "SELECT * FROM target_lock"));
	free(query);
}

static void
lock_set_query_is_null_when_memory_is_out(void **state)
{
	char *query;

	(void)state;
	allocation_fail_after(0);
	query = lock_set_query(NULL, 0);
	assert_true(allocation_restore());
	assert_null(query);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_set_query_names_every_parameter),
	    cmocka_unit_test(lock_set_query_has_no_bare_operator),
	    cmocka_unit_test(lock_set_query_answers_the_columns_that_are_read),
	    cmocka_unit_test(
		lock_set_query_has_the_parts_that_its_targets_need),
	    cmocka_unit_test(lock_set_query_knows_a_tree_with_a_condition),
	    cmocka_unit_test(lock_set_query_looks_at_all_statements),
	    cmocka_unit_test(lock_set_query_is_null_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/catalog/lock_set_query",
					   tests, NULL, NULL);
}

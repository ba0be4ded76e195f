#include "policy/catalog/drop_keys.h"

#include "policy/catalog/lock_set.h"
#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static void
drop_keys_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    DROP_KEYS_COLUMN_TABLE(X)
#undef X
	};

	(void)state;
	sql_check_operators(drop_keys_query());
	sql_check_params(drop_keys_query(), LOCK_SET_PARAMS);
	sql_check_columns(drop_keys_query(), columns, DROP_KEYS_COLUMNS);
}

static bool
adds(struct drop_keys *keys, const char *relation, const char *name,
     const char *restore)
{
	const struct row_value row[DROP_KEYS_COLUMNS] = {
	    value(relation), value(name), value(restore)};

	return drop_keys_add_row(keys, row);
}

static void
drop_keys_add_row_takes_each_key(void **state)
{
	struct drop_keys keys = {0};

	(void)state;
	assert_true(adds(&keys, "public.c", "c_a", "ALTER a"));
	assert_true(adds(&keys, "public.\"C\"", "c_b", "ALTER b"));
	assert_int_equal(keys.count, 2);
	assert_string_equal(keys.items[1].relation, "public.\"C\"");
	assert_string_equal(keys.items[1].name, "c_b");
	assert_string_equal(keys.items[1].restore, "ALTER b");
	assert_false(keys.items[1].is_gone);
	drop_keys_clear(&keys);
	assert_int_equal(keys.count, 0);
	assert_null(keys.items);
}

static void
drop_keys_add_row_refuses_what_is_no_key(void **state)
{
	struct drop_keys keys = {0};

	(void)state;
	assert_false(adds(&keys, NULL, "c_a", "ALTER"));
	assert_false(adds(&keys, "public.c", "", "ALTER"));
	assert_false(adds(&keys, "public.c", "c_a", NULL));
	assert_int_equal(keys.count, 0);
	drop_keys_clear(&keys);
}

static void
drop_keys_add_row_has_a_limit(void **state)
{
	struct drop_keys keys = {0};

	(void)state;
	for (size_t i = 0; i < DROP_KEYS_MAX; i++)
		assert_true(adds(&keys, "public.c", "c_a", "ALTER"));
	assert_false(adds(&keys, "public.c", "c_a", "ALTER"));
	assert_int_equal(keys.count, DROP_KEYS_MAX);
	drop_keys_clear(&keys);
}

static void
drop_keys_add_row_survives_lack_of_memory(void **state)
{
	struct drop_keys keys = {0};
	unsigned int n = 0;
	bool is_added = false;

	(void)state;
	for (; !is_added; n++) {
		allocation_fail_after(n);
		is_added = adds(&keys, "public.c", "c_a", "ALTER");
		(void)allocation_restore();
		assert_int_equal(keys.count, is_added);
	}
	assert_true(n > 3);
	drop_keys_clear(&keys);
}

static void
drop_key_sql_drops_the_key_alone(void **state)
{
	char relation[] = "public.c";
	char name[] = "\"k 1\"";
	const struct drop_key key = {.relation = relation, .name = name};
	char *sql = drop_key_sql(&key);

	(void)state;
	assert_string_equal(sql, "ALTER TABLE ONLY public.c DROP CONSTRAINT "
				 "\"k 1\"");
	free(sql);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		drop_keys_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(drop_keys_add_row_takes_each_key),
	    cmocka_unit_test(drop_keys_add_row_refuses_what_is_no_key),
	    cmocka_unit_test(drop_keys_add_row_has_a_limit),
	    cmocka_unit_test(drop_keys_add_row_survives_lack_of_memory),
	    cmocka_unit_test(drop_key_sql_drops_the_key_alone),
	};

	return cmocka_run_group_tests_name("policy/catalog/drop_keys", tests,
					   NULL, NULL);
}

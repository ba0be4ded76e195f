#include "policy/catalog/small_set.h"

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static bool
may_do(const char *sql)
{
	struct statement_list list = {0};
	bool may;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	may = small_set_may_do(list.items, list.count);
	statement_list_clear(&list);
	return may;
}

static void
small_set_may_do_what_can_be_simple(void **state)
{
	static const char *const simple[] = {
	    "drop table a",
	    "drop table if exists a, s.b cascade",
	    "truncate a, b",
	    "alter table a drop column b",
	    "alter table a drop constraint b, add c int",
	    "alter table a add foreign key (b) references c",
	    "alter table a alter b set not null",
	    "create index on a (b)",
	    "lock table a in share mode",
	};
	static const char *const others[] = {
	    "drop view a",
	    "drop index a",
	    "drop schema a cascade",
	    "drop table a; drop view b",
	    "truncate a cascade",
	    "truncate a restart identity",
	    "alter table a alter b drop not null",
	    "alter table a alter b type int",
	    "alter table a owner to b",
	    "alter table a detach partition b",
	    "lock table a in row share mode",
	    "select 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++)
		if (!may_do(simple[i]))
			fail_msg("not simple: %s", simple[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (may_do(others[i]))
			fail_msg("simple: %s", others[i]);
}

static void
small_set_may_not_do_very_many(void **state)
{
	static struct target targets[SMALL_SET_MAX];
	struct statement s = {.targets = targets,
			      .target_count = SMALL_SET_MAX,
			      .tag = "DROP TABLE"};

	(void)state;
	assert_false(small_set_may_do(&s, 1));
	s.target_count--;
	assert_true(small_set_may_do(&s, 1));
}

static void
check_query(const struct target *target, const char *part, bool has_part)
{
	struct statement s = {.targets = (struct target *)target,
			      .target_count = 1,
			      .tag = "DROP TABLE"};
	static const char *const columns[] = {
#define X(id, name) #name,
	    SMALL_SET_COLUMN_TABLE(X)
#undef X
	};
	char *query = small_set_query(&s, 1);

	assert_non_null(query);
	sql_check_params(query, SMALL_SET_PARAMS);
	sql_check_operators(query);
	sql_check_columns(query, columns, SMALL_SET_COLUMNS);
	assert_int_equal(strstr(query, part) != NULL, has_part);
	free(query);
}

static void
small_set_query_has_the_parts_that_its_targets_need(void **state)
{
	(void)state;
	check_query(&(struct target){.kind = TARGET_TRUNCATE}, "pg_depend",
		    false);
	check_query(&(struct target){.kind = TARGET_DROP}, "pg_depend", true);
	check_query(&(struct target){.kind = TARGET_DROP}, "pg_attribute",
		    false);
	check_query(&(struct target){.kind = TARGET_COLUMN}, "pg_attribute",
		    true);
	check_query(&(struct target){.kind = TARGET_COLUMN},
		    "k.contype "
		    "OPERATOR(pg_catalog.=) 'f'\nUNION",
		    false);
	check_query(&(struct target){.kind = TARGET_CONSTRAINT},
		    "SELECT k.confrelid, 8, 3", true);
}

static void
small_set_query_is_null_when_memory_is_out(void **state)
{
	struct target target = {.kind = TARGET_DROP};
	struct statement s = {.targets = &target, .target_count = 1};
	char *query;

	(void)state;
	allocation_fail_after(0);
	query = small_set_query(&s, 1);
	assert_true(allocation_restore());
	assert_null(query);
}

static void
small_set_params_has_a_row_for_each_table(void **state)
{
	char relation[] = "\"s\".\"a\"";
	char other[] = "\"b\"";
	char column[] = "c";
	struct target targets[] = {
	    {.kind = TARGET_DROP, .relation = relation},
	    {.kind = TARGET_COLUMN, .relation = other, .part = column},
	    {.kind = TARGET_KEY, .relation = relation, .part = other},
	    {.kind = TARGET_TREE, .relation = other, .mode = LOCK_SHARE},
	};
	struct statement s = {.targets = targets, .target_count = 4};
	static const char names[] =
	    "{\"\\\"s\\\".\\\"a\\\"\",\"\\\"b\\\"\",\"\\\"s\\\"."
	    "\\\"a\\\"\","
	    "\"\\\"b\\\"\",\"\\\"b\\\"\"}";
	const char *const expected[SMALL_SET_PARAMS] = {
	    "{\"d\",\"c\",\"f\",\"o\",\"l\"}",
	    "{\"\\\"s\\\"\",NULL,\"\\\"s\\\"\",NULL,NULL}",
	    names,
	    "{NULL,\"c\",NULL,NULL,NULL}",
	    "{\"8\",\"8\",\"6\",\"6\",\"5\"}",
	};
	char *params[SMALL_SET_PARAMS];

	(void)state;
	assert_true(small_set_params(params, &s, 1));
	for (size_t i = 0; i < SMALL_SET_PARAMS; i++) {
		assert_string_equal(params[i], expected[i]);
		free(params[i]);
	}
}

/* Add a row of public.a, or with no relation; true if the set is simple. */
static bool
add(struct lock_set *set, const char *relid, const char *mode,
    const char *phase, const char *is_simple)
{
	const struct row_value v[SMALL_SET_COLUMNS] = {
	    value(relid), value("r"), value("public.a"),
	    value(mode),  value("t"), value("{}"),
	    value(phase), value(""),  value(is_simple),
	};
	bool simple = true;

	assert_true(small_set_add_row(set, &simple, v));
	return simple;
}

static void
small_set_add_row_makes_one_item_of_a_relation(void **state)
{
	struct lock_set set = {0};

	(void)state;
	assert_true(add(&set, "7", "6", "3", "t"));
	assert_true(add(&set, "9", "8", "1", "t"));
	assert_true(add(&set, "7", "8", "2", "t"));
	assert_true(add(&set, "7", "4", "1", "t"));
	assert_int_equal(set.count, 2);
	assert_int_equal(set.items[0].mode, LOCK_ACCESS_EXCLUSIVE);
	assert_int_equal(set.items[0].phase, 1);
	lock_set_clear(&set);
}

static void
small_set_add_row_finds_what_is_not_simple(void **state)
{
	struct lock_set set = {0};

	(void)state;
	assert_true(add(&set, NULL, "8", "3", "t"));
	assert_int_equal(set.count, 0);
	assert_false(add(&set, "7", "8", "1", "f"));
	assert_false(add(&set, NULL, NULL, NULL, NULL));
	assert_int_equal(set.count, 0);
	lock_set_clear(&set);
}

static void
small_set_add_row_takes_so_many(void **state)
{
	struct lock_set set = {0};
	char relid[16];

	(void)state;
	for (int i = 1; i <= SMALL_SET_MAX; i++) {
		(void)snprintf(relid, sizeof(relid), "%d", i);
		assert_true(add(&set, relid, "8", "1", "t"));
	}
	assert_false(add(&set, "9999", "8", "1", "t"));
	lock_set_clear(&set);
}

static void
small_set_add_row_refuses_another_shape(void **state)
{
	struct lock_set set = {0};
	struct row_value v[SMALL_SET_COLUMNS] = {0};
	bool is_simple = true;

	(void)state;
	v[LOCK_SET_RELID] = value("7");
	v[SMALL_SET_IS_SIMPLE] = value("t");
	assert_false(small_set_add_row(&set, &is_simple, v));
	assert_int_equal(set.count, 0);
	lock_set_clear(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(small_set_may_do_what_can_be_simple),
	    cmocka_unit_test(small_set_may_not_do_very_many),
	    cmocka_unit_test(
		small_set_query_has_the_parts_that_its_targets_need),
	    cmocka_unit_test(small_set_query_is_null_when_memory_is_out),
	    cmocka_unit_test(small_set_params_has_a_row_for_each_table),
	    cmocka_unit_test(small_set_add_row_makes_one_item_of_a_relation),
	    cmocka_unit_test(small_set_add_row_finds_what_is_not_simple),
	    cmocka_unit_test(small_set_add_row_takes_so_many),
	    cmocka_unit_test(small_set_add_row_refuses_another_shape),
	};

	return cmocka_run_group_tests_name("policy/catalog/small_set", tests,
					   NULL, NULL);
}

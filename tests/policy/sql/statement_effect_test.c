#include "policy/sql/statement_effect.h"

#include "policy/sql/statement.h"
#include "tests/support/test.h"

static enum statement_effect
effect_of(const char *sql)
{
	struct statement_list list;
	enum statement_effect effect;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	assert_int_equal(list.count, 1);
	effect = list.items[0].effect;
	statement_list_clear(&list);
	return effect;
}

static void
statement_effect_of_each_kind(void **state)
{
	static const struct {
		const char *sql;
		enum statement_effect effect;
	} rows[] = {
	    {"drop table c", EFFECT_LESS},
	    {"/* x */ TRUNCATE c", EFFECT_LESS},
	    {"drop function f()", EFFECT_LESS},
	    {"alter table c drop column x", EFFECT_LESS},
	    {"alter table c drop constraint x, add column y int", EFFECT_LESS},
	    {"alter table c drop column x, inherit p", EFFECT_DEFINITIONS},
	    {"alter table c drop constraint x, add foreign key (y)"
	     " references z",
	     EFFECT_DEFINITIONS},
	    {"alter table c rename to d", EFFECT_DEFINITIONS},
	    {"alter table c add column y int", EFFECT_DEFINITIONS},
	    {"create table c ()", EFFECT_DEFINITIONS},
	    {"grant select on c to x", EFFECT_DEFINITIONS},
	    {"savepoint s", EFFECT_DEFINITIONS},
	    {"rollback to s", EFFECT_DEFINITIONS},
	    {"set search_path = s", EFFECT_SETTINGS},
	    {"set transaction read only", EFFECT_SETTINGS},
	    {"reset all", EFFECT_SETTINGS},
	    {"update y set k = 1", EFFECT_ANY},
	    {"with x as (select 1) select 1", EFFECT_ANY},
	    {"select set_config('search_path', 's', false)", EFFECT_ANY},
	    {"do $$begin drop table c; end$$", EFFECT_ANY},
	    {"lock table c", EFFECT_LESS},
	    {"commit", EFFECT_ANY},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (effect_of(rows[i].sql) != rows[i].effect)
			fail_msg("%s: %d", rows[i].sql, effect_of(rows[i].sql));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statement_effect_of_each_kind),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_effect", tests,
					   NULL, NULL);
}

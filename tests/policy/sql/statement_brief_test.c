#include "policy/sql/statement_brief.h"

#include "policy/sql/statement.h"
#include "tests/support/test.h"

static bool
is_brief(const char *sql)
{
	struct statement_list list;
	bool is_brief;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	assert_int_equal(list.count, 1);
	is_brief = list.items[0].is_brief;
	statement_list_clear(&list);
	return is_brief;
}

static void
statement_is_brief_of_each_kind(void **state)
{
	static const char *const brief[] = {
	    "drop table c, d cascade",
	    "drop view v",
	    "drop index i",
	    "drop trigger t on c",
	    "truncate a, b restart identity cascade",
	    "alter table c drop column a, drop constraint k",
	    "alter table c alter a drop default, owner to x",
	    "alter table c add foreign key (a) references x not valid",
	    "alter table c rename to d",
	    "alter table c rename column a to b",
	    "alter table c set schema s",
	    "create table c (a int references x)",
	    "create trigger t before insert on c execute function f()",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(brief) / sizeof(brief[0]); i++)
		if (!is_brief(brief[i]))
			fail_msg("%s", brief[i]);
}

/* The others read rows, run functions, or reach what nobody can tell. */
static void
statement_is_brief_of_nothing_else(void **state)
{
	static const char *const others[] = {
	    "alter table c add foreign key (a) references x",
	    "alter table c add check (f(a))",
	    "alter table c add b int default f()",
	    "alter table c drop a, alter b type text",
	    "alter table c drop a, alter b set not null",
	    "alter table c attach partition d for values in (1)",
	    "alter table c detach partition d",
	    "alter table c validate constraint k",
	    "create table d partition of c for values in (1)",
	    "create index on c (a)",
	    "create or replace view v as select * from c",
	    "refresh materialized view m",
	    "cluster c",
	    "reindex table c",
	    "lock table a, b",
	    "drop schema s",
	    "drop type t cascade",
	    "drop owned by x",
	    "do $$ begin drop table c; end $$",
	    "comment on table c is 'x'",
	    "drop index concurrently i",
	    "select 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is_brief(others[i]))
			fail_msg("%s", others[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statement_is_brief_of_each_kind),
	    cmocka_unit_test(statement_is_brief_of_nothing_else),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_brief", tests,
					   NULL, NULL);
}

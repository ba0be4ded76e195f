#include "policy/sql/statement_change.h"

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_repeat.h"
#include "tests/support/test.h"

/* The obstacle in the texts, one behind the other; NULL: there is none. */
static const char *
read_texts(const char *before, const char *then)
{
	struct repeat r = {0};
	const char *obstacle;

	statement_repeat_read(&r, before, strlen(before),
			      STATEMENT_PARSE_BYTES_DEFAULT);
	if (r.obstacle != NULL)
		fail_msg("%s: %s", before, r.obstacle);
	statement_repeat_read(&r, then, strlen(then),
			      STATEMENT_PARSE_BYTES_DEFAULT);
	obstacle = r.obstacle;
	repeat_clear(&r);
	return obstacle;
}

struct texts {
	const char *before;
	const char *then;
};

#define WRITES "insert into s.log values (1)"
#define NOTES "update alembic_version set a = 1"
#define LOOKS "select f(a) from pg_class"

static void
statement_change_obstacle_is_what_may_hide(void **state)
{
	static const struct texts texts[] = {
	    {WRITES, "drop table log"},
	    {WRITES, "drop table a"}, /* a key of it cascades, perhaps */
	    {WRITES, "alter table LOG add b int"},
	    {WRITES, "alter table \"log\" alter a drop default"},
	    {WRITES, "alter table U&\"l\\006fg\" add b int"},
	    {WRITES, "alter table a drop column b"},
	    {WRITES, "alter table a add b int, drop constraint c"},
	    {WRITES, "alter table a rename to log"},
	    {WRITES, "alter table log rename to b"},
	    {WRITES, "alter table t.log set schema u"},
	    {WRITES, "create temp table log (a int)"},
	    {WRITES, "select 1 into temp log"},
	    {WRITES, "create or replace view b as select 1"},
	    {WRITES, "create or replace function g() returns int language sql "
		     "as 'select 1'"},
	    {WRITES, "create trigger t before insert on log execute function "
		     "g()"},
	    {WRITES, "drop trigger t on log"},
	    {WRITES, "drop trigger t on a"},
	    {WRITES, "drop rule t on log"},
	    {WRITES, "drop function g() cascade"},
	    {WRITES, "alter function g() stable"},
	    {WRITES, "drop sequence b cascade"},
	    {NOTES, "drop function g() cascade"},
	    {NOTES, "drop schema b cascade"},
	    {NOTES, "drop trigger t on alembic_version"},
	    {NOTES, "alter table alembic_version drop column b"},
	    {NOTES, "alter function g() stable"},
	    {NOTES "; insert into a values (1)", "drop table b"},
	    {WRITES, "drop schema b cascade"},
	    {WRITES, "drop domain b"},
	    {WRITES, "alter domain b drop default"},
	    {WRITES, "drop owned by b"},
	    {WRITES, "drop extension b"},
	    {WRITES, "set local search_path = a"},
	    {WRITES, "set local search_path to default"},
	    {WRITES, "set local schema 'a'"},
	    {WRITES, "set local role a"},
	    {WRITES, "set local session authorization a"},
	    {WRITES, "do 'begin drop table log; end'"},
	    {"update log set a = 1", "drop table log"},
	    {"delete from log", "drop table log"},
	    {"create table a as select 1 from log", "drop table log"},
	    {"truncate a", "drop trigger t on a"},
	    {"truncate a", "drop table a"},
	    {"select from log", "drop table log"},
	    {"select from log", "create or replace view a as select 1"},
	    {"select from log", "alter function f() stable"},
	    {LOOKS, "drop function f(int)"},
	    {LOOKS, "create or replace function b.F() returns int language "
		    "sql as 'select 1'"},
	    {LOOKS, "alter function f() stable"},
	    {LOOKS, "alter function f() rename to g"},
	    {LOOKS, "drop extension a"},
	    {LOOKS, "drop schema a"},
	    {LOOKS, "drop type a cascade"},
	    {LOOKS, "drop owned by a"},
	    {LOOKS, "alter extension a drop function b()"},
	    {LOOKS, "set local search_path = a"},
	    {"", "drop event trigger a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (read_texts(texts[i].before, texts[i].then) == NULL)
			fail_msg("%s; %s", texts[i].before, texts[i].then);
}

static void
statement_change_obstacle_is_none_where_nothing_is_hidden(void **state)
{
	static const struct texts texts[] = {
	    {"create table a (b int)", "drop table a"},
	    {"create function f() returns int language sql as 'select 1'",
	     "drop function f()"},
	    {"alter table a add b int default f()",
	     "alter table a add c int default f()"},
	    {"set local search_path = a", WRITES},
	    {NOTES, "drop table b cascade"},
	    {NOTES, "alter table b drop constraint c"},
	    {WRITES, WRITES},
	    {WRITES, "alter table a add b int"},
	    {WRITES, "alter table a alter b set not null"},
	    {WRITES, "alter table a rename b to c"},
	    {WRITES, "create table a (b int references c)"},
	    {WRITES, "create type a as enum ('b')"},
	    {WRITES, "create function g() returns int language sql as 'select "
		     "1'"},
	    {WRITES, "create view a as select 1"},
	    {WRITES, "create index on log (a)"},
	    {WRITES, "drop index a"},
	    {WRITES, "comment on table log is 'a'"},
	    {WRITES, "grant select on log to a"},
	    {WRITES, "set local work_mem = '5MB'"},
	    {"truncate a", "truncate a"},
	    /* Rails, Django */
	    {"drop table a; select t2.oid::regclass::text from pg_constraint c "
	     "join pg_class t1 on true where t1.relname = 'a' and t3.nspname = "
	     "any (current_schemas(false))",
	     "alter table b drop constraint c; alter table b drop column d"},
	    {"drop table a cascade; select array(select attname from "
	     "unnest(c.conkey) with ordinality cols(colid, arridx)) from "
	     "pg_constraint as c where pg_catalog.pg_table_is_visible(cl.oid)",
	     "set constraints b immediate; alter table b drop column c "
	     "cascade; drop table d cascade"},
	    {"select a from log", "drop table b; alter table c drop column d"},
	    {LOOKS, "drop table a cascade"},
	    {LOOKS, "drop type a"},
	    {LOOKS, "drop function g()"},
	    {LOOKS, "alter table a drop column b"},
	    {LOOKS, "create or replace function g() returns int language sql "
		    "as 'select 1'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *why = read_texts(texts[i].before, texts[i].then);

		if (why != NULL)
			fail_msg("%s; %s: %s", texts[i].before, texts[i].then,
				 why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statement_change_obstacle_is_what_may_hide),
	    cmocka_unit_test(
		statement_change_obstacle_is_none_where_nothing_is_hidden),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_change", tests,
					   NULL, NULL);
}

#include "policy/sql/statement_repeat.h"

#include <stdio.h>

#include "policy/sql/statement.h"
#include "policy/sql/statement_facts.h"
#include "tests/support/test.h"

static struct repeat
read_text(const char *sql)
{
	struct repeat r = {0};

	statement_repeat_read(&r, sql, strlen(sql),
			      STATEMENT_PARSE_BYTES_DEFAULT);
	return r;
}

static void
join(char *out, size_t size, const struct repeat_names *names)
{
	out[0] = '\0';
	for (size_t i = 0; i < names->count; i++)
		(void)snprintf(out + strlen(out), size - strlen(out), "%s%s",
			       i > 0 ? " " : "", names->items[i]);
}

static void
assert_names(const struct repeat_names *names, const char *want,
	     const char *sql)
{
	char got[300];

	join(got, sizeof(got), names);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s", sql, got, want);
}

static void
statement_repeat_stops_at_what_outlasts_a_rollback(void **state)
{
	static const char *const texts[] = {
	    "set a = b",
	    "reset a",
	    "set session characteristics as transaction read only",
	    "commit",
	    "rollback",
	    "begin",
	    "prepare transaction 'a'",
	    "prepare a as select 1",
	    "execute a",
	    "deallocate a",
	    "copy a from stdin",
	    "listen a",
	    "unlisten a",
	    "declare a cursor for select 1",
	    "fetch a",
	    "close a",
	    "call a()",
	    "explain analyze delete from a",
	    "create subscription a connection 'b' publication c",
	    "create database a",
	    "create extension a",
	    "import foreign schema a from server b into c",
	    "alter system set a = b",
	    "load 'a'",
	    "discard all",
	    "checkpoint",
	    "create temp table a (b int) on commit drop",
	    "create temp table a (b int) on commit delete rows",
	    "select now()",
	    "select a, current_timestamp from pg_class",
	    "select localtime",
	    "lock table a",
	    "truncate a; lock a in share mode",
	    "do $$begin perform a(); end$$",
	    "do $$begin lock table a; end$$",
	    "do $$begin execute 'a'; end$$",
	    "do $$begin insert into a values (1); end$$",
	    "do $$begin create table a (b int); alter table a add c int "
	    "default "
	    "f(); end$$",
	    "do language sql 'begin drop table a; end'",
	    "do 'begin drop table a; a := NEXTVAL(''b''); end'",
	    "do 'begin if NEXTVAL(''b'') > 1 then drop table a; end if; end'",
	    "do 'begin set local a = b; end'",
	    "do 'begin do ''begin drop table a; end''; end'",
	    "do 'begin savepoint a; end'",
	    "do 'declare a int := NEXTVAL(''b''); begin end'",
	    "create table a as execute b",
	    "with a as (select 1) select * from a",
	    "insert into a values (1); drop table a",
	    "savepoint a; insert into b values (1); rollback to a",
	    "savepoint a; savepoint b; truncate c; savepoint d; rollback to b",
	    "savepoint a; alter table b add c int default f(); rollback to a",
	    "select from where",
	    "truncate a; select 1; commit",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct repeat r = read_text(texts[i]);

		if (r.obstacle == NULL)
			fail_msg("%s", texts[i]);
		repeat_clear(&r);
	}
}

static const struct {
	const char *sql;
	const char *functions;
	const char *shown;
	const char *written;
	bool shows_rows;
} texts[] = {
    {"", "", "", "", false},
    {"drop table a, b", "", "", "", false},
    {"truncate a restart identity", "", "", "", false},
    {"set local a = b; set transaction read write", "", "", "", false},
    {"set constraints all immediate", "", "", "", false},
    {"set role 'a'", "", "", "", false},
    {"savepoint a; release a; savepoint b; rollback to b", "", "", "", false},
    {"create table a (b int default f(), c serial)", "", "", "", false},
    {"create temp table a (b int) on commit preserve rows; truncate a", "", "",
     "", false},
    {"create view a as select f() from b", "", "", "", false},
    {"create function a() returns int language sql as 'select g()'", "", "", "",
     false},
    {"alter table a alter b set default nextval('c')", "", "", "", false},
    {"alter table a add b int default f(g())", "f g", "", "", false},
    {"alter table a alter b type int using s.f(b)", "f", "", "", false},
    {"alter table a add b timestamptz default now()", "now", "", "", false},
    {"alter table a add b timestamptz default current_timestamp", "", "", "",
     false},
    {"create table a as select f(b) from s.c", "f", "", "\"s\".\"c\"", false},
    {"create materialized view a as select * from c", "", "", "\"c\"", false},
    {"refresh materialized view a", "", "", "\"a\"", false},
    {"create index on a (lower(b))", "lower", "", "", false},
    {"insert into a values (1, now())", "now", "", "\"a\"", false},
    {"insert into a select * from b returning c", "", "", "\"a\" \"b\"", true},
    {"update a set b = 1 where c = 'd'", "", "", "\"a\"", false},
    {"delete from a using b returning f()", "f", "", "\"a\" \"b\"", true},
    {"select f(), current_user from a join s.b on true", "f",
     "\"a\" \"s\".\"b\"", "", true},
    {"select 1 from (select 1 from a) x where exists (select from \"B\"\"\")",
     "", "\"a\" \"B\"\"\"", "", true},
    {"select * into a from b", "", "", "\"a\" \"b\"", false},
    {"show a", "", "", "", true},
    {"do $$begin create type a as enum ('b'); exception when "
     "duplicate_object then null; end$$",
     "", "", "", false},
    {"do 'begin drop table a; create table a (b int); END'", "", "", "", false},
    {"do 'begin alter table a add b int default \"F\"(G()); end'", "F g", "",
     "", false},
    {"insert into a values (1); savepoint b; drop index c; rollback to b", "",
     "", "\"a\"", false},
    {"savepoint a; select from pg_class; drop table b; rollback to a", "",
     "\"pg_class\"", "", true},
    {"select 1 from a; create table c (); insert into b default values", "",
     "\"a\"", "\"b\"", true},
};

static void
statement_repeat_names_what_is_called_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct repeat r = read_text(texts[i].sql);

		if (r.obstacle != NULL)
			fail_msg("%s: %s", texts[i].sql, r.obstacle);
		assert_names(&r.functions, texts[i].functions, texts[i].sql);
		assert_names(&r.shown, texts[i].shown, texts[i].sql);
		assert_names(&r.written, texts[i].written, texts[i].sql);
		assert_int_equal(r.shows_rows, texts[i].shows_rows);
		repeat_clear(&r);
	}
}

static const struct {
	const char *sql;
	const char *filled;
	bool writes_first;
} writing[] = {
    {"insert into a values (1)", "\"a\"", true},
    {"insert into knex_migrations values (1)", "\"knex_migrations\"", false},
    {"update a set b = 1", "", true},
    {"update a set b = default", "\"a\"", true},
    {"update s.knex_migrations_lock set a = 1; update a set b = 1", "", true},
    {"update \"knex_migrations_lock\" set a = 1", "", false},
    {"delete from a", "", true},
    {"drop table a; delete from b", "", false},
    {"do 'begin drop table a; end'; insert into b values (1)", "\"b\"", false},
    {"select from knex_migrations; create table a as select * from c", "",
     false},
};

static void
statement_repeat_tells_what_was_written_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++) {
		struct repeat r = read_text(writing[i].sql);

		if (r.obstacle != NULL ||
		    r.writes_first != writing[i].writes_first)
			fail_msg("%s: %s", writing[i].sql, r.obstacle);
		assert_names(&r.filled, writing[i].filled, writing[i].sql);
		repeat_clear(&r);
	}
}

static void
statement_repeat_knows_what_merge_returns(void **state)
{
	struct repeat r;

	(void)state;
	if (strtoul(statement_grammar(), NULL, 10) < 17)
		skip();
	r = read_text("merge into a using b on true when matched then delete "
		      "returning f()");
	assert_null(r.obstacle);
	assert_true(r.shows_rows);
	assert_names(&r.functions, "f", "merge");
	repeat_clear(&r);
	r = read_text("merge into a using b on true when matched then delete");
	assert_false(r.shows_rows);
	repeat_clear(&r);
}

static void
statement_repeat_is_bounded(void **state)
{
	struct repeat r = {0};
	char *sql = test_malloc(70000);
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		len += (size_t)snprintf(sql + len, 70000 - len, "%sf(%d)",
					i > 0 ? "," : "select ", i);
	statement_repeat_read(&r, sql, len, STATEMENT_PARSE_BYTES_DEFAULT);
	assert_non_null(r.obstacle);
	repeat_clear(&r);
	statement_repeat_read(&r, sql, len, STATEMENT_PARSE_BYTES_MAX);
	assert_string_equal(r.obstacle, "it names too much");
	repeat_clear(&r);
	memset(sql, '(', 30000);
	memset(sql + 30000, ')', 30000);
	memcpy(sql, "select ", 7);
	sql[59993] = '\0';
	statement_repeat_read(&r, sql, 59993, STATEMENT_PARSE_BYTES_MAX);
	assert_non_null(r.obstacle);
	repeat_clear(&r);
	test_free(sql);
}

static void
statement_repeat_begins_takes_a_lone_begin(void **state)
{
	(void)state;
	assert_true(statement_repeat_begins("begin;", 6));
	assert_true(statement_repeat_begins("START TRANSACTION", 17));
	assert_false(statement_repeat_begins("begin; select 1", 15));
	assert_false(statement_repeat_begins("beginning", 9));
	assert_false(statement_repeat_begins("commit", 6));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		statement_repeat_stops_at_what_outlasts_a_rollback),
	    cmocka_unit_test(
		statement_repeat_names_what_is_called_read_and_written),
	    cmocka_unit_test(statement_repeat_tells_what_was_written_first),
	    cmocka_unit_test(statement_repeat_knows_what_merge_returns),
	    cmocka_unit_test(statement_repeat_is_bounded),
	    cmocka_unit_test(statement_repeat_begins_takes_a_lone_begin),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_repeat", tests,
					   NULL, NULL);
}

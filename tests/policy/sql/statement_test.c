#include "policy/sql/statement.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/statement.h"
#include "tests/support/test.h"

/*
 * The sources and not their library, so that their own allocations can fail;
 * statement_arena_test.c has those of libpg_query.
 */
static void *failing_calloc(size_t count, size_t size);
static void *failing_realloc(void *old, size_t size);
#define calloc failing_calloc
#define realloc failing_realloc
#include "policy/sql/grow.c"
#include "policy/sql/statement.c"
#include "policy/sql/statement_alter.c"
#include "policy/sql/statement_create.c"
#include "policy/sql/statement_cut.c"
#include "policy/sql/statement_do.c"
#include "policy/sql/statement_drop.c"
#include "policy/sql/statement_name.c"
#include "policy/sql/statement_reference.c"
#include "policy/sql/statement_scan.c"
#include "policy/sql/statement_sieve.c"
#include "policy/sql/statement_target.c"
#include "policy/sql/statement_text.c"
#include "policy/sql/statement_tree.c"
#include "policy/sql/statement_unknown.c"
#include "policy/sql/text.c"
#undef calloc
#undef realloc

enum { MEGABYTE = 1024 * 1024 };

static unsigned allocations_left = UINT_MAX;

static bool
allocation_fails(void)
{
	if (allocations_left == UINT_MAX)
		return false;
	if (allocations_left == 0)
		return true;
	allocations_left--;
	return false;
}

static void *
failing_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : calloc(count, size);
}

static void *
failing_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : realloc(old, size);
}

static void
list_parse_leaves_what_is_never_guarded(void **state)
{
	static const struct example examples[] = {
	    {"drop index concurrently i", ""},
	    {"alter table p detach partition c concurrently", ""},
	    {"alter table p detach partition c finalize", ""},
	    {"drop database d", ""},
	    {"drop tablespace t", ""},
	    {"drop role r", ""},
	    {"drop user mapping for u server s", ""},
	    {"drop subscription s", ""},
	    {"drop publication p", ""},
	    {"drop event trigger e", ""},
	    {"alter role r set search_path = 'drop'", ""},
	    {"alter domain d drop constraint c", ""},
	    {"create index concurrently i on t (a)", ""},
	    {"create table t (a int)", ""},
	    {"create table t as select 1", ""},
	    {"create view v as select 1", ""},
	    {"create table t (like u)", ""},
	    {"vacuum full t", ""},
	    {"vacuum analyze t", ""},
	    {"analyze (skip_locked) t", ""},
	    {"cluster", ""},
	    {"reindex table concurrently t", ""},
	    {"reindex (verbose, concurrently) index i", ""},
	    {"reindex schema s", ""},
	    {"lock table a, b nowait", ""},
	    {"lock table a, b in row exclusive mode", ""},
	    {"refresh materialized view concurrently m", ""},
	    {"create statistics s on a, b from t, u", ""},
	    {"create publication p for all tables", ""},
	    {"create publication p for tables in schema s", ""},
	    {"alter publication p set (publish = 'insert')", ""},
	    {"alter publication p add tables in schema s", ""},
	    {"alter publication p rename to q", ""},
	    {"comment on index i is 'x'", ""},
	    {"comment on constraint c on t is 'x'", ""},
	    {"comment on function f() is 'x'", ""},
	    {"alter extension e add function f()", ""},
	    {"alter domain d drop not null", ""},
	    {"alter domain d set default 1", ""},
	    {"alter domain d add check (value > 0) not valid", ""},
	    {"create table t (a int primary key, b int references t)", ""},
	    {"create table s.t (a int, foreign key (a) references s.t)", ""},
	    {"alter index i depends on extension e", ""},
	    {"alter function f() depends on extension e", ""},
	    {"alter type t add value 'x'", ""},
	    {"alter type t rename to u", ""},
	    {"alter schema s rename to u", ""},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

/* It shares their transaction: one plan for all. */
static void
list_parse_judges_ddl_beside_a_drop(void **state)
{
	(void)state;
	check("alter table c add foreign key (a) references z; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<alter table c add foreign key (a) references z> ddl:ALTER TABLE"
	      " tree(\"c\" partitions SRX) tree(\"c\" from-18 SRX)"
	      " key(\"c\" \"z\")\n"
	      "<drop table c> drops:DROP TABLE drop(\"c\")"
	      " lock(\"z\" only AX)\nsound");
	check("drop table c; create index on t (a); create table n (b int);"
	      " alter extension e update; select 1;"
	      " alter table x add",
	      GUARD_SCOPE_DROPS,
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "<create index on t (a)> ddl:CREATE INDEX"
	      " tree(\"t\" partitions S)\n<create table n (b int)>\n"
	      "<alter extension e update>\n<select 1>\n"
	      "<alter table x add> drops:UNKNOWN DDL named(\"table\" AX)"
	      " named(\"x\" AX) named(\"add\" AX)\nsound\nunparsed");
	check("begin; do $$begin alter table c rename to d; end$$; truncate a;"
	      " commit",
	      GUARD_SCOPE_DROPS,
	      "<begin> begin\n<do $$begin alter table c rename to d; end$$>"
	      " ddl:DO lock(\"c\" AX)\n<truncate a> drops:TRUNCATE TABLE"
	      " truncate(\"a\")\n<commit> end\nsound");
	/* Nothing to plan for. */
	check("alter table c rename to d; drop cast (int as text)",
	      GUARD_SCOPE_DROPS,
	      "<alter table c rename to d>\n<drop cast (int as text)>"
	      " drops:DROP CAST no plan\nsound");
}

static void
list_parse_leaves_neighbours_that_are_too_large(void **state)
{
	char *sql = repeat("drop table c; create table n (a int check (1",
			   " + 1", "))", STATEMENT_PARSE_BYTES_DEFAULT + 100);
	struct statement_list list;

	(void)state;
	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	assert_int_equal(list.count, 2);
	assert_true(list.items[0].has_plan);
	assert_null(list.items[1].tag);
	statement_list_clear(&list);
	free(sql);
}

static void
list_parse_knows_transaction_control(void **state)
{
	static const struct example examples[] = {
	    {"begin", " begin"},
	    {"BEGIN isolation level serializable", " begin"},
	    {"start transaction read only", " begin"},
	    {"commit", " end"},
	    {"commit work and no chain", " end"},
	    {"commit and chain", " chain"},
	    {"end", " end"},
	    {"end and chain", " chain"},
	    {"rollback", " end"},
	    {"rollback and chain", " chain"},
	    {"abort", " end"},
	    {"prepare transaction 'x'", " end"},
	    {"prepare /**/ transaction 'x'", " end"},
	    {"prepare transaction as select 1", ""},
	    {"prepare p as select 1", ""},
	    {"commit prepared 'x'", ""},
	    {"rollback prepared 'x'", ""},
	    {"savepoint s", " savepoint"},
	    {"release s", " savepoint"},
	    {"release savepoint s", " savepoint"},
	    {"rollback to s", " savepoint"},
	    {"set transaction read only", ""},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_OFF);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_finds_where_statements_begin_and_end(void **state)
{
	(void)state;
	check("begin; drop table table_c; commit;", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<drop table table_c>"
	      " drops:DROP TABLE drop(\"table_c\")\n<commit> end\nsound");
	check("", GUARD_SCOPE_DROPS, "");
	check(" ;; ; -- x", GUARD_SCOPE_DROPS, "");
	check(" /* ; */ select 1 /* ; */ ; ;-- ;\n drop table b ; /* ' */",
	      GUARD_SCOPE_DROPS,
	      "<select 1>\n<drop table b> drops:DROP TABLE drop(\"b\")\nsound");
	check("drop table b -- ;", GUARD_SCOPE_DROPS,
	      "<drop table b> drops:DROP TABLE drop(\"b\")");
	check("drop/*a*/table/*b*/c/*d*//*e*/ --f\n ", GUARD_SCOPE_DROPS,
	      "<drop/*a*/table/*b*/c> drops:DROP TABLE drop(\"c\")");
	check("select '--' \n; select '*/'; select U&'x' --y\n;"
	      " drop table \"--\" /* /* */ */",
	      GUARD_SCOPE_DROPS,
	      "<select '--'>\n<select '*/'>\n<select U&'x'>\n<drop table"
	      " \"--\"> drops:DROP TABLE drop(\"--\")\nsound");
	check("select 'a' -- c\n 'b'", GUARD_SCOPE_DROPS,
	      "<select 'a' -- c\n 'b'>");
}

static void
list_parse_sees_no_statement_within_another(void **state)
{
	(void)state;
	check("select '; drop table c;', E'\\'; drop table c; ', $$; drop"
	      " table c;$$, $a$; $$ drop table c; $a$",
	      GUARD_SCOPE_DROPS,
	      "<select '; drop table c;', E'\\'; drop table c; ', $$; drop"
	      " table c;$$, $a$; $$ drop table c; $a$>");
	check("select \";drop table c;\" from a; drop table d",
	      GUARD_SCOPE_DROPS,
	      "<select \";drop table c;\" from a>\n<drop table d>"
	      " drops:DROP TABLE drop(\"d\")\nsound");
	check("do $$begin drop table c; end$$ language x; drop table d",
	      GUARD_SCOPE_DROPS,
	      "<do $$begin drop table c; end$$ language x>\n<drop table d>"
	      " drops:DROP TABLE drop(\"d\")\nsound");
	check("create function f() returns void language sql as"
	      " 'drop table a; drop table b'; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create function f() returns void language sql as"
	      " 'drop table a; drop table b'>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")\nsound");
	check("create rule r as on insert to t do also (select 1; delete from"
	      " x); drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create rule r as on insert to t do also (select 1; delete from"
	      " x)> ddl:CREATE RULE lock(\"t\" AX) lock(\"x\" RX)"
	      "\n<drop table c> drops:DROP TABLE drop(\"c\")\nsound");
}

#define BODY                                                                   \
	"create or /**/ replace function f() returns int begin -- x\n"         \
	"atomic select 1; truncate a; select case when 1 then 2 end as end;"   \
	" drop table b; select x.case, 1 as case; commit; end"

static void
list_parse_keeps_the_body_of_a_routine_whole(void **state)
{
	(void)state;
	check("begin; " BODY "; drop table c; commit", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<" BODY ">\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")\n<commit> end\nsound");
	check("CREATE PROCEDURE p() BEGIN ATOMIC END; DROP TABLE c",
	      GUARD_SCOPE_DROPS,
	      "<CREATE PROCEDURE p() BEGIN ATOMIC END>\n<DROP TABLE c>"
	      " drops:DROP TABLE drop(\"c\")\nsound");
	check("create procedure p() begin atomic select 1; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create procedure p() begin atomic select 1; drop table c>");
	check("create table t as select begin atomic from a; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create table t as select begin atomic from a>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")\nsound");
	check("create function atomic() returns int return 1; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create function atomic() returns int return 1>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")\nsound");
}

static bool
is_sound(const char *sql)
{
	struct statement_list list;
	bool sound;

	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	sound = list.is_sound && !list.has_unparsed;
	statement_list_clear(&list);
	return sound;
}

static void
list_is_sound_if_every_statement_parses(void **state)
{
	char *sql;

	(void)state;
	assert_true(is_sound("begin; select 1; drop table c; commit"));
	assert_true(is_sound("drop table c; commit"));
	assert_true(is_sound(";; begin; /* x */ ; drop table c; -- y"));
	assert_false(is_sound("begin; select from where; drop table c"));
	assert_false(is_sound("begin; drop table c; garbage"));
	assert_false(is_sound("begin; garbage; drop table c"));
	assert_false(is_sound("garbage; begin; drop table c"));
	assert_false(is_sound("begin; drop table c; select 1)"));
	assert_false(is_sound("begin; drop table c; )"));
	assert_false(is_sound("begin; drop table c; \\d"));
	/* Not asked for. */
	assert_false(is_sound("drop table c"));
	assert_true(is_sound("drop table c; select 1"));
	assert_false(is_sound("drop table c; selec 1"));
	assert_false(is_sound("begin; select 1; commit"));

	sql = repeat("begin; drop table c; select ", "1+", "1",
		     STATEMENT_PARSE_BYTES_DEFAULT);
	assert_true(is_sound(sql));
	free(sql);
	sql = repeat("begin; drop table c; select ", "1+", "1",
		     STATEMENT_PARSE_BYTES_DEFAULT + 100);
	assert_false(is_sound(sql));
	free(sql);
}

static bool
is_sound_anyway(const char *sql)
{
	struct statement_list list;
	bool sound;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	sound = statement_list_is_sound(&list, sql, GUARD_SCOPE_DDL,
					STATEMENT_PARSE_BYTES_DEFAULT) &&
		!list.has_unparsed;
	statement_list_clear(&list);
	return sound;
}

static void
list_is_sound_looks_at_what_is_never_guarded(void **state)
{
	(void)state;
	assert_true(is_sound_anyway("select 1; vacuum t"));
	assert_true(is_sound_anyway("; -- x"));
	assert_false(is_sound_anyway("selec 1"));
	assert_false(is_sound_anyway("drop table t; select 1 1"));
	assert_false(is_sound_anyway(")"));
}

static void
list_parse_refuses_what_does_not_parse(void **state)
{
	static const char *const texts[] = {
	    "drop table c; begin later", "begin later",           "do drop",
	    "/* drop table c",           "/* /* */ drop table c",
	};
	struct statement_list list;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse_status(texts[i], GUARD_SCOPE_DROPS) !=
		    STATEMENT_UNPARSED)
			fail_msg("parses: %s", texts[i]);
	assert_int_equal(statement_list_parse(&list, "drop\0table c", 12,
					      GUARD_SCOPE_DROPS, 16384),
			 STATEMENT_UNPARSED);
	assert_int_equal(statement_list_parse(&list, "drop table c", 4,
					      GUARD_SCOPE_DROPS, 16384),
			 STATEMENT_UNPARSED);
	assert_null(list.items);
	statement_list_clear(&list);
}

static void
list_parse_passes_broken_text_that_cannot_matter(void **state)
{
	(void)state;
	check("selec 1; begin; execute garbage to", GUARD_SCOPE_DROPS,
	      "<selec 1>\n<begin> begin\n<execute garbage to>");
	check("select 'abc; drop table c", GUARD_SCOPE_DROPS,
	      "<select 'abc; drop table c>");
}

static void
list_parse_caps_the_length_of_a_candidate(void **state)
{
	static const char *const tails[] = {"", "; select 1"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		char *sql = repeat("", "drop table c", "", 12);
		struct statement_list list;

		assert_int_equal(
		    statement_list_parse(&list, sql, 12, GUARD_SCOPE_DROPS, 12),
		    STATEMENT_OK);
		statement_list_clear(&list);
		assert_int_equal(
		    statement_list_parse(&list, sql, 12, GUARD_SCOPE_DROPS, 11),
		    STATEMENT_TOO_LARGE);
		statement_list_clear(&list);
		free(sql);
	}
}

static void
list_parse_caps_the_number_of_candidates(void **state)
{
	char *sql = repeat("", "drop table a;", "", 13 * 500);

	(void)state;
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	free(sql);
	sql = repeat("", "drop table a;", "", 13 * 501);
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(sql);
	/* All of them together. */
	sql = repeat("",
		     "alter table t drop c, add check ('' = '"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "');",
		     "", 280000);
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(sql);
}

struct bomb {
	const char *head;
	const char *part;
	const char *tail;
};

/* Of any length: the whole is a candidate, the parts are what nests. */
static const struct bomb bombs[] = {
    {"alter table t drop c, add check (1", "+1", ")"},
    {"alter table t drop c, add check (", "@ ", "1)"},
    {"alter table t drop c, add check (", "not ", "a)"},
    {"alter table t drop c, add check (", "- ", "a)"},
    {"alter table t drop c, add check (a", "::a", ")"},
    {"alter table t drop c, add check (a", "[1]", ")"},
    {"alter table t drop c, add check (a", " and a", ")"},
    {"alter table t drop c, add check (a", "||a", ")"},
    {"alter table t drop c, add check (exists(select 1,1", " union select 1,1",
     "))"},
    {"alter table t drop c, add check (exists(select from a", " cross join a",
     "))"},
    {"alter table t drop c, add check (", "(", ""},
    {"alter table t drop c, add check (", "(select ", ""},
    {"alter table t drop c, add check (", "array[", ""},
    {"alter table t drop c, add check (", "case when ", ""},
    {"alter table t drop c, add check (", "f(", ""},
    {"drop table ", "a,", "a"},
    {"drop table a", ".a", ""},
    {"truncate ", "a,", "a"},
    {"alter table t ", "drop a,", "drop a"},
    {"", "drop table a;", ""},
    {"", "drop ", ""},
    {"drop table a;", "/*", ""},
    {"drop table a;", "/* ", "*/"},
    {"drop table a;", "/**/", ""},
    {"drop table a;", "--\n", ""},
    {"drop table a;", "''", ""},
    {"drop table a; select '", "x", ""},
    {"drop table a; select $x$", "x", "$y$"},
    {"drop table a; select ", "1+", "1"},
    {"drop table a; select 1", "+", "1"},
    {"drop table a; select 1", "/*", "*/"},
    {"drop table a; select ", "(", ""},
    {"drop table a; select ", ")", ""},
    {"begin; drop table a;", "select 1;", ""},
    {"begin; drop table a;", "select -- 1\n;", ""},
    {"begin; drop table a;", ";", ""},
    {"begin; drop table a;", "x;", ""},
    {"begin; create function f() begin atomic ",
     "select case when 1 then 1 end;", "drop table a"},
    {"", "create function f() begin atomic select case when 1 then 1 end;",
     "drop table a"},
    {"drop table a; create ", "or replace ", ""},
    {"do $$drop table a;", "begin ", "$$"},
    {"do $$drop table a;", "drop ", "$$"},
    {"do $$drop table a;", "drop;", "$$"},
    {"do $$drop table a;", "drop table a;", "$$"},
    {"do $$drop table a;", "(", "$$"},
    {"do $$drop table a;", ")", "$$"},
    {"do $$begin alter table t drop c, add check (", "(", "$$"},
    {"do $$begin alter table t drop c, add check (1", "+1", ");$$"},
    {"do $$begin create rule r as on insert to a do (", "delete from t;",
     ");drop table x;$$"},
    {"do 'drop ", "''", "'"},
    {"do 'a' ", "'drop' ", ""},
    {"drop function f(", "int,", "int)"},
    {"drop function f(int", "[]", ")"},
    {"drop owned by ", "a,", "a"},
    {"drop operator ", "s.", "+(int,int)"},
    {"create table t (", "a int references b,", "a int)"},
    {"create schema s ", "create table t (a int references b) ", ""},
    {"create rule r as on insert to a do (", "delete from t;",
     "delete from t)"},
};

static void *
parse_bombs(void *arg)
{
	const size_t *len = arg;
	size_t i;

	for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		char *sql =
		    repeat(bombs[i].head, bombs[i].part, bombs[i].tail, *len);
		struct statement_list list;

		statement_list_parse(&list, sql, strlen(sql), GUARD_SCOPE_DDL,
				     STATEMENT_PARSE_BYTES_MAX);
		statement_list_clear(&list);
		free(sql);
	}
	return NULL;
}

static void
run_thread_with_stack(void *(*run)(void *), void *arg, size_t bytes)
{
	pthread_attr_t attr;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, bytes), 0);
	assert_int_equal(pthread_create(&thread, &attr, run, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void
list_parse_refuses_what_the_scanner_is_slow_with(void **state)
{
	static const struct bomb slow[] = {
	    {"drop table a; select 1", "+", "1"},
	    {"drop table a;", "/*", "*/"},
	    {"drop table a; select '", "/", "'"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		char *sql =
		    repeat(slow[i].head, slow[i].part, slow[i].tail, 290);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_TOO_LARGE);
		free(sql);
	}
	assert_int_equal(
	    parse_status("drop table a; -- "
			 "----------------------------------------------------"
			 "----------------------------------------------------",
			 GUARD_SCOPE_DROPS),
	    STATEMENT_OK);
}

/* Lengths around each cap; a megabyte is above them all. */
static void
list_parse_needs_two_megabytes_of_stack_at_most(void **state)
{
	static size_t lens[] = {400, 1500, 4000, 16384, 65536, MEGABYTE};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		run_thread_with_stack(parse_bombs, &lens[i], 2 * MEGABYTE);
}

static void
list_parse_refuses_to_nest_deep_and_takes_long_lists(void **state)
{
	static const struct bomb deep[] = {
	    {"alter table t drop c, add check (1", "+1", ")"},
	    {"alter table t drop c, add check ((1),(1", "+(1)", "))"},
	    {"alter table t drop c, add check (1 in (select 1,1",
	     " union select 1,1", "))"},
	};
	static const struct bomb flat[] = {
	    {"drop table ", "s.a,", "a"},
	    {"truncate ", "only s.a,", "a"},
	    {"alter table t ", "drop column a cascade,", "drop a"},
	    {"alter table t drop b, add check (a in (", "1+1,", "1))"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
		char *sql = repeat(deep[i].head, deep[i].part, deep[i].tail,
				   STATEMENT_PARSE_BYTES_DEFAULT);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_TOO_LARGE);
		free(sql);
	}
	for (i = 0; i < sizeof(flat) / sizeof(flat[0]); i++) {
		char *sql = repeat(flat[i].head, flat[i].part, flat[i].tail,
				   STATEMENT_PARSE_BYTES_DEFAULT);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_OK);
		free(sql);
	}
}

/* Chains within chains: ((1+1+1)+1+1)+1+1 is as deep as all of them. */
static void
list_parse_counts_the_nesting_of_closed_groups(void **state)
{
	char *inner = repeat("(a", "+1", "),", 100);
	char *sql = NULL;
	char *more;
	int i;

	(void)state;
	assert_true(asprintf(&sql, "a") > 0);
	for (i = 0; i < 20; i++) {
		assert_true(asprintf(&more, "(%s%.90s)", sql, inner + 2) > 0);
		free(sql);
		sql = more;
	}
	assert_true(
	    asprintf(&more, "alter table t drop c, add check(%s)", sql) > 0);
	assert_int_equal(parse_status(more, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(more);
	free(sql);
	free(inner);
}

static void *
parse_examples(void *arg)
{
	int round;

	(void)arg;
	for (round = 0; round < 100; round++) {
		check("begin; drop table a, b; alter table c drop d; commit",
		      GUARD_SCOPE_DROPS,
		      "<begin> begin\n<drop table a, b> drops:DROP TABLE"
		      " drop(\"a\") drop(\"b\")\n<alter table c drop d>"
		      " drops:ALTER TABLE lock(\"c\" AX) column(\"c\" d)"
		      "\n<commit> end\nsound");
		assert_int_equal(parse_status("begin now", GUARD_SCOPE_DROPS),
				 STATEMENT_UNPARSED);
	}
	return NULL;
}

static void
list_parse_works_in_many_threads_at_once(void **state)
{
	pthread_t threads[8];
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
							parse_examples, NULL),
					 0);
		for (i = 0; i < 8; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
}

static void
list_parse_survives_each_failing_allocation(void **state)
{
	static const char *const texts[] = {
	    "drop table a, s.b",
	    "truncate a, b",
	    "alter table a drop b, drop constraint c, add d int references e",
	    "alter table a detach partition b",
	    "drop function f(int, t), g",
	    "drop operator s.+(none, t)",
	    "drop trigger g on s.t",
	    "drop owned by a, current_user",
	    "drop schema a, b",
	    "drop type a, b",
	    "drop table c; create table t partition of p (a references q);"
	    " alter table a attach partition b; alter table a inherit c,"
	    " validate constraint d, alter e type text, owner to f",
	    "do 'begin drop table a; alter table c drop d; drop view a;"
	    " drop table a; drop table a; drop table a; drop table a;"
	    " drop table a; drop table a; drop table a; end'",
	};
	struct statement_list list;
	size_t i;
	unsigned n;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum statement_status status = STATEMENT_NO_MEMORY;

		for (n = 0; status != STATEMENT_OK; n++) {
			allocations_left = n;
			status = parse(&list, texts[i], GUARD_SCOPE_DROPS);
			if (status != STATEMENT_OK) {
				assert_int_equal(status, STATEMENT_NO_MEMORY);
				assert_null(list.items);
				assert_int_equal(list.count, 0);
			}
			statement_list_clear(&list);
		}
		allocations_left = UINT_MAX;
		if (n < 4)
			fail_msg("%u only: %s", n, texts[i]);
	}
}

/* A candidate, and behind it the unit as often as it fits in len bytes. */
static enum statement_status
parse_repeated(const char *unit, size_t len)
{
	static const char candidate[] = "drop table a;";
	size_t unit_len = strlen(unit);
	size_t at = sizeof(candidate) - 1;
	char *sql = calloc(1, len + sizeof(candidate));
	struct statement_list list;
	enum statement_status status;

	assert_non_null(sql);
	memcpy(sql, candidate, at);
	for (; at + unit_len <= len; at += unit_len)
		memcpy(sql + at, unit, unit_len);
	status = statement_list_parse(&list, sql, at, GUARD_SCOPE_DDL,
				      STATEMENT_PARSE_BYTES_DEFAULT);
	statement_list_clear(&list);
	free(sql);
	return status;
}

/* Each takes libpg_query a hundred times what other bytes do. */
static void
list_parse_leaves_a_large_text_that_is_dear_for_its_bytes(void **state)
{
	char run[257] = {0};
	char clauses[15001] = "alter table a drop b";

	(void)state;
	memset(run, '+', 255);
	run[255] = ' ';
	for (size_t at = strlen(clauses); at + 12 < sizeof(clauses); at += 10)
		memcpy(clauses + at, ",add x int", 10);
	strcat(clauses, ";");
	assert_int_equal(parse_repeated(run, MEGABYTE), STATEMENT_TOO_LARGE);
	assert_int_equal(parse_repeated("++++++++++++++++ ", MEGABYTE),
			 STATEMENT_TOO_LARGE);
	assert_int_equal(parse_repeated("a ", MEGABYTE), STATEMENT_TOO_LARGE);
	assert_int_equal(parse_repeated(clauses, 100000), STATEMENT_TOO_LARGE);
	assert_int_equal(
	    parse_repeated("alter table x add foreign key (a) references b,"
			   " add foreign key (a) references b, drop x, drop y;",
			   30000),
	    STATEMENT_TOO_LARGE);
}

static void
list_parse_reads_large_texts_of_other_kinds(void **state)
{
	static const char *const units[] = {
	    "-- ------------------------------------------------------------\n",
	    "/*************************************************************/ ",
	    "insert into t (a, b, c) values (1, 2, 3, 'x', a -> 'b' ->> 'c');",
	    "select 1, 2, 3, 4, 5, 6, 7, 8, 9;",
	    "create table a1 (id int primary key, name text not null);",
	    "select '++', a || b, -1 - -1, a <= b and c <> d;",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = units[i][0] == 'c' ? 25000 : MEGABYTE;

		if (parse_repeated(units[i], len) != STATEMENT_OK)
			fail_msg("too large: %s", units[i]);
	}
}

/* Headings, as people draw them. */
static void
list_parse_reads_small_texts_with_banners(void **state)
{
	static const char *const units[] = {
	    "-- =====================================================\n",
	    "/***********************\n * goes\n **********************/\n",
	    "-- ############################################\n",
	    "-- <<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		for (size_t n = 1; n < 200; n += 13)
			if (parse_repeated(units[i], n * strlen(units[i])) !=
			    STATEMENT_OK)
				fail_msg("too large: %zu of %s", n, units[i]);
}

/* Warnings of the scanner and the parser are the server's to give. */
static void
list_parse_writes_nothing_to_stderr(void **state)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	long written;

	(void)state;
	assert_non_null(file);
	assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	parse_status("select 'a\\b'; drop table aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		     GUARD_SCOPE_DROPS);
	parse_status("drop table a b", GUARD_SCOPE_DROPS);
	parse_status("select 'abc", GUARD_SCOPE_DROPS);
	parse_status("create global temp table a (b int)", GUARD_SCOPE_DDL);
	fseek(file, 0, SEEK_END);
	written = ftell(file);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(file);
	assert_int_equal(written, 0);
}

static void
list_clear_accepts_a_zeroed_list(void **state)
{
	struct statement_list list = {.items = NULL};

	(void)state;
	statement_list_clear(&list);
	assert_null(list.items);
	assert_int_equal(list.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_leaves_what_is_never_guarded),
	    cmocka_unit_test(list_parse_judges_ddl_beside_a_drop),
	    cmocka_unit_test(list_parse_leaves_neighbours_that_are_too_large),
	    cmocka_unit_test(list_parse_knows_transaction_control),
	    cmocka_unit_test(list_parse_finds_where_statements_begin_and_end),
	    cmocka_unit_test(list_parse_sees_no_statement_within_another),
	    cmocka_unit_test(list_parse_keeps_the_body_of_a_routine_whole),
	    cmocka_unit_test(list_is_sound_if_every_statement_parses),
	    cmocka_unit_test(list_is_sound_looks_at_what_is_never_guarded),
	    cmocka_unit_test(list_parse_refuses_what_does_not_parse),
	    cmocka_unit_test(list_parse_passes_broken_text_that_cannot_matter),
	    cmocka_unit_test(list_parse_caps_the_length_of_a_candidate),
	    cmocka_unit_test(list_parse_caps_the_number_of_candidates),
	    cmocka_unit_test(list_parse_refuses_what_the_scanner_is_slow_with),
	    cmocka_unit_test(list_parse_needs_two_megabytes_of_stack_at_most),
	    cmocka_unit_test(
		list_parse_refuses_to_nest_deep_and_takes_long_lists),
	    cmocka_unit_test(list_parse_counts_the_nesting_of_closed_groups),
	    cmocka_unit_test(list_parse_works_in_many_threads_at_once),
	    cmocka_unit_test(list_parse_survives_each_failing_allocation),
	    cmocka_unit_test(
		list_parse_leaves_a_large_text_that_is_dear_for_its_bytes),
	    cmocka_unit_test(list_parse_reads_large_texts_of_other_kinds),
	    cmocka_unit_test(list_parse_reads_small_texts_with_banners),
	    cmocka_unit_test(list_parse_writes_nothing_to_stderr),
	    cmocka_unit_test(list_clear_accepts_a_zeroed_list),
	};

	return cmocka_run_group_tests_name("policy/sql/statement", tests, NULL,
					   NULL);
}

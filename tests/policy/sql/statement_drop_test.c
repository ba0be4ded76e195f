#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static void
list_parse_plans_drops_of_relations(void **state)
{
	static const struct example examples[] = {
	    {"drop table c", " drops:DROP TABLE drop(\"c\")"},
	    {"DROP TABLE IF EXISTS A.b, C CASCADE",
	     " drops:DROP TABLE drop(\"a\".\"b\" cascade)"
	     " drop(\"c\" cascade)"},
	    {"drop table db.s.t restrict",
	     " drops:DROP TABLE drop(\"db\".\"s\".\"t\")"},
	    {"drop view v", " drops:DROP VIEW drop(\"v\")"},
	    {"drop materialized view v",
	     " drops:DROP MATERIALIZED VIEW drop(\"v\")"},
	    {"drop sequence q", " drops:DROP SEQUENCE drop(\"q\")"},
	    {"drop foreign table f", " drops:DROP FOREIGN TABLE drop(\"f\")"},
	    {"drop index i, s.j",
	     " drops:DROP INDEX drop(\"i\") drop(\"s\".\"j\")"},
	    {"drop table a.b.c.d", " drops:DROP TABLE no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_plans_drops_of_other_objects(void **state)
{
	static const struct example examples[] = {
	    {"drop schema s, \"S 2\" cascade",
	     " drops:DROP SCHEMA schema(\"s\" cascade)"
	     " schema(\"S 2\" cascade)"},
	    {"drop extension if exists e",
	     " drops:DROP EXTENSION extension(\"e\")"},
	    {"drop server s", " drops:DROP SERVER server(\"s\")"},
	    {"drop foreign data wrapper f",
	     " drops:DROP FOREIGN DATA WRAPPER wrapper(\"f\")"},
	    {"drop language l", " drops:DROP LANGUAGE language(\"l\")"},
	    {"drop type t, s.\"u\"\"v\"",
	     " drops:DROP TYPE type(\"t\") type(\"s\".\"u\"\"v\")"},
	    {"drop type int, t[]",
	     " drops:DROP TYPE type(\"pg_catalog\".\"int4\") type(\"t\"[])"},
	    {"drop domain d cascade", " drops:DROP DOMAIN type(\"d\" cascade)"},
	    {"drop collation s.c",
	     " drops:DROP COLLATION collation(\"s\".\"c\")"},
	    {"drop statistics s", " drops:DROP STATISTICS statistics(\"s\")"},
	    {"drop trigger \"G\"\"\" on s.t cascade",
	     " drops:DROP TRIGGER trigger(\"s\".\"t\" G\" cascade)"},
	    {"drop rule r on t", " drops:DROP RULE rule(\"t\" r)"},
	    {"drop policy p on db.s.t",
	     " drops:DROP POLICY policy(\"db\".\"s\".\"t\" p)"},
	    {"drop owned by r, current_user, current_role, session_user "
	     "cascade",
	     " drops:DROP OWNED owned(\"r\" cascade)"
	     " owned(current_user cascade) owned(current_user cascade)"
	     " owned(session_user cascade)"},
	    {"drop function f", " drops:DROP FUNCTION function(\"f\")"},
	    {"drop function s.f(), g(int, s.\"T\"[], \"char\", varchar(3))",
	     " drops:DROP FUNCTION function(\"s\".\"f\" ())"
	     " function(\"g\" (\"pg_catalog\".\"int4\",\"s\".\"T\"[],"
	     "\"char\",\"pg_catalog\".\"varchar\"))"},
	    {"drop function f(a int, out b int, variadic text[])",
	     " drops:DROP FUNCTION function(\"f\""
	     " (\"pg_catalog\".\"int4\",\"text\"[]))"},
	    {"drop procedure p(int)", " drops:DROP PROCEDURE function(\"p\""
				      " (\"pg_catalog\".\"int4\"))"},
	    {"drop routine r", " drops:DROP ROUTINE function(\"r\")"},
	    {"drop aggregate a(*), b(int order by text)",
	     " drops:DROP AGGREGATE function(\"a\" ())"
	     " function(\"b\" (\"pg_catalog\".\"int4\",\"text\"))"},
	    {"drop operator +(int, t), s.@@(none, bigint) cascade",
	     " drops:DROP OPERATOR operator(+"
	     " (\"pg_catalog\".\"int4\",\"t\") cascade)"
	     " operator(\"s\".@@ (NONE,\"pg_catalog\".\"int8\") cascade)"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_plans_rare_drops(void **state)
{
	static const struct example examples[] = {
	    {"drop operator class o using btree",
	     " drops:DROP OPERATOR CLASS opclass(\"o\" btree)"},
	    {"drop operator family s.o using \"A m\" cascade",
	     " drops:DROP OPERATOR FAMILY opfamily(\"s\".\"o\" A m cascade)"},
	    {"drop access method a",
	     " drops:DROP ACCESS METHOD access-method(\"a\")"},
	    {"drop text search configuration s.c",
	     " drops:DROP TEXT SEARCH CONFIGURATION"
	     " ts-configuration(\"s\".\"c\")"},
	    {"drop text search dictionary c",
	     " drops:DROP TEXT SEARCH DICTIONARY ts-dictionary(\"c\")"},
	    {"drop text search parser c",
	     " drops:DROP TEXT SEARCH PARSER ts-parser(\"c\")"},
	    {"drop text search template c",
	     " drops:DROP TEXT SEARCH TEMPLATE ts-template(\"c\")"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_knows_rare_drops_without_a_plan(void **state)
{
	static const struct example examples[] = {
	    {"drop function f(setof int)", " drops:DROP FUNCTION no plan"},
	    {"drop function g, f(t.a%type)", " drops:DROP FUNCTION no plan"},
	    {"drop function a.b.c.d", " drops:DROP FUNCTION no plan"},
	    {"drop type a.b.c.d", " drops:DROP TYPE no plan"},
	    {"drop trigger g on a.b.c.d", " drops:DROP TRIGGER no plan"},
	    {"drop owned by public", " drops:DROP OWNED no plan"},
	    {"drop cast (int as text)", " drops:DROP CAST no plan"},
	    {"drop transform for t language l",
	     " drops:DROP TRANSFORM no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_plans_truncate(void **state)
{
	static const struct example examples[] = {
	    {"truncate t", " drops:TRUNCATE TABLE truncate(\"t\")"},
	    {"truncate table only a, s.b *, c restart identity cascade",
	     " drops:TRUNCATE TABLE truncate(\"a\" only cascade restart)"
	     " truncate(\"s\".\"b\" cascade restart)"
	     " truncate(\"c\" cascade restart)"},
	    {"truncate a continue identity restrict",
	     " drops:TRUNCATE TABLE truncate(\"a\")"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_quotes_names(void **state)
{
	static const struct example examples[] = {
	    {"drop table \"a\"\"; drop table x; --\"",
	     " drops:DROP TABLE drop(\"a\"\"; drop table x; --\")"},
	    {"drop table \"\"\"\".\".\", \"A b\"",
	     " drops:DROP TABLE drop(\"\"\"\".\".\") drop(\"A b\")"},
	    {"drop table \xc3\x84\xc3\xb6.\"\xe8\xa1\xa8\"",
	     " drops:DROP TABLE drop(\"\xc3\x84\xc3\xb6\".\"\xe8\xa1\xa8\")"},
	    {"drop table U&\"d\\0061t\\+000061\"",
	     " drops:DROP TABLE drop(\"data\")"},
	    {"drop table U&\"d!0061t!!\\\" UESCAPE '!'",
	     " drops:DROP TABLE drop(\"dat!\\\")"},
	    {"alter table \"t'\" drop column \"a\"\"b\"",
	     " drops:ALTER TABLE lock(\"t'\" AX) column(\"t'\" a\"b)"},
	    {"alter table a detach partition \"x\"\"y\".\"$1\"",
	     " drops:ALTER TABLE lock(\"a\" AX)"
	     " detach(\"a\" \"x\"\"y\".\"$1\")"},
	    {"drop table \"\\\"", " drops:DROP TABLE drop(\"\\\")"},
	    /* Cut to 63 bytes, as the server does, within no character. */
	    {"drop table "
	     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa4y",
	     " drops:DROP TABLE drop(\""
	     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\")"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static bool
is_plain_drop(const char *sql)
{
	struct statement_list list;
	bool is_plain;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	is_plain = list.items[0].is_plain_drop;
	statement_list_clear(&list);
	return is_plain;
}

static void
list_parse_tells_plain_drops(void **state)
{
	(void)state;
	assert_true(is_plain_drop("drop table c, d cascade"));
	assert_true(is_plain_drop("alter table c drop a, drop column b"));
	assert_false(is_plain_drop("alter table c drop a, add b int"));
	assert_false(is_plain_drop("alter table c drop constraint k"));
	assert_false(is_plain_drop("alter type c drop attribute a cascade"));
	assert_false(is_plain_drop("drop view v"));
	assert_false(is_plain_drop("drop foreign table f"));
	assert_false(is_plain_drop("truncate c"));
	assert_false(is_plain_drop("do $$ begin drop table c; end $$"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_plans_drops_of_relations),
	    cmocka_unit_test(list_parse_plans_drops_of_other_objects),
	    cmocka_unit_test(list_parse_plans_rare_drops),
	    cmocka_unit_test(list_parse_knows_rare_drops_without_a_plan),
	    cmocka_unit_test(list_parse_plans_truncate),
	    cmocka_unit_test(list_parse_quotes_names),
	    cmocka_unit_test(list_parse_tells_plain_drops),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_drop", tests,
					   NULL, NULL);
}

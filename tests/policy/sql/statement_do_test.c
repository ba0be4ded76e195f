#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static void
list_parse_plans_the_statements_of_a_do_block(void **state)
{
	static const struct example examples[] = {
	    {"do $$ begin drop table c; end $$", " drops:DO drop(\"c\")"},
	    {"DO LANGUAGE plpgsql 'begin drop table \"it''s\"; end'",
	     " drops:DO drop(\"it's\")"},
	    {"do E'begin\\n drop\\ttable c; end' language 'plpgsql'",
	     " drops:DO drop(\"c\")"},
	    {"do $a$ declare r record; x s.t%rowtype; begin"
	     " if exists (select from a) then drop table a; drop view v;"
	     " elsif true then truncate b; else alter table d drop e; end if;"
	     " for r in select 1 loop drop index i; end loop;"
	     " while false loop drop index j; end LOOP;"
	     " loop drop index k; exit; end loop;"
	     " <<l>> drop index l; <<m>>/**/drop index m;"
	     " case 1 when 1 then drop index n; else drop index o; end case;"
	     " begin drop index p; exception when others then drop index q;"
	     " end; end $a$",
	     " drops:DO drop(\"a\") drop(\"v\") truncate(\"b\")"
	     " lock(\"d\" AX) column(\"d\" e) drop(\"i\") drop(\"j\")"
	     " drop(\"k\") drop(\"l\") drop(\"m\") drop(\"n\")"
	     " drop(\"o\") drop(\"p\") drop(\"q\")"},
	    {"do $$ begin alter table c add foreign key (a) references z;"
	     " drop table c; end $$",
	     " drops:DO tree(\"c\" partitions SRX) tree(\"c\" from-18 "
	     "SRX) key(\"c\" \"z\") drop(\"c\") lock(\"z\" only AX)"},
	    {"do $$ begin create rule r as on insert to t do (delete from u;"
	     " delete from v); drop table t -- the end\n; end $$",
	     " drops:DO lock(\"t\" AX) lock(\"u\" RX) lock(\"v\" RX)"
	     " drop(\"t\")"},
	    {"do $$ begin raise notice 'x'; drop table c /* no end */ $$",
	     " drops:DO drop(\"c\")"},
	    {"do $$ begin drop cast (a as b); end $$", " drops:DO no plan"},
	    {"do $$ begin drop cast (a as b); drop table c; end $$",
	     " drops:DO drop(\"c\")"},
	    {"do $$ begin drop table c; commit; end $$", " drops:DO no plan"},
	    {"do $$ begin drop table c; if a then rollback; end if; end $$",
	     " drops:DO no plan"},
	    {"do $$ begin call p(); drop table c; end $$", " drops:DO no plan"},
	    {"do $$ begin drop table c; do 'begin end'; end $$",
	     " drops:DO no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_leaves_a_do_block_without_guarded_statements(void **state)
{
	static const struct example examples[] = {
	    {"do $$ begin perform 1; end $$", ""},
	    {"do $$ begin commit; end $$", ""},
	    {"do $$ begin execute 'drop table c'; end $$", ""},
	    {"do $$ begin execute format('drop table %I', c); end $$", ""},
	    {"do $$ begin select 1 as drop; raise 'drop table c'; end $$", ""},
	    {"do $$ begin -- ; drop table c;\n /* ; drop table d; */ end $$",
	     ""},
	    {"do $$ declare drop int; begin drop := 1; end $$", ""},
	    {"do $$ begin a := case when b then drop else alter end; end $$",
	     ""},
	    {"do $$ begin a := (case when b then drop table c end); end $$",
	     ""},
	    {"do $$ begin drop index concurrently i; end $$", ""},
	    {"do $$ begin drop table; end $$", ""},
	    {"do $$ begin drop table 'unfinished; end $$", ""},
	    {"do $$ begin drop table c; end $$ language plperl", ""},
	    {"do 'begin drop table a; end' 'begin drop table b; end'", ""},
	    {"do /* drop */ language plpgsql", ""},
	    {"do /* drop */ ''", ""},
	};
	size_t i;

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_OFF);
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct statement_list list;

		assert_int_equal(parse(&list, examples[i].sql, GUARD_SCOPE_DDL),
				 STATEMENT_OK);
		assert_int_equal(list.count, 1);
		if (list.items[0].tag != NULL)
			fail_msg("claimed: %s", examples[i].sql);
		statement_list_clear(&list);
	}
}

static void
list_parse_judges_ddl_in_a_do_block_only_when_asked(void **state)
{
	static const struct example not_asked[] = {
	    {"do $$ begin alter table c add a int; end $$", ""},
	    {"do $$ begin create index on c (a); end $$", ""},
	};
	static const struct example asked[] = {
	    {"do $$ begin alter table c add a int; end $$",
	     " ddl:DO tree(\"c\" AX)"},
	    {"do $$ begin create index on c (a); end $$",
	     " ddl:DO tree(\"c\" partitions S)"},
	    {"do $$ begin refresh materialized view c; end $$",
	     " ddl:DO lock(\"c\" AX)"},
	    {"do $$ begin create table c (a int); end $$", ""},
	};

	(void)state;
	CHECK_EXAMPLES(not_asked, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(asked, GUARD_SCOPE_DDL);
}

static void
list_parse_caps_what_stands_in_a_do_block(void **state)
{
	static const struct {
		const char *head, *part, *tail;
		size_t len;
		enum statement_status status;
	} cases[] = {
	    {"do $$ begin ", "drop table a;", "end$$", 13 * 500 + 17,
	     STATEMENT_OK},
	    {"do $$ begin ", "drop table a;", "end$$", 13 * 501 + 17,
	     STATEMENT_TOO_LARGE},
	    {"do $$ begin alter table t drop c, add check (1", "+1", "); end$$",
	     2000, STATEMENT_TOO_LARGE},
	    {"do $$ begin drop table a; perform 1", "+1", "; end$$", 16384,
	     STATEMENT_OK},
	    {"do $$ begin drop table a; perform 1", "+1", "; end$$", 16388,
	     STATEMENT_TOO_LARGE},
	    {"do $$ begin perform 1", "+1", "; end$$", 100000, STATEMENT_OK},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *sql = repeat(cases[i].head, cases[i].part, cases[i].tail,
				   cases[i].len);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 cases[i].status);
		free(sql);
	}
}

static bool
loses_names(const char *sql)
{
	struct statement_list list;
	bool loses;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DDL,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	assert_int_equal(list.count, 1);
	loses = list.items[0].loses_names;
	statement_list_clear(&list);
	return loses;
}

static void
list_parse_notes_names_that_are_lost_in_a_do_block(void **state)
{
	static const char *const lost[] = {
	    "do $$ begin alter type c rename to d; drop type d; end $$",
	    "do $$ begin alter type c set schema s; drop type s.c; end $$",
	    "do $$ begin reset search_path; drop table c; end $$",
	    ("do $$ begin perform set_config('search_path', 's', true);"
	     " if a then truncate c; end if; end $$"),
	};
	static const char *const kept[] = {
	    "do $$ begin alter table c rename to d; drop table d; end $$",
	    "do $$ begin alter table c set schema s; drop table s.c; end $$",
	    "do $$ begin set local search_path = s; drop table c; end $$",
	    "do $$ begin drop table c; alter table d rename to e; end $$",
	    "do $$ begin drop table c; set local search_path = s; end $$",
	    "do $$ begin set local work_mem = '1MB'; drop table c; end $$",
	    "drop table c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++)
		assert_true(loses_names(lost[i]));
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_false(loses_names(kept[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		list_parse_notes_names_that_are_lost_in_a_do_block),
	    cmocka_unit_test(list_parse_plans_the_statements_of_a_do_block),
	    cmocka_unit_test(
		list_parse_leaves_a_do_block_without_guarded_statements),
	    cmocka_unit_test(
		list_parse_judges_ddl_in_a_do_block_only_when_asked),
	    cmocka_unit_test(list_parse_caps_what_stands_in_a_do_block),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_do", tests,
					   NULL, NULL);
}

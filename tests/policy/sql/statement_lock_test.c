#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static const struct example examples[] = {
    {"lock table a, only s.b",
     " ddl:LOCK TABLE under(\"a\" AX) under(\"s\".\"b\" only AX)"},
    {"lock a, b in share mode",
     " ddl:LOCK TABLE under(\"a\" S) under(\"b\" S)"},
    {"lock table a", " behind:LOCK TABLE under(\"a\" AX)"},
    {"lock table a, b in share update exclusive mode",
     " behind:LOCK TABLE under(\"a\" SUE) under(\"b\" SUE)"},
    {"comment on table s.t is 'x'", " behind:COMMENT lock(\"s\".\"t\" SUE)"},
    {"comment on column t.a is null", " behind:COMMENT lock(\"t\" SUE)"},
    {"comment on view v is 'x'", " behind:COMMENT lock(\"v\" SUE)"},
    {"comment on materialized view v is 'x'",
     " behind:COMMENT lock(\"v\" SUE)"},
    {"comment on sequence v is 'x'", " behind:COMMENT lock(\"v\" SUE)"},
    {"comment on foreign table v is 'x'", " behind:COMMENT lock(\"v\" SUE)"},
    {"comment on column a.b.c.d.e is 'x'", " behind:COMMENT no plan"},
    {"cluster t using i", " ddl:CLUSTER lock(\"t\" AX)"},
    {"cluster verbose t", " ddl:CLUSTER lock(\"t\" AX)"},
    {"reindex table t", " ddl:REINDEX lock(\"t\" S)"},
    {"reindex index s.i", " ddl:REINDEX indexed(\"s\".\"i\" S)"},
    {"analyze t (a), u",
     " behind:ANALYZE tree(\"t\" partitions SUE) tree(\"t\" from-18 SUE) "
     "tree(\"u\" partitions SUE) tree(\"u\" from-18 SUE)"},
    {"analyse (verbose) t", " behind:ANALYZE tree(\"t\" partitions SUE) "
			    "tree(\"t\" from-18 SUE)"},
    {"analyze", " behind:ANALYZE no plan"},
};

static void
list_parse_plans_lock(void **state)
{
	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_judges_lock_only_when_asked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct example e = {examples[i].sql, ""};

		check_examples(&e, 1, GUARD_SCOPE_DROPS);
		check_examples(&e, 1, GUARD_SCOPE_OFF);
	}
}

static bool
is_for_block(const char *sql)
{
	struct statement_list list;
	bool is_for_block;

	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DDL), STATEMENT_OK);
	is_for_block = list.items[0].is_for_block;
	statement_list_clear(&list);
	return is_for_block;
}

static void
list_parse_knows_what_a_block_changes(void **state)
{
	(void)state;
	assert_true(is_for_block("lock table a, b"));
	assert_true(is_for_block("cluster t"));
	assert_true(is_for_block("reindex index i"));
	assert_true(is_for_block("analyze t"));
	assert_false(is_for_block("comment on table t is 'x'"));
	assert_false(is_for_block("drop table a, b"));
	assert_false(is_for_block("do $$ begin lock table a, b; end $$"));
}

/* The least of them counts for all. */
static void
list_parse_judges_a_block_by_its_least(void **state)
{
	static const struct example blocks[] = {
	    {"do $$ begin lock table a; end $$", " behind:DO under(\"a\" AX)"},
	    {"do $$ begin lock table a; lock table b, c; perform 1; end $$",
	     " ddl:DO under(\"a\" AX) under(\"b\" AX) under(\"c\" AX)"},
	};

	(void)state;
	CHECK_EXAMPLES(blocks, GUARD_SCOPE_DDL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_plans_lock),
	    cmocka_unit_test(list_parse_judges_lock_only_when_asked),
	    cmocka_unit_test(list_parse_knows_what_a_block_changes),
	    cmocka_unit_test(list_parse_judges_a_block_by_its_least),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_lock", tests,
					   NULL, NULL);
}

#include "policy/sql/unforeseen.h"

#include <string.h>

#include "tests/support/test.h"

static bool
is_likely(const char *sql, bool is_cut)
{
	struct span copy = bytes_copy(bytes(sql, strlen(sql)));
	bool likely =
	    unforeseen_is_likely((const char *)copy.data, copy.len, is_cut);

	bytes_free(copy);
	return likely;
}

static void
unforeseen_is_likely_where_code_runs(void **state)
{
	static const char *const texts[] = {
	    "select drop_it()",
	    "SELECT maintenance.\"Rotate\" (1)",
	    "/* job */ select * from drop_it(1, 'a')",
	    "with x as (select 1) select drop_it()",
	    "(select drop_it())",
	    "call rotate()",
	    "do $$ begin execute 'drop table ' || n; end $$",
	    "execute rotate",
	    "explain analyze select drop_it()",
	    "select 1; call rotate()",
	    ";; select drop_it();",
	    "set x = ';'; select drop_it()",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!is_likely(texts[i], false))
			fail_msg("plain: %s", texts[i]);
}

static void
unforeseen_is_likely_of_ddl(void **state)
{
	(void)state;
	assert_true(is_likely("alter table t detach partition p", false));
	assert_true(is_likely("CREATE INDEX ON t (a)", true));
	assert_true(is_likely("drop table t", false));
	assert_true(is_likely("vacuum full t", false));
	assert_true(is_likely("truncate t", false));
	assert_true(is_likely("begin; reindex table t; commit", false));
}

static void
unforeseen_is_likely_of_no_plain_statement(void **state)
{
	static const char *const texts[] = {
	    "",
	    " -- nothing",
	    ";",
	    "select 1",
	    "select count(*) from t",
	    "select f(a) from t where g(b)",
	    "select f(a) from s.t, g(1)",
	    "with x as (select * from t) select f(a) from x",
	    "select pg_sleep(10)",
	    "select pg_catalog.pg_advisory_lock(1)",
	    "insert into t values (f(1))",
	    "update t set a = f(b)",
	    "delete from t where f(a)",
	    "copy t to stdout",
	    "begin; select * from t; commit;",
	    "values (f(1))",
	    "fetch all c",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (is_likely(texts[i], false))
			fail_msg("unforeseen: %s", texts[i]);
}

static void
unforeseen_is_likely_of_no_select_that_is_cut(void **state)
{
	(void)state;
	assert_false(is_likely("select count(a), sum(b", true));
	assert_true(is_likely("select drop_it(); select count(a), s", true));
	assert_true(is_likely("do $$ begin exec", true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unforeseen_is_likely_where_code_runs),
	    cmocka_unit_test(unforeseen_is_likely_of_ddl),
	    cmocka_unit_test(unforeseen_is_likely_of_no_plain_statement),
	    cmocka_unit_test(unforeseen_is_likely_of_no_select_that_is_cut),
	};

	return cmocka_run_group_tests_name("policy/sql/unforeseen", tests, NULL,
					   NULL);
}

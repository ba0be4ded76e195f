#include "policy/sql/gist.h"

#include <stdio.h>

#include "tests/support/test.h"

static void
assert_gist_of(const char *sql, bool is_doubtful, const char *expected)
{
	struct span copy = bytes_copy(span_of(sql, strlen(sql)));
	char out[64];

	gist_of_text(out, sizeof(out), (const char *)copy.data, copy.len,
		     is_doubtful);
	assert_string_equal(out, expected);
	bytes_free(copy);
}

static void
assert_gist(const char *sql, const char *expected)
{
	assert_gist_of(sql, false, expected);
}

static void
gist_of_text_has_no_literal(void **state)
{
	(void)state;
	assert_gist("select 'it''s', 4711, 1.5, $1", "select ?, ?, ?.?, ?");
	assert_gist("select E'a\\'secret', U&'secret'", "select ?, ?");
	assert_gist("select E'a'\n'b\\' secret'", "select ? ?");
	assert_gist("do $x$ begin secret; end $x$", "do ?");
	assert_gist("create role r password 'secret';drop table a",
		    "create role r password ?;drop table a");
	assert_gist("select 'secret", "select ?");
	assert_gist("select $$secret", "select ?");
}

static void
gist_of_text_has_no_comment_and_few_blanks(void **state)
{
	(void)state;
	assert_gist("  drop /* secret */ table\n\ta , \"B c\" -- secret",
		    "drop table a , \"B c\"");
	assert_gist("", "");
	assert_gist(" /* secret ", "");
}

static void
gist_of_text_keeps_names(void **state)
{
	(void)state;
	assert_gist("DROP TABLE \"a\"\"b\", U&\"c\", d",
		    "DROP TABLE \"a\"\"b\", \"c\", d");
	assert_gist("drop table \"a", "drop table \"a\"");
}

static void
gist_of_text_is_cut(void **state)
{
	char out[12];

	(void)state;
	gist_of_text(out, sizeof(out), BYTES("drop table abcdef"), false);
	assert_string_equal(out, "drop ...");
	gist_of_text(out, sizeof(out), BYTES("drop abc"), false);
	assert_string_equal(out, "drop abc");
	gist_of_text(out, 4, BYTES("drop"), false);
	assert_string_equal(out, "...");
}

static void
gist_of_text_trusts_no_string_that_is_doubtful(void **state)
{
	(void)state;
	assert_gist_of("select a, 'x\\', secret, 'y'", true, "select a, ...");
	assert_gist_of("select a, 'x', b", true, "select a, ?, b");
}

static void
assert_tables_of(const char *sql, bool is_doubtful, const char *expected)
{
	struct span copy = bytes_copy(span_of(sql, strlen(sql)));
	char out[32];
	struct gist_tables t = gist_tables_begin(out, sizeof(out));

	gist_tables_add(&t, (const char *)copy.data, copy.len, is_doubtful);
	assert_string_equal(out, expected);
	bytes_free(copy);
}

static void
assert_tables(const char *sql, const char *expected)
{
	assert_tables_of(sql, false, expected);
}

static void
gist_tables_names_each_once_in_order(void **state)
{
	(void)state;
	assert_tables("update b set n = 1 from s.a where exists (select from "
		      "b join c on true)",
		      "b, a, c");
	assert_tables("select 1", "");
	assert_tables("", "");
	assert_tables("select * from \"A b\"", "A b");
	assert_tables("select login('secret')", "");
	assert_tables("select * from aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb",
		      "aaaaaaaaaaaaaaaa, ...");
}

static void
gist_tables_are_no_other_words_of_ddl(void **state)
{
	(void)state;
	assert_tables("lock table a in access exclusive mode", "a");
	assert_tables("lock a, only b in share mode nowait", "a, b");
	assert_tables("truncate a, s.b restart identity cascade", "a, b");
	assert_tables("drop table if exists a, b cascade", "a, b");
	assert_tables("drop index i", "");
	assert_tables("alter table if exists only t add column c int", "t");
	assert_tables("alter table t drop c, drop column d", "t");
	assert_tables("alter table t add foreign key (x) references p (id) "
		      "on delete cascade",
		      "t, p");
	assert_tables("create table if not exists t (a int, b int) on commit "
		      "drop",
		      "t");
	assert_tables("create index i on t (a, b)", "t");
	assert_tables("create trigger r before insert or update on t for each "
		      "row execute function f()",
		      "t");
	assert_tables("create view v as select a.* from a join b on a.x = b.y",
		      "a, b");
	assert_tables("grant select on t to r", "t");
	assert_tables("comment on column t.c is 'x'", "");
}

/* A literal is none, whatever can be read in it. */
static void
gist_tables_are_not_in_strings(void **state)
{
	(void)state;
	assert_tables("select nextval('s'), 't'::regclass", "");
	assert_tables("do $$begin insert into t values ($q$update x$q$); end$$",
		      "");
	assert_tables_of("insert into a values ('it\\'s from x, y') , b", true,
			 "a");
	assert_tables_of("insert into a values ('it from x, y'); update b",
			 true, "a, b");
}

static void
gist_tables_goes_on_beyond_what_it_tells_apart(void **state)
{
	char out[1024];
	char sql[1024] = "select * from t0";
	size_t len = strlen(sql);
	struct gist_tables t = gist_tables_begin(out, sizeof(out));

	(void)state;
	for (int i = 1; i < 40; i++)
		len +=
		    (size_t)snprintf(sql + len, sizeof(sql) - len, ", t%d", i);
	gist_tables_add(&t, sql, len, false);
	assert_non_null(strstr(out, "t39"));
}

static void
gist_tables_are_those_of_all_texts(void **state)
{
	char out[32];
	struct gist_tables t = gist_tables_begin(out, sizeof(out));

	(void)state;
	assert_string_equal(out, "");
	gist_tables_add(&t, "update b set", 12, false);
	gist_tables_add(&t, "begin", 5, false);
	gist_tables_add(&t, "delete from a", 13, false);
	gist_tables_add(&t, "select from b, c", 16, false);
	assert_string_equal(out, "b, a, c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gist_of_text_has_no_literal),
	    cmocka_unit_test(gist_of_text_has_no_comment_and_few_blanks),
	    cmocka_unit_test(gist_of_text_keeps_names),
	    cmocka_unit_test(gist_of_text_is_cut),
	    cmocka_unit_test(gist_of_text_trusts_no_string_that_is_doubtful),
	    cmocka_unit_test(gist_tables_names_each_once_in_order),
	    cmocka_unit_test(gist_tables_are_no_other_words_of_ddl),
	    cmocka_unit_test(gist_tables_are_not_in_strings),
	    cmocka_unit_test(gist_tables_goes_on_beyond_what_it_tells_apart),
	    cmocka_unit_test(gist_tables_are_those_of_all_texts),
	};

	return cmocka_run_group_tests_name("policy/sql/gist", tests, NULL,
					   NULL);
}

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
assert_tables(const char *sql, const char *expected)
{
	struct span copy = bytes_copy(span_of(sql, strlen(sql)));
	char out[32];
	struct gist_tables t = gist_tables_begin(out, sizeof(out));

	gist_tables_add(&t, (const char *)copy.data, copy.len);
	assert_string_equal(out, expected);
	bytes_free(copy);
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
	gist_tables_add(&t, sql, len);
	assert_non_null(strstr(out, "t39"));
}

static void
gist_tables_are_those_of_all_texts(void **state)
{
	char out[32];
	struct gist_tables t = gist_tables_begin(out, sizeof(out));

	(void)state;
	assert_string_equal(out, "");
	gist_tables_add(&t, "update b set", 12);
	gist_tables_add(&t, "begin", 5);
	gist_tables_add(&t, "delete from a", 13);
	gist_tables_add(&t, "select from b, c", 16);
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
	    cmocka_unit_test(gist_tables_goes_on_beyond_what_it_tells_apart),
	    cmocka_unit_test(gist_tables_are_those_of_all_texts),
	};

	return cmocka_run_group_tests_name("policy/sql/gist", tests, NULL,
					   NULL);
}

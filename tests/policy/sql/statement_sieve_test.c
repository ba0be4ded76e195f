#include "policy/sql/statement_sieve.h"

#include "tests/support/statement.h"

enum { MEGABYTE = 1024 * 1024 };

static void
candidate_is_found_at_each_statement_start(void **state)
{
	static const char *const texts[] = {
	    "drop table c",
	    "DROP TABLE c",
	    "dRoP\ttable c",
	    "\n\t \f\v\rdrop table c",
	    "begin; drop table c; commit",
	    "begin;;;;drop table c",
	    "begin ; ; drop table c",
	    "select 1;/**/drop table c",
	    "-- hello; world\ndrop table c",
	    "-- hello\rdrop table c",
	    "/* a; /* b; */ c; */drop table c",
	    "/***//**/drop table c",
	    "/*/**/*/drop table c",
	    "begin; /* ; */ -- ;\n drop table c",
	    "select ';/*'; drop table c",
	    "select ';--'; drop table c",
	    "select $$;/*$$; drop table c",
	    "select \";/*\" from a; drop table c",
	    "drop/**/table c",
	    "drop--\ntable c",
	    "alter table t drop column c",
	    "truncate t",
	    "truncate\"t\"",
	    "drop",
	    "do $$begin end$$",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);
		struct span copy = bytes_copy(bytes(texts[i], len));

		if (!statement_is_candidate((const char *)copy.data, len,
					    GUARD_SCOPE_DROPS))
			fail_msg("not found: %s", texts[i]);
		assert_false(statement_is_candidate((const char *)copy.data,
						    len, GUARD_SCOPE_OFF));
		bytes_free(copy);
	}
}

static void
candidate_is_not_ordinary_traffic(void **state)
{
	static const char *const texts[] = {
	    "",
	    ";",
	    ";;;",
	    "select 1",
	    "begin",
	    "select drop from truncate",
	    "dropped",
	    "drop_it",
	    "drop1",
	    "drop$",
	    "drop\xc3\xa4",
	    "xdrop",
	    "insert into log values ('drop table c')",
	    "update t set a = 1 where b = $1;",
	    "/* drop table c */ select 1",
	    "-- drop table c",
	    "/* drop table c",
	    "/",
	    "-",
	    "select 1;/",
	    "select 1;-",
	    "create table t (a int references b)",
	    "vacuum full t",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);
		struct span copy = bytes_copy(bytes(texts[i], len));

		if (statement_is_candidate((const char *)copy.data, len,
					   GUARD_SCOPE_DROPS))
			fail_msg("found: %s", texts[i]);
		bytes_free(copy);
	}
}

static void
candidate_with_create_is_of_scope_ddl_only(void **state)
{
	const char *sql = "create table t (a int references b)";

	(void)state;
	assert_true(statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL));
	assert_false(
	    statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DROPS));
}

/* Each length on both sides of the look-ahead's end. */
static void
candidate_is_found_behind_a_gap_of_any_length(void **state)
{
	static const char *const gaps[][3] = {
	    {"select 1;", " ", "drop table c"},
	    {"select 1;", " ", "/*x*/drop table c"},
	    {"select 1;/*", "x", "*/drop table c"},
	    {"select 1;--", "x", "\ndrop table c"},
	    {"select 1;/*", "/**/", "*/drop table c"},
	    {"", " ", "drop table c"},
	    {"/*", "x", "*/drop table c"},
	};
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		for (len = 40; len < 400; len++) {
			char *sql =
			    repeat(gaps[i][0], gaps[i][1], gaps[i][2], len);

			assert_true(statement_is_candidate(sql, strlen(sql),
							   GUARD_SCOPE_DROPS));
			free(sql);
		}
	}
}

static void
candidate_is_looked_for_in_linear_time(void **state)
{
	static const char *const parts[] = {
	    ";", "; ", ";--\n", ";/*;*/", "/*", ";/*", ";--;", ";;;;\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *sql = repeat("select 1", parts[i], "", 4 * MEGABYTE);

		statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL);
		free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(candidate_is_found_at_each_statement_start),
	    cmocka_unit_test(candidate_is_not_ordinary_traffic),
	    cmocka_unit_test(candidate_with_create_is_of_scope_ddl_only),
	    cmocka_unit_test(candidate_is_found_behind_a_gap_of_any_length),
	    cmocka_unit_test(candidate_is_looked_for_in_linear_time),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_sieve", tests,
					   NULL, NULL);
}

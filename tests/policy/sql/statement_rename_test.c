#include "policy/sql/statement_rename.h"

#include "tests/support/allocation.h"
#include "tests/support/statement.h"

struct block {
	const char *body; /* of a DO block */
	const char *targets;
};

static const struct block blocks[] = {
    {"truncate d; alter table c rename to d; truncate d;",
     "truncate(\"d\") lock(\"c\" AX) truncate(\"d\") truncate(\"c\")"},
    {"alter table s.c rename to d; truncate s.d, t.d, d;",
     "lock(\"s\".\"c\" AX) truncate(\"s\".\"d\") truncate(\"t\".\"d\")"
     " truncate(\"d\") truncate(\"s\".\"c\") truncate(\"s\".\"c\")"},
    {"alter table c rename to \"a\"\"b\"; truncate s.\"a\"\"b\";",
     "lock(\"c\" AX) truncate(\"s\".\"a\"\"b\") truncate(\"c\")"},
    {"alter table c set schema s; truncate s.c;",
     "lock(\"c\" AX) owner(\"c\") truncate(\"s\".\"c\") truncate(\"c\")"},
    {"alter schema s rename to t; truncate t.c; drop schema t;",
     "truncate(\"t\".\"c\") truncate(\"s\".\"c\") schema(\"t\")"
     " schema(\"s\")"},
    {"alter table c rename to d; alter table d rename to e; truncate e;",
     "lock(\"c\" AX) lock(\"d\" AX) lock(\"c\" AX) truncate(\"e\")"
     " truncate(\"d\") truncate(\"c\")"},
    {"alter table c rename column a to b; alter table c drop b;",
     "tree(\"c\" AX) lock(\"c\" AX) column(\"c\" b) column(\"c\" a)"},
    {"alter table c rename column a to b; alter table d drop b;",
     "tree(\"c\" AX) lock(\"d\" AX) column(\"d\" b)"},
    {"alter table c rename to d; alter table d add foreign key (a)"
     " references z;",
     "lock(\"c\" AX) tree(\"d\" partitions SRX) tree(\"d\" from-18 SRX)"
     " key(\"d\" \"z\") tree(\"c\" partitions SRX) tree(\"c\" from-18 SRX)"
     " key(\"c\" \"z\")"},
    /* The path: what is not qualified. */
    {"set search_path = s; truncate c, t.c;",
     "truncate(\"c\") truncate(\"t\".\"c\") truncate(\"s\".\"c\")"},
    {"set local search_path to S, \"T\", 'u'; truncate c;",
     "truncate(\"c\") truncate(\"u\".\"c\") truncate(\"T\".\"c\")"
     " truncate(\"s\".\"c\")"},
    {"set schema 's'; truncate c;", "truncate(\"c\") truncate(\"s\".\"c\")"},
    {"truncate c; set search_path = s;", "truncate(\"c\")"},
};

static void
rename_follow_finds_what_a_name_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		char sql[1024];
		char expected[2048];

		(void)snprintf(sql, sizeof(sql), "do $$ begin %s end $$",
			       blocks[i].body);
		(void)snprintf(expected, sizeof(expected), "<%s> %s:DO %s", sql,
			       strstr(blocks[i].body, "truncate") ||
				       strstr(blocks[i].body, "drop")
				   ? "drops"
				   : "ddl",
			       blocks[i].targets);
		check(sql, GUARD_SCOPE_DDL, expected);
	}
}

static bool
is_path_lost(const char *sql)
{
	struct renames renames = {0};
	struct statement_text text = {sql, strlen(sql)};
	bool is_lost;

	assert_int_equal(statement_rename_path(&renames, text), STATEMENT_OK);
	is_lost = renames.is_lost;
	statement_renames_clear(&renames);
	return is_lost;
}

static void
rename_path_tells_what_it_cannot_read(void **state)
{
	static const char *const lost[] = {
	    "reset search_path;",
	    "set search_path = default;",
	    "set search_path = \"$user\";",
	    "set search_path = 'a\"b';",
	    "set search_path from current;",
	    "set search_path = ",
	    "set search_path = a, ;",
	    "perform set_config('search_path', 's', true);",
	    "execute 'set search_path = s';",
	};
	static const char *const read[] = {
	    "set search_path = a, b;",
	    "set session search_path to a;",
	    "set work_mem = 1; set local search_path = 'a';",
	    "-- search_path",
	    "perform 1;",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++)
		if (!is_path_lost(lost[i]))
			fail_msg("read: %s", lost[i]);
	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++)
		if (is_path_lost(read[i]))
			fail_msg("lost: %s", read[i]);
}

/* What doubles with each name is bounded. */
static void
rename_follow_is_bounded(void **state)
{
	char sql[8192] = "do $$ begin truncate c; set search_path = a";
	size_t len = strlen(sql);

	(void)state;
	for (unsigned int i = 0; i < 2100; i++)
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, ",b");
	(void)snprintf(sql + len, sizeof(sql) - len, "; truncate c; end $$");
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DDL),
			 STATEMENT_TOO_LARGE);
}

/* The parser's stack is bounded by who calls it. */
static void
rename_read_does_not_parse_what_nests_too_deep(void **state)
{
	char sql[2048] = "alter table c rename to d; select ";
	struct statement_text text = {sql, sizeof(sql)};
	struct renames renames = {0};

	(void)state;
	memset(sql + strlen(sql), '(', sizeof(sql) - strlen(sql));
	assert_int_equal(statement_rename_read(&renames, text),
			 STATEMENT_TOO_LARGE);
	assert_int_equal(renames.count, 0);
}

/* libpg_query's parser does not look whether it has memory. */
static void
rename_follow_says_that_memory_is_out(void **state)
{
	char from[] = "\"c\"";
	char to[] = "\"d\"";
	struct rename rename = {.from = from, .to = to};
	struct renames renames = {.items = &rename, .count = 1};
	enum statement_status status = STATEMENT_NO_MEMORY;
	unsigned int n = 0;

	(void)state;
	for (; status != STATEMENT_OK && n < 100; n++) {
		struct statement_list list;

		assert_int_equal(parse(&list,
				       "alter table d attach partition d"
				       " for values in (1)",
				       GUARD_SCOPE_DDL),
				 STATEMENT_OK);
		allocation_fail_after(n);
		status = statement_rename_follow(&list.items[0], &renames);
		assert_true(allocation_restore() == (status != STATEMENT_OK));
		statement_list_clear(&list);
	}
	assert_in_range(n, 4, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rename_follow_finds_what_a_name_meant),
	    cmocka_unit_test(rename_path_tells_what_it_cannot_read),
	    cmocka_unit_test(rename_follow_is_bounded),
	    cmocka_unit_test(rename_read_does_not_parse_what_nests_too_deep),
	    cmocka_unit_test(rename_follow_says_that_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_rename", tests,
					   NULL, NULL);
}

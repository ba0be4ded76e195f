#include "policy/sql/words.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static void
words_hash_is_fnv_1a(void **state)
{
	(void)state;
	assert_int_equal(words_hash("", 0), 0x811c9dc5);
	assert_int_equal(words_hash("a", 1), 0xe40c292c);
	assert_int_equal(words_hash("foobar", 6), 0xbf9cf968);
	assert_int_equal(words_hash("FooBar", 6), 0xbf9cf968);
	/* In which encoding it came is not known. */
	assert_int_equal(words_hash("\xc3\x84", 2), words_hash("\xe4", 1));
	assert_int_not_equal(words_hash("\xc3\x84", 2), words_hash("a", 1));
}

static void
words_hash_cuts_as_the_server_cuts_names(void **state)
{
	char name[80];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(words_hash(name, 63), words_hash(name, 64));
	assert_int_equal(words_hash(name, 63), words_hash(name, 80));
	assert_int_not_equal(words_hash(name, 63), words_hash(name, 62));
}

/* `expected`: the words, each behind a space. */
static void
check_words(const char *sql, const char *expected)
{
	struct span copy = bytes_copy(bytes(sql, strlen(sql)));
	struct words w = {.sql = (const char *)copy.data, .len = copy.len};
	uint32_t hash;

	while (*expected != '\0') {
		size_t len = strcspn(++expected, " ");

		if (!words_next(&w, &hash))
			fail_msg("no more: %s", sql);
		if (hash != words_hash(expected, len))
			fail_msg("another word: %s", sql);
		expected += len;
	}
	if (words_next(&w, &hash) || words_next(&w, &hash))
		fail_msg("one more: %s", sql);
	bytes_free(copy);
}

static void
words_next_finds_each_run(void **state)
{
	(void)state;
	check_words("", "");
	check_words(" \n;,()", "");
	check_words("a", " a");
	check_words("SELECT * FROM s.\"T\" t1 WHERE $1=a_b",
		    " select from s t t1 where $1 a_b");
	check_words("\xc3\xa4\xff/x", " \xc3\xa4\xff x");
	check_words("'in a string'--and a comment",
		    " in a string and a comment");
}

typedef bool verdict(const char *sql, size_t len);

static void
check_verdicts(verdict *judge, bool expected, const char *const *texts,
	       size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		size_t len = strlen(texts[i]);
		struct span copy = bytes_copy(bytes(texts[i], len));

		if (judge((const char *)copy.data, len) != expected)
			fail_msg("not so: %s", texts[i]);
		bytes_free(copy);
	}
}

#define CHECK_VERDICTS(judge, expected, texts)                                 \
	check_verdicts(judge, expected, texts,                                 \
		       sizeof(texts) / sizeof((texts)[0]))

static void
words_are_harmless_in_what_touches_no_table(void **state)
{
	static const char *const texts[] = {
	    "",
	    " ;; ",
	    "-- x",
	    "/* select */",
	    "begin",
	    "BEGIN;",
	    "Begin isolation level serializable ; ;",
	    "start transaction read only;",
	    "set application_name = 'a'; ",
	    "set x to default; -- and so on",
	    "begin; /* trace */ ; ",
	    "show all",
	    "reset all",
	    "savepoint s",
	    "release s",
	    "commit /*traceparent='00-ab-01'*/",
	    "commit /*traceparent='00-ab-01'*/;",
	    "end",
	    "rollback to s",
	    "abort",
	    "discard all",
	    "deallocate p",
	    "listen c",
	    "unlisten *",
	    "notify c, 'x'",
	    "/* first */ -- second\n;begin",
	};

	(void)state;
	CHECK_VERDICTS(words_are_harmless, true, texts);
}

static void
words_are_not_harmless_where_a_table_may_be(void **state)
{
	static const char *const texts[] = {
	    "select 1",
	    "beginning",
	    "set application_name = 'a;b'", /* it is, but errs */
	    "set_config",
	    "(select 1)",
	    "begin; select 1",
	    "begin; begin",
	    "; select 1",
	    "begin;select a from b",
	    "set x = ';--'; drop table a",
	    "set x = ';/*'; drop table a; --*/",
	    "set x = $$;--$$; drop table a",
	    "set \"x;--\" = 1; drop table a",
	    "begin /* ; -- */; drop table a",
	    "begin -- ;/*\n; drop table a --*/",
	    "begin; -- x\n select 1",
	    "execute p",
	    "fetch c",
	    "explain select 1",
	};

	(void)state;
	CHECK_VERDICTS(words_are_harmless, false, texts);
}

static void
words_write_by_their_verbs(void **state)
{
	static const char *const writing[] = {
	    "insert into a values (1)",
	    "UPDATE a SET b = 1",
	    "delete from a",
	    "merge into a using b on true when matched then do nothing",
	    "copy a from stdin",
	    "truncate a",
	    "call p()",
	    "do $$begin end$$",
	    "select 1 from a for update",
	    "select 1 from a for\tkey share",
	    "with x as (delete from a returning 1) select 1",
	    "explain analyze insert into a values (1)",
	    "select 'insert'",
	};
	static const char *const reading[] = {
	    "",
	    "select a from b",
	    "select inserted, updates, do_it, form from b",
	    "begin",
	};

	(void)state;
	CHECK_VERDICTS(words_write, true, writing);
	CHECK_VERDICTS(words_write, false, reading);
}

#define TEN "xxxxxxxxxx"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
words_are_opaque_where_names_are_not_seen(void **state)
{
	static const char *const opaque[] = {
	    "select 1 from U&\"d\\0061ta\"",
	    "select u&'x'",
	    "execute p",
	    " /* x */ EXECUTE p(1)",
	    "begin; execute p",
	    "drop table " SIXTY "xx\xc3\xa4",
	};
	static const char *const clear[] = {
	    "",
	    "select a & b",
	    "select u & b",
	    "select a&'x'",
	    "select &",
	    "select u&",
	    "select execute from b",
	    "create trigger t before insert on a execute function f()",
	    "executed",
	    "select '" SIXTY SIXTY "'",
	    "select 1 from " SIXTY "x\xc3\xa4",
	    "select 1;",
	};

	(void)state;
	CHECK_VERDICTS(words_are_opaque, true, opaque);
	CHECK_VERDICTS(words_are_opaque, false, clear);
}

static void
words_are_looked_at_in_linear_time(void **state)
{
	static const char *const parts[] = {";", ";/*", "/*", "u&", "&", "--;"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		enum { TEXT_BYTES = 1024 * 1024 };
		size_t part = strlen(parts[i]);
		char *sql = malloc(TEXT_BYTES + 1);
		size_t at;

		assert_non_null(sql);
		memcpy(sql, "begin ", 6);
		for (at = 6; at + part <= TEXT_BYTES; at += part)
			memcpy(sql + at, parts[i], part);
		words_are_harmless(sql, at);
		words_are_opaque(sql, at);
		words_write(sql, at);
		free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_hash_is_fnv_1a),
	    cmocka_unit_test(words_hash_cuts_as_the_server_cuts_names),
	    cmocka_unit_test(words_next_finds_each_run),
	    cmocka_unit_test(words_are_harmless_in_what_touches_no_table),
	    cmocka_unit_test(words_are_not_harmless_where_a_table_may_be),
	    cmocka_unit_test(words_write_by_their_verbs),
	    cmocka_unit_test(words_are_opaque_where_names_are_not_seen),
	    cmocka_unit_test(words_are_looked_at_in_linear_time),
	};

	return cmocka_run_group_tests_name("policy/sql/words", tests, NULL,
					   NULL);
}

#include "policy/sql/words.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

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

static void
words_never_wait_where_they_say_so(void **state)
{
	static const char *const never[] = {
	    "lock a in share mode nowait",
	    "select 1 from a for update NOWAIT",
	    "select 1 from a for no key update skip\n locked limit 1",
	    "/* x */ table a for share Skip Locked",
	};
	static const char *const may[] = {
	    "",
	    "lock a",
	    "select nowaits, skip, a.locked from a",
	    "select skip, locked_by from a",
	    "skip not locked",
	};

	(void)state;
	CHECK_VERDICTS(words_never_wait, true, never);
	CHECK_VERDICTS(words_never_wait, false, may);
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
		words_never_wait(sql, at);
		words_write(sql, at);
		free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_harmless_in_what_touches_no_table),
	    cmocka_unit_test(words_are_not_harmless_where_a_table_may_be),
	    cmocka_unit_test(words_write_by_their_verbs),
	    cmocka_unit_test(words_never_wait_where_they_say_so),
	    cmocka_unit_test(words_are_looked_at_in_linear_time),
	};

	return cmocka_run_group_tests_name("policy/sql/words", tests, NULL,
					   NULL);
}

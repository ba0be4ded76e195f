#include "policy/sql/trace.h"

#include "tests/support/test.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define PARENT "00-" ID "-" SPAN "-01"
#define KEY "traceparent='" PARENT "'"

static const struct {
	const char *sql;
	bool has_trace;
} texts[] = {
    {"drop table t /*" KEY "*/", true},
    {"drop table t /*" KEY "*/;", true},
    {"/*" KEY "*/ drop table t", true},
    {"/* " KEY " */ drop table t", true},
    {"drop table t /*action='x%2Fy',framework='django'," KEY "*/", true},
    {"drop table t /*a='b', " KEY ",tracestate='c'*/", true},
    {"drop table t /* a comment */ /*" KEY "*/", true},
    {"drop table \"a\"\"/*\", t /*" KEY "*/", true},
    {"select $a$ x $a$ /*" KEY "*/", true},
    {"/*traceparent='00-0'*/ /*" KEY "*/ drop table t", true},
    {"/*" KEY "*/", true},
    {"select 1 /*traceparent='00-" ID "-" SPAN "-00'*/", true},
    /* A traceparent that stands in no comment. */
    {"drop table t", false},
    {"", false},
    {KEY, false},
    {"select '/*" KEY "*/'", false},
    {"select $$/*" KEY "*/$$", false},
    {"select $a$/*" KEY "*/$a$", false},
    {"drop table \"/*" KEY "*/\"", false},
    {"select e'\\'/*" KEY "*/'", false},
    /* Comments that have none, or another version. */
    {"/*xtraceparent='" PARENT "'*/", false},
    {"/*traceparent=" PARENT "*/", false},
    {"/*traceparent=\"" PARENT "\"*/", false},
    {"/*traceparent='01-" ID "-" SPAN "-01'*/", false},
    {"/*traceparent='ff-" ID "-" SPAN "-01'*/", false},
    {"/*traceparent='00-" ID "-" SPAN "-01-x'*/", false},
    {"/*traceparent='00-" ID "-" SPAN "-1'*/", false},
    {"/*traceparent='00-" ID "-" SPAN "-0g'*/", false},
    {"/*traceparent='00-" ID "-" SPAN "-0F'*/", false},
    {"/*traceparent='00_" ID "-" SPAN "-01'*/", false},
    {"/*traceparent='00-" ID "_" SPAN "-01'*/", false},
    {"/*traceparent='00-" ID "-" SPAN "_01'*/", false},
    {"/*traceparent='00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01'*/",
     false},
    {"/*traceparent='00-00000000000000000000000000000000-" SPAN "-01'*/",
     false},
    {"/*traceparent='00-" ID "-0000000000000000-01'*/", false},
    {"/*traceparent='" PARENT, false},
    {"/*traceparent='00-", false},
    {"/*traceparent='", false},
};

static void
trace_of_text_takes_what_the_standard_has_and_nothing_else(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct trace t =
		    trace_of_text(texts[i].sql, strlen(texts[i].sql));

		if ((t.trace_id[0] != '\0') != texts[i].has_trace)
			fail_msg("%s", texts[i].sql);
		assert_string_equal(t.trace_id, texts[i].has_trace ? ID : "");
		assert_string_equal(t.span_id, texts[i].has_trace ? SPAN : "");
	}
}

static void
trace_of_text_takes_the_first(void **state)
{
	const char *sql = "/*" KEY "*/ drop table t /*traceparent='00-" ID
			  "-1111111111111111-01'*/";

	(void)state;
	assert_string_equal(trace_of_text(sql, strlen(sql)).span_id, SPAN);
}

/* Each front of a text, in memory of its own length. */
static void
trace_of_text_reads_no_further_than_the_text(void **state)
{
	const char *sql = "drop table \"a\", b /*x='y'," KEY "*/ cascade";
	size_t len;

	(void)state;
	for (len = 0; len <= strlen(sql); len++) {
		char *copy = malloc(len + 1);

		assert_non_null(copy);
		copy = realloc(copy, len > 0 ? len : 1);
		assert_non_null(copy);
		memcpy(copy, sql, len);
		(void)trace_of_text(copy, len);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		trace_of_text_takes_what_the_standard_has_and_nothing_else),
	    cmocka_unit_test(trace_of_text_takes_the_first),
	    cmocka_unit_test(trace_of_text_reads_no_further_than_the_text),
	};

	return cmocka_run_group_tests_name("policy/sql/trace", tests, NULL,
					   NULL);
}

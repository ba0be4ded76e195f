#include "proxy/guard/guard_log.h"

#include <sys/mman.h>

#include "tests/support/exchange.h"

/* Play the scene, and give its lines of the log without their times; free. */
static char *
lines_of(const char *script, const char *client)
{
	struct scene *s = scene_begin(script, client);
	int saved = dup(STDERR_FILENO);
	int fd = memfd_create("log", MFD_CLOEXEC);
	off_t len;
	char *text;

	assert_true(saved >= 0 && fd >= 0);
	log_init(LOG_DEBUG, LOG_TEXT);
	dup2(fd, STDERR_FILENO);
	scene_run(s);
	dup2(saved, STDERR_FILENO);
	scene_end(s);
	len = lseek(fd, 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)len, 0), len);
	close(saved);
	close(fd);
	return text;
}

/* The one line, from its level on. */
static void
assert_logs(const char *script, const char *client, const char *expected)
{
	char *text = lines_of(script, client);
	const char *level = strstr(text, " UTC ");

	assert_non_null(level);
	assert_string_equal(level + 5, expected);
	free(text);
}

#define SESSION " session=1 user=\"\" database=db"
#define TABLES " tables=\"public.a, public.b, public.c\""

static void
guard_log_outcome_tells_of_a_protected_run(void **state)
{
	(void)state;
	assert_logs(NULL, "Q drop table c",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=auto outcome=protected attempts=1 held_ms=0 "
		    "run_ms=0 result=\"DROP TABLE\"\n");
}

static void
guard_log_outcome_tells_how_long_it_ran(void **state)
{
	(void)state;
	assert_logs(
	    "plan: !late 30; drop: !late 70 error 42P01", "Q drop table c",
	    "INFO  guarded statement" SESSION " statement=\"DROP TABLE\"" TABLES
	    " policy=auto outcome=protected attempts=1 held_ms=30 "
	    "run_ms=70 result=42P01\n");
}

static void
guard_log_outcome_tells_of_windows(void **state)
{
	(void)state;
	assert_logs("settings: policy=hold; look: young; look: !late 20",
		    "Q drop table c",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=hold outcome=protected attempts=1 held_ms=20 "
		    "run_ms=0 windows=1 gate_ms=20 delayed=0 "
		    "result=\"DROP TABLE\"\n");
}

static void
guard_log_outcome_tells_of_an_old_snapshot(void **state)
{
	(void)state;
	assert_logs("facts: isolation=serializable; settings: policy=pass",
		    "Q drop table c",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=pass outcome=passed attempts=0 held_ms=0 "
		    "run_ms=0 result=\"DROP TABLE\" "
		    "snapshot=\"old, newer tables are not seen\"\n");
}

static void
guard_log_outcome_is_quiet_about_the_ordinary(void **state)
{
	(void)state;
	assert_logs("plan: set=c", "Q drop table c",
		    "DEBUG guarded statement" SESSION
		    " statement=\"DROP TABLE\" tables=public.c"
		    " policy=auto outcome=unneeded attempts=0 held_ms=0 "
		    "run_ms=0 result=\"DROP TABLE\"\n");
}

static void
guard_log_outcome_of_an_error_has_its_sqlstate(void **state)
{
	(void)state;
	assert_logs("settings: policy=reject", "Q drop table c",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=reject outcome=rejected attempts=0 held_ms=0 "
		    "run_ms=0 result=42501\n");
}

#define BLOCKERS                                                               \
	" blockers=\"pid 4711 (user \\\"joe\\\", application_name "            \
	"\\\"shop\\\", "                                                       \
	"state \\\"active\\\", transaction age 100.0 s) holds "                \
	"AccessShareLock on public.a"

static void
guard_log_outcome_tells_who_was_in_the_way_of_a_timeout(void **state)
{
	(void)state;
	assert_logs("settings: hold_timeout=10ms policy=hold; look: old; "
		    "wait: !late 20; look: old",
		    "Q drop table c",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=hold outcome=timed-out attempts=0 held_ms=20 "
		    "run_ms=0" BLOCKERS "\" result=55P03\n");
}

static void
assert_logs_held(const char *script, size_t lines, const char *first)
{
	char *text = lines_of(script, "Q drop table c");
	size_t count = 0;

	assert_non_null(strstr(text, first));
	for (const char *at = text; (at = strstr(at, "is held")) != NULL; at++)
		count++;
	assert_int_equal(count, lines);
	free(text);
}

static void
guard_log_held_tells_for_whom(void **state)
{
	(void)state;
	assert_logs_held("settings: policy=hold; look: old; "
			 "wait: !late 1001; look: old",
			 1,
			 "INFO  guarded statement is held" SESSION
			 " statement=\"DROP TABLE\"" TABLES
			 " attempts=0 held_ms=1001" BLOCKERS "\"\n");
}

/* After 1, 11 and 21 seconds the client is told, the log twice. */
static void
guard_log_held_is_rarer_and_rarer(void **state)
{
	(void)state;
	assert_logs_held("settings: policy=hold; look: old; "
			 "wait: !late 1001; look: old; "
			 "wait: !late 10000; look: old; look: old; "
			 "wait: !late 10000; look: old; look: old",
			 2, " attempts=0 held_ms=11001" BLOCKERS "\"\n");
}

static void
guard_log_outcome_of_an_execute_waits_for_its_answer(void **state)
{
	(void)state;
	assert_logs("drop: !late 5", "P drop table c\nB\nE\nS",
		    "INFO  guarded statement" SESSION
		    " statement=\"DROP TABLE\"" TABLES
		    " policy=auto outcome=protected attempts=1 held_ms=0 "
		    "run_ms=5 result=\"DROP TABLE\"\n");
}

static void
guard_log_unguarded_counts_statements(void **state)
{
	(void)state;
	assert_logs(NULL, "Q drop table c; begin; select 1",
		    "WARN  statements passed unguarded" SESSION
		    " statements=1\n");
}

static void
guard_log_unjudged_tells_why(void **state)
{
	(void)state;
	assert_logs(NULL, "Q drop table c; commit now",
		    "WARN  statement passed unjudged" SESSION
		    " why=\"it does not parse\"\n");
}

static void
guard_log_unparsed_tells_of_a_shape_once(void **state)
{
	(void)state;
	assert_logs(NULL, "Q repack ('x')\n--\nQ REPACK /* y */ ('z')",
		    "WARN  statement is not known to the grammar" SESSION
		    " grammar=15 text=\"repack \"\n");
}

static void
guard_log_result_cuts_what_is_long(void **state)
{
	struct guard_log l = {.statement = NULL};
	char text[100];

	(void)state;
	memset(text, 'x', sizeof(text));
	guard_log_result(&l, text, sizeof(text));
	assert_int_equal(strlen(l.result), sizeof(l.result) - 1);
	guard_log_result(&l, "42P01", 5);
	assert_string_equal(l.result, "42P01");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard_log_outcome_tells_of_a_protected_run),
	    cmocka_unit_test(guard_log_outcome_tells_how_long_it_ran),
	    cmocka_unit_test(guard_log_outcome_tells_of_windows),
	    cmocka_unit_test(guard_log_outcome_tells_of_an_old_snapshot),
	    cmocka_unit_test(guard_log_outcome_is_quiet_about_the_ordinary),
	    cmocka_unit_test(guard_log_outcome_of_an_error_has_its_sqlstate),
	    cmocka_unit_test(
		guard_log_outcome_tells_who_was_in_the_way_of_a_timeout),
	    cmocka_unit_test(guard_log_held_tells_for_whom),
	    cmocka_unit_test(guard_log_held_is_rarer_and_rarer),
	    cmocka_unit_test(
		guard_log_outcome_of_an_execute_waits_for_its_answer),
	    cmocka_unit_test(guard_log_unguarded_counts_statements),
	    cmocka_unit_test(guard_log_unjudged_tells_why),
	    cmocka_unit_test(guard_log_unparsed_tells_of_a_shape_once),
	    cmocka_unit_test(guard_log_result_cuts_what_is_long),
	};

	return cmocka_run_group_tests_name("proxy/guard/guard_log", tests, NULL,
					   NULL);
}

#include "proxy/explain/explain_output.h"

#include "tests/support/explain_fixture.h"
#include "tests/support/test.h"

static char *
text_of(const struct explain_report *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	explain_write_text(out, r);
	fclose(out);
	return text;
}

static void
assert_text(const struct explain_report *r, const char *expected)
{
	char *text = text_of(r);

	assert_string_equal(text, expected);
	free(text);
}

static void
explain_write_text_aligns_locks_and_holders(void **state)
{
	struct explain_report r = fixture_report("drop\n\ttable  t", 3, 2);

	(void)state;
	assert_text(
	    &r,
	    "drop table  t\n"
	    "  auto: would hold:\n"
	    "    pid 4711 (sh\"op\\n, app) in a transaction for 12.3 s holds "
	    "ACCESS SHARE on public.t; 1 more is in the way\n"
	    "  locks, in order  kind               mode                 "
	    "lockable\n"
	    "  public.t         table              ACCESS EXCLUSIVE     yes\n"
	    "  s.\"n\xc3\xa4\"\"me\\n\"     materialized view  "
	    "SHARE ROW EXCLUSIVE  no\n"
	    "  holder  user  application  state                transaction  "
	    "holds\n"
	    "  4711    app   sh\"op\\n      idle in transaction  12.3 s       "
	    "ACCESS SHARE on public.t\n"
	    "  none    ?     ?            prepared             ?            "
	    "ROW EXCLUSIVE on s.\"n\xc3\xa4\"\"me\\n\"\n");
}

/* The line below the statement. */
static void
assert_verdict(struct explain_report r, const char *expected)
{
	char *text = text_of(&r);
	char *line = strchr(text, '\n');
	size_t len = strlen(expected);

	assert_non_null(line);
	if (strncmp(line + 1, expected, len) != 0 || line[len + 1] != '\n')
		fail_msg("'%s' is not in '%s'", expected, text);
	free(text);
}

static void
explain_write_text_says_what_the_policy_does(void **state)
{
	struct explain_report r = fixture_report("x", 3, 0);

	(void)state;
	assert_verdict(r, "  auto: would lock this table at once");
	r.settings.policy = GUARD_POLICY_HOLD;
	assert_verdict(r, "  hold: would lock this table at once");
	r.set.count = 0;
	assert_verdict(r, "  hold: would run it at once: nobody is in the way");
	r.settings.policy = GUARD_POLICY_PASS;
	assert_verdict(r, "  pass: would run it as it is, and log it");
	r.settings.policy = GUARD_POLICY_REJECT;
	assert_verdict(r, "  reject: would refuse it");
	r = fixture_report("x", 3, 1);
	r.settings.policy = GUARD_POLICY_LOCK;
	assert_verdict(r, "  lock: would try again and again:");
}

static void
explain_write_text_says_why_it_is_not_guarded(void **state)
{
	static char error[] = "a\nb";
	struct explain_report r = fixture_report("x", 0, 0);

	(void)state;
	r.verdict = EXPLAIN_UNKNOWN;
	assert_verdict(r, "  not guarded: not a kind of statement that is");
	r.verdict = EXPLAIN_OUT_OF_SCOPE;
	assert_verdict(r, "  not guarded: guard = drops leaves it out");
	r.verdict = EXPLAIN_READ_ONLY;
	assert_verdict(r, "  not guarded: the session is read-only: the "
			  "server refuses it");
	r.verdict = EXPLAIN_FAILED;
	r.error = error;
	assert_verdict(r, "  error: a\\nb");
}

static void
explain_write_text_cuts_a_long_statement(void **state)
{
	char statement[301];
	struct explain_report r;
	char *text;

	(void)state;
	memset(statement, 'x', 300);
	statement[300] = '\0';
	r = fixture_report(statement, 0, 0);
	text = text_of(&r);
	assert_int_equal(strcspn(text, "\n"), 100);
	assert_memory_equal(text + 95, "xx...\n", 6);
	free(text);
}

static void
assert_users(struct explain_users users, const char *line)
{
	struct explain_report r = fixture_report("drop table t", 0, 0);
	char *text;

	r.has_users = true;
	r.users = users;
	text = text_of(&r);
	if (*line == '\0')
		assert_null(strstr(text, "session"));
	else
		assert_non_null(strstr(text, line));
	free(text);
}

static void
explain_write_text_counts_who_uses_the_tables(void **state)
{
	static char names[] = "cron\n";

	(void)state;
	assert_users((struct explain_users){0}, "");
	assert_users((struct explain_users){.count = 1},
		     "  1 session uses these relations now\n");
	assert_users(
	    (struct explain_users){
		.count = 5, .past = 2, .untold = 1, .past_of = names},
	    "  5 sessions use these relations now; 2 from where no"
	    " Lockstep is known to be (cron\\n); from where 1 of them"
	    " is not told\n");
}

static void
explain_write_text_lists_what_is_remembered(void **state)
{
	struct explain_report r = fixture_report("drop table t", 0, 0);

	(void)state;
	fixture_remember(&r);
	assert_text(&r,
		    "drop table t\n"
		    "  auto: would run it at once: nobody is in the way\n"
		    "  remembered     mode              application  age\n"
		    "  public.shared  ACCESS EXCLUSIVE  flyway       "
		    "61.0 s\n"
		    "  public.t       SHARE                          24 h\n");
}

static void
assert_steps(enum guard_steps steps, const char *line)
{
	struct explain_report r = fixture_report("drop table t", 0, 0);
	char *text;

	fixture_step(&r, steps);
	text = text_of(&r);
	if (strstr(text, line) == NULL)
		fail_msg("'%s' is not in '%s'", line, text);
	assert_non_null(strstr(text, "\n  foreign key  of\n"
				     "  t_a_fkey     public.t\n"));
	free(text);
}

static void
explain_write_text_lists_the_keys_that_can_go_first(void **state)
{
	(void)state;
	assert_steps(GUARD_STEPS_OFF,
		     "  drop_in_steps = off: 1 foreign key could go first, one "
		     "at a time: against traffic in several orders that no "
		     "window stops\n");
	assert_steps(GUARD_STEPS_LAST,
		     "  drop_in_steps = last: 1 foreign key will go first, one "
		     "at a time, if the drop is not done in three quarters of "
		     "its time\n");
	assert_steps(GUARD_STEPS_ON,
		     "  drop_in_steps = on: 1 foreign key will go first, one "
		     "at a time\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(explain_write_text_aligns_locks_and_holders),
	    cmocka_unit_test(explain_write_text_says_what_the_policy_does),
	    cmocka_unit_test(explain_write_text_says_why_it_is_not_guarded),
	    cmocka_unit_test(explain_write_text_cuts_a_long_statement),
	    cmocka_unit_test(explain_write_text_counts_who_uses_the_tables),
	    cmocka_unit_test(explain_write_text_lists_what_is_remembered),
	    cmocka_unit_test(
		explain_write_text_lists_the_keys_that_can_go_first),
	};

	return cmocka_run_group_tests_name("proxy/explain/explain_text", tests,
					   NULL, NULL);
}

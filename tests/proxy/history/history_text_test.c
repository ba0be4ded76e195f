#include "proxy/history/history_text.h"

#include "tests/support/history.h"

static void
write_story(FILE *out, struct history *h)
{
	(void)h;
	history_write_story(out, &held_entry);
}

static void
history_write_story_tells_all(void **state)
{
	(void)state;
	assert_written(
	    write_story, NULL,
	    "17  DROP TABLE  was held for 38.2 s, ran for 4 ms\n"
	    "  statement    drop table a\n"
	    "  of           pid 4712 `dep\\u001b[2Jloy\"`, user alice, "
	    "database "
	    "shop, session 3\n"
	    "  began        2026-01-31 12:00:00.123 UTC\n"
	    "  tables       public.a\n"
	    "  policy       auto\n"
	    "  outcome      protected\n"
	    "  effort       2 attempts, 1 window of 80 ms in sum\n"
	    "  result       DROP TABLE\n"
	    "          0 ms  planned: 1 table\n"
	    "          2 ms  in the way: pid 4711 `billing` idle in "
	    "transaction, since 38.0 s, and 1 more (57 times, until 38.0 s)\n"
	    "        38.2 s  locked, by attempt 2\n"
	    "        38.2 s  done: DROP TABLE\n"
	    "  It delayed 1 transaction at the gate, for 70 ms in sum.  The "
	    "longest:\n"
	    "         70 ms  pid 4713 `shop`\n");
}

static void
write_every_step(FILE *out, struct history *h)
{
	struct history_entry e = {.id = 1, .step_count = HISTORY_STEPS_MAX};
	const size_t kinds = HISTORY_SESSION_ENDED + 1;

	(void)h;
	for (size_t i = 0; i < HISTORY_STEPS_MAX; i++)
		e.steps[i] = (struct history_step){
		    .kind = (enum history_step_kind)(i < kinds ? i : 0),
		    .times = 1,
		    .number = 3,
		    .ms = 5,
		    .what = "w",
		};
	e.steps_left_out = 7;
	history_write_story(out, &e);
}

static void
history_write_story_knows_every_step(void **state)
{
	char *text = written_by(write_every_step, NULL);

	(void)state;
	assert_non_null(strstr(text, "is held since 0 ms\n"));
	assert_non_null(strstr(text, "drained to 3 locks\n"));
	assert_non_null(strstr(text, "window opened, for at most 5 ms\n"));
	assert_non_null(strstr(text, "window over, waited at by 3 sessions\n"));
	assert_non_null(strstr(text, "lost attempt 3: w\n"));
	assert_non_null(strstr(text, "foreign key dropped ahead: w\n"));
	assert_non_null(strstr(text, "refused by Lockstep: w\n"));
	assert_non_null(strstr(text, "its session ended\n"));
	assert_non_null(strstr(text, "...  (steps left out: 7)\n"));
	free(text);
}

static void
write_deadlock(FILE *out, struct history *h)
{
	(void)h;
	history_write_deadlock_story(out, &kept_deadlock);
}

static void
history_write_deadlock_story_tells_both_sides(void **state)
{
	(void)state;
	assert_written(write_deadlock, NULL,
		       "18  deadlock at 2026-01-31 12:00:00.123 UTC\n"
		       "  pid 1, user alice, session 5: its statement was "
		       "ended\n"
		       "    waited for ShareLock on transaction 7\n"
		       "    blocked by pid 2\n"
		       "    statement  update a set n = ?\n"
		       "    tables     a\n"
		       "  pid 2, not through this Lockstep\n"
		       "    blocked by pid 1\n"
		       "    guarded    17\n"
		       "  the server   Process 1 waits\\nfor 2.\n");
}

static void
write_list(FILE *out, struct history *h)
{
	history_write_list(out, h, 3);
}

/* A statement that had to wait, a deadlock, and one that had not. */
static struct history *
some_history(void)
{
	struct history *h = history_new();
	struct history_note *n;
	const struct history_step way = {.kind = HISTORY_IN_THE_WAY};

	assert_non_null(h);
	n = history_begin(h, &held_entry);
	history_add(h, n, &way);
	history_end(h, n, "");
	(void)history_add_deadlock(h, &kept_deadlock);
	history_end(h, history_begin(h, &held_entry), "");
	return h;
}

static void
history_write_list_has_a_line_for_each(void **state)
{
	struct history *h = some_history();
	char *text = written_by(write_list, h);
	const char *at;

	(void)state;
	assert_non_null(at = strstr(text, "\n       3  "));
	assert_non_null(at = strstr(at, "\n       2  "));
	assert_non_null(strstr(at, "deadlock                    pid 1, pid 2"));
	assert_non_null(at = strstr(at, "\n       1  "));
	assert_non_null(strstr(at, " drop table a\n"));
	assert_non_null(strstr(at, "lockstep why ID"));
	free(text);
	history_free(h);
}

static void
history_write_list_says_that_there_is_none(void **state)
{
	struct history *h = history_new();

	(void)state;
	assert_written(write_list, h, "No statement was guarded so far.\n");
	history_free(h);
}

static void
write_each(FILE *out, struct history *h)
{
	assert_true(history_write_last(out, h));
	assert_true(history_write_why(out, h, 2));
	assert_true(history_write_why(out, h, 3));
	assert_false(history_write_why(out, h, 4));
}

static void
history_write_why_finds_both(void **state)
{
	struct history *h = some_history();
	char *text = written_by(write_each, h);
	const char *at;

	(void)state;
	assert_memory_equal(text, "1  DROP", 7);
	assert_non_null(at = strstr(text, "\n2  deadlock"));
	assert_non_null(strstr(at, "\n3  DROP"));
	free(text);
	history_free(h);
}

static void
write_no_last(FILE *out, struct history *h)
{
	assert_false(history_write_last(out, h));
}

static void
history_write_last_wants_one_that_waited(void **state)
{
	struct history *h = history_new();

	(void)state;
	history_end(h, history_begin(h, &held_entry), "");
	assert_written(write_no_last, h, "");
	history_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(history_write_story_tells_all),
	    cmocka_unit_test(history_write_story_knows_every_step),
	    cmocka_unit_test(history_write_deadlock_story_tells_both_sides),
	    cmocka_unit_test(history_write_list_has_a_line_for_each),
	    cmocka_unit_test(history_write_list_says_that_there_is_none),
	    cmocka_unit_test(history_write_why_finds_both),
	    cmocka_unit_test(history_write_last_wants_one_that_waited),
	};

	return cmocka_run_group_tests_name("proxy/history/history_text", tests,
					   NULL, NULL);
}

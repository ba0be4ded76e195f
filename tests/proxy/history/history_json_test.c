#include "proxy/history/history_json.h"

#include "proxy/base/clock.h"
#include "tests/support/history.h"
#include "tests/support/moved_clock.h"

/* All of held_entry but its end, where it is written in brief. */
#define BRIEF                                                                  \
	"{\"id\":17,\"state\":\"over\",\"began\":"                             \
	"\"2026-01-31T12:00:00.123Z\",\"statement\":\"DROP TABLE\","           \
	"\"text\":\"drop table a\",\"session\":3,\"pid\":4712,"                \
	"\"user\":\"alice\",\"database\":\"shop\","                            \
	"\"application_name\":\"dep\\u001b[2Jloy\\\"\","                       \
	"\"held_ms\":38200,\"run_ms\":4,\"policy\":\"auto\",\"rule\":null,"    \
	"\"outcome\":\"protected\",\"why\":null,\"tables\":\"public.a\","      \
	"\"attempts\":2,\"trials\":0,\"windows\":1,\"gate_ms\":80,"            \
	"\"result\":\"DROP TABLE\",\"delayed\":1,\"delayed_ms\":70,"           \
	"\"in_the_way\":2,\"holders\":["                                       \
	"{\"pid\":4711,\"who\":\"billing\",\"state\":\"idle in "               \
	"transaction\",\"mode\":\"AccessShareLock\",\"on\":\"public.b<\\n\","  \
	"\"age_ms\":38000,\"seen_ms\":2},"                                     \
	"{\"pid\":4714,\"who\":\"x\",\"state\":\"another guarded statement"    \
	"\",\"mode\":null,\"on\":null,\"age_ms\":null,\"seen_ms\":0}]"

static void
write_entry(FILE *out, struct history *h)
{
	(void)h;
	history_write_json(out, &held_entry);
}

static void
history_write_json_tells_all(void **state)
{
	(void)state;
	assert_written(
	    write_entry, NULL,
	    BRIEF
	    ",\"lock_count\":2,\"locks\":["
	    "{\"name\":\"public.b<\\n\",\"mode\":"
	    "\"AccessExclusiveLock\",\"phase\":1,"
	    "\"is_remembered\":false,\"behind\":[]},"
	    "{\"name\":\"public.a\",\"mode\":"
	    "\"ShareRowExclusiveLock\",\"phase\":2,"
	    "\"is_remembered\":true,\"behind\":[0]}],"
	    "\"longest_delayed\":[{\"ms\":70,\"session\":4,\"pid\":4713,"
	    "\"user\":null,\"database\":null,\"application_name\":\"shop\"}],"
	    "\"steps_left_out\":0,\"steps\":["
	    "{\"step\":\"planned\",\"at_ms\":0,\"last_ms\":0,\"times\":1,"
	    "\"pid\":null,\"who\":null,\"what\":null,\"number\":1,\"ms\":0},"
	    "{\"step\":\"in-the-way\",\"at_ms\":2,\"last_ms\":38000,"
	    "\"times\":57,\"pid\":4711,\"who\":\"billing\","
	    "\"what\":\"idle in transaction\",\"number\":2,\"ms\":38000},"
	    "{\"step\":\"locked\",\"at_ms\":38199,\"last_ms\":0,\"times\":1,"
	    "\"pid\":null,\"who\":null,\"what\":null,\"number\":2,\"ms\":0},"
	    "{\"step\":\"done\",\"at_ms\":38204,\"last_ms\":0,\"times\":1,"
	    "\"pid\":null,\"who\":null,\"what\":\"DROP TABLE\",\"number\":0,"
	    "\"ms\":0}]}");
}

static void
write_deadlock(FILE *out, struct history *h)
{
	(void)h;
	history_write_deadlock_json(out, &kept_deadlock);
}

static void
history_write_deadlock_json_tells_all(void **state)
{
	(void)state;
	assert_written(
	    write_deadlock, NULL,
	    "{\"id\":18,\"at\":\"2026-01-31T12:00:00.123Z\","
	    "\"detail\":\"Process 1 waits\\nfor 2.\",\"sides\":["
	    "{\"is_victim\":true,\"session\":5,\"pid\":1,\"user\":\"alice\","
	    "\"database\":null,\"application_name\":null,"
	    "\"waits_for\":\"ShareLock on transaction 7\",\"blocked_by\":2,"
	    "\"guarded\":null,\"text\":\"update a set n = ?\","
	    "\"tables\":\"a\"},"
	    "{\"is_victim\":false,\"session\":null,\"pid\":2,\"user\":null,"
	    "\"database\":null,\"application_name\":null,\"waits_for\":null,"
	    "\"blocked_by\":1,\"guarded\":17,\"text\":null,"
	    "\"tables\":null}]}");
}

static void
write_two(FILE *out, struct history *h)
{
	const struct history_page newest = {.before = UINT64_MAX, .limit = 2};
	const struct history_page none = {.before = 1, .limit = 2};

	history_write_all_json(out, h, &newest);
	history_write_all_json(out, h, &none);
	history_write_deadlocks_json(out, h, &newest);
}

static size_t
count_of(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		count++;
	}
	return count;
}

static void
history_write_all_json_is_bounded(void **state)
{
	struct history *h = history_new();
	char *text;

	(void)state;
	assert_non_null(h);
	for (int i = 0; i < 3; i++) {
		history_end(h, history_begin(h, &held_entry), "");
		(void)history_add_deadlock(h, &kept_deadlock);
	}
	text = written_by(write_two, h);
	assert_int_equal(count_of(text, "\"statement\":"), 2);
	assert_non_null(strstr(text, "{\"guarded\":[{\"id\":5,"));
	assert_non_null(strstr(text, ",\n{\"id\":3,"));
	assert_non_null(strstr(text, "{\"guarded\":[]}\n"));
	assert_non_null(strstr(text, "{\"deadlocks\":[{\"id\":6,"));
	assert_int_equal(count_of(text, "\"detail\":"), 2);
	free(text);
	history_free(h);
}

static void
write_brief(FILE *out, struct history *h)
{
	(void)h;
	history_write_brief_json(out, &held_entry);
}

static void
history_write_brief_json_leaves_out_what_is_long(void **state)
{
	(void)state;
	assert_written(write_brief, NULL, BRIEF "}");
}

static void
write_briefly(FILE *out, struct history *h)
{
	history_write_all_json(out, h,
			       &(struct history_page){.before = UINT64_MAX,
						      .limit = 2,
						      .is_brief = true});
}

static void
write_held(FILE *out, struct history *h)
{
	history_write_held_json(out, h, 2);
}

static void
history_write_held_json_has_the_oldest_under_way(void **state)
{
	struct history *h = history_new();
	struct history_note *n[4];
	char *text;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		n[i] = history_begin(h, &held_entry);
	history_end(h, n[0], "");
	text = written_by(write_held, h);
	assert_non_null(strstr(text, "{\"count\":3,\"held\":[{\"id\":2,"));
	assert_non_null(strstr(text, ",\n{\"id\":3,"));
	assert_int_equal(count_of(text, "\"statement\":"), 2);
	assert_null(strstr(text, "\"steps\":"));
	free(text);
	text = written_by(write_briefly, h);
	assert_int_equal(count_of(text, "\"statement\":"), 2);
	assert_null(strstr(text, "\"steps\":"));
	free(text);
	for (i = 1; i < 4; i++)
		history_drop(h, n[i]);
	history_free(h);
}

static void
write_windows(FILE *out, struct history *h)
{
	history_write_windows_json(
	    out, h, &(struct history_page){.before = UINT64_MAX, .limit = 3});
}

static void
history_write_windows_json_tells_of_each(void **state)
{
	struct history *h = history_new();
	struct history_note *n = history_begin(h, &held_entry);
	uint64_t now_ms = clock_now_ms();
	struct history_window w = {
	    .maker = 3,
	    .shut_ms = now_ms,
	    .until_ms = now_ms + 300,
	    .database = "sh\"op",
	};
	struct history_delayed delayed = {.ms = 9};
	char *text;

	(void)state;
	history_shut(h, &w);
	history_delay(h, 3, now_ms, false, &delayed);
	clock_advance(40);
	history_open(h, 3, now_ms, false);
	clock_advance(10);
	w.is_elsewhere = true;
	w.is_of_transaction = true;
	w.maker = 1;
	history_shut(h, &w);
	text = written_by(write_windows, h);
	assert_non_null(strstr(text, "{\"windows\":[{\"number\":2,\"state\":"
				     "\"shut\",\"kind\":\"transaction\","
				     "\"session\":null,\"guarded\":null,"));
	assert_non_null(strstr(text,
			       "{\"number\":1,\"state\":\"over\",\"kind\":"
			       "\"statement\",\"session\":3,\"guarded\":1,"
			       "\"database\":\"sh\\\"op\",\"began\":\"20"));
	assert_non_null(strstr(text, ",\"age_ms\":50,\"shut_ms\":40,"
				     "\"most_ms\":300,\"delayed\":1}"));
	free(text);
	clock_advance(1000); /* by itself */
	text = written_by(write_windows, h);
	assert_null(strstr(text, "\"shut\""));
	assert_non_null(strstr(text, ",\"shut_ms\":300,"));
	free(text);
	history_drop(h, n);
	history_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(history_write_json_tells_all),
	    cmocka_unit_test(history_write_deadlock_json_tells_all),
	    cmocka_unit_test(history_write_all_json_is_bounded),
	    cmocka_unit_test(history_write_brief_json_leaves_out_what_is_long),
	    cmocka_unit_test(history_write_held_json_has_the_oldest_under_way),
	    cmocka_unit_test(history_write_windows_json_tells_of_each),
	};

	return cmocka_run_group_tests_name("proxy/history/history_json", tests,
					   NULL, NULL);
}

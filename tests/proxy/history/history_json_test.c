#include "proxy/history/history_json.h"

#include "tests/support/history.h"

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
	    "{\"id\":17,\"state\":\"over\",\"began\":"
	    "\"2026-01-31T12:00:00.123Z\",\"statement\":\"DROP TABLE\","
	    "\"text\":\"drop table a\",\"session\":3,\"pid\":4712,"
	    "\"user\":\"alice\",\"database\":\"shop\","
	    "\"application_name\":\"dep\\u001b[2Jloy\\\"\","
	    "\"held_ms\":38200,\"run_ms\":4,\"policy\":\"auto\",\"rule\":null,"
	    "\"outcome\":\"protected\",\"why\":null,\"tables\":\"public.a\","
	    "\"attempts\":2,\"trials\":0,\"windows\":1,\"gate_ms\":80,"
	    "\"result\":\"DROP TABLE\",\"delayed\":1,\"delayed_ms\":70,"
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
	history_write_all_json(out, h, UINT64_MAX, 2);
	history_write_all_json(out, h, 1, 2);
	history_write_deadlocks_json(out, h, UINT64_MAX, 2);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(history_write_json_tells_all),
	    cmocka_unit_test(history_write_deadlock_json_tells_all),
	    cmocka_unit_test(history_write_all_json_is_bounded),
	};

	return cmocka_run_group_tests_name("proxy/history/history_json", tests,
					   NULL, NULL);
}

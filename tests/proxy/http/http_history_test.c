#include "proxy/http/http_history.h"

#include "tests/support/history.h"

static void
http_history_ask_reads_parameters(void **state)
{
	struct http_history_question q;

	(void)state;
	assert_true(http_history_ask(&q, NULL));
	assert_true(http_history_ask(&q, ""));
	assert_int_equal(q.id, 0);
	assert_int_equal(q.page.before, UINT64_MAX);
	assert_false(q.page.is_brief);
	assert_int_equal(q.page.limit, HTTP_HISTORY_LIMIT);
	assert_true(http_history_ask(&q, "limit=200&before=18"));
	assert_int_equal(q.page.limit, 200);
	assert_int_equal(q.page.before, 18);
	assert_true(http_history_ask(&q, "brief=1&limit=2"));
	assert_true(q.page.is_brief);
	assert_true(http_history_ask(&q, "id=17"));
	assert_int_equal(q.id, 17);
	assert_true(http_history_ask(&q, "id=last&limit=1"));
	assert_true(q.is_last);
	assert_true(http_history_ask(&q, "id=18446744073709551614"));
	assert_int_equal(q.id, UINT64_MAX - 1);
}

static void
http_history_ask_refuses_what_it_does_not_know(void **state)
{
	static const char *const refused[] = {
	    "limit=0",
	    "limit=201",
	    "limit=",
	    "brief",
	    "brief=0",
	    "brief=2",
	    "limit",
	    "id=1x",
	    "id=lastx",
	    "id=-1",
	    "id=18446744073709551615",
	    "id=99999999999999999999999",
	    "&",
	    "id=1&",
	    "id=1&&limit=1",
	    "x=1",
	    "%69d=1",
	};
	struct http_history_question q;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(http_history_ask(&q, refused[i]));
}

struct question {
	enum http_history_kind kind;
	struct http_history_question q;
	bool is_kept;
};

static const struct question *asked;

static void
write_asked(FILE *out, struct history *h)
{
	assert_int_equal(http_history_write(out, asked->kind, h, &asked->q),
			 asked->is_kept);
}

static void
assert_answer(struct history *h, const struct question *question,
	      const char *part)
{
	char *text;

	asked = question;
	text = written_by(write_asked, h);
	if (question->is_kept)
		assert_non_null(strstr(text, part));
	else
		assert_string_equal(text, "");
	free(text);
}

static void
http_history_write_answers_each(void **state)
{
	const struct history_step way = {.kind = HISTORY_IN_THE_WAY};
	struct history *h = history_new();
	struct history_note *n;
	const struct http_history_question all = {
	    .page = {.before = 9, .limit = 9}};
	size_t i;
	const struct {
		struct question question;
		const char *part;
	} rows[] = {
	    {{HTTP_HISTORY_GUARDED, all, true}, "{\"guarded\":[{\"id\":1"},
	    {{HTTP_HISTORY_DEADLOCKS, all, true}, "{\"deadlocks\":[{\"id\":2"},
	    {{HTTP_HISTORY_HELD, all, true}, "{\"count\":0,\"held\":[]}"},
	    {{HTTP_HISTORY_WINDOWS, all, true}, "{\"windows\":[]}"},
	    {{HTTP_HISTORY_WHY, all, true}, "lockstep why ID"},
	    {{HTTP_HISTORY_GUARDED, {.id = 1}, true}, "{\"id\":1"},
	    {{HTTP_HISTORY_GUARDED, {.id = 2}, false}, ""},
	    {{HTTP_HISTORY_DEADLOCKS, {.id = 2}, true}, "{\"id\":2"},
	    {{HTTP_HISTORY_DEADLOCKS, {.id = 1}, false}, ""},
	    {{HTTP_HISTORY_WHY, {.id = 1}, true}, "1  DROP TABLE"},
	    {{HTTP_HISTORY_WHY, {.id = 2}, true}, "2  deadlock"},
	    {{HTTP_HISTORY_WHY, {.id = 3}, false}, ""},
	    {{HTTP_HISTORY_WHY, {.is_last = true}, true}, "1  DROP TABLE"},
	};

	(void)state;
	n = history_begin(h, &held_entry);
	history_add(h, n, &way);
	history_end(h, n, "");
	(void)history_add_deadlock(h, &kept_deadlock);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_answer(h, &rows[i].question, rows[i].part);
	history_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(http_history_ask_reads_parameters),
	    cmocka_unit_test(http_history_ask_refuses_what_it_does_not_know),
	    cmocka_unit_test(http_history_write_answers_each),
	};

	return cmocka_run_group_tests_name("proxy/http/http_history", tests,
					   NULL, NULL);
}

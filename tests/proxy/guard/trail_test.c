#include "proxy/guard/trail.h"

#include <string.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
};

static const struct memory_key joe = {
    .database = "db", .user = "joe", .is_utf8 = true};

/* A message: its type, and a text, of a Query with its NUL. */
static void
pass(struct trail *t, uint8_t type, const char *text)
{
	uint8_t bytes[64] = {type};
	struct frame_header h = {type, (uint32_t)strlen(text) + 1};

	memcpy(bytes + FRAME_HEADER_BYTES, text, h.body_len);
	trail_note_sent(t, &h, span_of(bytes, frame_len(&h)));
}

static uint64_t
shape_of_messages(const char *const *texts)
{
	struct trail t = {0};

	for (; *texts != NULL; texts++) {
		if (**texts == 'E')
			pass(&t, FRONTEND_EXECUTE, "");
		else
			pass(&t, FRONTEND_QUERY, *texts);
	}
	return t.shape;
}

static void
trail_note_sent_tells_what_was_run_before(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const begin[] = {"begin", NULL};
	static const char *const one[] = {"begin", "select 1", NULL};
	static const char *const other[] = {"begin", "select 22", NULL};
	static const char *const two[] = {"begin", "select 1", "select 1",
					  NULL};
	static const char *const update[] = {"begin", "update t", NULL};
	static const char *const prepared[] = {"begin", "E", NULL};
	static const char *const empty[] = {"begin", "", NULL};
	const uint64_t all[] = {
	    shape_of_messages(none),   shape_of_messages(begin),
	    shape_of_messages(one),    shape_of_messages(two),
	    shape_of_messages(update), shape_of_messages(prepared),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (size_t j = 0; j < i; j++)
			assert_true(all[i] != all[j]);
	assert_true(shape_of_messages(one) == shape_of_messages(other));
	assert_true(shape_of_messages(empty) != shape_of_messages(begin));
}

/* A statement that is prepared anew is no other. */
static void
trail_note_sent_counts_what_is_run_only(void **state)
{
	struct trail t = {0};

	(void)state;
	pass(&t, FRONTEND_PARSE, "s");
	pass(&t, FRONTEND_BIND, "");
	pass(&t, FRONTEND_SYNC, "");
	assert_true(t.shape == 0);
	pass(&t, FRONTEND_EXECUTE, "");
	assert_true(t.shape != 0);
	trail_note_idle(&t);
	assert_true(t.shape == 0);
}

/* Remembers s.t for a trail of this statement; it was wanted before that. */
static void
learn(struct memory *m, struct trail *t)
{
	struct lock_item item = {
	    .name = "s.t", .mode = LOCK_SHARE, .is_lockable = true};
	const struct lock_set set = {&item, 1};

	trail_begin(t, &joe, 7, NOW_MS);
	memory_learn(m, t->key, &set, NOW_MS - 1);
}

static bool
knows(struct memory *m)
{
	struct trail t = {0};
	struct statement_list list;
	bool is_known;

	trail_begin(&t, &joe, 7, NOW_MS);
	is_known = memory_recall(m, t.key, NOW_MS, &list);
	statement_list_clear(&list);
	trail_clear(&t);
	return is_known;
}

static void
answer(struct trail *t, struct memory *m, uint8_t type, const char *body,
       enum transaction_status status)
{
	const struct frame f = {type, span_of(body, strlen(body) + 1)};

	trail_note_answer(t, m, &f, status);
}

static void
trail_note_answer_leaves_out_what_may_be_undone(void **state)
{
	struct memory *m = memory_new();
	struct trail t = {.is_on_trial = true};

	(void)state;
	learn(m, &t);
	answer(&t, m, BACKEND_ERROR_RESPONSE, "", TRANSACTION_BLOCK);
	t.is_on_trial = false;
	answer(&t, m, BACKEND_READY_FOR_QUERY, "I", TRANSACTION_IDLE);
	assert_null(t.key);
	assert_false(knows(m));
	memory_free(m);
}

static void
trail_note_answer_settles_only_what_was_committed(void **state)
{
	static const struct {
		const char *name;
		uint8_t type;
		const char *body;
		bool knows;
	} cases[] = {
	    {"nothing went wrong", BACKEND_COMMAND_COMPLETE, "DROP TABLE",
	     false},
	    {"a chain", BACKEND_COMMAND_COMPLETE, "COMMIT", false},
	    {"an error", BACKEND_ERROR_RESPONSE, "", true},
	    {"taken back", BACKEND_COMMAND_COMPLETE, "ROLLBACK", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct memory *m = memory_new();
		struct trail t = {0};

		learn(m, &t);
		answer(&t, m, cases[i].type, cases[i].body, TRANSACTION_BLOCK);
		answer(&t, m, BACKEND_READY_FOR_QUERY, "T", TRANSACTION_BLOCK);
		answer(&t, m, BACKEND_READY_FOR_QUERY, "I", TRANSACTION_IDLE);
		assert_null(t.key);
		if (knows(m) != cases[i].knows)
			fail_msg("%s", cases[i].name);
		memory_free(m);
	}
}

static void
trail_begin_counts_once(void **state)
{
	struct trail t = {.shape = 3};

	(void)state;
	trail_begin(&t, &joe, 7, NOW_MS);
	t.is_lost = true;
	trail_begin(&t, &joe, 8, NOW_MS + 1);
	assert_true(t.key->shape == shape_add(3, 7));
	assert_string_equal(t.key->user, "joe");
	assert_int_equal(t.since_ms, NOW_MS);
	assert_true(t.is_lost);
	trail_clear(&t);
	allocation_fail_after(0);
	trail_begin(&t, &joe, 7, NOW_MS);
	assert_true(allocation_restore());
	assert_null(t.key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trail_note_sent_tells_what_was_run_before),
	    cmocka_unit_test(trail_note_sent_counts_what_is_run_only),
	    cmocka_unit_test(trail_note_answer_leaves_out_what_may_be_undone),
	    cmocka_unit_test(trail_note_answer_settles_only_what_was_committed),
	    cmocka_unit_test(trail_begin_counts_once),
	};

	return cmocka_run_group_tests_name("proxy/guard/trail", tests, NULL,
					   NULL);
}

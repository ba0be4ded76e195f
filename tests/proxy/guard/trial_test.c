#include "proxy/guard/trial.h"

#include "protocol/types.h"
#include "tests/support/test.h"

#define REPORT(code, routine) "SERROR\0C" code "\0Mm\0R" routine "\0"

static bool
take(struct trial *t, uint8_t type, const void *body, size_t len)
{
	uint8_t raw[256] = {type};
	struct frame f = {.type = type, .body = span_of(body, len)};

	assert_true(5 + len <= sizeof(raw));
	memcpy(raw + 5, body, len);
	return trial_take(t, f, span_of(raw, 5 + len));
}

#define TAKE(t, type, body) take(t, type, body, sizeof(body))

static void
trial_take_holds_answers_in_order(void **state)
{
	struct trial t = {0};

	(void)state;
	assert_true(TAKE(&t, BACKEND_NOTICE_RESPONSE, "n"));
	assert_true(TAKE(&t, BACKEND_COMMAND_COMPLETE, "t"));
	assert_int_equal(t.state, TRIAL_OPEN);
	assert_int_equal(t.held.len, 14);
	assert_int_equal(t.held.data[0], BACKEND_NOTICE_RESPONSE);
	assert_int_equal(t.held.data[7], BACKEND_COMMAND_COMPLETE);
	trial_drop(&t);
	assert_int_equal(t.held.len, 0);
	trial_clear(&t);
}

/* And what comes behind is dropped, but for the end of the session. */
static void
trial_take_knows_our_bound(void **state)
{
	static const char bound[] = REPORT("55P03", "ProcessInterrupts");
	static const char deadlock[] = REPORT("40P01", "DeadLockReport");
	static const char fatal[] = REPORT("57P01", "ProcessInterrupts");
	struct trial t = {0};

	(void)state;
	assert_true(TAKE(&t, BACKEND_ERROR_RESPONSE, bound));
	assert_int_equal(t.state, TRIAL_BOUND);
	assert_true(TAKE(&t, BACKEND_READY_FOR_QUERY, "E"));
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, fatal));
	trial_clear(&t);
	assert_int_equal(t.state, TRIAL_OPEN);
	assert_true(TAKE(&t, BACKEND_ERROR_RESPONSE, deadlock));
	assert_int_equal(t.state, TRIAL_BOUND);
	trial_clear(&t);
}

static void
trial_take_leaves_other_errors_to_the_client(void **state)
{
	static const char nowait[] = REPORT("55P03", "LockAcquireExtended");
	static const char canceled[] = REPORT("57014", "ProcessInterrupts");
	static const char odd[] = "S";
	struct trial t = {0};

	(void)state;
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, nowait));
	assert_int_equal(t.state, TRIAL_OVER);
	assert_true(t.has_failed);
	trial_clear(&t);
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, canceled));
	assert_true(t.has_failed);
	trial_clear(&t);
	assert_false(take(&t, BACKEND_ERROR_RESPONSE, odd, 1));
	assert_true(t.has_failed);
	trial_clear(&t);
}

/* What the client has begun to see is not undone: even our bound is its. */
static void
trial_take_holds_no_more_than_there_is_room_for(void **state)
{
	static const char bound[] = REPORT("55P03", "ProcessInterrupts");
	static const char large[TRIAL_HELD_MAX_BYTES];
	struct frame f = {
	    .type = BACKEND_NOTICE_RESPONSE,
	    .body = span_of(large, sizeof(large) - 5),
	};
	struct trial t = {0};

	(void)state;
	assert_true(trial_take(&t, f, span_of(large, sizeof(large))));
	assert_false(TAKE(&t, BACKEND_COMMAND_COMPLETE, "t"));
	assert_int_equal(t.state, TRIAL_OVER);
	assert_false(t.has_failed);
	assert_int_equal(t.held.len, sizeof(large));
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, bound));
	assert_true(t.has_failed);
	trial_clear(&t);
	f.body = (struct span){0}; /* it is not there whole */
	assert_false(trial_take(&t, f, span_of(large, 5)));
	assert_int_equal(t.state, TRIAL_OVER);
	trial_clear(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trial_take_holds_answers_in_order),
	    cmocka_unit_test(trial_take_knows_our_bound),
	    cmocka_unit_test(trial_take_leaves_other_errors_to_the_client),
	    cmocka_unit_test(trial_take_holds_no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests_name("proxy/guard/trial", tests, NULL,
					   NULL);
}

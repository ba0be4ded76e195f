#include "proxy/guard/trial.h"

#include "protocol/types.h"
#include "tests/support/allocation.h"
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
	assert_int_equal(t.state, TRIAL_FAILED);
	assert_false(trial_is_void(&t));
	trial_clear(&t);
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, canceled));
	assert_int_equal(t.state, TRIAL_FAILED);
	trial_clear(&t);
	assert_false(take(&t, BACKEND_ERROR_RESPONSE, odd, 1));
	assert_int_equal(t.state, TRIAL_FAILED);
	trial_clear(&t);
}

/* Shown in part it could not be undone, and our bound could still strike. */
static void
trial_take_drops_more_than_there_is_room_for(void **state)
{
	static const char bound[] = REPORT("55P03", "ProcessInterrupts");
	static const char fatal[] = "SFATAL\0C57P01\0Mm\0";
	static const char large[TRIAL_HELD_MAX_BYTES];
	struct frame f = {
	    .type = BACKEND_NOTICE_RESPONSE,
	    .body = span_of(large, sizeof(large) - 5),
	};
	struct trial t = {0};

	(void)state;
	assert_true(trial_take(&t, f, span_of(large, sizeof(large))));
	assert_false(trial_is_void(&t));
	assert_true(TAKE(&t, BACKEND_COMMAND_COMPLETE, "t"));
	assert_int_equal(t.state, TRIAL_LARGE);
	assert_true(trial_is_void(&t));
	assert_int_equal(t.held.len, 0);
	assert_true(TAKE(&t, BACKEND_ERROR_RESPONSE, bound));
	assert_true(TAKE(&t, BACKEND_READY_FOR_QUERY, "E"));
	assert_true(trial_is_void(&t));
	assert_false(TAKE(&t, BACKEND_ERROR_RESPONSE, fatal));
	trial_clear(&t);
}

/* No rollback takes a prepared statement back. */
static void
trial_take_counts_statements_among_what_it_drops(void **state)
{
	static const char front[64];
	struct frame f = {.type = BACKEND_NOTICE_RESPONSE};
	struct trial t = {0};

	(void)state;
	assert_true(take(&t, BACKEND_PARSE_COMPLETE, "", 0));
	assert_true(trial_take(&t, f, span_of(front, sizeof(front))));
	assert_int_equal(t.state, TRIAL_LARGE);
	assert_true(take(&t, BACKEND_PARSE_COMPLETE, "", 0));
	assert_int_equal(t.prepared, 2);
	trial_clear(&t);
}

static void
trial_take_drops_what_there_is_no_memory_for(void **state)
{
	struct trial t = {0};

	(void)state;
	allocation_fail_after(0);
	assert_true(TAKE(&t, BACKEND_NOTICE_RESPONSE, "n"));
	assert_true(allocation_restore());
	assert_int_equal(t.state, TRIAL_LARGE);
	trial_clear(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trial_take_holds_answers_in_order),
	    cmocka_unit_test(trial_take_knows_our_bound),
	    cmocka_unit_test(trial_take_leaves_other_errors_to_the_client),
	    cmocka_unit_test(trial_take_drops_more_than_there_is_room_for),
	    cmocka_unit_test(trial_take_counts_statements_among_what_it_drops),
	    cmocka_unit_test(trial_take_drops_what_there_is_no_memory_for),
	};

	return cmocka_run_group_tests_name("proxy/guard/trial", tests, NULL,
					   NULL);
}

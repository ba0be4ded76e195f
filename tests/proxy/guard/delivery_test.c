#include "proxy/guard/delivery.h"

#include "protocol/types.h"
#include "tests/support/allocation.h"
#include "tests/support/pair.h"

#define TAG                                                                    \
	"C\0\0\0\x0f"                                                          \
	"DROP TABLE\0"
#define OTHER_TAG                                                              \
	"C\0\0\0\x0d"                                                          \
	"SELECT 1\0"
#define NOTIFICATION                                                           \
	"A\0\0\0\x0b"                                                          \
	"\0\0\0\1a\0\0"
#define PARAMETER                                                              \
	"S\0\0\0\x08"                                                          \
	"a\0b\0"
#define ROW                                                                    \
	"D\0\0\0\6"                                                            \
	"\0\0"
#define READY                                                                  \
	"Z\0\0\0\5"                                                            \
	"I"
#define ERROR                                                                  \
	"E\0\0\0\x0f"                                                          \
	"C42P01\0P5\0\0"
#define SHIFTED_ERROR                                                          \
	"E\0\0\0\x10"                                                          \
	"C42P01\0P12\0\0"
#define NOTICE                                                                 \
	"N\0\0\0\x0c"                                                          \
	"C00000\0\0"
#define LOG_NOTICE                                                             \
	"N\0\0\0\x11"                                                          \
	"VLOG\0C00000\0\0"

#define MESSAGE(literal) bytes(literal, sizeof(literal) - 1)

struct fixture {
	struct pair_fixture pair;
	struct delivery delivery;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	pair_fixture_begin(&f->pair);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	delivery_clear(&f->delivery);
	pair_fixture_end(&f->pair);
	free(f);
	return 0;
}

static void
begin(struct fixture *f, const char *text, size_t offset, bool holds_back)
{
	delivery_begin(&f->delivery, &f->pair.pair, text, offset, holds_back);
}

static bool
answer(struct fixture *f, struct span raw)
{
	struct frame frame = {
	    .type = raw.data[0],
	    .body = span_of(raw.data + FRAME_HEADER_BYTES,
			    raw.len - FRAME_HEADER_BYTES),
	};

	return delivery_answer(&f->delivery, frame, raw);
}

static void
assert_client_reads(struct fixture *f, struct span expected)
{
	assert_span_equal(pair_fixture_read(&f->pair, f->pair.client),
			  expected);
}

static void
delivery_answer_passes_what_need_not_wait(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, false);
	assert_false(answer(f, MESSAGE(ROW)));
	assert_false(answer(f, MESSAGE(TAG)));
	assert_false(answer(f, MESSAGE(NOTIFICATION)));
	assert_false(answer(f, MESSAGE(NOTICE)));
	assert_false(answer(f, MESSAGE(ERROR)));
	assert_client_reads(f, MESSAGE(""));
}

static void
delivery_answer_takes_ready_for_query(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, false);
	assert_true(answer(f, MESSAGE(READY)));
	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(READY)));
	assert_client_reads(f, MESSAGE(""));
}

static void
delivery_confirm_gives_the_last_tag_out(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_client_reads(f, MESSAGE(""));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE(TAG));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE(""));
	assert_false(f->delivery.has_failed);
}

/* Only the last tag says that the transaction has ended well. */
static void
delivery_answer_gives_earlier_tags_out_in_order(void **state)
{
	struct fixture *f = *state;

	begin(f, "select 1; drop table a, b", 0, true);
	assert_false(answer(f, MESSAGE(ROW)));
	assert_true(answer(f, MESSAGE(OTHER_TAG)));
	assert_client_reads(f, MESSAGE(""));
	assert_true(answer(f, MESSAGE(TAG)));
	assert_client_reads(f, MESSAGE(OTHER_TAG));
	assert_false(answer(f, MESSAGE(ROW)));
	assert_client_reads(f, MESSAGE(TAG));
}

static void
delivery_answer_holds_an_empty_query_back_too(void **state)
{
	struct fixture *f = *state;

	begin(f, ";", 0, true);
	assert_true(answer(f, MESSAGE("I\0\0\0\4")));
	assert_client_reads(f, MESSAGE(""));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE("I\0\0\0\4"));
}

static void
delivery_keeps_what_comes_behind_the_tag_behind_it(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_false(answer(f, MESSAGE(PARAMETER)));
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	assert_true(answer(f, MESSAGE(NOTIFICATION)));
	assert_client_reads(f, MESSAGE(""));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE(TAG PARAMETER NOTIFICATION));
}

/* In their order: the last word on a parameter counts. */
static void
delivery_lets_what_is_too_large_pass_the_tag(void **state)
{
	struct fixture *f = *state;
	struct frame large = {.type = BACKEND_PARAMETER_STATUS};

	begin(f, "drop table a, b", 0, true);
	assert_false(delivery_answer(&f->delivery, large, MESSAGE("S")));
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	assert_false(delivery_answer(&f->delivery, large, MESSAGE("S")));
	assert_client_reads(f, MESSAGE(PARAMETER));
	assert_true(answer(f, MESSAGE(NOTIFICATION)));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE(TAG NOTIFICATION));
}

static void
delivery_holds_no_more_than_its_bound(void **state)
{
	static uint8_t bytes_of[DELIVERY_HELD_MAX_BYTES];
	struct fixture *f = *state;
	struct span raw = span_of(bytes_of, sizeof(bytes_of));

	bytes_of[0] = BACKEND_PARAMETER_STATUS;
	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, raw));
	assert_false(answer(f, MESSAGE(PARAMETER)));
	assert_int_equal(f->delivery.held.len, f->delivery.tag_len);
	delivery_clear(&f->delivery);
}

static void
delivery_deny_without_an_error_leaves_it_to_another(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	delivery_deny(&f->delivery, span_of(NULL, 0));
	assert_client_reads(f, MESSAGE(PARAMETER));
	assert_true(f->delivery.has_failed);
}

static void
delivery_deny_gives_the_error_instead_of_the_tag(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(OTHER_TAG)));
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_client_reads(f, MESSAGE(OTHER_TAG PARAMETER ERROR));
	assert_true(f->delivery.has_failed);
}

/* Without a single answer, as a server may do that lies. */
static void
delivery_deny_holds_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_null(f->delivery.held.data);
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_client_reads(f, MESSAGE(ERROR));
	assert_true(f->delivery.has_failed);
}

/* log_duration and its like speak behind the last answer. */
static void
delivery_confirm_gives_logs_out_behind_the_tag(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(LOG_NOTICE)));
	assert_client_reads(f, MESSAGE(""));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	delivery_confirm(&f->delivery);
	assert_client_reads(f, MESSAGE(TAG LOG_NOTICE PARAMETER));
}

static void
delivery_deny_says_nothing_of_a_text_that_failed(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(LOG_NOTICE)));
	assert_true(answer(f, MESSAGE(NOTIFICATION)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_client_reads(f, MESSAGE(NOTIFICATION PARAMETER ERROR));
}

static void
delivery_answer_passes_logs_before_a_tag(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_false(answer(f, MESSAGE(LOG_NOTICE)));
	assert_true(answer(f, MESSAGE(TAG)));
	assert_false(answer(f, MESSAGE(NOTICE)));
	assert_client_reads(f, MESSAGE(TAG));
}

static void
delivery_answer_gives_the_tag_out_before_an_error(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b; fail", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_false(answer(f, MESSAGE(ERROR)));
	assert_client_reads(f, MESSAGE(TAG));
	assert_true(f->delivery.has_failed);
}

static void
delivery_answer_passes_a_notice_without_failing(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_false(answer(f, MESSAGE(NOTICE)));
	assert_false(f->delivery.has_failed);
}

static void
delivery_answer_shifts_positions_by_characters(void **state)
{
	struct fixture *f = *state;

	/* seven characters in eight bytes */
	begin(f, "b\xc3\xa4gin; select x", 8, false);
	assert_true(answer(f, MESSAGE(ERROR)));
	assert_client_reads(f, MESSAGE(SHIFTED_ERROR));
	assert_true(f->delivery.has_failed);
}

static void
delivery_answer_shifts_positions_by_bytes_where_it_must(void **state)
{
	struct fixture *f = *state;

	f->pair.pair.is_utf8 = false;
	begin(f, "b\xe4gin; select x", 7, false);
	assert_true(answer(f, MESSAGE(ERROR)));
	assert_client_reads(f, MESSAGE(SHIFTED_ERROR));
}

static void
delivery_answer_passes_what_is_too_large_to_be_seen(void **state)
{
	struct fixture *f = *state;
	struct frame tag = {.type = BACKEND_COMMAND_COMPLETE};
	struct frame error = {.type = BACKEND_ERROR_RESPONSE};

	begin(f, "begin; drop table a, b", 7, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_false(
	    delivery_answer(&f->delivery, tag, MESSAGE("C\x10\0\0\0")));
	assert_client_reads(f, MESSAGE(TAG));
	assert_false(f->delivery.has_failed);
	assert_false(
	    delivery_answer(&f->delivery, error, MESSAGE("E\x10\0\0\0")));
	assert_true(f->delivery.has_failed);
}

/* The message's body streams; the front tells that it is none of the text's. */
static void
delivery_lets_a_log_that_is_too_large_pass_the_tag(void **state)
{
	struct fixture *f = *state;
	struct frame large = {.type = BACKEND_NOTICE_RESPONSE};

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	assert_false(
	    delivery_answer(&f->delivery, large,
			    MESSAGE("N\0\x20\0\0SLOG\0VLOG\0C00000\0Mxx")));
	assert_client_reads(f, MESSAGE(PARAMETER));
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_client_reads(f, MESSAGE(ERROR));
	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_false(delivery_answer(
	    &f->delivery, large, MESSAGE("N\0\x20\0\0SNOTICE\0C00000\0Mxx")));
	assert_client_reads(f, MESSAGE(TAG));
}

static void
delivery_begin_starts_anew(void **state)
{
	struct fixture *f = *state;

	begin(f, "begin; drop table a, b", 7, true);
	assert_true(answer(f, MESSAGE(TAG)));
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_client_reads(f, MESSAGE(ERROR));
	begin(f, "drop table a, b", 0, false);
	assert_false(f->delivery.has_failed);
	assert_false(answer(f, MESSAGE(ERROR)));
	assert_client_reads(f, MESSAGE(""));
}

static void
delivery_without_memory_closes_the_pair(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	allocation_fail_after(0);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(allocation_restore());
	assert_pair_closes(&f->pair.pair, CLOSE_MEMORY);
}

static void
delivery_shift_without_memory_closes_the_pair(void **state)
{
	struct fixture *f = *state;

	begin(f, "begin; x", 7, false);
	allocation_fail_after(0);
	assert_true(answer(f, MESSAGE(ERROR)));
	assert_true(allocation_restore());
	assert_pair_closes(&f->pair.pair, CLOSE_MEMORY);
}

/* The client is gone: nothing more is said, and nothing breaks. */
static void
delivery_to_a_client_that_is_gone_closes_the_pair(void **state)
{
	struct fixture *f = *state;

	begin(f, "drop table a, b", 0, true);
	assert_true(answer(f, MESSAGE(TAG)));
	assert_true(answer(f, MESSAGE(PARAMETER)));
	shutdown(f->pair.client, SHUT_RDWR);
	delivery_deny(&f->delivery, MESSAGE(ERROR));
	assert_pair_closes(&f->pair.pair, CLOSE_CLIENT_BROKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(delivery_answer_passes_what_need_not_wait),
	    TEST(delivery_answer_takes_ready_for_query),
	    TEST(delivery_confirm_gives_the_last_tag_out),
	    TEST(delivery_answer_gives_earlier_tags_out_in_order),
	    TEST(delivery_answer_holds_an_empty_query_back_too),
	    TEST(delivery_keeps_what_comes_behind_the_tag_behind_it),
	    TEST(delivery_lets_what_is_too_large_pass_the_tag),
	    TEST(delivery_holds_no_more_than_its_bound),
	    TEST(delivery_deny_without_an_error_leaves_it_to_another),
	    TEST(delivery_deny_gives_the_error_instead_of_the_tag),
	    TEST(delivery_deny_holds_nothing),
	    TEST(delivery_confirm_gives_logs_out_behind_the_tag),
	    TEST(delivery_deny_says_nothing_of_a_text_that_failed),
	    TEST(delivery_answer_passes_logs_before_a_tag),
	    TEST(delivery_answer_gives_the_tag_out_before_an_error),
	    TEST(delivery_answer_passes_a_notice_without_failing),
	    TEST(delivery_answer_shifts_positions_by_characters),
	    TEST(delivery_answer_shifts_positions_by_bytes_where_it_must),
	    TEST(delivery_answer_passes_what_is_too_large_to_be_seen),
	    TEST(delivery_lets_a_log_that_is_too_large_pass_the_tag),
	    TEST(delivery_begin_starts_anew),
	    TEST(delivery_without_memory_closes_the_pair),
	    TEST(delivery_shift_without_memory_closes_the_pair),
	    TEST(delivery_to_a_client_that_is_gone_closes_the_pair),
	};

	return cmocka_run_group_tests_name("proxy/guard/delivery", tests, NULL,
					   NULL);
}

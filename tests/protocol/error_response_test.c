#include "protocol/error_response.h"

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
written(const struct writer *w)
{
	return span_of(w->data, w->len);
}

static void
error_response_write_makes_one_whole_message(void **state)
{
	const struct error_report report = {.severity = "ERROR",
					    .sqlstate = "55P03",
					    .message = "m",
					    .detail = "d",
					    .hint = "h"};
	struct writer w = {0};

	(void)state;
	error_response_write(&w, &report);
	assert_false(w.failed);
	assert_span_equal(written(&w), bytes("E\0\0\0\x23"
					     "SERROR\0VERROR\0C55P03\0"
					     "Mm\0Dd\0Hh\0\0",
					     36));
	writer_clear(&w);
}

static void
notice_response_write_leaves_out_what_is_absent(void **state)
{
	const struct error_report report = {
	    .severity = "NOTICE", .sqlstate = "00000", .message = ""};
	struct writer w = {0};

	(void)state;
	notice_response_write(&w, &report);
	assert_span_equal(written(&w), bytes("N\0\0\0\x1e"
					     "SNOTICE\0VNOTICE\0C00000\0M\0\0",
					     31));
	writer_clear(&w);
}

static void
error_response_write_round_trips(void **state)
{
	const struct error_report report = {.severity = "FATAL",
					    .sqlstate = "57P01",
					    .message = "going down",
					    .detail = "now"};
	struct writer w = {0};
	struct error_fields e;
	struct frame f;
	struct span in;

	(void)state;
	error_response_write(&w, &report);
	in = written(&w);
	assert_int_equal(frame_next(&f, &in, FRAME_LENGTH_MAX), FRAME_OK);
	assert_int_equal(in.len, 0);
	assert_true(error_fields_decode(&e, f.body));
	assert_span_text(e.severity, "FATAL");
	assert_span_text(e.sqlstate, "57P01");
	assert_span_text(e.message, "going down");
	assert_span_text(e.detail, "now");
	assert_null(e.position.data);
	writer_clear(&w);
}

/* The body that comes out when `characters` are added to this one. */
static void
check_shift(struct span body, uint32_t characters, struct span expected)
{
	struct span copy = bytes_copy(body);
	struct writer w = {0};
	struct span in;
	struct frame f;

	error_response_shift(&w, 'E', copy, characters);
	bytes_free(copy);
	in = written(&w);
	assert_int_equal(frame_next(&f, &in, FRAME_LENGTH_MAX), FRAME_OK);
	assert_int_equal(in.len, 0);
	assert_int_equal(f.type, 'E');
	assert_span_equal(f.body, expected);
	writer_clear(&w);
}

static void
error_response_shift_adds_to_the_position(void **state)
{
	(void)state;
	check_shift(bytes("Ma\0P9\0Rr\0\0", 10), 3,
		    bytes("Ma\0P12\0Rr\0\0", 11));
	check_shift(bytes("P1\0\0", 4), 0, bytes("P1\0\0", 4));
	check_shift(bytes("P2147483647\0\0", 13), UINT32_MAX,
		    bytes("P6442450942\0\0", 13));
}

static void
error_response_shift_leaves_the_internal_position(void **state)
{
	(void)state;
	check_shift(bytes("Ma\0p9\0qselect\0\0", 15), 3,
		    bytes("Ma\0p9\0qselect\0\0", 15));
}

static void
error_response_shift_copies_what_it_cannot_read(void **state)
{
	static const struct {
		const char *body;
		size_t len;
	} odd[] = {
	    {"", 0},        {"\0", 1},
	    {"Ma\0\0", 4},  {"P\0\0", 3},
	    {"P1x\0\0", 5}, {"P-1\0\0", 5},
	    {"P 1\0\0", 5}, {"P12345678901\0\0", 14},
	    {"P1", 2},      {"P1\0", 3},
	    {"P1\0\0x", 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct span body = bytes(odd[i].body, odd[i].len);

		check_shift(body, 7, body);
	}
}

static void
error_response_shift_copies_every_proper_prefix(void **state)
{
	struct span whole = bytes("Mab\0P15\0Rr\0\0", 12);

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		check_shift(span_of(whole.data, len), 7,
			    span_of(whole.data, len));
	check_shift(whole, 7, bytes("Mab\0P22\0Rr\0\0", 12));
}

/* The body that comes out with "more" in the detail of this one. */
static void
check_detail(struct span body, struct span expected)
{
	struct span copy = bytes_copy(body);
	struct writer w = {0};
	struct span in;
	struct frame f;

	error_response_add_detail(&w, 'E', copy, "more");
	bytes_free(copy);
	in = written(&w);
	assert_int_equal(frame_next(&f, &in, FRAME_LENGTH_MAX), FRAME_OK);
	assert_int_equal(in.len, 0);
	assert_span_equal(f.body, expected);
	writer_clear(&w);
}

static void
error_response_add_detail_makes_one_or_adds_a_line(void **state)
{
	(void)state;
	check_detail(bytes("Ma\0\0", 4), bytes("Ma\0Dmore\0\0", 10));
	check_detail(bytes("Ma\0Db\0Rr\0\0", 10),
		     bytes("Ma\0Db\nmore\0Rr\0\0", 15));
}

static void
error_response_add_detail_copies_what_it_cannot_read(void **state)
{
	struct span whole = bytes("Ma\0Db\0\0", 7);

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		check_detail(span_of(whole.data, len),
			     span_of(whole.data, len));
}

static void
error_response_write_reports_a_failed_allocation(void **state)
{
	const struct error_report report = {
	    .severity = "ERROR", .sqlstate = "XX000", .message = "m"};
	struct writer w = {0};

	(void)state;
	allocation_fail_after(0);
	error_response_write(&w, &report);
	error_response_shift(&w, 'N', bytes("P1\0\0", 4), 1);
	assert_true(allocation_restore());
	assert_true(w.failed);
	assert_int_equal(w.len, 0);
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(error_response_write_makes_one_whole_message),
	    cmocka_unit_test(notice_response_write_leaves_out_what_is_absent),
	    cmocka_unit_test(error_response_write_round_trips),
	    cmocka_unit_test(error_response_shift_adds_to_the_position),
	    cmocka_unit_test(error_response_shift_leaves_the_internal_position),
	    cmocka_unit_test(error_response_shift_copies_what_it_cannot_read),
	    cmocka_unit_test(error_response_shift_copies_every_proper_prefix),
	    cmocka_unit_test(
		error_response_add_detail_makes_one_or_adds_a_line),
	    cmocka_unit_test(
		error_response_add_detail_copies_what_it_cannot_read),
	    cmocka_unit_test(error_response_write_reports_a_failed_allocation),
	};

	return cmocka_run_group_tests_name("protocol/error_response", tests,
					   NULL, NULL);
}

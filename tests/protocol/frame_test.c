#include "protocol/frame.h"

#include "tests/support/test.h"

enum {
	TEST_MAX = 64,
};

static void
check_frame_next_wants_more(struct span part)
{
	struct span in = part;
	struct frame f = {.type = '?'};

	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_MORE);
	assert_int_equal(f.type, '?');
	assert_ptr_equal(in.data, part.data);
	assert_int_equal(in.len, part.len);
}

static void
frame_next_wants_more_for_every_proper_prefix(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("Q\0\0\0\15select 1\0", 14),
				 check_frame_next_wants_more);
	bytes_each_proper_prefix(bytes("S\0\0\0\4", 5),
				 check_frame_next_wants_more);
	check_frame_next_wants_more((struct span){.data = NULL});
}

static void
frame_next_takes_frames_one_by_one(void **state)
{
	struct span in = bytes("Q\0\0\0\6a\0S\0\0\0\4X", 13);
	struct frame f;

	(void)state;
	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_OK);
	assert_int_equal(f.type, 'Q');
	assert_span_equal(f.body, bytes("a\0", 2));
	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_OK);
	assert_int_equal(f.type, 'S');
	assert_int_equal(f.body.len, 0);
	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_MORE);
	assert_span_text(in, "X");
}

static void
check_frame_run_leaves_the_last(struct span part)
{
	/* Two whole ones of six bytes, then another of seven. */
	assert_int_equal(frame_run(part, 'd'),
			 part.len / 6 * 6 - (part.len == 18 ? 6 : 0));
}

static void
frame_run_takes_whole_frames_only(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("d\0\0\0\5x"
				       "d\0\0\0\5y"
				       "d\0\0\0\6zz",
				       19),
				 check_frame_run_leaves_the_last);
}

static void
frame_run_stops_before_another_type_and_a_bad_length(void **state)
{
	(void)state;
	assert_int_equal(frame_run(bytes("d\0\0\0\4D\0\0\0\4", 10), 'd'), 5);
	assert_int_equal(frame_run(bytes("d\0\0\0\4d\0\0\0\3", 10), 'd'), 5);
	assert_int_equal(frame_run(bytes("d\xff\xff\xff\xff", 5), 'd'), 0);
	assert_int_equal(frame_run(bytes("D\0\0\0\4", 5), 'd'), 0);
	assert_int_equal(frame_run((struct span){.data = NULL}, 'd'), 0);
}

/* The bytes in two pieces: nothing but the time of delivery may differ. */
static void
check_split_at(struct span stream, size_t at)
{
	struct span first = bytes_copy(span_of(stream.data, at));
	struct span in = first;
	struct span whole = stream;
	unsigned frames = 0;
	struct frame f;

	while (frame_next(&f, &in, TEST_MAX) == FRAME_OK)
		frames++;
	whole.data += first.len - in.len;
	whole.len -= first.len - in.len;
	bytes_free(first);
	while (frame_next(&f, &whole, TEST_MAX) == FRAME_OK)
		frames++;
	assert_int_equal(frames, 4);
	assert_int_equal(whole.len, 0);
}

static void
frame_next_finds_the_same_frames_at_every_split(void **state)
{
	struct span stream = bytes("P\0\0\0\10\0a\0\0"
				   "H\0\0\0\4"
				   "d\0\0\0\7\0\0\0"
				   "S\0\0\0\4",
				   27);

	(void)state;
	for (size_t at = 0; at <= stream.len; at++)
		check_split_at(stream, at);
}

static void
frame_next_rejects_length_below_four(void **state)
{
	struct span in = bytes("Q\0\0\0\3", 5);
	struct frame f = {.type = '?'};

	(void)state;
	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_BAD);
	assert_int_equal(in.len, 5);
	assert_int_equal(f.type, '?');
}

static void
frame_next_rejects_a_length_above_max_before_the_body(void **state)
{
	struct span at_max = bytes("Q\0\0\0\x40", 5);
	struct span above = bytes("Q\0\0\0\x41", 5);
	struct frame f;

	(void)state;
	assert_int_equal(frame_next(&f, &at_max, TEST_MAX), FRAME_MORE);
	assert_int_equal(frame_next(&f, &above, TEST_MAX), FRAME_BAD);
	assert_int_equal(above.len, 5);
}

static void
frame_next_accepts_a_body_of_exactly_max(void **state)
{
	uint8_t wire[1 + TEST_MAX] = {'d', 0, 0, 0, TEST_MAX};
	struct span in = span_of(wire, sizeof(wire));
	struct frame f;

	(void)state;
	assert_int_equal(frame_next(&f, &in, TEST_MAX), FRAME_OK);
	assert_int_equal(f.body.len, TEST_MAX - 4);
	assert_int_equal(in.len, 0);
}

static void
frame_next_rejects_everything_when_max_is_below_four(void **state)
{
	(void)state;
	for (size_t max = 0; max < 4; max++) {
		struct span in = bytes("S\0\0\0\4", 5);
		struct frame f;

		assert_int_equal(frame_next(&f, &in, max), FRAME_BAD);
		assert_int_equal(in.len, 5);
	}
}

static const struct {
	const char *name;
	const char *wire; /* five bytes */
	enum frame_status status;
	uint32_t body_len;
} headers[] = {
    {"zero", "Q\0\0\0\0", FRAME_BAD, 0},
    {"three", "Q\0\0\0\3", FRAME_BAD, 0},
    {"four", "Q\0\0\0\4", FRAME_OK, 0},
    {"type zero", "\0\0\0\0\5", FRAME_OK, 1},
    {"largest", "D\x40\0\0\2", FRAME_OK, 0x3ffffffe},
    {"largest and one", "D\x40\0\0\3", FRAME_BAD, 0},
    {"largest int32", "D\x7f\xff\xff\xff", FRAME_BAD, 0},
    {"negative", "D\x80\0\0\0", FRAME_BAD, 0},
    {"minus one", "D\xff\xff\xff\xff", FRAME_BAD, 0},
    {"text", "HTTP/", FRAME_BAD, 0},
};

static void
frame_peek_judges_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct span in = bytes(headers[i].wire, 5);
		struct frame_header h = {.type = '?', .body_len = 7};
		struct frame f;

		print_message("%s\n", headers[i].name);
		assert_int_equal(frame_peek(&h, in), headers[i].status);
		if (headers[i].status == FRAME_OK) {
			assert_int_equal(h.type, (uint8_t)headers[i].wire[0]);
			assert_int_equal(h.body_len, headers[i].body_len);
			continue;
		}
		assert_int_equal(h.type, '?');
		assert_int_equal(h.body_len, 7);
		assert_int_equal(frame_next(&f, &in, SIZE_MAX), FRAME_BAD);
	}
}

static void
check_frame_peek_wants_more(struct span part)
{
	struct frame_header h;

	assert_int_equal(frame_peek(&h, part), FRAME_MORE);
}

static void
frame_peek_needs_the_header_only(void **state)
{
	struct frame_header h;

	(void)state;
	bytes_each_proper_prefix(bytes("Q\0\0\1\0", 5),
				 check_frame_peek_wants_more);
	assert_int_equal(frame_peek(&h, bytes("Q\0\0\1\0", 5)), FRAME_OK);
	assert_int_equal(h.body_len, 252);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frame_next_wants_more_for_every_proper_prefix),
	    cmocka_unit_test(frame_next_takes_frames_one_by_one),
	    cmocka_unit_test(frame_next_finds_the_same_frames_at_every_split),
	    cmocka_unit_test(frame_run_takes_whole_frames_only),
	    cmocka_unit_test(
		frame_run_stops_before_another_type_and_a_bad_length),
	    cmocka_unit_test(frame_next_rejects_length_below_four),
	    cmocka_unit_test(
		frame_next_rejects_a_length_above_max_before_the_body),
	    cmocka_unit_test(frame_next_accepts_a_body_of_exactly_max),
	    cmocka_unit_test(
		frame_next_rejects_everything_when_max_is_below_four),
	    cmocka_unit_test(frame_peek_judges_lengths),
	    cmocka_unit_test(frame_peek_needs_the_header_only),
	};

	return cmocka_run_group_tests_name("protocol/frame", tests, NULL, NULL);
}

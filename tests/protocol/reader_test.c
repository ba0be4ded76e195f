#include "protocol/reader.h"

#include "tests/support/test.h"

static void
read_u8_takes_one_byte(void **state)
{
	struct reader r = {.rest = bytes("\xfe\x01", 2)};

	(void)state;
	assert_int_equal(read_u8(&r), 0xfe);
	assert_int_equal(r.rest.len, 1);
	assert_int_equal(read_u8(&r), 1);
	assert_true(reader_finished(&r));
}

static void
read_u16_is_big_endian(void **state)
{
	struct reader r = {.rest = bytes("\xff\x02", 2)};

	(void)state;
	assert_int_equal(read_u16(&r), 0xff02);
	assert_true(reader_finished(&r));
}

static void
read_u32_is_big_endian_and_keeps_the_top_bit(void **state)
{
	struct reader r = {.rest = bytes("\xff\x02\x03\x04", 4)};

	(void)state;
	assert_int_equal(read_u32(&r), 0xff020304);
	assert_true(reader_finished(&r));
}

static void
read_span_borrows_in_place(void **state)
{
	struct span in = bytes("abcdef", 6);
	struct reader r = {.rest = in};
	struct span first = read_span(&r, 4);

	(void)state;
	assert_ptr_equal(first.data, in.data);
	assert_int_equal(first.len, 4);
	assert_ptr_equal(r.rest.data, in.data + 4);
	assert_int_equal(r.rest.len, 2);
}

static void
read_span_of_nothing_has_an_address(void **state)
{
	struct reader r = {.rest = bytes("", 0)};

	(void)state;
	assert_non_null(read_span(&r, 0).data);
	assert_true(reader_finished(&r));
}

static void
read_span_accepts_a_reader_without_address(void **state)
{
	struct reader r = {.overrun = false};

	(void)state;
	assert_int_equal(read_span(&r, 0).len, 0);
	assert_true(reader_finished(&r));
}

static void
read_span_rejects_lengths_up_to_the_largest(void **state)
{
	static const size_t hostile[] = {4, UINT32_MAX, SIZE_MAX - 3, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct reader r = {.rest = bytes("abc", 3)};
		struct span got = read_span(&r, hostile[i]);

		assert_null(got.data);
		assert_int_equal(got.len, 0);
		assert_true(r.overrun);
		assert_int_equal(r.rest.len, 3);
	}
}

static void
read_string_leaves_out_the_nul(void **state)
{
	struct reader r = {.rest = bytes("ab\0\0x", 5)};
	struct span text = read_string(&r);

	(void)state;
	assert_span_text(text, "ab");
	assert_int_equal(text.data[text.len], 0);
	assert_int_equal(read_string(&r).len, 0);
	assert_false(r.overrun);
	assert_int_equal(r.rest.len, 1);
}

static void
check_read_string_overruns(struct span part)
{
	struct reader r = {.rest = part};
	struct span text = read_string(&r);

	assert_true(r.overrun);
	assert_null(text.data);
	assert_int_equal(text.len, 0);
	assert_int_equal(r.rest.len, part.len);
}

static void
read_string_overruns_without_a_nul(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("abc\0", 4), check_read_string_overruns);
	check_read_string_overruns((struct span){.data = NULL});
}

static void
integer_reads_overrun_when_a_byte_is_missing(void **state)
{
	struct reader none = {.rest = bytes("", 0)};
	struct reader one = {.rest = bytes("\1", 1)};
	struct reader three = {.rest = bytes("\1\2\3", 3)};

	(void)state;
	assert_int_equal(read_u8(&none), 0);
	assert_true(none.overrun);
	assert_int_equal(read_u16(&one), 0);
	assert_true(one.overrun);
	assert_int_equal(read_u32(&three), 0);
	assert_true(three.overrun);
}

static void
overrun_sticks_and_consumes_nothing(void **state)
{
	struct reader r = {.rest = bytes("\1\2\0\4\5", 5)};

	(void)state;
	read_span(&r, 6);
	assert_true(r.overrun);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_u16(&r), 0);
	assert_int_equal(read_u32(&r), 0);
	assert_null(read_span(&r, 1).data);
	assert_null(read_span(&r, 0).data);
	assert_null(read_string(&r).data);
	assert_true(r.overrun);
	assert_int_equal(r.rest.len, 5);
	assert_false(reader_finished(&r));
}

static void
reader_finished_is_false_while_bytes_are_left(void **state)
{
	struct reader r = {.rest = bytes("a", 1)};

	(void)state;
	assert_false(reader_finished(&r));
	read_u8(&r);
	assert_true(reader_finished(&r));
	read_u8(&r);
	assert_false(reader_finished(&r));
}

static void
decimal_decode_takes_up_to_ten_digits_and_nothing_else(void **state)
{
	static const char *const wrong[] = {"",   "-1",  "1 ",         " 1",
					    "1.", "0x1", "00000000001"};
	uint64_t n;

	(void)state;
	assert_true(decimal_decode(&n, bytes("0", 1)));
	assert_int_equal(n, 0);
	assert_true(decimal_decode(&n, bytes("2147483647x", 10)));
	assert_int_equal(n, 2147483647);
	assert_true(decimal_decode(&n, bytes("9999999999", 10)));
	assert_true(n == 9999999999u);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(
		    decimal_decode(&n, bytes(wrong[i], strlen(wrong[i]))));
	assert_false(decimal_decode(&n, (struct span){.data = NULL}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_u8_takes_one_byte),
	    cmocka_unit_test(read_u16_is_big_endian),
	    cmocka_unit_test(read_u32_is_big_endian_and_keeps_the_top_bit),
	    cmocka_unit_test(read_span_borrows_in_place),
	    cmocka_unit_test(read_span_of_nothing_has_an_address),
	    cmocka_unit_test(read_span_accepts_a_reader_without_address),
	    cmocka_unit_test(read_span_rejects_lengths_up_to_the_largest),
	    cmocka_unit_test(read_string_leaves_out_the_nul),
	    cmocka_unit_test(read_string_overruns_without_a_nul),
	    cmocka_unit_test(integer_reads_overrun_when_a_byte_is_missing),
	    cmocka_unit_test(overrun_sticks_and_consumes_nothing),
	    cmocka_unit_test(
		decimal_decode_takes_up_to_ten_digits_and_nothing_else),
	    cmocka_unit_test(reader_finished_is_false_while_bytes_are_left),
	};

	return cmocka_run_group_tests_name("protocol/reader", tests, NULL,
					   NULL);
}

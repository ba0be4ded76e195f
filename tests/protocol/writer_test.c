#include "protocol/writer.h"

#include "protocol/reader.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
written(const struct writer *w)
{
	return span_of(w->data, w->len);
}

static void
writes_are_big_endian(void **state)
{
	struct writer w = {0};

	(void)state;
	write_u8(&w, 0xfe);
	write_u16(&w, 0xff02);
	write_u32(&w, 0xfe030405);
	write_string(&w, "ab");
	write_bytes(&w, "\0x", 2);
	assert_false(w.failed);
	assert_span_equal(written(&w),
			  bytes("\xfe\xff\x02\xfe\3\4\5ab\0\0x", 12));
	writer_clear(&w);
}

static void
write_bytes_of_nothing_allocates_nothing(void **state)
{
	struct writer w = {0};

	(void)state;
	write_bytes(&w, NULL, 0);
	assert_false(w.failed);
	assert_null(w.data);
	assert_int_equal(w.len, 0);
	writer_clear(&w);
}

static void
writer_end_fills_in_a_length_without_the_type(void **state)
{
	struct writer w = {0};

	(void)state;
	writer_begin(&w, 'Q');
	write_string(&w, "hi");
	writer_end(&w);
	writer_begin(&w, 'S');
	writer_end(&w);
	assert_false(w.failed);
	assert_span_equal(written(&w), bytes("Q\0\0\0\7hi\0S\0\0\0\4", 13));
	writer_clear(&w);
}

static void
writer_begin_without_a_type_counts_the_whole_packet(void **state)
{
	struct writer w = {0};

	(void)state;
	writer_begin(&w, 0);
	write_u32(&w, 80877103);
	writer_end(&w);
	assert_span_equal(written(&w), bytes("\0\0\0\10\4\xd2\x16\x2f", 8));
	writer_clear(&w);
}

static void
writes_grow_across_many_sizes(void **state)
{
	struct writer w = {0};
	struct reader r;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		write_u32(&w, i);
	assert_false(w.failed);
	r = (struct reader){.rest = written(&w)};
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(read_u32(&r), i);
	assert_true(reader_finished(&r));
	writer_clear(&w);
}

static void
writer_reset_keeps_the_memory(void **state)
{
	struct writer w = {0};
	const uint8_t *memory;

	(void)state;
	writer_begin(&w, 'Q');
	write_string(&w, "one");
	memory = w.data;
	writer_reset(&w);
	assert_ptr_equal(w.data, memory);
	assert_int_equal(w.len, 0);
	writer_begin(&w, 'Q');
	write_string(&w, "two");
	writer_end(&w);
	assert_span_equal(written(&w), bytes("Q\0\0\0\10two\0", 9));
	writer_clear(&w);
}

static void
writer_clear_leaves_a_valid_writer(void **state)
{
	struct writer w = {0};

	(void)state;
	writer_clear(&w);
	write_u8(&w, 1);
	writer_clear(&w);
	assert_null(w.data);
	assert_int_equal(w.cap, 0);
	write_u8(&w, 2);
	assert_span_equal(written(&w), bytes("\2", 1));
	writer_clear(&w);
}

/*
 * No byte of these is read: what is too long fails before it is stored, so
 * the length may be a lie.
 */
static void
a_message_above_its_bound_fails_before_it_is_stored(void **state)
{
	static const size_t hostile[] = {0x3fffffff - 3, 0x40000000, UINT32_MAX,
					 SIZE_MAX - 4, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct writer w = {0};

		writer_begin(&w, 'd');
		write_bytes(&w, "x", hostile[i]);
		assert_true(w.failed);
		assert_true(w.cap <= 256);
		writer_end(&w);
		writer_clear(&w);
	}
}

static void
a_total_above_the_address_space_fails(void **state)
{
	struct writer w = {0};

	(void)state;
	write_u8(&w, 1);
	write_bytes(&w, "x", SIZE_MAX);
	assert_true(w.failed);
	assert_int_equal(w.len, 1);
	writer_clear(&w);
}

static void
failure_sticks_until_reset(void **state)
{
	struct writer w = {0};

	(void)state;
	allocation_fail_after(0);
	writer_begin(&w, 'Q');
	assert_true(allocation_restore());
	assert_true(w.failed);
	write_string(&w, "ignored");
	writer_end(&w);
	writer_begin(&w, 'S');
	writer_end(&w);
	assert_true(w.failed);
	assert_int_equal(w.len, 0);
	assert_null(w.data);
	writer_reset(&w);
	assert_false(w.failed);
	write_u8(&w, 7);
	assert_span_equal(written(&w), bytes("\7", 1));
	writer_clear(&w);
}

static void
write_messages(struct writer *w)
{
	uint8_t block[1000] = {0};

	for (unsigned i = 0; i < 9; i++) {
		writer_begin(w, 'd');
		write_bytes(w, block, sizeof(block));
		writer_end(w);
	}
}

static void
every_failed_allocation_sets_failed_and_leaks_nothing(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned nth = 0; failed; nth++) {
		struct writer w = {0};

		allocation_fail_after(nth);
		write_messages(&w);
		failed = allocation_restore();
		assert_int_equal(w.failed, failed);
		if (!failed)
			assert_int_equal(w.len, 9 * 1005);
		writer_clear(&w);
		assert_true(nth < 32);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_are_big_endian),
	    cmocka_unit_test(write_bytes_of_nothing_allocates_nothing),
	    cmocka_unit_test(writer_end_fills_in_a_length_without_the_type),
	    cmocka_unit_test(
		writer_begin_without_a_type_counts_the_whole_packet),
	    cmocka_unit_test(writes_grow_across_many_sizes),
	    cmocka_unit_test(writer_reset_keeps_the_memory),
	    cmocka_unit_test(writer_clear_leaves_a_valid_writer),
	    cmocka_unit_test(
		a_message_above_its_bound_fails_before_it_is_stored),
	    cmocka_unit_test(a_total_above_the_address_space_fails),
	    cmocka_unit_test(failure_sticks_until_reset),
	    cmocka_unit_test(
		every_failed_allocation_sets_failed_and_leaks_nothing),
	};

	return cmocka_run_group_tests_name("protocol/writer", tests, NULL,
					   NULL);
}

#include "proxy/base/buffer.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static void
append_text(struct buffer *b, const char *text)
{
	assert_true(buffer_append(b, text, strlen(text)));
}

static void
buffer_append_keeps_bytes_in_order(void **state)
{
	struct buffer b = {0};

	(void)state;
	assert_int_equal(buffer_span(&b).len, 0);
	append_text(&b, "abc");
	append_text(&b, "");
	append_text(&b, "de");
	assert_span_text(buffer_span(&b), "abcde");
	buffer_consume(&b, 2);
	append_text(&b, "f");
	assert_span_text(buffer_span(&b), "cdef");
	buffer_clear(&b);
}

static void
buffer_append_of_nothing_costs_nothing(void **state)
{
	struct buffer b = {0};

	(void)state;
	assert_true(buffer_append(&b, NULL, 0));
	assert_null(b.data);
}

static void
buffer_consume_of_all_gives_the_memory_back(void **state)
{
	struct buffer b = {0};

	(void)state;
	append_text(&b, "abc");
	buffer_consume(&b, 3);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	append_text(&b, "d");
	assert_span_text(buffer_span(&b), "d");
	buffer_clear(&b);
	assert_null(b.data);
}

static void
buffer_reserve_uses_what_was_consumed_before_it_grows(void **state)
{
	struct buffer b = {0};
	uint8_t *room = buffer_reserve(&b, 300);
	size_t cap = b.cap;

	(void)state;
	assert_non_null(room);
	memset(room, 'x', 300);
	buffer_commit(&b, 300);
	append_text(&b, "tail");
	buffer_consume(&b, 300);
	assert_non_null(buffer_reserve(&b, cap - 4));
	assert_int_equal(b.cap, cap);
	assert_span_text(buffer_span(&b), "tail");
	buffer_clear(&b);
}

static void
buffer_reserve_has_room_for_every_byte(void **state)
{
	struct buffer b = {0};
	size_t len;

	(void)state;
	for (len = 1; len < 5000; len += 97) {
		uint8_t *room = buffer_reserve(&b, len);

		assert_non_null(room);
		memset(room, 'x', len);
		buffer_commit(&b, len);
	}
	buffer_clear(&b);
}

static void
buffer_reserve_refuses_what_no_memory_holds(void **state)
{
	struct buffer b = {0};

	(void)state;
	append_text(&b, "abc");
	assert_null(buffer_reserve(&b, SIZE_MAX));
	assert_null(buffer_reserve(&b, SIZE_MAX - 3));
	assert_null(buffer_reserve(&b, SIZE_MAX / 4));
	assert_span_text(buffer_span(&b), "abc");
	buffer_clear(&b);
}

static void
buffer_append_without_memory_changes_nothing(void **state)
{
	struct buffer b = {0};
	char big[4096] = {0};

	(void)state;
	allocation_fail_after(0);
	assert_false(buffer_append(&b, "abc", 3));
	assert_true(allocation_restore());
	assert_int_equal(b.len, 0);

	append_text(&b, "abc");
	buffer_consume(&b, 1);
	allocation_fail_after(0);
	assert_false(buffer_append(&b, big, sizeof(big)));
	assert_true(allocation_restore());
	assert_span_text(buffer_span(&b), "bc");
	buffer_clear(&b);
}

/* Bytes come out as they went in, whatever the steps. */
static void
buffer_is_a_queue(void **state)
{
	struct buffer b = {0};
	uint32_t random = 1;
	uint8_t in = 0;
	uint8_t out = 0;
	int step;

	(void)state;
	for (step = 0; step < 2000; step++) {
		struct span waits;
		size_t n;
		size_t i;

		random = random * 1103515245 + 12345;
		n = random >> 16 & 1023;
		for (i = 0; i < n; i++)
			assert_true(buffer_append(&b, &(uint8_t){in++}, 1));
		waits = buffer_span(&b);
		random = random * 1103515245 + 12345;
		n = (random >> 16) % (waits.len + 1);
		for (i = 0; i < n; i++)
			assert_int_equal(waits.data[i], out++);
		buffer_consume(&b, n);
		if (b.len > 20000) {
			out = (uint8_t)(out + b.len);
			buffer_consume(&b, b.len);
		}
	}
	buffer_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buffer_append_keeps_bytes_in_order),
	    cmocka_unit_test(buffer_append_of_nothing_costs_nothing),
	    cmocka_unit_test(buffer_consume_of_all_gives_the_memory_back),
	    cmocka_unit_test(
		buffer_reserve_uses_what_was_consumed_before_it_grows),
	    cmocka_unit_test(buffer_reserve_has_room_for_every_byte),
	    cmocka_unit_test(buffer_reserve_refuses_what_no_memory_holds),
	    cmocka_unit_test(buffer_append_without_memory_changes_nothing),
	    cmocka_unit_test(buffer_is_a_queue),
	};

	return cmocka_run_group_tests_name("proxy/base/buffer", tests, NULL,
					   NULL);
}

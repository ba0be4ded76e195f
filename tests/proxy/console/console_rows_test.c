#include "proxy/console/console_rows.h"

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "tests/support/test.h"

static struct span
only_frame(const struct writer *w, uint8_t type)
{
	struct span in = span_of(w->data, w->len);
	struct frame f;

	assert_false(w->failed);
	assert_int_equal(frame_next(&f, &in, w->len), FRAME_OK);
	assert_int_equal(f.type, type);
	assert_int_equal(in.len, 0);
	return f.body;
}

static void
console_describe_table_tells_names_and_types(void **state)
{
	struct writer w = {0};

	(void)state;
	console_describe_table(&w, CONSOLE_LISTS, 2);
	assert_span_equal(only_frame(&w, BACKEND_ROW_DESCRIPTION),
			  bytes(BYTES("\0\2list\0\0\0\0\0\0\0\0\0\0\x19"
				      "\xff\xff\xff\xff\xff\xff\0\0"
				      "items\0\0\0\0\0\0\0\0\0\0\x14"
				      "\0\x8\xff\xff\xff\xff\0\1")));
	writer_clear(&w);
}

static void
console_rows_are_written_as_they_are_wanted(void **state)
{
	struct writer w = {0};
	struct console_rows r = {.out = &w, .table = CONSOLE_LISTS};

	(void)state;
	console_row_begin(&r);
	console_row_text(&r, "a");
	console_row_number(&r, 12);
	console_row_end(&r);
	assert_span_equal(only_frame(&w, BACKEND_DATA_ROW),
			  bytes(BYTES("\0\2\0\0\0\1a\0\0\0\2"
				      "12")));
	writer_reset(&w);
	r.binary = UINT32_MAX;
	console_row_begin(&r);
	console_row_text(&r, "");
	console_row_number(&r, 0x0102030405060708);
	console_row_end(&r);
	assert_span_equal(
	    only_frame(&w, BACKEND_DATA_ROW),
	    bytes(BYTES("\0\2\0\0\0\0\0\0\0\x8\1\2\3\4\5\6\7\x8")));
	writer_reset(&w);
	console_row_begin(&r);
	console_row_text(&r, NULL);
	console_row_null(&r);
	console_row_end(&r);
	assert_span_equal(only_frame(&w, BACKEND_DATA_ROW),
			  bytes(BYTES("\0\2\xff\xff\xff\xff\xff\xff\xff\xff")));
	writer_clear(&w);
}

static void
console_row_text_keeps_terminals_and_decoders_whole(void **state)
{
	struct writer w = {0};
	struct console_rows r = {.out = &w, .table = CONSOLE_VERSION};
	struct span value;

	(void)state;
	console_row_begin(&r);
	console_row_text(&r, "\xc3\xa4\n\x1b\xff\"");
	console_row_end(&r);
	assert_true(
	    data_row_decode(&value, 1, only_frame(&w, BACKEND_DATA_ROW)));
	assert_span_text(value, "\xc3\xa4\\n\\u001b\\xff\"");
	writer_clear(&w);
}

/* Their number has bits, and each name is there once. */
static void
console_tables_have_columns(void **state)
{
	(void)state;
	for (int t = 0; t < CONSOLE_TABLES; t++) {
		size_t count;
		const struct console_column *c =
		    console_table_columns((enum console_table)t, &count);

		assert_true(count > 0 && count <= CONSOLE_COLUMNS_MAX);
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(c[i].name, c[k].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(console_describe_table_tells_names_and_types),
	    cmocka_unit_test(console_rows_are_written_as_they_are_wanted),
	    cmocka_unit_test(
		console_row_text_keeps_terminals_and_decoders_whole),
	    cmocka_unit_test(console_tables_have_columns),
	};

	return cmocka_run_group_tests_name("proxy/console/console_rows", tests,
					   NULL, NULL);
}

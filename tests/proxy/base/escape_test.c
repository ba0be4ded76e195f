#include "proxy/base/escape.h"

#include <stdbool.h>
#include <stdio.h>

#include "tests/support/test.h"

static void
assert_json(const char *s, size_t len, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	escape_write_json(out, s, len);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void
escape_write_json_keeps_what_is_plain(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("public.t", 8, "\"public.t\"");
	assert_json("n\xc3\xa4me", 5, "\"n\xc3\xa4me\"");
}

static void
escape_write_json_escapes_all_else(void **state)
{
	(void)state;
	assert_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	assert_json("\n\r\t\b\0", 5, "\"\\n\\r\\t\\u0008\\u0000\"");
	assert_json("\x7f\xc2\x85\xe2\x80\xae", 6, "\"\\u007f\\u0085\\u202e\"");
	assert_json("\xff\xc3", 2, "\"\\ufffd\\ufffd\"");
}

static void
escape_text_leaves_quotes_and_shows_bytes(void **state)
{
	char out[64];

	(void)state;
	escape_text(out, sizeof(out), "\"a\"\n\xff\\", 6);
	assert_string_equal(out, "\"a\"\\n\\xff\\\\");
}

static void
escape_text_cuts_between_characters(void **state)
{
	/* One character of two bytes, one escape of six, two plain bytes. */
	static const char text[] = "\xc3\xa4\x01zz";
	static const size_t lens[] = {0, 0, 2, 2, 2, 2, 2, 2, 8, 9, 10, 10};
	char out[16];
	size_t size;

	(void)state;
	for (size = 1; size <= sizeof(lens) / sizeof(lens[0]); size++) {
		memset(out, 'x', sizeof(out));
		escape_text(out, size, text, 5);
		assert_int_equal(strlen(out), lens[size - 1]);
	}
}

static void
escape_plain_len_ends_at_what_a_form_escapes(void **state)
{
	enum escape_form form;
	char out[ESCAPE_BYTES];
	size_t used;

	(void)state;
	for (int c = 0; c < 256; c++) {
		char s[] = {'a', (char)c};
		bool is_plain = escape_plain_len(s, 2) == 2;

		for (form = ESCAPE_JSON; form <= ESCAPE_TEXT; form++)
			assert_true(!is_plain || (escape_next(out, &used, s + 1,
							      1, form) == 1 &&
						  out[0] == (char)c));
		assert_true(is_plain || c < ' ' || c > '~' || c == '"' ||
			    c == '\\');
	}
	assert_int_equal(escape_plain_len("", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escape_plain_len_ends_at_what_a_form_escapes),
	    cmocka_unit_test(escape_write_json_keeps_what_is_plain),
	    cmocka_unit_test(escape_write_json_escapes_all_else),
	    cmocka_unit_test(escape_text_leaves_quotes_and_shows_bytes),
	    cmocka_unit_test(escape_text_cuts_between_characters),
	};

	return cmocka_run_group_tests_name("proxy/base/escape", tests, NULL,
					   NULL);
}

#include "protocol/authentication.h"

#include "protocol/types.h"
#include "tests/support/test.h"

#define BOTH "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"

static void
check_decode_fails(struct span part)
{
	struct authentication a;

	assert_false(authentication_decode(&a, part));
}

static void
authentication_decode_needs_a_whole_code(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("\0\0\0\12", 4), check_decode_fails);
	check_decode_fails((struct span){.data = NULL});
}

static void
authentication_decode_leaves_the_data_to_others(void **state)
{
	struct authentication a;

	(void)state;
	assert_true(authentication_decode(&a, bytes("\0\0\0\0", 4)));
	assert_int_equal(a.code, AUTHENTICATION_OK);
	assert_int_equal(a.data.len, 0);
	assert_true(authentication_decode(&a, bytes("\0\0\0\5salt", 8)));
	assert_int_equal(a.code, AUTHENTICATION_MD5_PASSWORD);
	assert_span_text(a.data, "salt");
	assert_true(authentication_decode(&a, bytes("\xff\0\0\1\0", 5)));
	assert_int_equal(a.code, 0xff000001u);
	assert_span_equal(a.data, bytes("\0", 1));
}

static void
sasl_mechanism_next_takes_one_after_the_other(void **state)
{
	struct span list = bytes(BOTH "\0", 34);
	struct span name;

	(void)state;
	assert_true(sasl_mechanism_next(&list, &name));
	assert_span_text(name, "SCRAM-SHA-256-PLUS");
	assert_true(sasl_mechanism_next(&list, &name));
	assert_span_text(name, "SCRAM-SHA-256");
	assert_false(sasl_mechanism_next(&list, &name));
	assert_false(sasl_mechanism_next(&list, &name));
	assert_int_equal(list.len, 1);
}

static void
check_list_ends_early(struct span part)
{
	struct span name;
	size_t count = 0;

	while (sasl_mechanism_next(&part, &name)) {
		assert_true(name.len > 0);
		count++;
	}
	assert_in_range(count, 0, 2);
	/* what is left is what could not be read */
	assert_true(part.len == 0 || memchr(part.data, 0, part.len) == NULL);
}

static void
sasl_mechanism_next_ends_where_the_list_is_cut(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes(BOTH "\0", 34), check_list_ends_early);
}

static void
sasl_mechanisms_have_looks_through_the_whole_list(void **state)
{
	struct span list = bytes(BOTH "\0", 34);

	(void)state;
	assert_true(sasl_mechanisms_have(list, "SCRAM-SHA-256"));
	assert_true(sasl_mechanisms_have(list, "SCRAM-SHA-256-PLUS"));
	assert_false(sasl_mechanisms_have(list, "SCRAM-SHA-1"));
	assert_false(sasl_mechanisms_have(list, "SCRAM-SHA-25"));
	assert_false(sasl_mechanisms_have(list, ""));
	/* behind the end of the list is nothing */
	assert_false(sasl_mechanisms_have(bytes("A\0\0B\0", 5), "B"));
	assert_false(sasl_mechanisms_have(bytes("A\0B", 3), "B"));
	assert_false(sasl_mechanisms_have((struct span){.data = NULL}, "B"));
}

static void
check_written(struct writer *w, const char *expected, size_t len)
{
	assert_false(w->failed);
	assert_span_equal(span_of(w->data, w->len), bytes(expected, len));
	writer_clear(w);
}

static void
authentication_write_makes_a_whole_message(void **state)
{
	struct writer w = {0};

	(void)state;
	authentication_write(&w, AUTHENTICATION_OK,
			     (struct span){.data = NULL});
	authentication_write(&w, AUTHENTICATION_SASL_FINAL, bytes("v=x", 3));
	check_written(&w, "R\0\0\0\10\0\0\0\0R\0\0\0\13\0\0\0\14v=x", 21);
}

static const struct {
	const char *list;
	size_t len;
	const char *written;
	size_t written_len;
} without[] = {
    {"A\0B\0C\0", 7, "R\0\0\0\15\0\0\0\12A\0C\0", 14},
    {"B\0A\0B\0", 7, "R\0\0\0\13\0\0\0\12A\0", 12},
    {"A\0C\0", 5, "R\0\0\0\15\0\0\0\12A\0C\0", 14},
    {"BB\0B", 4, "R\0\0\0\14\0\0\0\12BB\0", 13},
    {"B\0", 3, "R\0\0\0\11\0\0\0\12", 10},
    {"", 1, "R\0\0\0\11\0\0\0\12", 10},
    {NULL, 0, "R\0\0\0\11\0\0\0\12", 10},
};

static void
authentication_sasl_write_without_drops_every_occurrence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		struct writer w = {0};

		authentication_sasl_write_without(
		    &w, span_of(without[i].list, without[i].len), "B");
		check_written(&w, without[i].written, without[i].written_len);
	}
}

static void
check_response_fails(struct span part)
{
	struct sasl_initial_response r;

	assert_false(sasl_initial_response_decode(&r, part));
}

static void
sasl_initial_response_decode_needs_all_of_it(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("SCRAM\0\0\0\0\3n,,", 13),
				 check_response_fails);
	bytes_each_proper_prefix(bytes("SCRAM\0\xff\xff\xff\xff", 10),
				 check_response_fails);
	bytes_each_proper_prefix(bytes("\0\0\0\0\0", 5), check_response_fails);
	check_response_fails((struct span){.data = NULL});
}

static void
sasl_initial_response_decode_takes_no_more_than_all(void **state)
{
	(void)state;
	check_response_fails(bytes("SCRAM\0\0\0\0\3n,,x", 14));
	check_response_fails(bytes("SCRAM\0\xff\xff\xff\xffx", 11));
	check_response_fails(bytes("SCRAM\0\xff\xff\xff\xfex", 11));
	check_response_fails(bytes("SCRAM\0\x7f\xff\xff\xffx", 11));
}

static void
sasl_initial_response_decode_tells_no_data_from_empty(void **state)
{
	struct sasl_initial_response r;

	(void)state;
	assert_true(
	    sasl_initial_response_decode(&r, bytes("S\0\0\0\0\3n,,", 9)));
	assert_span_text(r.mechanism, "S");
	assert_true(r.has_data);
	assert_span_text(r.data, "n,,");
	assert_true(sasl_initial_response_decode(&r, bytes("S\0\0\0\0\0", 6)));
	assert_true(r.has_data);
	assert_int_equal(r.data.len, 0);
	assert_true(
	    sasl_initial_response_decode(&r, bytes("S\0\xff\xff\xff\xff", 6)));
	assert_false(r.has_data);
	assert_int_equal(r.data.len, 0);
}

static void
sasl_response_write_makes_whole_messages(void **state)
{
	struct writer w = {0};

	(void)state;
	sasl_initial_response_write(&w, "SCRAM", bytes("n,,", 3));
	sasl_response_write(&w, bytes("c=x", 3));
	check_written(&w, "p\0\0\0\21SCRAM\0\0\0\0\3n,,p\0\0\0\7c=x", 26);
}

static void
sasl_initial_response_decode_reads_what_was_written(void **state)
{
	struct sasl_initial_response r;
	struct writer w = {0};

	(void)state;
	sasl_initial_response_write(&w, "SCRAM", bytes("a\0b", 3));
	assert_true(
	    sasl_initial_response_decode(&r, span_of(w.data + 5, w.len - 5)));
	assert_span_text(r.mechanism, "SCRAM");
	assert_true(r.has_data);
	assert_span_equal(r.data, bytes("a\0b", 3));
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(authentication_decode_needs_a_whole_code),
	    cmocka_unit_test(authentication_decode_leaves_the_data_to_others),
	    cmocka_unit_test(sasl_mechanism_next_takes_one_after_the_other),
	    cmocka_unit_test(sasl_mechanism_next_ends_where_the_list_is_cut),
	    cmocka_unit_test(sasl_mechanisms_have_looks_through_the_whole_list),
	    cmocka_unit_test(authentication_write_makes_a_whole_message),
	    cmocka_unit_test(
		authentication_sasl_write_without_drops_every_occurrence),
	    cmocka_unit_test(sasl_initial_response_decode_needs_all_of_it),
	    cmocka_unit_test(
		sasl_initial_response_decode_takes_no_more_than_all),
	    cmocka_unit_test(
		sasl_initial_response_decode_tells_no_data_from_empty),
	    cmocka_unit_test(sasl_response_write_makes_whole_messages),
	    cmocka_unit_test(
		sasl_initial_response_decode_reads_what_was_written),
	};

	return cmocka_run_group_tests_name("protocol/authentication", tests,
					   NULL, NULL);
}

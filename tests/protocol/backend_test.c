#include "protocol/backend.h"

#include "tests/support/test.h"

static void
ready_for_query_decode_knows_three_states(void **state)
{
	enum transaction_status s = TRANSACTION_IDLE;

	(void)state;
	assert_true(ready_for_query_decode(&s, bytes("T", 1)));
	assert_int_equal(s, TRANSACTION_BLOCK);
	assert_true(ready_for_query_decode(&s, bytes("E", 1)));
	assert_int_equal(s, TRANSACTION_FAILED);
	assert_true(ready_for_query_decode(&s, bytes("I", 1)));
	assert_int_equal(s, TRANSACTION_IDLE);
}

static void
ready_for_query_decode_rejects_any_other_byte(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 256; b++) {
		uint8_t wire = (uint8_t)b;
		enum transaction_status s;
		bool known = b == 'I' || b == 'T' || b == 'E';

		assert_int_equal(ready_for_query_decode(&s, span_of(&wire, 1)),
				 known);
	}
}

static void
ready_for_query_decode_wants_exactly_one_byte(void **state)
{
	enum transaction_status s;

	(void)state;
	assert_false(ready_for_query_decode(&s, bytes("", 0)));
	assert_false(ready_for_query_decode(&s, bytes("II", 2)));
}

static void
key_data_decode_bounds_the_secret(void **state)
{
	uint8_t wire[4 + 300] = {0, 0, 1, 2, 0xff};

	(void)state;
	for (size_t len = 0; len <= 304; len++) {
		struct span body = bytes_copy(span_of(wire, len));
		struct key_data k;
		bool good = len >= 8 && len <= 4 + 256;

		assert_int_equal(key_data_decode(&k, body), good);
		if (good) {
			assert_int_equal(k.backend_pid, 258);
			assert_int_equal(k.secret.len, len - 4);
			assert_ptr_equal(k.secret.data, body.data + 4);
		}
		bytes_free(body);
	}
}

static void
check_parameter_is_rejected(struct span part)
{
	struct parameter_status p;

	assert_false(parameter_status_decode(&p, part));
}

static void
parameter_status_decode_reads_name_and_value(void **state)
{
	struct parameter_status p;

	(void)state;
	assert_true(parameter_status_decode(&p, bytes("is\0on\0", 6)));
	assert_span_text(p.name, "is");
	assert_span_text(p.value, "on");
	bytes_each_proper_prefix(bytes("is\0on\0", 6),
				 check_parameter_is_rejected);
	check_parameter_is_rejected(bytes("is\0on\0\0", 7));
}

static void
check_command_complete_is_rejected(struct span part)
{
	struct span tag;

	assert_false(command_complete_decode(&tag, part));
}

static void
command_complete_decode_reads_the_tag(void **state)
{
	struct span tag;

	(void)state;
	assert_true(command_complete_decode(&tag, bytes("DROP TABLE\0", 11)));
	assert_span_text(tag, "DROP TABLE");
	assert_true(span_equals(tag, "DROP TABLE"));
	bytes_each_proper_prefix(bytes("DROP TABLE\0", 11),
				 check_command_complete_is_rejected);
	check_command_complete_is_rejected(bytes("DROP\0TABLE\0", 11));
}

#define ERROR_BODY                                                             \
	"SFEHLER\0VERROR\0C42P01\0Mno table\0DThe table.\0P15\0p3\0Wthere\0"   \
	"RparserOpenTable\0xnew\0"

static void
error_fields_decode_finds_the_fields(void **state)
{
	struct error_fields e;

	(void)state;
	assert_true(
	    error_fields_decode(&e, bytes(ERROR_BODY, sizeof(ERROR_BODY))));
	assert_span_text(e.severity, "ERROR");
	assert_span_text(e.sqlstate, "42P01");
	assert_span_text(e.message, "no table");
	assert_span_text(e.detail, "The table.");
	assert_span_text(e.position, "15");
	assert_span_text(e.where, "there");
	assert_span_text(e.routine, "parserOpenTable");
}

static void
error_fields_decode_falls_back_to_the_localized_severity(void **state)
{
	struct error_fields e;

	(void)state;
	assert_true(error_fields_decode(&e, bytes("SFEHLER\0\0", 9)));
	assert_span_text(e.severity, "FEHLER");
	assert_true(error_fields_decode(&e, bytes("VA\0SB\0\0", 7)));
	assert_span_text(e.severity, "A");
}

static void
error_fields_decode_tells_absent_from_empty(void **state)
{
	struct error_fields e;

	(void)state;
	assert_true(error_fields_decode(&e, bytes("D\0\0", 3)));
	assert_non_null(e.detail.data);
	assert_int_equal(e.detail.len, 0);
	assert_null(e.severity.data);
	assert_null(e.sqlstate.data);
	assert_null(e.message.data);
	assert_null(e.position.data);
	assert_null(e.routine.data);
	assert_true(span_equals(e.routine, ""));
	assert_false(span_equals(e.routine, "x"));
}

static void
check_error_is_rejected(struct span part)
{
	struct error_fields e;

	assert_false(error_fields_decode(&e, part));
}

static void
error_fields_decode_rejects_what_is_malformed(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes(ERROR_BODY, sizeof(ERROR_BODY)),
				 check_error_is_rejected);
	check_error_is_rejected(bytes("Mx\0\0\0", 5));
	check_error_is_rejected(bytes("\0Mx\0", 4));
	check_error_is_rejected((struct span){.data = NULL});
}

/* As much as is there of a message that is too large. */
static void
error_fields_decode_finds_the_fields_ahead_of_a_cut(void **state)
{
	struct error_fields e;

	(void)state;
	assert_false(error_fields_decode(
	    &e, bytes("SFEHLER\0VERROR\0C23505\0Mdoppelt", 29)));
	assert_span_text(e.severity, "ERROR");
	assert_span_text(e.sqlstate, "23505");
	assert_null(e.message.data);
	assert_false(error_fields_decode(&e, bytes("SLOG\0VLO", 8)));
	assert_span_text(e.severity, "LOG");
}

#define ROW_BODY "\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"

static void
data_row_decode_reads_all_columns(void **state)
{
	struct span values[3];

	(void)state;
	assert_true(data_row_decode(values, 3, bytes(ROW_BODY, 16)));
	assert_span_text(values[0], "ab");
	assert_null(values[1].data);
	assert_int_equal(values[1].len, 0);
	assert_non_null(values[2].data);
	assert_int_equal(values[2].len, 0);
}

static void
data_row_decode_accepts_a_row_without_columns(void **state)
{
	(void)state;
	assert_true(data_row_decode(NULL, 0, bytes("\0\0", 2)));
}

static void
data_row_decode_wants_as_many_columns_as_it_is_told(void **state)
{
	struct span values[4];

	(void)state;
	assert_false(data_row_decode(values, 2, bytes(ROW_BODY, 16)));
	assert_false(data_row_decode(values, 4, bytes(ROW_BODY, 16)));
}

/* Whatever number of columns it is taken for. */
static void
check_row_is_rejected(struct span part)
{
	struct span values[4];

	for (size_t count = 0; count <= 4; count++)
		assert_false(data_row_decode(values, count, part));
}

static void
data_row_decode_rejects_what_is_malformed(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes(ROW_BODY, 16), check_row_is_rejected);
	check_row_is_rejected(bytes("\0\0x", 3));
	check_row_is_rejected(bytes("\0\1\0\0\0\1ab", 8));
	check_row_is_rejected(bytes("\0\1\xff\xff\xff\xfe", 6));
	check_row_is_rejected(bytes("\0\1\x80\0\0\0", 6));
	check_row_is_rejected(bytes("\0\1\x7f\xff\xff\xff!", 7));
	check_row_is_rejected(bytes("\xff\xff\0\0\0\0", 6));
}

static void
ready_for_query_write_says_the_status(void **state)
{
	struct writer w = {0};

	(void)state;
	ready_for_query_write(&w, TRANSACTION_FAILED);
	assert_span_equal(span_of(w.data, w.len), bytes("Z\0\0\0\5E", 6));
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ready_for_query_decode_knows_three_states),
	    cmocka_unit_test(ready_for_query_decode_rejects_any_other_byte),
	    cmocka_unit_test(ready_for_query_decode_wants_exactly_one_byte),
	    cmocka_unit_test(key_data_decode_bounds_the_secret),
	    cmocka_unit_test(parameter_status_decode_reads_name_and_value),
	    cmocka_unit_test(command_complete_decode_reads_the_tag),
	    cmocka_unit_test(error_fields_decode_finds_the_fields),
	    cmocka_unit_test(
		error_fields_decode_falls_back_to_the_localized_severity),
	    cmocka_unit_test(error_fields_decode_tells_absent_from_empty),
	    cmocka_unit_test(error_fields_decode_rejects_what_is_malformed),
	    cmocka_unit_test(
		error_fields_decode_finds_the_fields_ahead_of_a_cut),
	    cmocka_unit_test(data_row_decode_reads_all_columns),
	    cmocka_unit_test(
		data_row_decode_wants_as_many_columns_as_it_is_told),
	    cmocka_unit_test(ready_for_query_write_says_the_status),
	    cmocka_unit_test(data_row_decode_accepts_a_row_without_columns),
	    cmocka_unit_test(data_row_decode_rejects_what_is_malformed),
	};

	return cmocka_run_group_tests_name("protocol/backend", tests, NULL,
					   NULL);
}

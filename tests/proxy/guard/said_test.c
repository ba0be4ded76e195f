#include "proxy/guard/said.h"

#include "tests/support/test.h"

enum {
	OUT_BYTES = 200,
};

/* Note a message: its type, and its body. */
static void
note(struct said *s, uint8_t type, const char *body, size_t len, bool begins)
{
	uint8_t frame[FRAME_HEADER_BYTES + 1000] = {type};
	const struct frame_header h = {type, (uint32_t)len};
	struct span in;

	assert_true(len <= sizeof(frame) - FRAME_HEADER_BYTES);
	memcpy(frame + FRAME_HEADER_BYTES, body, len);
	in = bytes_copy(span_of(frame, FRAME_HEADER_BYTES + len));
	said_note_sent(s, &h, in, begins);
	bytes_free(in);
}

static void
query(struct said *s, const char *text, bool begins)
{
	note(s, FRONTEND_QUERY, text, strlen(text) + 1, begins);
}

static void
assert_said(const struct said *s, const char *last, const char *tables)
{
	char out[OUT_BYTES];

	said_tell_last(s, out, sizeof(out), false);
	assert_string_equal(out, last);
	said_tell_tables(s, out, sizeof(out), false);
	assert_string_equal(out, tables);
}

static void
said_tells_the_last_statement_and_all_tables_in_order(void **state)
{
	struct said s = {0};

	(void)state;
	assert_said(&s, "", "");
	query(&s, "begin", true);
	query(&s, "update b set n = 'secret'", false);
	query(&s, "update a set n = 4711", false);
	assert_said(&s, "update a set n = ?", "b, a");
	query(&s, "delete from c", true);
	assert_said(&s, "delete from c", "c");
}

static void
said_keeps_the_first_ones_and_the_last(void **state)
{
	struct said s = {0};
	char text[] = "delete from t0";

	(void)state;
	query(&s, "begin", true);
	for (char i = '1'; i <= '9'; i++) {
		text[sizeof(text) - 2] = i;
		query(&s, text, false);
	}
	assert_said(&s, "delete from t9", "t1, t2, t9");
}

static void
said_knows_what_was_prepared_just_now(void **state)
{
	struct said s = {0};

	(void)state;
	note(&s, FRONTEND_PARSE, BYTES("\0update a set n = $1\0\0\0"), true);
	note(&s, FRONTEND_BIND, BYTES("\0\0\0\0\0\0\0\0"), true);
	assert_said(&s, "update a set n = ?", "a");
	note(&s, FRONTEND_BIND, BYTES("\0\0\0\0\0\0\0\0"), false);
	assert_said(&s, "update a set n = ?", "a");
	note(&s, FRONTEND_PARSE, BYTES("S_1\0update b set n = $1\0\0\0"),
	     false);
	note(&s, FRONTEND_BIND, BYTES("C\0S_1\0\0\0\0\0\0\0"), false);
	assert_said(&s, "update b set n = ?", "a, b");
	note(&s, FRONTEND_BIND, BYTES("C\0S_2\0\0\0\0\0\0\0"), false);
	assert_said(&s, "", "a, b");
	query(&s, "update c set n = 1", true);
	note(&s, FRONTEND_BIND, BYTES("\0S_1\0\0\0\0\0\0\0"), false);
	assert_said(&s, "", "c");
	query(&s, "delete from d", false);
	assert_said(&s, "delete from d", "c, d");
}

/* A driver that has prepared all, and sends but names. */
static void
said_forgets_a_transaction_where_a_bind_begins_the_next(void **state)
{
	struct said s = {0};

	(void)state;
	query(&s, "update a set n = 1", true);
	note(&s, FRONTEND_BIND, BYTES("\0S_1\0\0\0\0\0\0\0"), true);
	assert_said(&s, "", "");
	note(&s, FRONTEND_PARSE, BYTES("S_2\0update b set n = $1\0\0\0"), true);
	note(&s, FRONTEND_BIND, BYTES("\0S_2\0\0\0\0\0\0\0"), true);
	assert_said(&s, "update b set n = ?", "b");
}

/* Whatever a client sends: the server is to complain, not we. */
static void
said_believes_no_length(void **state)
{
	static const char long_text[600] = "select '";
	const struct frame_header claimed = {FRONTEND_QUERY, 0x3fffffff};
	struct said s = {0};
	struct span front;

	(void)state;
	note(&s, FRONTEND_QUERY, "", 0, true);
	note(&s, FRONTEND_PARSE, "", 0, true);
	note(&s, FRONTEND_BIND, "", 0, true);
	note(&s, FRONTEND_BIND, "", 0, true);
	note(&s, FRONTEND_BIND, "x", 1, true);
	assert_said(&s, "", "");
	note(&s, FRONTEND_PARSE, BYTES("no end of it"), true);
	assert_said(&s, "", "");
	note(&s, FRONTEND_PARSE, BYTES("S_1\0select 1 from t"), true);
	assert_said(&s, "select ? from t", "t");
	note(&s, FRONTEND_QUERY, long_text, sizeof(long_text), true);
	assert_said(&s, "select ?", "");
	front = bytes_copy(span_of("Q\x3f\xff\xff\xffselect 1 from t", 20));
	said_note_sent(&s, &claimed, front, true);
	bytes_free(front);
	assert_said(&s, "select ? from t", "t");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		said_tells_the_last_statement_and_all_tables_in_order),
	    cmocka_unit_test(said_keeps_the_first_ones_and_the_last),
	    cmocka_unit_test(said_knows_what_was_prepared_just_now),
	    cmocka_unit_test(
		said_forgets_a_transaction_where_a_bind_begins_the_next),
	    cmocka_unit_test(said_believes_no_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

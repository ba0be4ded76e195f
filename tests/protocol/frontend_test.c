#include "protocol/frontend.h"

#include "protocol/frame.h"
#include "tests/support/test.h"

static void
check_query_is_rejected(struct span part)
{
	struct query_message q;

	assert_false(query_decode(&q, part));
}

static void
query_text_is_all_but_the_nul(void **state)
{
	(void)state;
	assert_span_text(query_text(bytes("select 1\0", 9)), "select 1");
	assert_int_equal(query_text(bytes("\0", 1)).len, 0);
	assert_int_equal(query_text((struct span){.data = NULL}).len, 0);
}

static void
query_decode_borrows_the_text(void **state)
{
	struct span body = bytes("select 1\0", 9);
	struct query_message q;

	(void)state;
	assert_true(query_decode(&q, body));
	assert_ptr_equal(q.sql.data, body.data);
	assert_int_equal(q.sql.len, 8);
	assert_int_equal(q.sql.data[q.sql.len], 0);
	assert_true(query_decode(&q, bytes("\0", 1)));
	assert_int_equal(q.sql.len, 0);
}

static void
query_decode_rejects_every_proper_prefix(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("select 1\0", 9),
				 check_query_is_rejected);
	check_query_is_rejected((struct span){.data = NULL});
}

static void
query_decode_wants_its_one_nul_at_the_end(void **state)
{
	(void)state;
	check_query_is_rejected(bytes("select 1", 8));
	check_query_is_rejected(bytes("sel\0ect 1", 9));
	check_query_is_rejected(bytes("select 1;\0drop table a\0", 23));
	check_query_is_rejected(bytes("select 1\0\0", 10));
	check_query_is_rejected(bytes("\0select 1", 9));
}

static void
check_parse_is_rejected(struct span part)
{
	struct parse_message p;

	assert_false(parse_decode(&p, part));
}

static void
parse_decode_reads_name_text_and_types(void **state)
{
	struct span body = bytes("s1\0select $1\0\0\1\0\0\0\x17", 19);
	struct parse_message p;

	(void)state;
	assert_true(parse_decode(&p, body));
	assert_span_text(p.statement, "s1");
	assert_span_text(p.sql, "select $1");
	assert_int_equal(p.sql.data[p.sql.len], 0);
	assert_span_equal(p.rest, bytes("\0\1\0\0\0\x17", 6));
	assert_ptr_equal(p.rest.data, body.data + 13);
}

static void
parse_decode_accepts_the_unnamed_empty_statement(void **state)
{
	struct parse_message p;

	(void)state;
	assert_true(parse_decode(&p, bytes("\0\0\0\0", 4)));
	assert_int_equal(p.statement.len, 0);
	assert_int_equal(p.sql.len, 0);
	assert_int_equal(p.rest.len, 2);
}

static void
parse_decode_rejects_every_proper_prefix(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("s1\0select $1\0\0\1\0\0\0\x17", 19),
				 check_parse_is_rejected);
	bytes_each_proper_prefix(bytes("\0\0\0\0", 4), check_parse_is_rejected);
}

static void
parse_decode_rejects_what_the_count_does_not_cover(void **state)
{
	(void)state;
	check_parse_is_rejected(bytes("\0x\0\0\0y", 6));
	check_parse_is_rejected(bytes("\0x\0\0\1\0\0\0", 8));
	check_parse_is_rejected(bytes("\0x\0\0\2\0\0\0\1", 9));
	check_parse_is_rejected(bytes("\0x\0\xff\xff\0\0\0\1", 9));
	/* a NUL within the text: what follows is no list of types */
	check_parse_is_rejected(bytes("\0select 1\0drop table a\0\0\0", 25));
	/* its only NUL ends the name, or the text */
	check_parse_is_rejected(bytes("s1\0select 1", 11));
	check_parse_is_rejected(bytes("select 1\0", 9));
}

static void
parse_decode_accepts_as_many_types_as_a_count_can_say(void **state)
{
	size_t len = 4 + 65535 * 4;
	uint8_t *wire = calloc(1, len);
	struct parse_message p;

	(void)state;
	assert_non_null(wire);
	memset(wire + 2, 0xff, 2);
	assert_true(parse_decode(&p, span_of(wire, len)));
	assert_false(parse_decode(&p, span_of(wire, len - 1)));
	free(wire);
}

static void
check_bind_is_rejected(struct span part)
{
	struct bind_message b;

	assert_false(bind_decode(&b, part));
}

static void
bind_decode_needs_no_more_than_the_names(void **state)
{
	struct bind_message b;

	(void)state;
	assert_true(bind_decode(&b, bytes("c1\0s1\0", 6)));
	assert_span_text(b.portal, "c1");
	assert_span_text(b.statement, "s1");
	assert_true(bind_decode(&b, bytes("\0\0\0\1\0\1\0", 7)));
	assert_int_equal(b.portal.len, 0);
	assert_int_equal(b.statement.len, 0);
}

static void
bind_decode_rejects_every_front_without_both_names(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("c1\0s1\0", 6), check_bind_is_rejected);
	bytes_each_proper_prefix(bytes("\0\0", 2), check_bind_is_rejected);
}

static void
check_target_is_rejected(struct span part)
{
	struct target_message t;

	assert_false(target_decode(&t, part));
}

static void
target_decode_reads_kind_and_name(void **state)
{
	struct target_message t;

	(void)state;
	assert_true(target_decode(&t, bytes("Ss1\0", 4)));
	assert_int_equal(t.kind, 'S');
	assert_span_text(t.name, "s1");
	assert_true(target_decode(&t, bytes("P\0", 2)));
	assert_int_equal(t.kind, 'P');
	assert_int_equal(t.name.len, 0);
}

static void
target_decode_rejects_what_is_malformed(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("Ss1\0", 4), check_target_is_rejected);
	check_target_is_rejected(bytes("Xs1\0", 4));
	check_target_is_rejected(bytes("\0s1\0", 4));
	check_target_is_rejected(bytes("Ss1\0\0", 5));
	check_target_is_rejected(bytes("Ss\0001\0", 5));
}

static void
check_execute_is_rejected(struct span part)
{
	struct execute_message e;

	assert_false(execute_decode(&e, part));
}

static void
execute_decode_reads_portal_and_limit(void **state)
{
	struct execute_message e;

	(void)state;
	assert_true(execute_decode(&e, bytes("c1\0\0\0\1\2", 7)));
	assert_span_text(e.portal, "c1");
	assert_int_equal(e.max_rows, 258);
	assert_true(execute_decode(&e, bytes("\0\x7f\xff\xff\xff", 5)));
	assert_int_equal(e.max_rows, INT32_MAX);
}

static void
execute_decode_takes_a_negative_limit_for_none(void **state)
{
	struct execute_message e;

	(void)state;
	assert_true(execute_decode(&e, bytes("\0\x80\0\0\0", 5)));
	assert_int_equal(e.max_rows, 0);
	assert_true(execute_decode(&e, bytes("\0\xff\xff\xff\xff", 5)));
	assert_int_equal(e.max_rows, 0);
}

static void
execute_decode_rejects_what_is_malformed(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes("c1\0\0\0\0\0", 7),
				 check_execute_is_rejected);
	check_execute_is_rejected(bytes("c1\0\0\0\0\0\0", 8));
}

/* Encoders: what they write the decoders read. */

static struct span
next_body(struct span *in, uint8_t type)
{
	struct frame frame;

	assert_int_equal(frame_next(&frame, in, FRAME_LENGTH_MAX), FRAME_OK);
	assert_int_equal(frame.type, type);
	return frame.body;
}

static void
encoders_write_what_the_decoders_read(void **state)
{
	struct writer w = {0};
	struct query_message query;
	struct parse_message parse;
	struct execute_message execute;
	struct target_message target;
	struct span in;

	(void)state;
	query_write(&w, "select 1, 2", 8);
	parse_write(&w, "s", "select $1");
	execute_write(&w, "p");
	close_write(&w, 'P', "p");
	bare_write(&w, FRONTEND_SYNC);
	assert_false(w.failed);
	in = span_of(w.data, w.len);
	assert_true(query_decode(&query, next_body(&in, FRONTEND_QUERY)));
	assert_true(span_equals(query.sql, "select 1"));
	assert_true(parse_decode(&parse, next_body(&in, FRONTEND_PARSE)));
	assert_true(span_equals(parse.statement, "s"));
	assert_true(span_equals(parse.sql, "select $1"));
	assert_span_equal(parse.rest, bytes("\0\0", 2));
	assert_true(execute_decode(&execute, next_body(&in, FRONTEND_EXECUTE)));
	assert_true(span_equals(execute.portal, "p"));
	assert_int_equal(execute.max_rows, 0);
	assert_true(target_decode(&target, next_body(&in, FRONTEND_CLOSE)));
	assert_int_equal(target.kind, 'P');
	assert_true(span_equals(target.name, "p"));
	assert_int_equal(next_body(&in, FRONTEND_SYNC).len, 0);
	assert_int_equal(in.len, 0);
	writer_clear(&w);
}

static void
bind_write_writes_text_parameters(void **state)
{
	static char first[] = "ab";
	static char second[] = "";
	char *const params[] = {first, second};
	struct writer w = {0};

	(void)state;
	bind_write(&w, "p", "s", params, 2);
	assert_span_equal(span_of(w.data, w.len),
			  bytes("B\0\0\0\x18"
				"p\0s\0\0\0\0\2\0\0\0\2ab\0\0\0\0\0\0",
				25));
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encoders_write_what_the_decoders_read),
	    cmocka_unit_test(bind_write_writes_text_parameters),
	    cmocka_unit_test(query_decode_borrows_the_text),
	    cmocka_unit_test(query_decode_rejects_every_proper_prefix),
	    cmocka_unit_test(query_decode_wants_its_one_nul_at_the_end),
	    cmocka_unit_test(parse_decode_reads_name_text_and_types),
	    cmocka_unit_test(parse_decode_accepts_the_unnamed_empty_statement),
	    cmocka_unit_test(parse_decode_rejects_every_proper_prefix),
	    cmocka_unit_test(
		parse_decode_rejects_what_the_count_does_not_cover),
	    cmocka_unit_test(
		parse_decode_accepts_as_many_types_as_a_count_can_say),
	    cmocka_unit_test(bind_decode_needs_no_more_than_the_names),
	    cmocka_unit_test(
		bind_decode_rejects_every_front_without_both_names),
	    cmocka_unit_test(query_text_is_all_but_the_nul),
	    cmocka_unit_test(target_decode_reads_kind_and_name),
	    cmocka_unit_test(target_decode_rejects_what_is_malformed),
	    cmocka_unit_test(execute_decode_reads_portal_and_limit),
	    cmocka_unit_test(execute_decode_takes_a_negative_limit_for_none),
	    cmocka_unit_test(execute_decode_rejects_what_is_malformed),
	};

	return cmocka_run_group_tests_name("protocol/frontend", tests, NULL,
					   NULL);
}

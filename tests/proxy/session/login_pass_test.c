#include "proxy/session/login.h"

#include "tests/support/login.h"

/* auth = pass */

static void
login_answer_takes_plus_off_the_list_for_a_client_in_clear(void **state)
{
	static const char without[] = "R\0\0\0\x17\0\0\0\x0a" SCRAM "\0";
	struct fixture *f = *state;
	enum legs legs;

	for (legs = CLEAR; legs <= SERVER_ONLY; legs += 2) {
		f = *state;
		begin_pass(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
		assert_span_equal(hear_client(f),
				  bytes(without, sizeof(without)));
		assert_int_equal(f->s->state, SESSION_AUTH);
		assert_true(choose(f, SCRAM, "n,,n=,r=x"));
		again(state);
	}
}

static void
login_answer_leaves_a_list_without_plus_alone(void **state)
{
	enum legs legs;

	for (legs = CLEAR; legs <= THROUGH; legs++) {
		struct fixture *f = *state;

		begin_pass(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
				 LOGIN_PASS);
		assert_true(choose(f, SCRAM, "y,,n=,r=x"));
		assert_int_equal(hear_client(f).len, 0);
		again(state);
	}
}

static void
login_judge_lets_a_client_bind_to_the_servers_own_certificate(void **state)
{
	static const char *const choices[][2] = {{PLUS, "p=tls-server-end-"
							"point,,n=,r=x"},
						 {SCRAM, "n,,n=,r=x"}};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct fixture *f = *state;

		begin_pass(f, THROUGH);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_PASS);
		assert_true(choose(f, choices[i][0], choices[i][1]));
		assert_int_equal(f->s->state, SESSION_AUTH);
		again(state);
	}
}

static void
login_judge_tells_a_client_that_it_cannot_bind(void **state)
{
	static const char *const choices[][2] = {
	    {PLUS, "p=tls-server-end-point,,n=,r=x"}, {SCRAM, "y,,n=,r=x"}};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct fixture *f = *state;

		begin_pass(f, APART);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_PASS);
		assert_false(choose(f, choices[i][0], choices[i][1]));
		assert_closed(f, CLOSE_BINDING, "channel_binding=disable");
		again(state);
	}
}

static void
login_judge_lets_a_client_pass_that_does_not_bind(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, APART);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_true(choose(f, SCRAM, "n,,n=,r=x"));
	assert_int_equal(f->s->state, SESSION_AUTH);
	/* The rest is not looked at. */
	assert_true(choose(f, PLUS, "p=x"));
}

static void
login_judge_waits_for_the_whole_choice(void **state)
{
	struct fixture *f = *state;
	struct writer w = {0};
	size_t len;

	begin_pass(f, APART);
	sasl_initial_response_write(&w, PLUS, text_of("p=x,,n=,r=x"));
	/* Nothing has been asked yet. */
	assert_false(judge(f, span_of(w.data, w.len)));
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	for (len = FRAME_HEADER_BYTES; len < w.len; len++) {
		struct span part = bytes_copy(span_of(w.data, len));

		assert_false(judge(f, part));
		bytes_free(part);
	}
	assert_false(judge(f, span_of(w.data, w.len)));
	assert_session_closes(f->f, CLOSE_BINDING);
	writer_clear(&w);
}

static void
login_judge_leaves_to_the_server_what_is_malformed(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, APART);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_true(judge(f, bytes("p\0\0\0\5x", 6)));
	/* It has chosen nothing yet. */
	assert_false(choose(f, PLUS, "p=x"));
}

/* The server refuses it; sent before or behind, it waits for the login. */
static void
login_judge_passes_a_query_in_place_of_an_answer_only(void **state)
{
	static const char query[] = "Q\0\0\0\x06;";
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_false(judge(f, bytes(query, sizeof(query))));
	assert_int_equal(answer(f, AUTHENTICATION_CLEARTEXT_PASSWORD, "", 0),
			 LOGIN_PASS);
	assert_true(judge(f, bytes(query, sizeof(query))));
	assert_false(judge(f, bytes(query, sizeof(query))));
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_false(judge(f, bytes(query, sizeof(query))));
	/* AuthenticationOk may come behind it unasked. */
	assert_int_equal(answer(f, AUTHENTICATION_GSS_CONTINUE, "x", 1),
			 LOGIN_PASS);
	assert_false(judge(f, bytes(query, sizeof(query))));
}

/* What was sent before the question may have been the answer to it. */
static void
login_judge_passes_no_query_behind_an_answer_ahead(void **state)
{
	static const char query[] = "Q\0\0\0\x06;";
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(
	    answer_frame(f, bytes("v\0\0\0\x0c\0\3\0\0\0\0\0\0", 13)),
	    LOGIN_PASS);
	assert_true(judge(f, bytes("p\0\0\0\6x", 7)));
	assert_int_equal(answer(f, AUTHENTICATION_CLEARTEXT_PASSWORD, "", 0),
			 LOGIN_PASS);
	assert_false(judge(f, bytes(query, sizeof(query))));
}

static void
login_answer_passes_what_else_the_server_asks(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_CLEARTEXT_PASSWORD, "", 0),
			 LOGIN_PASS);
	assert_int_equal(answer(f, 4711, "", 0), LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_FINAL, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(answer_frame(f, bytes("S\0\0\0\x08"
					       "a\0b",
					       9)),
			 LOGIN_PASS);
	assert_int_equal(hear_client(f).len, 0);
}

static void
login_answer_refuses_a_malformed_authentication(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(answer_frame(f, bytes("R\0\0\0\7\0\0\0", 8)),
			 LOGIN_TAKE);
	assert_closed(f, CLOSE_SERVER_BAD, "57P03");
}

/* channel_binding=require, auth = pass */

static void
begin_bound(struct fixture *f, enum legs legs)
{
	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	begin_pass(f, legs);
}

static void
login_answer_refuses_what_cannot_bind_where_that_is_required(void **state)
{
	enum legs legs;

	for (legs = CLEAR; legs < THROUGH; legs++) {
		struct fixture *f = *state;

		begin_bound(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
		assert_closed(f, CLOSE_BINDING, UNBOUND);
		again(state);
	}
	begin_bound(*state, THROUGH);
	assert_int_equal(answer(*state, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_closed(*state, CLOSE_BINDING, UNBOUND);
}

static void
login_answer_refuses_other_methods_where_binding_is_required(void **state)
{
	static const uint32_t codes[] = {
	    AUTHENTICATION_OK, AUTHENTICATION_CLEARTEXT_PASSWORD,
	    AUTHENTICATION_MD5_PASSWORD, AUTHENTICATION_GSS, 4711};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct fixture *f = *state;

		begin_bound(f, THROUGH);
		assert_int_equal(answer(f, codes[i], "", 0), LOGIN_TAKE);
		assert_closed(f, CLOSE_BINDING, UNBOUND);
		again(state);
	}
}

static void
login_passes_a_client_that_binds_where_that_is_required(void **state)
{
	struct fixture *f = *state;

	begin_bound(f, THROUGH);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_true(choose(f, PLUS, "p=tls-server-end-point,,n=,r=x"));
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_FINAL, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
}

static void
login_judge_refuses_a_client_that_does_not_bind_where_it_must(void **state)
{
	struct fixture *f = *state;

	begin_bound(f, THROUGH);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_false(choose(f, SCRAM, "n,,n=,r=x"));
	assert_closed(f, CLOSE_BINDING, UNBOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_answer_takes_plus_off_the_list_for_a_client_in_clear),
	    TEST(login_answer_leaves_a_list_without_plus_alone),
	    TEST(login_judge_lets_a_client_bind_to_the_servers_own_certificate),
	    TEST(login_judge_tells_a_client_that_it_cannot_bind),
	    TEST(login_judge_lets_a_client_pass_that_does_not_bind),
	    TEST(login_judge_waits_for_the_whole_choice),
	    TEST(login_judge_leaves_to_the_server_what_is_malformed),
	    TEST(login_judge_passes_a_query_in_place_of_an_answer_only),
	    TEST(login_judge_passes_no_query_behind_an_answer_ahead),
	    TEST(login_answer_passes_what_else_the_server_asks),
	    TEST(login_answer_refuses_a_malformed_authentication),
	    TEST(login_answer_refuses_what_cannot_bind_where_that_is_required),
	    TEST(login_answer_refuses_other_methods_where_binding_is_required),
	    TEST(login_passes_a_client_that_binds_where_that_is_required),
	    TEST(login_judge_refuses_a_client_that_does_not_bind_where_it_must),
	};

	return cmocka_run_group_tests_name("proxy/session/login_pass", tests,
					   enter_folder,
					   certificates_leave_folder);
}

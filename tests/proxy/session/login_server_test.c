#include "proxy/session/login.h"

#include "tests/support/login.h"

static struct span
hear_server(struct fixture *f)
{
	return hear(f, f->f->server, f->server);
}

/* auth = scram: the server */

/* What we have answered, without its frame. */
static struct span
hear_response(struct fixture *f)
{
	struct span said = hear_server(f);
	struct frame frame;

	assert_int_equal(frame_next(&frame, &said, sizeof(f->data)), FRAME_OK);
	assert_int_equal(frame.type, FRONTEND_PASSWORD);
	return frame.body;
}

/* The server's side up to its last word, which is not said yet. */
static void
serve(struct fixture *f, struct scram_server *server, bool is_plus,
      struct writer *last)
{
	struct sasl_initial_response first;
	struct writer text = {0};

	if (is_plus)
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
	else
		assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
				 LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_true(span_equals(first.mechanism, is_plus ? PLUS : SCRAM));
	assert_int_equal(scram_server_step(server, is_plus, first.data, &text),
			 SCRAM_CONTINUE);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_CONTINUE, text.data, text.len),
	    LOGIN_TAKE);
	writer_clear(&text);
	assert_int_equal(
	    scram_server_step(server, is_plus, hear_response(f), last),
	    SCRAM_DONE);
}

static void
log_in(struct fixture *f, struct scram_server *server, bool is_plus)
{
	struct writer last = {0};

	serve(f, server, is_plus, &last);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_FINAL, last.data, last.len),
	    LOGIN_TAKE);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
	assert_int_equal(hear_client(f).len, 0);
	writer_clear(&last);
	scram_server_free(server);
}

static void
login_logs_in_to_the_server_for_the_client(void **state)
{
	struct scram_secret secret = pencil();

	let_client_in(*state, CLEAR);
	log_in(*state, server_of(&secret.verifier, no_binding()), false);
}

static void
login_binds_to_the_servers_certificate(void **state)
{
	struct scram_secret secret = pencil();
	struct fixture *f = *state;
	uint8_t binding[TLS_BINDING_MAX];
	size_t len;

	let_client_in(f, CLIENT_ONLY);
	secure_server(f, "another");
	len = tls_peer_binding(f->s->pair.server.tls, binding);
	assert_int_equal(len, 32);
	log_in(f, server_of(&secret.verifier, span_of(binding, len)), true);
}

static void
login_does_not_bind_where_that_is_disabled(void **state)
{
	struct sasl_initial_response first;
	struct fixture *f = *state;

	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_DISABLE;
	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_true(span_equals(first.mechanism, SCRAM));
	assert_int_equal(first.data.data[0], 'n');
}

/* So that a server which did offer it notices. */
static void
login_tells_the_server_that_it_could_have_bound(void **state)
{
	struct sasl_initial_response first;
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_int_equal(first.data.data[0], 'y');
}

static void
login_refuses_a_server_that_cannot_bind_where_it_must(void **state)
{
	struct fixture *f = *state;

	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_closed(f, CLOSE_BINDING, UNBOUND);
	again(state);
	f = *state;
	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_TAKE);
	assert_closed(f, CLOSE_BINDING, UNBOUND);
}

static void
login_passes_a_server_that_asks_for_nothing(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
}

static void
login_refuses_a_server_that_asks_for_something_else(void **state)
{
	static const uint32_t codes[] = {AUTHENTICATION_CLEARTEXT_PASSWORD,
					 AUTHENTICATION_MD5_PASSWORD,
					 AUTHENTICATION_GSS, 4711};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct fixture *f = *state;

		let_client_in(f, CLEAR);
		assert_int_equal(answer(f, codes[i], "salt", 4), LOGIN_TAKE);
		assert_closed(f, CLOSE_UPSTREAM_LOGIN,
			      "another authentication than SCRAM-SHA-256");
		again(state);
	}
	let_client_in(*state, CLEAR);
	assert_int_equal(answer(*state, AUTHENTICATION_SASL, LIST("OTHER")),
			 LOGIN_TAKE);
	assert_session_closes(((struct fixture *)*state)->f,
			      CLOSE_UPSTREAM_LOGIN);
}

static void
login_refuses_a_server_whose_verifier_is_another(void **state)
{
	struct fixture *f = *state;
	char first[256];
	struct span text;
	int len;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	text = hear_response(f); /* SCRAM-SHA-256, length, "n,,n=,r=..." */
	text.data += sizeof(SCRAM) + 4 + 6;
	text.len -= sizeof(SCRAM) + 4 + 6;
	len = snprintf(first, sizeof(first), "%.*sx,s=AAAA,i=4096",
		       (int)text.len, (const char *)text.data);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_CONTINUE, first, (size_t)len),
	    LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "SIGHUP");
}

/* Somebody who only plays the server. */
static void
login_refuses_a_server_that_does_not_prove_itself(void **state)
{
	static const char wrong[] =
	    "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct scram_secret secret = pencil();
	struct fixture *f = *state;
	struct scram_server *server = server_of(&secret.verifier, no_binding());
	struct writer last = {0};

	let_client_in(f, CLEAR);
	serve(f, server, false, &last);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_FINAL, wrong, sizeof(wrong) - 1),
	    LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "did not prove");
	writer_clear(&last);
	scram_server_free(server);
	again(state);
	f = *state;
	server = server_of(&secret.verifier, no_binding());
	let_client_in(f, CLEAR);
	serve(f, server, false, &last);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "did not prove");
	writer_clear(&last);
	scram_server_free(server);
}

static void
login_refuses_a_server_out_of_turn(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "r=x", 3),
			 LOGIN_TAKE);
	assert_session_closes(f->f, CLOSE_SERVER_BAD);
	again(state);
	f = *state;
	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_session_closes(f->f, CLOSE_UPSTREAM_LOGIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_logs_in_to_the_server_for_the_client),
	    TEST(login_binds_to_the_servers_certificate),
	    TEST(login_does_not_bind_where_that_is_disabled),
	    TEST(login_tells_the_server_that_it_could_have_bound),
	    TEST(login_refuses_a_server_that_cannot_bind_where_it_must),
	    TEST(login_passes_a_server_that_asks_for_nothing),
	    TEST(login_refuses_a_server_that_asks_for_something_else),
	    TEST(login_refuses_a_server_whose_verifier_is_another),
	    TEST(login_refuses_a_server_that_does_not_prove_itself),
	    TEST(login_refuses_a_server_out_of_turn),
	};

	return cmocka_run_group_tests_name("proxy/session/login_server", tests,
					   enter_folder,
					   certificates_leave_folder);
}

#include "proxy/session/login.h"

#include "tests/support/login.h"

static void
say_bytes(struct fixture *f, const char *data, size_t len)
{
	struct writer w = {0};

	write_bytes(&w, data, len);
	say(f, &w);
}

/* auth = scram: the client */

static void
login_lets_a_client_in_that_knows_its_password(void **state)
{
	struct scram_secret secret = pencil();

	let_client_in(*state, CLEAR);
	assert_memory_equal(((struct fixture *)*state)->s->login->client_key,
			    secret.client_key, SCRAM_KEY_BYTES);
	again(state);
	let_client_in(*state, CLIENT_ONLY);
}

static void
assert_password_refused(struct fixture *f, const char *password)
{
	struct scram_secret secret =
	    scram_secret_of_text(password, PENCIL_SALT, 4096);
	struct scram_client *c = client_of(&secret, no_binding(), false);

	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	assert_false(exchange_with(f, SCRAM, c));
	assert_closed(f, CLOSE_PASSWORD,
		      "password authentication failed for user \"");
	scram_client_free(c);
}

static void
login_refuses_a_wrong_password(void **state)
{
	assert_password_refused(*state, "pencils");
}

/* Its salt is made up, and only the last answer refuses it. */
static void
login_refuses_a_role_that_is_not_known_in_the_same_way(void **state)
{
	struct fixture *f = *state;
	struct span data;

	memcpy(f->s->pair.user, "nobody", 7);
	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	say_bytes(f,
		  "p\0\0\0\x24" SCRAM "\0\0\0\0\x0e"
		  "n,,n=,r=abcdef",
		  37);
	assert_true(
	    hear_authentication(f, AUTHENTICATION_SASL_CONTINUE, &data));
	assert_int_equal(f->s->state, SESSION_SASL);
	assert_memory_equal(data.data, "r=abcdef", 8);
}

static void
login_refuses_a_client_whose_binding_is_another(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c =
	    client_of(&secret, bytes("another certificate's hash", 26), false);

	begin_scram(f, CLIENT_ONLY);
	assert_offered(f, BOTH);
	assert_false(exchange_with(f, PLUS, c));
	assert_closed(f, CLOSE_BINDING, "SCRAM channel binding check failed");
	scram_client_free(c);
}

/* Somebody in between took PLUS off the list. */
static void
login_refuses_a_client_that_was_told_there_is_no_plus(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c = client_of(&secret, no_binding(), true);

	begin_scram(f, CLIENT_ONLY);
	assert_offered(f, BOTH);
	assert_false(exchange_with(f, SCRAM, c));
	assert_closed(f, CLOSE_BINDING, "SCRAM channel binding check failed");
	scram_client_free(c);
}

static void
login_takes_answers_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c = client_of(&secret, no_binding(), false);
	struct writer text = {0};
	struct writer w = {0};
	struct span data;
	size_t i;

	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	assert_true(scram_client_first(c, &text));
	sasl_initial_response_write(&w, SCRAM, span_of(text.data, text.len));
	for (i = 0; i < w.len; i++) {
		assert_int_equal(hear_client(f).len, 0);
		say_bytes(f, (const char *)w.data + i, 1);
	}
	assert_true(
	    hear_authentication(f, AUTHENTICATION_SASL_CONTINUE, &data));
	writer_clear(&text);
	writer_clear(&w);
	scram_client_free(c);
}

static void
login_refuses_what_is_no_answer(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
		struct fixture *f = *state;

		begin_scram(f, CLEAR);
		assert_offered(f, ONLY_SCRAM);
		say_bytes(f, strays[i].data, strays[i].len);
		if (!pair_is_closing(&f->s->pair))
			fail_msg("message %zu", i);
		assert_session_closes(f->f, strays[i].reason);
		again(state);
	}
}

static void
login_ends_with_a_client_that_leaves(void **state)
{
	struct fixture *f = *state;

	begin_scram(f, CLEAR);
	shutdown(f->f->client, SHUT_WR);
	login_readable(f->s);
	assert_session_closes(f->f, CLOSE_CLIENT_LEFT);
}

/* Some clients do not wait for the list. */
static void
login_begin_takes_what_was_said_with_the_startup_packet(void **state)
{
	static const char first[] = "p\0\0\0\x20" SCRAM "\0\0\0\0\x0a"
				    "n,,n=,r=ab";
	struct fixture *f = *state;
	struct span said;
	struct frame frame;
	struct authentication a;

	assert_true(buffer_append(&f->s->pair.from_client.buffer, first,
				  sizeof(first) - 1));
	begin_scram(f, CLEAR);
	assert_int_equal(f->s->pair.from_client.buffer.len, 0);
	said = hear_client(f);
	assert_int_equal(frame_next(&frame, &said, said.len), FRAME_OK);
	assert_int_equal(frame_next(&frame, &said, said.len), FRAME_OK);
	assert_true(authentication_decode(&a, frame.body));
	assert_int_equal(a.code, AUTHENTICATION_SASL_CONTINUE);
	assert_memory_equal(a.data.data, "r=ab", 4);
}

static void
login_judge_refuses_an_answer_that_nothing_asked_for(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_false(choose(f, SCRAM, "n,,n=,r=x"));
	assert_closed(f, CLOSE_CLIENT_BAD, "08P01");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_lets_a_client_in_that_knows_its_password),
	    TEST(login_refuses_a_wrong_password),
	    TEST(login_refuses_a_role_that_is_not_known_in_the_same_way),
	    TEST(login_refuses_a_client_whose_binding_is_another),
	    TEST(login_refuses_a_client_that_was_told_there_is_no_plus),
	    TEST(login_takes_answers_in_pieces),
	    TEST(login_refuses_what_is_no_answer),
	    TEST(login_ends_with_a_client_that_leaves),
	    TEST(login_begin_takes_what_was_said_with_the_startup_packet),
	    TEST(login_judge_refuses_an_answer_that_nothing_asked_for),
	};

	return cmocka_run_group_tests_name("proxy/session/login_client", tests,
					   enter_folder,
					   certificates_leave_folder);
}

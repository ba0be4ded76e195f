#include "protocol/startup.h"

#include "tests/support/sessions.h"

static void
startup_packet_goes_to_the_server_as_it_is(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	assert_string_equal(f->s->pair.user, "joe");
	assert_string_equal(f->s->pair.database, "joe");
	assert_false(f->s->is_blind);
}

static void
startup_packet_may_come_byte_by_byte(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	for (size_t i = 0; i < sizeof(STARTUP) - 1; i++) {
		assert_int_equal(f->s->state, SESSION_STARTUP);
		says(f, &STARTUP[i], 1);
	}
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
}

static void
startup_packet_may_come_with_what_follows(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(STARTUP QUERY));
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	serves(f, BYTES(AUTHENTICATED KEY READY));
	assert_gets(f, f->server, BYTES(QUERY));
}

static void
startup_packet_names_the_database(void **state)
{
	static const char packet[] =
	    "\0\0\0\x1e\0\3\0\0user\0joe\0database\0db\0";
	struct fixture *f = *state;

	connect_locally(f);
	says(f, packet, sizeof(packet));
	accept_server(f);
	assert_gets(f, f->server, packet, sizeof(packet));
	assert_string_equal(f->s->pair.user, "joe");
	assert_string_equal(f->s->pair.database, "db");
}

static void
name_of_a_user_is_cut_for_the_log(void **state)
{
	struct fixture *f = *state;
	char packet[8 + 5 + 100 + 2] = "\0\0\0\x73\0\3\0\0user";

	memset(packet + 13, 'x', 100);
	connect_locally(f);
	says(f, packet, sizeof(packet));
	assert_int_equal(strlen(f->s->pair.user), PAIR_NAME_BYTES - 1);
	accept_server(f);
	assert_gets(f, f->server, packet, sizeof(packet));
}

static void
replication_is_seen(void **state)
{
	static const char packet[] =
	    "\0\0\0\x21\0\3\0\0user\0joe\0replication\0on\0";
	struct fixture *f = *state;

	connect_locally(f);
	says(f, packet, sizeof(packet));
	assert_true(f->s->is_blind);
}

static const struct {
	const char *data;
	size_t len;
	enum close_reason reason;
} bad_packets[] = {
    {BYTES("\0\0\0\7"), CLOSE_STARTUP_NONE},
    {BYTES("\0\0\x27\x15"), CLOSE_STARTUP_NONE},
    {BYTES("GET / HTTP/1.1"), CLOSE_STARTUP_NONE},
    {BYTES("\0\0\0\xd\0\3\0\0user\0"), CLOSE_STARTUP_BAD},
    {BYTES("\0\0\0\xf\4\xd2\x16\x2e\0\0\0\7"
	   "123"),
     CLOSE_STARTUP_NONE},
    {BYTES("\0\0\0\x8\0\2\0\0"), CLOSE_VERSION},
    {BYTES("\0\0\0\x8\0\4\0\0"), CLOSE_VERSION},
};

static void
bad_packet_closes(void **state)
{
	for (size_t i = 0; i < sizeof(bad_packets) / sizeof(*bad_packets);
	     i++) {
		struct fixture *f = *state;

		connect_locally(f);
		says(f, bad_packets[i].data, bad_packets[i].len);
		assert_closes(f, bad_packets[i].reason);
		again_with(state, setup);
	}
}

static void
minor_version_is_the_servers_to_judge(void **state)
{
	static const char packet[] = "\0\0\0\x12\0\3\0\x9user\0joe\0";
	struct fixture *f = *state;

	connect_locally(f);
	says(f, packet, sizeof(packet));
	accept_server(f);
	assert_gets(f, f->server, packet, sizeof(packet));
}

static void
client_that_leaves_is_told_nothing(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, STARTUP, 5);
	shutdown(f->client, SHUT_WR);
	run(f);
	assert_words(hear_end(f, f->client), CLOSE_CLIENT_LEFT);
	loop_until(f->base, has_no_session, f);
}

static void
client_beyond_the_limit_is_told_once_it_has_spoken(void **state)
{
	struct fixture *f = *state;

	f->config.max_connections = 1;
	connect_locally(f);
	assert_false(f->s->is_over_limit);
	connect_locally(f);
	assert_true(f->s->is_over_limit);
	run(f);
	assert_silent(f->client);
	says(f, BYTES(STARTUP));
	assert_closes(f, CLOSE_TOO_MANY);
}

/* Encryption is asked for where there is none */

static const struct {
	const char *data;
	size_t len;
	const char *answers;
} requests[] = {
    {BYTES(SSL_REQUEST), "N"},
    {BYTES(GSSENC_REQUEST), "N"},
    {BYTES(SSL_REQUEST GSSENC_REQUEST), "NN"},
    {BYTES(GSSENC_REQUEST SSL_REQUEST), "NN"},
    {BYTES(SSL_REQUEST SSL_REQUEST), "NN"},
    {BYTES(GSSENC_REQUEST GSSENC_REQUEST), "NN"},
};

static void
request_for_encryption_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		struct fixture *f = *state;

		connect_locally(f);
		for (size_t n = 0; n < requests[i].len; n += 4)
			says(f, requests[i].data + n, 4);
		assert_gets(f, f->client, requests[i].answers,
			    strlen(requests[i].answers));
		says(f, BYTES(STARTUP));
		accept_server(f);
		assert_gets(f, f->server, BYTES(STARTUP));
		again_with(state, setup);
	}
}

static void
requests_may_come_at_once(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(GSSENC_REQUEST SSL_REQUEST STARTUP));
	assert_gets(f, f->client, "NN", 2);
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
}

static void
third_request_closes(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(GSSENC_REQUEST SSL_REQUEST));
	assert_gets(f, f->client, "NN", 2);
	says(f, BYTES(SSL_REQUEST));
	assert_closes(f, CLOSE_STARTUP_BAD);
	assert_string_equal(f->s->pair.farewell.detail, "repeated SSLRequest");
}

/* The server */

static void
server_that_cannot_be_reached_is_told_of(void **state)
{
	struct fixture *f = *state;

	shutdown(f->listener, SHUT_RDWR);
	connect_locally(f);
	says(f, BYTES(STARTUP));
	loop_for(f->base, 5);
	assert_closes(f, CLOSE_UNREACHABLE);
	assert_says(f, "127.0.0.1");
}

static void
client_is_not_read_while_the_server_is_dialled(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	assert_int_equal(write(f->client, BYTES(STARTUP)), sizeof(STARTUP) - 1);
	session_startup_readable(f->s);
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_false(f->s->pair.client.is_reading);
	accept_server(f);
	run(f);
	assert_int_equal(f->s->state, SESSION_AUTH);
	assert_true(f->s->pair.client.is_reading);
}

static void
server_that_leaves_amid_the_login_is_told_of(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	shutdown(f->server, SHUT_WR);
	loop_for(f->base, 5);
	assert_closes(f, CLOSE_SERVER_LOST);
}

static void
server_that_refuses_the_login_is_heard(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	serves(f, BYTES(FATAL));
	assert_gets(f, f->client, BYTES(FATAL));
	shutdown(f->server, SHUT_WR);
	loop_for(f->base, 5);
	assert_closes(f, CLOSE_SERVER_LEFT);
}

static void
login_may_come_byte_by_byte(void **state)
{
	static const char login[] =
	    AUTHENTICATED "S\0\0\0\x19"
			  "client_encoding\0UTF8\0" KEY READY;
	struct fixture *f = *state;

	begin_login(f);
	assert_false(f->s->pair.is_utf8);
	for (size_t i = 0; i < sizeof(login) - 1; i++)
		serves(f, login + i, 1);
	assert_gets(f, f->client, BYTES(login));
	assert_int_equal(f->s->state, SESSION_READY);
	assert_true(f->s->pair.is_utf8);
	assert_non_null(f->s->pair.cancel_entry);
	assert_null(f->s->login);
	assert_null(f->s->credentials);
}

static void
login_ends_with_a_ready_for_query_that_is_one(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	serves(f, BYTES(AUTHENTICATED "Z\0\0\0\5?"));
	loop_for(f->base, 5);
	assert_true(pair_is_closing(&f->s->pair));
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SERVER_BAD);
	assert_string_equal(f->s->pair.farewell.detail, "ReadyForQuery");
}

static void
login_takes_login_timeout_at_most(void **state)
{
	struct fixture *f = *state;

	f->config.login_timeout_ms = 1;
	connect_locally(f);
	loop_for(f->base, 10);
	assert_closes(f, CLOSE_LOGIN_TIMEOUT);
}

static void
login_timeout_ends_with_the_login(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	assert_false(event_pending(&f->s->pair.timer, EV_TIMEOUT, NULL));
}

/* CancelRequest */

static void
cancel_request_of_nobody_goes_to_the_upstream(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(CANCEL_REQUEST));
	assert_int_equal(f->s->state, SESSION_CANCELING);
	accept_server(f);
	assert_gets(f, f->server, BYTES(CANCEL_REQUEST));
	assert_false(pair_is_closing(&f->s->pair));
	shutdown(f->server, SHUT_WR);
	assert_words(hear_end(f, f->client), CLOSE_CANCEL_DONE);
}

static void
cancel_request_without_a_server_is_told_nothing(void **state)
{
	struct fixture *f = *state;

	shutdown(f->listener, SHUT_RDWR);
	connect_locally(f);
	says(f, BYTES(CANCEL_REQUEST));
	loop_for(f->base, 5);
	assert_closes(f, CLOSE_CANCEL_DONE);
}

/* Where it was dialled, whatever the upstream is by now. */
static void
cancel_request_for_a_session_goes_to_its_server(void **state)
{
	struct fixture *f = *state;
	int other = listen_locally(&f->upstream.port);

	close(f->listener);
	f->listener = other;
	log_in(f);
	close(listen_locally(&f->upstream.port));
	connect_locally(f);
	assert_int_equal(write(f->client, BYTES(CANCEL_REQUEST)),
			 sizeof(CANCEL_REQUEST) - 1);
	session_startup_readable(f->s);
	assert_non_null(f->s->dial); /* nobody else is asked */
	accept_server(f);
	assert_gets(f, f->server, BYTES(CANCEL_REQUEST));
	shutdown(f->server, SHUT_WR);
	assert_words(hear_end(f, f->client), CLOSE_CANCEL_DONE);
}

static void
cancel_request_for_a_held_session_is_answered_here(void **state)
{
	struct fixture *f = *state;
	struct session *held;

	log_in(f);
	held = f->s;
	pair_set_held(&held->pair, true);
	connect_locally(f);
	assert_int_equal(write(f->client, BYTES(CANCEL_REQUEST)),
			 sizeof(CANCEL_REQUEST) - 1);
	session_startup_readable(f->s);
	assert_int_equal(f->s->state, SESSION_CANCELING);
	assert_null(f->s->dial);
	assert_false(f->s->pair.client.is_reading);
	sessions_cancel_answered(
	    &f->sessions,
	    &(struct mail){.id = f->s->pair.id, .has_ended = true});
	assert_closes(f, CLOSE_CANCEL_DONE);
	assert_false(pair_is_closing(&held->pair));
}

/* Nothing is held any more when the mail comes. */
static void
cancel_request_too_late_goes_to_the_server(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	pair_set_held(&f->s->pair, true);
	connect_locally(f);
	says(f, BYTES(CANCEL_REQUEST));
	accept_server(f);
	assert_gets(f, f->server, BYTES(CANCEL_REQUEST));
}

static void
cancel_answer_that_comes_too_late_is_ignored(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	sessions_cancel_answered(
	    &f->sessions,
	    &(struct mail){.id = f->s->pair.id, .has_ended = true});
	sessions_cancel_answered(&f->sessions, &(struct mail){.id = 1});
	assert_int_equal(f->s->state, SESSION_READY);
	assert_false(pair_is_closing(&f->s->pair));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(startup_packet_goes_to_the_server_as_it_is),
	    TEST(startup_packet_may_come_byte_by_byte),
	    TEST(startup_packet_may_come_with_what_follows),
	    TEST(startup_packet_names_the_database),
	    TEST(name_of_a_user_is_cut_for_the_log),
	    TEST(replication_is_seen),
	    TEST(bad_packet_closes),
	    TEST(minor_version_is_the_servers_to_judge),
	    TEST(client_that_leaves_is_told_nothing),
	    TEST(client_beyond_the_limit_is_told_once_it_has_spoken),
	    TEST(request_for_encryption_is_refused),
	    TEST(requests_may_come_at_once),
	    TEST(third_request_closes),
	    TEST(server_that_cannot_be_reached_is_told_of),
	    TEST(client_is_not_read_while_the_server_is_dialled),
	    TEST(server_that_leaves_amid_the_login_is_told_of),
	    TEST(server_that_refuses_the_login_is_heard),
	    TEST(login_may_come_byte_by_byte),
	    TEST(login_ends_with_a_ready_for_query_that_is_one),
	    TEST(login_takes_login_timeout_at_most),
	    TEST(login_timeout_ends_with_the_login),
	    TEST(cancel_request_of_nobody_goes_to_the_upstream),
	    TEST(cancel_request_without_a_server_is_told_nothing),
	    TEST(cancel_request_for_a_session_goes_to_its_server),
	    TEST(cancel_request_for_a_held_session_is_answered_here),
	    TEST(cancel_request_too_late_goes_to_the_server),
	    TEST(cancel_answer_that_comes_too_late_is_ignored),
	};

	return cmocka_run_group_tests_name("proxy/session/session_startup",
					   tests, NULL, NULL);
}

#include "proxy/pair/close_reason.h"

#include "proxy/base/clock.h"
#include "tests/support/gate.h"
#include "tests/support/scram.h"
#include "tests/support/sessions.h"

/* For the next session: up to this state, with nothing left to be read. */
static void
reach(struct fixture *f, enum session_state state)
{
	switch (state) {
	case SESSION_STARTUP:
		connect_locally(f);
		break;
	case SESSION_HANDSHAKE:
		connect_tcp(f);
		says(f, BYTES(SSL_REQUEST));
		assert_gets(f, f->client, "S", 1);
		break;
	case SESSION_PAUSED:
		connect_locally(f);
		gate_add(&f->sessions.gate,
			 gate_window_new_pause(1, "", clock_now_ms()));
		says(f, BYTES(STARTUP));
		break;
	case SESSION_SASL:
		f->config.auth = AUTH_SCRAM;
		connect_locally(f);
		says(f, BYTES(STARTUP));
		assert_true(read(f->client, f->read, sizeof(f->read)) > 0);
		break;
	case SESSION_DIALING:
		connect_locally(f);
		assert_int_equal(write(f->client, BYTES(STARTUP)),
				 sizeof(STARTUP) - 1);
		session_startup_readable(f->s);
		break;
	case SESSION_AUTH:
		begin_login(f);
		break;
	case SESSION_READY:
		log_in(f);
		break;
	case SESSION_CONSOLE:
		connect_locally(f);
		f->s->rights = CONSOLE_MAY_ALL;
		session_enter_console(f->s);
		assert_true(read(f->client, f->read, sizeof(f->read)) > 0);
		break;
	case SESSION_CANCELING:
		connect_locally(f);
		assert_int_equal(write(f->client, BYTES(CANCEL_REQUEST)),
				 sizeof(CANCEL_REQUEST) - 1);
		session_startup_readable(f->s);
		break;
	case SESSION_CLOSING:
	case SESSION_STATES:
		fail();
	}
	assert_int_equal(f->s->state, state);
}

static int
setup_roles(void **state)
{
	static char roles[] = "roles";
	static char cert[] = "server.crt";
	static char key[] = "server.key";
	const struct tls_settings tls = {
	    .mode = TLS_PREFER, .cert = cert, .key = key};
	struct fixture *f;

	setup_with(state, &tls);
	f = *state;
	f->config.auth = AUTH_SCRAM;
	f->config.auth_file = roles;
	credentials_store_replace(f->daemon.credentials,
				  credentials_load(&f->generation, stderr));
	f->config.auth = AUTH_PASS;
	return 0;
}

static int
enter_folder(void **state)
{
	if (certificates_enter_folder(state) != 0)
		return -1;
	certificate_write_text("roles", "\"joe\" \"" PENCIL_VERIFIER "\"\n");
	return 0;
}

static enum close_reason
told_reason(enum session_state state, enum close_reason reason)
{
	/* Amid a handshake nobody could read it. */
	return state == SESSION_HANDSHAKE ? CLOSE_CLIENT_LEFT : reason;
}

/* Each reason in each state: words or none, and an end with nothing left. */
static void
close_tells_its_reason_in_each_state(void **state)
{
	for (int st = 0; st < SESSION_CLOSING; st++) {
		for (int r = 0; r < CLOSE_REASON_COUNT; r++) {
			struct fixture *f = *state;

			reach(f, (enum session_state)st);
			pair_close(&f->s->pair, (enum close_reason)r, "why");
			session_finish_event(f->s);
			assert_int_equal(f->s->state, SESSION_CLOSING);
			assert_false(stream_is_open(&f->s->pair.server));
			assert_null(f->s->dial);
			assert_null(f->s->login);
			assert_null(f->s->handshake);
			assert_null(f->s->credentials);
			assert_null(f->s->pair.cancel_entry);
			assert_words(hear_end(f, f->client),
				     told_reason((enum session_state)st,
						 (enum close_reason)r));
			close_client(f);
			loop_until(f->base, has_no_session, f);
			again_with(state, setup_roles);
		}
	}
}

/* Whoever is silent: the client, or its server. */
static void
login_timeout_ends_each_state_of_a_login(void **state)
{
	for (int st = 0; st < SESSION_CLOSING; st++) {
		bool is_the_servers =
		    st == SESSION_DIALING || st == SESSION_AUTH;
		enum close_reason reason =
		    is_the_servers ? CLOSE_SERVER_SILENT : CLOSE_LOGIN_TIMEOUT;
		struct fixture *f = *state;

		/* A login that waits for a RESUME has no clock. */
		if (st == SESSION_READY || st == SESSION_CONSOLE ||
		    st == SESSION_PAUSED)
			continue;
		reach(f, (enum session_state)st);
		assert_true(event_pending(&f->s->pair.timer, EV_TIMEOUT, NULL));
		event_active(&f->s->pair.timer, EV_TIMEOUT, 1);
		loop_for(f->base, 0);
		assert_int_equal(f->s->pair.farewell.reason, reason);
		assert_int_equal(f->s->state, SESSION_CLOSING);
		assert_words(hear_end(f, f->client),
			     told_reason((enum session_state)st, reason));
		close_client(f);
		loop_until(f->base, has_no_session, f);
		again_with(state, setup_roles);
	}
}

static void
close_from_within_leaves_all_alive_until_the_turn(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	pair_close(&f->s->pair, CLOSE_CLIENT_BAD, "why");
	assert_int_equal(f->s->state, SESSION_READY);
	assert_true(stream_is_open(&f->s->pair.server));
	assert_non_null(f->s->pair.cancel_entry);
	assert_false(pair_to_client(&f->s->pair, "x", 1));
	assert_false(pair_to_server(&f->s->pair, "x", 1));
	assert_silent(f->client);
	assert_silent(f->server);
	session_finish_event(f->s);
	assert_closes(f, CLOSE_CLIENT_BAD);
	assert_int_equal(hear_end(f, f->server).len, 0);
}

static void
close_says_the_first_reason_once(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	pair_close(&f->s->pair, CLOSE_TOO_MANY, "first");
	pair_close(&f->s->pair, CLOSE_MEMORY, "second");
	session_finish_event(f->s);
	pair_close(&f->s->pair, CLOSE_SHUTDOWN, NULL);
	session_finish_event(f->s);
	session_stop(f->s);
	session_drain(f->s);
	session_expire(f->s);
	assert_string_equal(f->s->pair.farewell.detail, "first");
	assert_closes(f, CLOSE_TOO_MANY);
}

static void
close_gives_back_what_others_wait_for(void **state)
{
	struct fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");
	struct lock_item item = {.relid = 7, .mode = LOCK_ACCESS_EXCLUSIVE};
	const struct lock_set set = {&item, 1};
	const struct turn_claim claim = {.who.session = 99, .set = &set};
	struct cancel_target target;
	struct rival rival;
	uint32_t allowance_ms;

	log_in(f);
	assert_true(lease_take_turn(&f->s->guarded.lease, &claim, &allowance_ms,
				    &rival));
	lease_shut(&f->s->guarded.lease, &names,
		   clock_now_ms() + FIXTURE_LONG_MS);
	run(f);
	assert_false(gate_is_open(&f->sessions.gate));
	assert_false(turns_take(f->daemon.turns, "joe", &claim, 0,
				&allowance_ms, &rival));
	assert_int_equal(rival.session, f->s->pair.id);
	assert_int_equal(rival.pid, 7);
	assert_true(
	    cancel_find(f->daemon.cancels, 7, bytes("1234", 4), &target));
	cancel_target_clear(&target);
	session_stop(f->s);
	run(f);
	assert_true(gate_is_open(&f->sessions.gate));
	assert_false(lease_is_held(&f->s->guarded.lease));
	assert_true(turns_take(f->daemon.turns, "joe", &claim, 0, &allowance_ms,
			       &rival));
	assert_false(
	    cancel_find(f->daemon.cancels, 7, bytes("1234", 4), &target));
}

static void
close_lets_the_next_in_line_go_on(void **state)
{
	struct fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");
	struct session *maker;

	log_in(f);
	maker = f->s;
	lease_shut(&maker->guarded.lease, &names,
		   clock_now_ms() + FIXTURE_LONG_MS);
	log_in(f);
	says(f, BYTES("Q\0\0\0\xd"
		      "table  a\0"));
	assert_true(f->s->guarded.watch.is_waiting);
	assert_silent(f->server);
	session_stop(maker);
	assert_gets(f, f->server,
		    BYTES("Q\0\0\0\xd"
			  "table  a\0"));
}

static void
close_of_a_waiting_session_leaves_the_line(void **state)
{
	struct fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");
	struct session *maker;

	log_in(f);
	maker = f->s;
	lease_shut(&maker->guarded.lease, &names,
		   clock_now_ms() + FIXTURE_LONG_MS);
	log_in(f);
	says(f, BYTES("Q\0\0\0\xd"
		      "table  a\0"));
	session_stop(f->s);
	assert_true(TAILQ_EMPTY(&f->sessions.gate.waiting));
	assert_closes(f, CLOSE_SHUTDOWN);
}

/* The words come behind all that was said before. */
static void
close_drains_what_the_client_has_not_read(void **state)
{
	struct fixture *f = *state;
	enum { ROW_BYTES = 65000 };
	static uint8_t row[ROW_BYTES] = "D\0\0\xfd\xe7";
	struct span said;
	int size = 1;

	log_in(f);
	setsockopt(f->s->pair.client.fd, SOL_SOCKET, SO_SNDBUF, &size,
		   sizeof(size));
	assert_true(pair_to_client(&f->s->pair, row, ROW_BYTES));
	assert_true(stream_pending(&f->s->pair.client) > 0);
	session_stop(f->s);
	assert_true(f->s->pair.client.shut_when_drained);
	said = hear_end(f, f->client);
	assert_true(said.len > ROW_BYTES);
	assert_memory_equal(said.data, row, ROW_BYTES);
	assert_words(span_of(said.data + ROW_BYTES, said.len - ROW_BYTES),
		     CLOSE_SHUTDOWN);
}

/* A client may read on, though it has said all. */
static void
close_drains_for_a_client_that_has_ended(void **state)
{
	struct fixture *f = *state;
	enum { ROW_BYTES = 65000 };
	static uint8_t row[ROW_BYTES] = "D\0\0\xfd\xe7";
	int size = 1;

	log_in(f);
	setsockopt(f->s->pair.client.fd, SOL_SOCKET, SO_SNDBUF, &size,
		   sizeof(size));
	assert_true(pair_to_client(&f->s->pair, row, ROW_BYTES));
	session_stop(f->s);
	shutdown(f->client, SHUT_WR);
	run(f);
	assert_true(f->s->pair.from_client.is_eof);
	assert_false(f->s->pair.client.is_reading);
	assert_true(hear_end(f, f->client).len > ROW_BYTES);
	loop_until(f->base, has_no_session, f);
}

static void
close_throws_away_what_the_client_still_says(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	session_stop(f->s);
	says(f, BYTES(QUERY QUERY));
	assert_false(f->s->is_reaped);
	assert_int_equal(f->s->pair.from_client.buffer.len, 0);
	assert_closes(f, CLOSE_SHUTDOWN);
	shutdown(f->client, SHUT_WR);
	loop_until(f->base, has_no_session, f);
}

static void
close_waits_for_the_client_for_a_second_at_most(void **state)
{
	struct fixture *f = *state;
	struct timeval at;
	struct timeval now;

	log_in(f);
	session_stop(f->s);
	run(f);
	assert_false(f->s->is_reaped);
	assert_true(event_pending(&f->s->pair.timer, EV_TIMEOUT, &at));
	gettimeofday(&now, NULL);
	timersub(&at, &now, &at);
	assert_true(at.tv_sec == 0 || (at.tv_sec == 1 && at.tv_usec < 50000));
	event_active(&f->s->pair.timer, EV_TIMEOUT, 1);
	run(f);
	assert_true(has_no_session(f));
}

static void
close_of_a_broken_client_ends_at_once(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	pair_close(&f->s->pair, CLOSE_CLIENT_BROKEN, NULL);
	session_finish_event(f->s);
	assert_true(f->s->is_reaped);
	assert_false(stream_is_open(&f->s->pair.client));
	assert_false(has_no_session(f)); /* freed by the loop, not here */
	run(f);
	assert_true(has_no_session(f));
}

static void
close_behind_the_end_of_both_ends_at_once(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	shutdown(f->client, SHUT_WR);
	loop_for(f->base, 2);
	shutdown(f->server, SHUT_WR);
	loop_until(f->base, has_no_session, f);
	assert_int_equal(hear_end(f, f->client).len, 0);
}

static void
client_that_is_gone_while_closing_ends_it(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	session_stop(f->s);
	close_client(f);
	run(f);
	assert_true(has_no_session(f));
}

/* The socket took only some of them. */
static void
client_that_breaks_amid_its_last_words_ends_it(void **state)
{
	struct fixture *f;
	static uint8_t row[65000] = "D\0\0\xfd\xe7";
	int size = 1;

	for (int closes_first = 0; closes_first < 2; closes_first++) {
		f = *state;
		log_in(f);
		setsockopt(f->s->pair.client.fd, SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof(size));
		assert_true(pair_to_client(&f->s->pair, row, sizeof(row)));
		session_finish_event(f->s);
		if (closes_first)
			session_stop(f->s);
		stream_want_read(&f->s->pair.client, false);
		close_client(f);
		loop_until(f->base, has_no_session, f);
		again_with(state, setup_roles);
	}
}

static void
client_that_says_nonsense_to_sasl_is_told(void **state)
{
	struct fixture *f = *state;

	reach(f, SESSION_SASL);
	says(f, BYTES(QUERY));
	assert_closes(f, CLOSE_CLIENT_BAD);
}

static void
close_over_tcp_names_the_client_in_the_log(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says(f, BYTES(STARTUP));
	session_stop(f->s);
	assert_closes(f, CLOSE_SHUTDOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_roles, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(close_tells_its_reason_in_each_state),
	    TEST(login_timeout_ends_each_state_of_a_login),
	    TEST(close_from_within_leaves_all_alive_until_the_turn),
	    TEST(close_says_the_first_reason_once),
	    TEST(close_gives_back_what_others_wait_for),
	    TEST(close_lets_the_next_in_line_go_on),
	    TEST(close_of_a_waiting_session_leaves_the_line),
	    TEST(close_drains_what_the_client_has_not_read),
	    TEST(close_drains_for_a_client_that_has_ended),
	    TEST(close_throws_away_what_the_client_still_says),
	    TEST(close_waits_for_the_client_for_a_second_at_most),
	    TEST(close_of_a_broken_client_ends_at_once),
	    TEST(close_behind_the_end_of_both_ends_at_once),
	    TEST(client_that_is_gone_while_closing_ends_it),
	    TEST(client_that_breaks_amid_its_last_words_ends_it),
	    TEST(client_that_says_nonsense_to_sasl_is_told),
	    TEST(close_over_tcp_names_the_client_in_the_log),
	};

	log_init(LOG_ERROR, LOG_TEXT);
	return cmocka_run_group_tests_name("proxy/session/session_close", tests,
					   enter_folder,
					   certificates_leave_folder);
}

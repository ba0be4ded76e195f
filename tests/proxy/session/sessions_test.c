#include "proxy/session/sessions.h"

#include "tests/support/allocation.h"
#include "tests/support/sessions.h"

static bool
loop_has_ended(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	return event_base_got_break(f->base);
}

static void
accept_gives_each_session_a_number_of_its_own(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	assert_int_equal(f->s->pair.id, UINT64_C(1) << 48 | 1);
	connect_locally(f);
	assert_int_equal(f->s->pair.id, UINT64_C(1) << 48 | 2);
	f->sessions.worker = 2;
	connect_locally(f);
	assert_int_equal(f->s->pair.id, UINT64_C(3) << 48 | 3);
	f->sessions.worker = 0;
}

static void
accept_tells_local_clients_from_others(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	assert_true(f->s->is_local);
	connect_tcp(f);
	assert_false(f->s->is_local);
}

static void
accept_closes_at_once_while_draining(void **state)
{
	struct fixture *f = *state;

	f->sessions.is_draining = true;
	connect_locally(f);
	assert_null(f->s);
	assert_int_equal(hear_end(f, f->client).len, 0);
	assert_int_equal(atomic_load(&f->daemon.connections), 0);
	assert_int_equal(atomic_load(&f->sessions.load), 0);
}

static void
accept_without_memory_closes_and_counts_off(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	loop_socketpair(fds);
	atomic_fetch_add(&f->sessions.load, 1);
	atomic_fetch_add(&f->daemon.connections, 1);
	allocation_fail_after(0);
	sessions_accept(&f->sessions, fds[0]);
	assert_true(allocation_restore());
	assert_int_equal(hear_end(f, fds[1]).len, 0);
	assert_int_equal(atomic_load(&f->daemon.connections), 0);
	assert_int_equal(atomic_load(&f->sessions.load), 0);
	close(fds[1]);
}

/* Nothing is freed in a callback. */
static void
reap_frees_once_the_event_is_over(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	close_client(f);
	session_stop(f->s);
	session_end(f->s);
	session_end(f->s);
	assert_true(f->s->is_reaped);
	assert_true(LIST_EMPTY(&f->sessions.list));
	assert_ptr_equal(LIST_FIRST(&f->sessions.reaped), f->s);
	assert_int_equal(atomic_load(&f->sessions.load), 1);
	run(f);
	assert_true(LIST_EMPTY(&f->sessions.reaped));
	assert_int_equal(atomic_load(&f->sessions.load), 0);
	assert_int_equal(atomic_load(&f->daemon.connections), 0);
}

/* Shutdown */

/* The client hears this, and then the last words. */
static void
assert_shut_down_behind(struct fixture *f, const char *data, size_t len)
{
	struct span said = hear_end(f, f->client);

	assert_true(said.len > len);
	assert_memory_equal(said.data, data, len);
	assert_words(span_of(said.data + len, said.len - len), CLOSE_SHUTDOWN);
}

static void
drain_ends_an_idle_session(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	sessions_drain(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
	assert_int_equal(hear_end(f, f->server).len, 0);
}

static void
drain_ends_a_session_that_is_not_logged_in(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	sessions_drain(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
}

static void
drain_waits_for_the_end_of_a_transaction(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	serves(f, BYTES(COMPLETE IN_BLOCK));
	sessions_drain(&f->sessions);
	assert_false(pair_is_closing(&f->s->pair));
	says(f, BYTES(QUERY));
	assert_gets(f, f->client, BYTES(COMPLETE IN_BLOCK));
	serves(f, BYTES(COMPLETE));
	assert_gets(f, f->client, BYTES(COMPLETE));
	assert_false(pair_is_closing(&f->s->pair));
	serves(f, BYTES(READY));
	assert_shut_down_behind(f, BYTES(READY));
}

/* What the client or the server has begun to say is the end of no cycle. */
static void
drain_waits_for_the_rest_of_a_message(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, QUERY, 7);
	sessions_drain(&f->sessions);
	assert_false(pair_is_closing(&f->s->pair));
	says(f, &QUERY[7], sizeof(QUERY) - 1 - 7);
	serves(f, BYTES(COMPLETE READY "N\0\0\0\6"));
	assert_false(pair_is_closing(&f->s->pair));
	serves(f, "\0\0", 2);
	assert_shut_down_behind(f, BYTES(COMPLETE READY "N\0\0\0\6\0\0"));
}

static void
drain_leaves_replication_to_expire(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	f->s->is_blind = true;
	sessions_drain(&f->sessions);
	assert_false(pair_is_closing(&f->s->pair));
	sessions_expire(&f->sessions);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SHUTDOWN);
	assert_int_equal(hear_end(f, f->client).len, 0);
}

static void
drain_ends_the_loop_with_the_last_session(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	sessions_drain(&f->sessions);
	assert_false(loop_has_ended(f));
	close_client(f);
	while (!loop_has_ended(f))
		assert_false(has_no_session(f));
	assert_true(has_no_session(f));
}

static void
drain_ends_the_loop_without_a_session(void **state)
{
	struct fixture *f = *state;

	sessions_drain(&f->sessions);
	assert_true(event_base_got_break(f->base));
}

static void
expire_ends_open_transactions(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	serves(f, BYTES(COMPLETE IN_BLOCK));
	assert_gets(f, f->client, BYTES(COMPLETE IN_BLOCK));
	sessions_expire(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
}

/* The server goes on for nobody: that holds no shutdown up. */
static void
expire_ends_what_goes_on_for_a_client_that_has_left(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	shutdown(f->client, SHUT_WR);
	loop_for(f->base, 10);
	assert_false(pair_is_closing(&f->s->pair));
	assert_true(f->s->pair.from_client.is_eof);
	sessions_expire(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
}

static void
stop_ends_every_session(void **state)
{
	struct fixture *f = *state;
	struct session *first;

	log_in(f);
	first = f->s;
	says(f, BYTES(QUERY));
	connect_locally(f);
	sessions_stop(&f->sessions);
	assert_int_equal(first->state, SESSION_CLOSING);
	assert_closes(f, CLOSE_SHUTDOWN);
	assert_words(hear_end(f, f->clients[0]), CLOSE_SHUTDOWN);
}

/* One of them may end, and leave the list, while all are told. */
static void
stop_passes_over_those_that_end(void **state)
{
	struct fixture *f = *state;
	struct session *last;

	connect_locally(f);
	last = f->s;
	connect_locally(f);
	pair_close(&f->s->pair, CLOSE_CLIENT_BROKEN, NULL);
	sessions_stop(&f->sessions);
	assert_true(f->s->is_reaped);
	assert_int_equal(last->state, SESSION_CLOSING);
}

/* Cancel requests */

static void
cancel_of_a_session_that_has_ended_goes_to_its_server(void **state)
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
	assert_null(f->s->dial);
	pair_close(&held->pair, CLOSE_CLIENT_BROKEN, NULL);
	session_finish_event(held);
	assert_true(held->is_reaped);
	accept_server(f);
	assert_gets(f, f->server, BYTES(CANCEL_REQUEST));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(accept_gives_each_session_a_number_of_its_own),
	    TEST(accept_tells_local_clients_from_others),
	    TEST(accept_closes_at_once_while_draining),
	    TEST(accept_without_memory_closes_and_counts_off),
	    TEST(reap_frees_once_the_event_is_over),
	    TEST(drain_ends_an_idle_session),
	    TEST(drain_ends_a_session_that_is_not_logged_in),
	    TEST(drain_waits_for_the_end_of_a_transaction),
	    TEST(drain_waits_for_the_rest_of_a_message),
	    TEST(drain_leaves_replication_to_expire),
	    TEST(drain_ends_the_loop_with_the_last_session),
	    TEST(drain_ends_the_loop_without_a_session),
	    TEST(expire_ends_open_transactions),
	    TEST(expire_ends_what_goes_on_for_a_client_that_has_left),
	    TEST(stop_ends_every_session),
	    TEST(stop_passes_over_those_that_end),
	    TEST(cancel_of_a_session_that_has_ended_goes_to_its_server),
	};

	return cmocka_run_group_tests_name("proxy/session/sessions", tests,
					   NULL, NULL);
}

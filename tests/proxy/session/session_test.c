#include "proxy/session/session.h"

#include "policy/catalog/clocks.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "tests/support/moved_clock.h"
#include "tests/support/sessions.h"

#define LOCK                                                                   \
	"Q\0\0\0\xc"                                                           \
	"table a\0"
#define DROP                                                                   \
	"Q\0\0\0\x11"                                                          \
	"drop table a\0"

/* A session that waits for a window of table a. */
static struct gate_window *
wait_at_gate(struct fixture *f)
{
	static struct pair maker = {.id = 99, .database = "joe"};
	struct gate_names names = {0};
	struct row_value row[GATE_NAMES_COLUMNS] = {
	    {"a", 1}, {"public", 6}, {"a", 1}, {"", 0}};
	uint64_t now_ms = clock_now_ms();
	struct gate_window *w;

	assert_true(gate_names_add_row(&names, row));
	gate_names_seal(&names);
	w = gate_window_new(&maker, &names, now_ms, now_ms + FIXTURE_LONG_MS);
	assert_non_null(w);
	atomic_fetch_add(&w->users, 1);
	gate_add(&f->sessions.gate, w);
	says(f, BYTES(LOCK));
	assert_true(f->s->guarded.watch.is_waiting);
	assert_silent(f->server);
	return w;
}

/* A guarded statement whose lock set the server is asked for. */
static struct exchange *
begin_exchange(struct fixture *f)
{
	f->config.detect = GUARD_SCOPE_DDL;
	f->config.guard.scope = GUARD_SCOPE_DDL;
	says(f, BYTES(DROP));
	assert_non_null(f->s->guarded.exchange);
	return f->s->guarded.exchange;
}

static bool
wait_is_over(void *arg)
{
	struct fixture *f = arg;

	return f->sessions.list.lh_first == NULL ||
	       pair_is_closing(&f->s->pair);
}

/* Shutdown, amid a guarded statement */

static void
expire_ends_a_transaction_and_spares_a_statement_that_runs(void **state)
{
	struct fixture *f = *state;
	struct exchange *x;

	log_in(f);
	x = begin_exchange(f);
	x->phase = EXCHANGE_RUNNING;
	sessions_expire(&f->sessions);
	assert_false(pair_is_closing(&f->s->pair));
	x->phase = EXCHANGE_WAITING;
	session_finish_event(f->s);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SHUTDOWN);
	again_with(state, setup);
	f = *state;
	log_in(f);
	says(f, BYTES(QUERY));
	sessions_expire(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
}

static void
stop_ends_all_at_once(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	log_in(f);
	begin_exchange(f)->phase = EXCHANGE_RUNNING;
	sessions_stop(&f->sessions);
	assert_closes(f, CLOSE_SHUTDOWN);
	assert_words(hear_end(f, f->clients[0]), CLOSE_SHUTDOWN);
	assert_int_equal(atomic_load(&f->daemon.exchanges), 1);
	close(f->clients[0]);
	f->clients[0] = f->clients[1];
	close_client(f);
	loop_until(f->base, has_no_session, f);
	assert_int_equal(atomic_load(&f->daemon.exchanges), 0);
}

/* One of the sides has said its last */

static void
client_that_half_closes_gets_its_answer(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	shutdown(f->client, SHUT_WR);
	run(f);
	assert_memory_equal(hear_end(f, f->server).data, QUERY,
			    sizeof(QUERY) - 1);
	assert_false(pair_is_closing(&f->s->pair));
	serves(f, BYTES(COMPLETE READY));
	shutdown(f->server, SHUT_WR);
	loop_until(f->base, has_no_session, f);
	assert_span_equal(hear_end(f, f->client), bytes(BYTES(COMPLETE READY)));
}

static void
client_that_leaves_a_held_statement_ends_it(void **state)
{
	struct fixture *f = *state;
	struct exchange *x;

	log_in(f);
	x = begin_exchange(f);
	shutdown(f->client, SHUT_WR);
	run(f);
	assert_false(pair_is_closing(&f->s->pair));
	assert_false(f->s->pair.server.is_shut);
	x->phase = EXCHANGE_WAITING;
	x->guard.waits = 1;
	session_finish_event(f->s);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_CLIENT_LEFT);
	assert_string_equal(f->s->pair.farewell.detail, "while held");
}

static void
client_that_leaves_the_gate_is_gone_after_a_moment(void **state)
{
	struct fixture *f = *state;
	static const struct clocks none;
	struct gate_window *w;
	struct timeval left;

	log_in(f);
	w = wait_at_gate(f);
	/* Else the server is asked for them, as soon as that takes a moment. */
	gate_watch_note_clocks(&f->s->guarded.watch, &none, false);
	shutdown(f->client, SHUT_WR);
	run(f);
	assert_false(pair_is_closing(&f->s->pair));
	assert_true(event_pending(&f->s->pair.timer, EV_TIMEOUT, &left));
	clock_advance(1000);
	session_finish_event(f->s);
	loop_until(f->base, wait_is_over, f);
	gate_remove(&f->sessions.gate, w);
	loop_until(f->base, has_no_session, f);
	assert_int_equal(hear_end(f, f->server).len, 0);
}

static void
server_that_leaves_is_told_of(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	shutdown(f->server, SHUT_WR);
	loop_until(f->base, wait_is_over, f);
	assert_closes(f, CLOSE_SERVER_LOST);
}

/* A FATAL error that answered a statement of ours is the client's. */
static void
words_of_a_server_that_leaves_an_exchange_are_passed(void **state)
{
	struct fixture *f = *state;
	struct exchange *x;

	log_in(f);
	x = begin_exchange(f);
	write_bytes(&x->batch.error, BYTES(FATAL));
	shutdown(f->server, SHUT_WR);
	loop_until(f->base, wait_is_over, f);
	assert_memory_equal(hear_end(f, f->client).data, FATAL,
			    sizeof(FATAL) - 1);
}

static void
client_that_is_gone_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	close_client(f);
	serves(f, BYTES(COMPLETE READY));
	loop_until(f->base, has_no_session, f);
}

/* Cancelling what the proxy holds back */

static bool
cancels(struct fixture *f)
{
	return session_cancel(f->s);
}

static void
cancel_ends_what_waits_at_the_gate(void **state)
{
	struct fixture *f = *state;
	struct gate_window *w;

	log_in(f);
	w = wait_at_gate(f);
	assert_true(cancels(f));
	assert_false(f->s->guarded.watch.is_waiting);
	assert_int_equal(f->s->pair.from_client.buffer.len, 0);
	gate_remove(&f->sessions.gate, w);
}

static void
cancel_of_a_statement_that_runs_is_the_servers(void **state)
{
	struct fixture *f = *state;
	struct exchange *x;

	log_in(f);
	assert_false(cancels(f));
	x = begin_exchange(f);
	x->phase = EXCHANGE_RUNNING;
	assert_false(cancels(f));
	x->phase = EXCHANGE_PLANNING;
	assert_true(cancels(f));
	assert_true(x->is_canceled);
}

static void
cancel_by_mail_is_answered(void **state)
{
	struct fixture *f = *state;
	struct session *asker;
	struct session *held;

	log_in(f);
	held = f->s;
	begin_exchange(f);
	pair_set_held(&held->pair, true);
	connect_locally(f);
	asker = f->s;
	says(f, BYTES(CANCEL_REQUEST));
	assert_true(held->guarded.exchange->is_canceled);
	assert_int_equal(asker->pair.farewell.reason, CLOSE_CANCEL_DONE);
	assert_int_equal(hear_end(f, f->client).len, 0);
}

/* Timers */

static void
timer_of_a_session_that_is_ready_ends_nothing(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	event_active(&f->s->pair.timer, EV_TIMEOUT, 1);
	run(f);
	assert_false(pair_is_closing(&f->s->pair));
	begin_exchange(f);
	event_active(&f->s->pair.timer, EV_TIMEOUT, 1);
	run(f);
	assert_false(pair_is_closing(&f->s->pair));
}

/* Reading */

static void
client_behind_a_guarded_statement_is_read_up_to_a_bound(void **state)
{
	static const char much[48 * 1024];
	struct fixture *f = *state;

	log_in(f);
	begin_exchange(f);
	says(f, much, sizeof(much));
	assert_true(f->s->pair.client.is_reading);
	says(f, much, sizeof(much));
	assert_false(f->s->pair.client.is_reading);
	assert_true(f->s->pair.server.is_reading);
	assert_true(f->s->pair.from_client.buffer.len <= (size_t)128 * 1024);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(expire_ends_a_transaction_and_spares_a_statement_that_runs),
	    TEST(stop_ends_all_at_once),
	    TEST(client_that_half_closes_gets_its_answer),
	    TEST(client_that_leaves_a_held_statement_ends_it),
	    TEST(client_that_leaves_the_gate_is_gone_after_a_moment),
	    TEST(server_that_leaves_is_told_of),
	    TEST(words_of_a_server_that_leaves_an_exchange_are_passed),
	    TEST(client_that_is_gone_leaves_nothing),
	    TEST(cancel_ends_what_waits_at_the_gate),
	    TEST(cancel_of_a_statement_that_runs_is_the_servers),
	    TEST(cancel_by_mail_is_answered),
	    TEST(timer_of_a_session_that_is_ready_ends_nothing),
	    TEST(client_behind_a_guarded_statement_is_read_up_to_a_bound),
	};

	log_init(LOG_ERROR, LOG_TEXT);
	return cmocka_run_group_tests_name("proxy/session/session", tests, NULL,
					   NULL);
}

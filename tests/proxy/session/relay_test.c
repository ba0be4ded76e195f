#include "proxy/session/relay.h"

#include "proxy/base/clock.h"
#include "tests/support/gate.h"
#include "tests/support/sessions.h"

#define PASSWORD "p\0\0\0\6a\0"
#define ASKS_PASSWORD "R\0\0\0\x8\0\0\0\3"
#define TERMINATE "X\0\0\0\4"
#define SYNC "S\0\0\0\4"
#define PARSE                                                                  \
	"P\0\0\0\x1f"                                                          \
	"\0alter table a add b int\0\0\0"
#define BIND                                                                   \
	"B\0\0\0\xc"                                                           \
	"\0\0\0\0\0\0\0\0"
#define EXECUTE                                                                \
	"E\0\0\0\x9"                                                           \
	"\0\0\0\0\0"
#define PREPARED                                                               \
	"1\0\0\0\4"                                                            \
	"2\0\0\0\4"
#define ALTERED                                                                \
	"C\0\0\0\x10"                                                          \
	"ALTER TABLE\0"
#define ALTER                                                                  \
	"Q\0\0\0\x1c"                                                          \
	"alter table a add b int\0"

static void
shut_for_a(struct fixture *f)
{
	static struct pair maker = {.id = 99, .database = "joe"};
	struct gate_names names = gate_fixture_names("a");
	uint64_t now_ms = clock_now_ms();
	struct gate_window *w =
	    gate_window_new(&maker, &names, now_ms, now_ms + FIXTURE_LONG_MS);

	assert_non_null(w);
	gate_add(&f->sessions.gate, w);
}

static void
guard_with(struct fixture *f, enum guard_policy policy)
{
	f->config.detect = GUARD_SCOPE_DDL;
	f->config.guard.scope = GUARD_SCOPE_DDL;
	f->config.guard.policy = policy;
	f->config.guard.hold_timeout_ms = FIXTURE_LONG_MS;
	f->config.guard.attempt_timeout_ms = FIXTURE_LONG_MS;
}

/* Logins */

static void
message_of_a_login_does_not_wait_at_the_gate(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	serves(f, BYTES(ASKS_PASSWORD));
	shut_for_a(f);
	says(f, BYTES(PASSWORD));
	assert_gets(f, f->server, BYTES(PASSWORD));
	assert_int_equal(f->s->pair.pipeline.count, 0);
}

static void
query_ahead_of_the_logins_end_waits(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	says(f, BYTES(QUERY));
	serves(f, BYTES(AUTHENTICATED KEY));
	assert_silent(f->server);
	serves(f, BYTES(READY));
	assert_gets(f, f->server, BYTES(QUERY));
}

static void
terminate_passes_amid_a_login(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	says(f, BYTES(TERMINATE));
	assert_gets(f, f->server, BYTES(TERMINATE));
	shutdown(f->server, SHUT_WR);
	assert_words(hear_end(f, f->client), CLOSE_SERVER_LEFT);
}

/* Words of the server that came with a bad one are the client's. */
static void
nothing_of_a_login_is_looked_at_behind_a_reason_to_close(void **state)
{
	struct fixture *f = *state;

	begin_login(f);
	serves(f, BYTES(AUTHENTICATED "R\0\0\0\4" KEY));
	assert_true(pair_is_closing(&f->s->pair));
	assert_null(f->s->pair.cancel_entry);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SERVER_BAD);
	assert_true(hear_end(f, f->client).len > sizeof(AUTHENTICATED) - 1);
	assert_memory_equal(f->read, AUTHENTICATED, sizeof(AUTHENTICATED) - 1);
	assert_words(span_of(f->read + sizeof(AUTHENTICATED) - 1,
			     f->got - sizeof(AUTHENTICATED) + 1),
		     CLOSE_SERVER_BAD);
}

/* Guarded statements */

static void
guarded_query_is_not_sent_before_its_time(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(QUERY ALTER QUERY));
	assert_non_null(f->s->guarded.exchange);
	assert_gets(f, f->server, BYTES(QUERY));
	assert_int_equal(f->s->pair.from_client.buffer.len, sizeof(QUERY) - 1);
}

/* A statement of ours has an answer of a few rows. */
static bool
is_closing(void *arg)
{
	const struct fixture *f = arg;

	return pair_is_closing(&f->s->pair);
}

static void
large_answer_to_the_guard_closes(void **state)
{
	static const char front[256]; /* which could tell what it is */
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(ALTER));
	assert_non_null(f->s->guarded.exchange);
	serves(f, "E\0\x20\0\0", 5);
	loop_for(f->base, 2);
	assert_false(pair_is_closing(&f->s->pair));
	serves(f, front, sizeof(front));
	loop_until(f->base, is_closing, f);
	assert_closes(f, CLOSE_SERVER_BAD);
	assert_string_equal(f->s->pair.farewell.detail, "message too large");
}

static void
answer_to_the_guard_is_not_the_clients(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(ALTER));
	assert_true(read(f->server, f->read, sizeof(f->read)) > 0);
	serves(f, "1\0\0\0\4", 5);
	loop_for(f->base, 2);
	assert_silent(f->client);
	assert_false(pair_is_closing(&f->s->pair));
}

/* The guard then does without, and lets the statement go. */
static void
refuse_the_guard(struct fixture *f)
{
	assert_true(read(f->server, f->read, sizeof(f->read)) > 100);
	serves(f, BYTES("E\0\0\0\x13SERROR\0C42501\0\0" READY));
}

static void
guarded_cycle_is_kept_back_until_its_execute(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(PARSE BIND));
	assert_silent(f->server);
	assert_int_equal(f->s->guarded.kept.count, 2);
	says(f, BYTES(EXECUTE SYNC));
	assert_non_null(f->s->guarded.exchange);
	assert_silent(f->client);
	refuse_the_guard(f);
	assert_gets(f, f->server, BYTES(PARSE BIND EXECUTE SYNC));
	assert_int_equal(f->s->guarded.kept.count, 0);
	serves(f, BYTES(PREPARED ALTERED READY));
	assert_gets(f, f->client, BYTES(PREPARED ALTERED READY));
	assert_null(f->s->guarded.exchange);
}

/* The second one asks for the answer to the first. */
static void
guarded_execute_waits_for_the_one_before_it(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(PARSE BIND EXECUTE));
	refuse_the_guard(f);
	assert_gets(f, f->server, BYTES(PARSE BIND EXECUTE));
	assert_non_null(f->s->guarded.exchange);
	says(f, BYTES(PARSE BIND EXECUTE SYNC));
	assert_gets(f, f->server, BYTES(PARSE BIND "H\0\0\0\4"));
	assert_int_equal(f->s->pair.from_client.buffer.len,
			 sizeof(EXECUTE SYNC) - 1);
	serves(f, BYTES(PREPARED ALTERED));
	assert_gets(f, f->server, BYTES("H\0\0\0\4"));
	assert_int_equal(f->s->pair.from_client.buffer.len, sizeof(SYNC) - 1);
	serves(f, BYTES(PREPARED));
	assert_true(read(f->server, f->read, sizeof(f->read)) > 100);
	/* A question of ours; the one before was refused, and left something.
	 */
	assert_int_equal(f->read[0], FRONTEND_CLOSE);
	assert_gets(f, f->client, BYTES(PREPARED ALTERED PREPARED));
}

/* A shut gate keeps transactions from beginning, and this one has begun. */
static void
message_behind_a_guarded_execute_does_not_wait_at_the_gate(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	guard_with(f, GUARD_POLICY_AUTO);
	says(f, BYTES(PARSE BIND EXECUTE));
	refuse_the_guard(f);
	assert_gets(f, f->server, BYTES(PARSE BIND EXECUTE));
	shut_for_a(f);
	says(f, BYTES("P\0\0\0\x10"
		      "\0table  a\0\0\0" SYNC));
	assert_gets(f, f->server,
		    BYTES("P\0\0\0\x10"
			  "\0table  a\0\0\0" SYNC));
	assert_false(f->s->guarded.watch.is_waiting);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(message_of_a_login_does_not_wait_at_the_gate),
	    TEST(query_ahead_of_the_logins_end_waits),
	    TEST(terminate_passes_amid_a_login),
	    TEST(nothing_of_a_login_is_looked_at_behind_a_reason_to_close),
	    TEST(guarded_query_is_not_sent_before_its_time),
	    TEST(large_answer_to_the_guard_closes),
	    TEST(answer_to_the_guard_is_not_the_clients),
	    TEST(guarded_cycle_is_kept_back_until_its_execute),
	    TEST(guarded_execute_waits_for_the_one_before_it),
	    TEST(message_behind_a_guarded_execute_does_not_wait_at_the_gate),
	};

	log_init(LOG_ERROR, LOG_TEXT);
	return cmocka_run_group_tests_name("proxy/session/relay", tests, NULL,
					   NULL);
}

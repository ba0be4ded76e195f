#include "proxy/session/relay.h"

#include "proxy/base/clock.h"
#include "tests/support/allocation.h"
#include "tests/support/gate.h"
#include "tests/support/relay.h"

#define QUERY                                                                  \
	"Q\0\0\0\xd"                                                           \
	"select 1\0"
#define PARSE                                                                  \
	"P\0\0\0\x11"                                                          \
	"s\0select 1\0\0\0"
#define BIND                                                                   \
	"B\0\0\0\xd"                                                           \
	"\0s\0\0\0\0\0\0\0"
#define EXECUTE                                                                \
	"E\0\0\0\x9"                                                           \
	"\0\0\0\0\0"
#define SYNC "S\0\0\0\4"
#define TERMINATE "X\0\0\0\4"
#define READY "Z\0\0\0\5I"

static const char cycle[] =
    QUERY PARSE BIND "D\0\0\0\6P\0" EXECUTE "C\0\0\0\7Ss\0"
		     "H\0\0\0\4" SYNC;

enum {
	CYCLE_BYTES = sizeof(cycle) - 1,
	CYCLE_ANSWERS = 7, /* all but Flush are answered */
};

static void
run_passes_with_one_write(void **state)
{
	struct session_fixture *f = *state;

	use_packets(f, &f->session.pair.server, &f->server);
	client_sends(f, cycle, CYCLE_BYTES);
	assert_server_gets(f, cycle, CYCLE_BYTES);
	assert_server_gets(f, "", 0);
	assert_int_equal(f->session.pair.pipeline.count, CYCLE_ANSWERS);
}

static void
run_may_be_cut_at_every_byte(void **state)
{
	for (size_t cut = 1; cut < CYCLE_BYTES; cut++) {
		struct session_fixture *f = *state;

		client_sends(f, cycle, cut);
		client_sends(f, cycle + cut, CYCLE_BYTES - cut);
		assert_server_gets(f, cycle, CYCLE_BYTES);
		assert_int_equal(f->session.pair.pipeline.count, CYCLE_ANSWERS);
		assert_int_equal(f->session.pair.from_client.pass_left, 0);
		again(state);
	}
}

static void
run_may_come_byte_by_byte(void **state)
{
	struct session_fixture *f = *state;

	for (size_t i = 0; i < CYCLE_BYTES; i++)
		client_sends(f, cycle + i, 1);
	assert_server_gets(f, cycle, CYCLE_BYTES);
	assert_int_equal(f->session.pair.pipeline.count, CYCLE_ANSWERS);
}

/* The text of a Query is judged before any byte of it is forwarded. */
static void
query_waits_until_it_is_whole(void **state)
{
	struct session_fixture *f = *state;

	for (size_t i = 0; i < sizeof(QUERY) - 2; i++) {
		client_sends(f, &QUERY[i], 1);
		assert_server_gets(f, "", 0);
	}
	client_sends(f, "\0", 1);
	assert_server_gets(f, BYTES(QUERY));
}

static void
message_whose_type_is_enough_streams(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, BIND, 6);
	assert_server_gets(f, BIND, 6);
	assert_int_equal(f->session.pair.from_client.pass_left,
			 sizeof(BIND) - 1 - 6);
	client_sends(f, &(BIND SYNC)[6], sizeof(BIND SYNC) - 1 - 6);
	assert_server_gets(f, &(BIND SYNC)[6], sizeof(BIND SYNC) - 1 - 6);
	assert_int_equal(f->session.pair.pipeline.count, 2);
}

static void
query_beyond_query_limit_streams(void **state)
{
	struct session_fixture *f = *state;
	uint8_t *query = frame_of(FRONTEND_QUERY, 4096, 'x');

	f->config.query_limit_bytes = 4095;
	client_sends(f, query, 100);
	assert_server_gets(f, query, 100);
	client_sends(f, query + 100, FRAME_HEADER_BYTES + 4096 - 100);
	assert_server_gets(f, query + 100, FRAME_HEADER_BYTES + 4096 - 100);
	f->config.query_limit_bytes = 4096;
	client_sends(f, query, 100);
	assert_server_gets(f, "", 0);
	free(query);
}

static const struct {
	const char *data;
	size_t len;
} bad_lengths[] = {
    {BYTES("Q\0\0\0\3")},
    {BYTES("S\0\0\0\0")},
    {BYTES("d\x7f\xff\xff\xff")},
    {BYTES("B\xff\xff\xff\xff")},
};

static void
bad_length_closes_behind_what_was_sent_before(void **state)
{
	for (size_t i = 0; i < sizeof(bad_lengths) / sizeof(*bad_lengths);
	     i++) {
		struct session_fixture *f = *state;

		use_packets(f, &f->session.pair.server, &f->server);
		assert_int_equal(write(f->client, BYTES(SYNC)),
				 sizeof(SYNC) - 1);
		client_sends(f, bad_lengths[i].data, bad_lengths[i].len);
		assert_server_gets(f, BYTES(SYNC));
		assert_server_gets(f, "", 0);
		assert_farewell(f, CLOSE_CLIENT_BAD);
		again(state);
	}
}

static void
bad_length_is_found_without_a_body(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, "Q\0\0\0", 4);
	assert_false(pair_is_closing(&f->session.pair));
	client_sends(f, "\3", 1);
	assert_farewell(f, CLOSE_CLIENT_BAD);
}

static void
nothing_is_judged_behind_a_reason_to_close(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, BYTES("Q\0\0\0\3" TERMINATE));
	assert_farewell(f, CLOSE_CLIENT_BAD);
	assert_false(f->session.pair.is_terminating);
}

static void
terminate_passes_and_is_noted(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, BYTES(TERMINATE));
	assert_server_gets(f, BYTES(TERMINATE));
	assert_true(f->session.pair.is_terminating);
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LEFT);
}

/* Judgements that do not pass a message */

static struct writer
parse_of(const char *sql)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_PARSE);
	write_string(&w, "");
	write_string(&w, sql);
	write_u16(&w, 0);
	writer_end(&w);
	return w;
}

static void
guard_all(struct session_fixture *f)
{
	f->config.detect = GUARD_SCOPE_DDL;
	f->config.guard.scope = GUARD_SCOPE_DDL;
	f->config.parse_limit_bytes = 16384;
}

static void
guarded_cycle_is_kept_back_until_it_is_not_executed(void **state)
{
	struct session_fixture *f = *state;
	struct writer parse = parse_of("alter table a add b int");

	guard_all(f);
	use_packets(f, &f->session.pair.server, &f->server);
	client_sends(f, BYTES(SYNC));
	assert_server_gets(f, BYTES(SYNC));
	client_sends(f, parse.data, parse.len);
	assert_server_gets(f, "", 0);
	client_sends(f, BYTES("D\0\0\0\6S\0"));
	assert_server_gets(f, "", 0);
	assert_int_equal(f->session.guarded.kept.count, 2);
	assert_int_equal(f->session.pair.pipeline.count, 1);
	client_sends(f, BYTES(SYNC));
	write_bytes(&parse, "D\0\0\0\6S\0", 7);
	assert_server_gets(f, parse.data, parse.len);
	assert_server_gets(f, BYTES(SYNC));
	assert_int_equal(f->session.guarded.kept.count, 0);
	assert_int_equal(f->session.pair.pipeline.count, 4);
	writer_clear(&parse);
}

static void
run_before_a_kept_message_is_sent_first(void **state)
{
	struct session_fixture *f = *state;
	struct writer parse = parse_of("alter table a add b int");
	struct writer w = {0};

	guard_all(f);
	write_bytes(&w, QUERY SYNC, sizeof(QUERY SYNC) - 1);
	write_bytes(&w, parse.data, parse.len);
	write_bytes(&w, SYNC, sizeof(SYNC) - 1);
	client_sends(f, w.data, w.len);
	assert_server_gets(f, w.data, w.len);
	writer_clear(&w);
	writer_clear(&parse);
}

static void
kept_message_without_memory_closes(void **state)
{
	struct session_fixture *f = *state;
	struct writer parse = parse_of("alter table a add b int");
	uint8_t *describe = frame_of(FRONTEND_DESCRIBE, 4096, 'x');

	guard_all(f);
	client_sends(f, parse.data, parse.len);
	assert_int_equal(write(f->client, describe, FRAME_HEADER_BYTES + 4096),
			 FRAME_HEADER_BYTES + 4096);
	allocation_fail_after(0);
	relay_from_client(&f->session);
	assert_true(allocation_restore());
	assert_session_closes(f, CLOSE_MEMORY);
	assert_server_gets(f, "", 0);
	writer_clear(&parse);
	free(describe);
}

/* An error of ours stands for the server's. */
static void
messages_are_dropped_up_to_the_sync(void **state)
{
	static const char sent[] = PARSE BIND EXECUTE SYNC QUERY;
	size_t dropped = sizeof(PARSE BIND EXECUTE) - 1;

	for (size_t cut = 1; cut < sizeof(sent) - 1; cut++) {
		struct session_fixture *f = *state;

		f->session.guarded.skips_to_sync = true;
		client_sends(f, sent, cut);
		if (cut <= dropped)
			assert_server_gets(f, "", 0);
		client_sends(f, sent + cut, sizeof(sent) - 1 - cut);
		if (cut <= dropped)
			assert_server_gets(f, BYTES(SYNC QUERY));
		assert_false(f->session.guarded.skips_to_sync);
		assert_int_equal(f->session.pair.pipeline.count, 2);
		again(state);
	}
}

static void
run_before_a_dropped_message_is_sent(void **state)
{
	struct session_fixture *f = *state;

	f->session.guarded.skips_to_sync = true;
	client_sends(f, BYTES(SYNC));
	f->session.guarded.skips_to_sync = true;
	client_sends(f, BYTES(TERMINATE PARSE SYNC));
	assert_server_gets(f, BYTES(SYNC TERMINATE SYNC));
}

/* Copies */

static void
begin_copy(struct session_fixture *f)
{
	client_sends(f, BYTES("Q\0\0\0\7c;\0"));
	server_sends(f, BYTES("G\0\0\0\7\0\0\0"));
	assert_true(f->session.pair.pipeline.in_copy);
	(void)session_fixture_read(f, f->server);
	(void)session_fixture_read(f, f->client);
}

static void
copy_data_passes_in_runs_and_streams(void **state)
{
	static const char sent[] = "d\0\0\0\7abc"
				   "d\0\0\0\7abc"
				   "d\0\0\0\4"
				   "d\0\0\0\x0b"
				   "abcdefg"
				   "c\0\0\0\4";

	for (size_t cut = 1; cut < sizeof(sent) - 1; cut++) {
		struct session_fixture *f = *state;

		begin_copy(f);
		client_sends(f, sent, cut);
		client_sends(f, sent + cut, sizeof(sent) - 1 - cut);
		assert_server_gets(f, BYTES(sent));
		assert_false(f->session.pair.pipeline.in_copy);
		again(state);
	}
}

static void
copy_data_with_a_bad_length_closes(void **state)
{
	struct session_fixture *f = *state;

	begin_copy(f);
	client_sends(f, BYTES("d\0\0\0\7abc"
			      "d\0\0\0\3"));
	assert_server_gets(f, BYTES("d\0\0\0\7abc"));
	assert_farewell(f, CLOSE_CLIENT_BAD);
}

/* The gate */

static struct gate_window *
shut_for_a(struct session_fixture *f)
{
	static struct pair maker = {.id = 99, .database = "db"};
	struct gate_names names = gate_fixture_names("a");
	uint64_t now_ms = clock_now_ms();
	struct gate_window *w =
	    gate_window_new(&maker, &names, now_ms, now_ms + 60000);

	assert_non_null(w);
	atomic_fetch_add(&w->users, 1);
	gate_add(&f->sessions.gate, w);
	f->session.pair.resume = (pair_resume_fn *)session_finish_event;
	f->session.pair.owner = &f->session;
	return w;
}

#define QUERY_OF_A                                                             \
	"Q\0\0\0\xd"                                                           \
	"table  a\0"

static void
query_waits_at_a_gate_that_is_shut(void **state)
{
	struct session_fixture *f = *state;
	struct gate_window *w = shut_for_a(f);

	client_sends(f, BYTES(QUERY QUERY_OF_A));
	assert_server_gets(f, BYTES(QUERY));
	assert_false(f->session.guarded.watch.is_waiting);
	server_sends(f, BYTES("I\0\0\0\4" READY));
	assert_server_gets(f, "", 0);
	assert_true(f->session.guarded.watch.is_waiting);
	gate_remove(&f->sessions.gate, w);
	loop_for(f->base, 1);
	assert_server_gets(f, BYTES(QUERY_OF_A));
	assert_false(f->session.guarded.watch.is_waiting);
}

/* Bytes of replication pass unread, and wait at no gate that is shut. */
static void
gate_stops_nothing_of_a_replication_connection(void **state)
{
	struct session_fixture *f = *state;
	struct gate_window *w = shut_for_a(f);

	f->session.is_blind = true;
	client_sends(f, BYTES(QUERY_OF_A));
	assert_server_gets(f, BYTES(QUERY_OF_A));
	assert_int_equal(f->session.pair.pipeline.count, 0);
	client_sends(f, BYTES("Q\0\0\0\3 and no frame"));
	assert_server_gets(f, BYTES("Q\0\0\0\3 and no frame"));
	assert_false(pair_is_closing(&f->session.pair));
	gate_remove(&f->sessions.gate, w);
}

static void
a_stream_of_replication_is_known_by_its_command(void **state)
{
	struct session_fixture *f = *state;
	atomic_uint *streams = &f->session.pair.daemon->streams;

	f->session.is_blind = true;
	client_sends(f, BYTES("Q\0\0\0\x14"
			      "BASE_BACKUP 123"));
	client_sends(f, BYTES("Q\0\0\0\x14"
			      "START"));
	client_sends(f, BYTES("Q"));
	assert_int_equal(atomic_load(streams), 0);
	client_sends(f, BYTES("Q\0\0\0\x1Astart_replication 0/0"));
	client_sends(f, BYTES("Q\0\0\0\x1ASTART_REPLICATION 0/0"));
	assert_true(f->session.is_streaming);
	assert_int_equal(atomic_load(streams), 1);
}

/* The stream has ended, or was refused: the next command has an end of its own.
 */
static void
a_stream_of_replication_is_over_with_the_next_command(void **state)
{
	struct session_fixture *f = *state;
	atomic_uint *streams = &f->session.pair.daemon->streams;

	f->session.is_blind = true;
	client_sends(f, BYTES("Q\0\0\0\x1ASTART_REPLICATION 0/0\0"));
	client_sends(f, BYTES("d\0\0\0\4c\0\0\0\4"));
	client_sends(f, BYTES("Q\0\0\0\x14"
			      " amid its data"));
	assert_true(f->session.is_streaming);
	client_sends(f, BYTES("Q\0\0\0\x14"
			      "BASE_BACKUP 123\0"));
	assert_false(f->session.is_streaming);
	assert_int_equal(atomic_load(streams), 0);
	client_sends(f, BYTES("Q\0\0\0\x1ASTART_REPLICATION 0/0\0"));
	assert_true(f->session.is_streaming);
	assert_int_equal(atomic_load(streams), 1);
}

/* Backpressure */

static void
shrink(int fd, int option)
{
	int size = 1;

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)), 0);
}

static void
client_is_not_read_while_the_server_takes_nothing(void **state)
{
	struct session_fixture *f = *state;
	struct stream *server = &f->session.pair.server;
	uint8_t *query = frame_of(FRONTEND_QUERY, 65000, 'x');
	size_t len = FRAME_HEADER_BYTES + 65000;
	size_t got = 0;

	shrink(server->fd, SO_SNDBUF);
	client_sends(f, query, len);
	assert_true(stream_pending(server) > 0);
	assert_false(f->session.pair.client.is_reading);
	client_sends(f, BYTES(SYNC));
	assert_int_equal(f->session.pair.from_client.buffer.len,
			 sizeof(SYNC) - 1);
	while (got < len) {
		struct span in = session_fixture_read(f, f->server);

		assert_true(got + in.len <= len);
		if (in.len > 0)
			assert_memory_equal(in.data, query + got, in.len);
		got += in.len;
		loop_for(f->base, 1);
	}
	session_finish_event(&f->session);
	assert_true(f->session.pair.client.is_reading);
	assert_server_gets(f, BYTES(SYNC));
	free(query);
}

static void
message_waits_while_the_pipeline_is_full(void **state)
{
	struct session_fixture *f = *state;
	struct pipeline *p = &f->session.pair.pipeline;

	while (!pipeline_is_full(p))
		pipeline_sent(p, FRONTEND_SYNC, PIPELINE_CLIENT);
	client_sends(f, BYTES(SYNC));
	assert_server_gets(f, "", 0);
	assert_false(f->session.pair.client.is_reading);
	server_sends(f, BYTES(READY));
	assert_server_gets(f, BYTES(SYNC));
	assert_int_equal(p->count, PIPELINE_MAX);
}

static void
pipeline_without_memory_closes(void **state)
{
	struct session_fixture *f = *state;

	f->session.pair.pipeline.failed = true;
	client_sends(f, BYTES(SYNC));
	assert_farewell(f, CLOSE_MEMORY);
}

/* Ends */

static void
end_of_the_client_is_passed_behind_its_last_message(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, BYTES(QUERY));
	client_ends(f);
	assert_server_gets(f, BYTES(QUERY));
	assert_int_equal(read(f->server, f->read, 1), 0);
	server_sends(f, BYTES("I\0\0\0\4" READY));
	assert_client_gets(f, BYTES("I\0\0\0\4" READY));
	assert_false(pair_is_closing(&f->session.pair));
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LEFT);
}

static void
end_amid_a_message_sends_nothing_of_it(void **state)
{
	struct session_fixture *f = *state;

	client_sends(f, QUERY, 9);
	client_ends(f);
	assert_int_equal(read(f->server, f->read, 1), 0);
}

static void
end_of_the_client_waits_while_it_waits_at_the_gate(void **state)
{
	struct session_fixture *f = *state;
	struct gate_window *w = shut_for_a(f);

	client_sends(f, BYTES(QUERY_OF_A));
	client_ends(f);
	assert_true(f->session.guarded.watch.is_waiting);
	assert_true(read(f->server, f->read, 1) < 0);
	gate_remove(&f->sessions.gate, w);
	loop_for(f->base, 1);
	assert_server_gets(f, BYTES(QUERY_OF_A));
	assert_int_equal(read(f->server, f->read, 1), 0);
}

/* In a second, that is; somebody else's transaction may last. */
static void
client_that_has_left_does_not_wait_at_the_gate_for_long(void **state)
{
	struct session_fixture *f = *state;
	struct gate_window *w = shut_for_a(f);

	client_sends(f, BYTES(QUERY_OF_A));
	f->session.guarded.watch.waiting_since_ms -= 1000;
	client_ends(f);
	assert_farewell(f, CLOSE_CLIENT_LEFT);
	assert_false(f->session.guarded.watch.is_waiting);
	assert_int_equal(read(f->server, f->read, 1), 0);
	gate_remove(&f->sessions.gate, w);
}

static void
server_that_is_gone_may_still_have_said_why(void **state)
{
	struct session_fixture *f = *state;
	static const char words[] = "E\0\0\0\x0eSFATAL\0\0\0";

	assert_int_equal(write(f->server, BYTES(words)), sizeof(words) - 1);
	shutdown(f->server, SHUT_RD);
	client_sends(f, BYTES(QUERY));
	assert_false(pair_is_closing(&f->session.pair));
	relay_from_server(&f->session);
	assert_client_gets(f, BYTES(words));
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LEFT);
}

static void
read_without_memory_closes(void **state)
{
	struct session_fixture *f = *state;

	assert_int_equal(write(f->client, QUERY, 9), 9);
	allocation_fail_after(0);
	relay_from_client(&f->session);
	assert_true(allocation_restore());
	assert_session_closes(f, CLOSE_MEMORY);
	session_finish_event(&f->session);
	assert_int_equal(f->session.state, SESSION_CLOSING);
	assert_client_gets(f, "", 0); /* no memory for words either */
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, session_fixture_setup,           \
					session_fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(run_passes_with_one_write),
	    TEST(run_may_be_cut_at_every_byte),
	    TEST(run_may_come_byte_by_byte),
	    TEST(query_waits_until_it_is_whole),
	    TEST(message_whose_type_is_enough_streams),
	    TEST(query_beyond_query_limit_streams),
	    TEST(bad_length_closes_behind_what_was_sent_before),
	    TEST(bad_length_is_found_without_a_body),
	    TEST(nothing_is_judged_behind_a_reason_to_close),
	    TEST(terminate_passes_and_is_noted),
	    TEST(guarded_cycle_is_kept_back_until_it_is_not_executed),
	    TEST(run_before_a_kept_message_is_sent_first),
	    TEST(kept_message_without_memory_closes),
	    TEST(messages_are_dropped_up_to_the_sync),
	    TEST(run_before_a_dropped_message_is_sent),
	    TEST(copy_data_passes_in_runs_and_streams),
	    TEST(copy_data_with_a_bad_length_closes),
	    TEST(query_waits_at_a_gate_that_is_shut),
	    TEST(gate_stops_nothing_of_a_replication_connection),
	    TEST(a_stream_of_replication_is_known_by_its_command),
	    TEST(a_stream_of_replication_is_over_with_the_next_command),
	    TEST(client_is_not_read_while_the_server_takes_nothing),
	    TEST(message_waits_while_the_pipeline_is_full),
	    TEST(pipeline_without_memory_closes),
	    TEST(end_of_the_client_is_passed_behind_its_last_message),
	    TEST(end_amid_a_message_sends_nothing_of_it),
	    TEST(end_of_the_client_waits_while_it_waits_at_the_gate),
	    TEST(client_that_has_left_does_not_wait_at_the_gate_for_long),
	    TEST(server_that_is_gone_may_still_have_said_why),
	    TEST(read_without_memory_closes),
	};

	return cmocka_run_group_tests_name("proxy/session/relay_client", tests,
					   NULL, NULL);
}

#include "proxy/session/relay.h"

#include "tests/support/allocation.h"
#include "tests/support/relay.h"

#define QUERY                                                                  \
	"Q\0\0\0\xd"                                                           \
	"select 1\0"
#define ROWS                                                                   \
	"T\0\0\0\6\0\0"                                                        \
	"D\0\0\0\x0a\0\1\0\0\0\0"                                              \
	"D\0\0\0\x0a\0\1\0\0\0\0"
#define COMPLETE "C\0\0\0\x0dSELECT 1\0"
#define READY "Z\0\0\0\5I"
#define IN_BLOCK "Z\0\0\0\5T"
#define UTF8                                                                   \
	"S\0\0\0\x19"                                                          \
	"client_encoding\0UTF8\0"
#define LATIN1                                                                 \
	"S\0\0\0\x1b"                                                          \
	"client_encoding\0LATIN1\0"
#define NOTICE "N\0\0\0\5\0"
#define FATAL                                                                  \
	"E\0\0\0\xd"                                                           \
	"SFATAL\0\0\0"

static const char answer[] = ROWS COMPLETE LATIN1 NOTICE READY;

enum {
	ANSWER_BYTES = sizeof(answer) - 1,
	LARGEST_BYTES = 1024 * 1024, /* that are waited for */
};

static void
ask(struct session_fixture *f)
{
	client_sends(f, BYTES(QUERY));
	assert_server_gets(f, BYTES(QUERY));
}

static void
run_passes_with_one_write(void **state)
{
	struct session_fixture *f = *state;

	use_packets(f, &f->session.pair.client, &f->client);
	ask(f);
	server_sends(f, answer, ANSWER_BYTES);
	assert_client_gets(f, answer, ANSWER_BYTES);
	assert_client_gets(f, "", 0);
	assert_true(pipeline_is_settled(&f->session.pair.pipeline));
}

static void
run_may_be_cut_at_every_byte(void **state)
{
	for (size_t cut = 1; cut < ANSWER_BYTES; cut++) {
		struct session_fixture *f = *state;

		ask(f);
		server_sends(f, answer, cut);
		server_sends(f, answer + cut, ANSWER_BYTES - cut);
		assert_client_gets(f, answer, ANSWER_BYTES);
		assert_true(pipeline_is_settled(&f->session.pair.pipeline));
		assert_false(f->session.pair.is_utf8);
		again(state);
	}
}

static void
run_may_come_byte_by_byte(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	for (size_t i = 0; i < ANSWER_BYTES; i++)
		server_sends(f, answer + i, 1);
	assert_client_gets(f, answer, ANSWER_BYTES);
	assert_true(pipeline_is_settled(&f->session.pair.pipeline));
}

static void
message_whose_type_is_enough_streams(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, COMPLETE, 6);
	assert_client_gets(f, COMPLETE, 6);
	server_sends(f, BYTES("ELECT 1\0"));
	assert_client_gets(f, BYTES("ELECT 1\0"));
	assert_int_equal(f->session.pair.from_server.pass_left, 0);
}

static void
row_streams(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, ROWS, 12);
	assert_client_gets(f, ROWS, 12);
	assert_int_equal(f->session.pair.from_server.pass_left, 6);
}

static void
ready_for_query_waits_until_it_is_whole(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, BYTES(COMPLETE "Z\0\0\0\5"));
	assert_client_gets(f, BYTES(COMPLETE));
	assert_int_equal(f->session.pair.pipeline.count, 1);
	server_sends(f, "T", 1);
	assert_client_gets(f, BYTES(IN_BLOCK));
	assert_int_equal(f->session.pair.pipeline.status, TRANSACTION_BLOCK);
	assert_int_equal(f->session.last_server_type, BACKEND_READY_FOR_QUERY);
}

/* A guarded statement that is prepared may be gone by DEALLOCATE. */
static void
tag_waits_until_it_is_whole_where_it_counts(void **state)
{
	struct session_fixture *f = *state;

	f->session.guarded.lease.has_turn = true;
	ask(f);
	server_sends(f, COMPLETE, 6);
	assert_client_gets(f, "", 0);
	server_sends(f, BYTES("ELECT 1\0"));
	assert_client_gets(f, BYTES(COMPLETE));
	f->session.guarded.lease.has_turn = false;
}

static void
parameter_status_is_noted(void **state)
{
	struct session_fixture *f = *state;

	server_sends(f, BYTES(LATIN1));
	assert_false(f->session.pair.is_utf8);
	server_sends(f, BYTES(UTF8));
	assert_true(f->session.pair.is_utf8);
	assert_client_gets(f, BYTES(LATIN1 UTF8));
}

/* Beyond a megabyte: nothing in it is looked at. */
static void
parameter_status_that_is_too_large_streams(void **state)
{
	struct session_fixture *f = *state;
	uint8_t *large =
	    frame_of(BACKEND_PARAMETER_STATUS, LARGEST_BYTES + 1, 0);
	uint8_t *most = frame_of(BACKEND_PARAMETER_STATUS, LARGEST_BYTES, 0);

	server_sends(f, most, 100);
	assert_client_gets(f, "", 0);
	again(state);
	f = *state;
	server_sends(f, large, 100);
	assert_client_gets(f, large, 100);
	free(most);
	free(large);
}

static const struct {
	const char *data;
	size_t len;
} bad_lengths[] = {
    {BYTES("C\0\0\0\3")},
    {BYTES("D\0\0\0\0")},
    {BYTES("D\x7f\xff\xff\xff")},
    {BYTES("Z\xff\xff\xff\xff")},
};

static void
bad_length_closes_behind_what_came_before(void **state)
{
	for (size_t i = 0; i < sizeof(bad_lengths) / sizeof(*bad_lengths);
	     i++) {
		struct session_fixture *f = *state;

		use_packets(f, &f->session.pair.client, &f->client);
		ask(f);
		assert_int_equal(write(f->server, BYTES(ROWS)),
				 sizeof(ROWS) - 1);
		server_sends(f, bad_lengths[i].data, bad_lengths[i].len);
		assert_client_gets(f, BYTES(ROWS));
		assert_farewell(f, CLOSE_SERVER_BAD);
		assert_int_equal(read(f->server, f->read, 1), 0);
		again(state);
	}
}

static const struct {
	const char *data;
	size_t len;
} strays[] = {
    {BYTES(READY)},
    {BYTES(COMPLETE)},
    {BYTES("T\0\0\0\6\0\0")},
    {BYTES("G\0\0\0\7\0\0\0")},
};

static void
answer_to_nothing_closes(void **state)
{
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++) {
		struct session_fixture *f = *state;

		use_packets(f, &f->session.pair.client, &f->client);
		assert_int_equal(write(f->server, BYTES(NOTICE)),
				 sizeof(NOTICE) - 1);
		server_sends(f, strays[i].data, strays[i].len);
		assert_client_gets(f, BYTES(NOTICE));
		assert_farewell(f, CLOSE_MISMATCH);
		again(state);
	}
}

static void
ready_for_query_with_an_unknown_status_closes(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, BYTES("Z\0\0\0\5X"));
	assert_farewell(f, CLOSE_MISMATCH);
}

/* Behind half a message no words of ours can be told from its rest. */
static void
nothing_is_said_amid_a_message(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, ROWS, 12);
	assert_client_gets(f, ROWS, 12);
	server_ends(f);
	assert_session_closes(f, CLOSE_SERVER_LOST);
	assert_client_gets(f, "", 0);
	assert_int_equal(read(f->client, f->read, 1), 0);
}

static void
end_without_a_word_is_told(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LOST);
}

static void
end_behind_an_error_is_not_told(void **state)
{
	struct session_fixture *f = *state;

	server_sends(f, BYTES(FATAL));
	assert_client_gets(f, BYTES(FATAL));
	assert_false(pair_is_closing(&f->session.pair));
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LEFT);
	assert_int_equal(read(f->client, f->read, 1), 0);
}

static void
error_and_end_may_come_with_one_read(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	assert_int_equal(write(f->server, BYTES(FATAL)), sizeof(FATAL) - 1);
	shutdown(f->server, SHUT_WR);
	relay_from_server(&f->session);
	session_finish_event(&f->session);
	relay_from_server(&f->session);
	session_finish_event(&f->session);
	assert_client_gets(f, BYTES(FATAL));
	assert_farewell(f, CLOSE_SERVER_LEFT);
}

static void
server_is_not_read_while_the_client_takes_nothing(void **state)
{
	struct session_fixture *f = *state;
	struct stream *client = &f->session.pair.client;
	uint8_t *row = frame_of(BACKEND_DATA_ROW, 65000, 'x');
	size_t len = FRAME_HEADER_BYTES + 65000;
	size_t got = 0;
	int size = 1;

	assert_int_equal(
	    setsockopt(client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
	    0);
	ask(f);
	server_sends(f, row, len);
	assert_true(stream_pending(client) > 0);
	assert_false(f->session.pair.server.is_reading);
	assert_true(client->is_reading);
	while (got < len) {
		struct span in = session_fixture_read(f, f->client);

		assert_true(got + in.len <= len);
		if (in.len > 0)
			assert_memory_equal(in.data, row + got, in.len);
		got += in.len;
		loop_for(f->base, 1);
	}
	session_finish_event(&f->session);
	assert_true(f->session.pair.server.is_reading);
	free(row);
}

static void
replication_passes_unread(void **state)
{
	struct session_fixture *f = *state;

	f->session.is_blind = true;
	server_sends(f, BYTES(READY "D\0\0\0\3" LATIN1));
	assert_client_gets(f, BYTES(READY "D\0\0\0\3" LATIN1));
	assert_true(f->session.pair.is_utf8);
	server_ends(f);
	assert_session_closes(f, CLOSE_SERVER_LOST);
	assert_client_gets(f, "", 0); /* nobody knows where a message ends */
}

static void
read_without_memory_closes(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	assert_int_equal(write(f->server, "Z\0\0", 3), 3);
	allocation_fail_after(0);
	relay_from_server(&f->session);
	assert_true(allocation_restore());
	assert_session_closes(f, CLOSE_MEMORY);
}

static void
more_without_memory_closes(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	server_sends(f, "Z\0\0", 3);
	assert_int_equal(write(f->server, "\0\5I", 3), 3);
	allocation_fail_after(0);
	relay_from_server(&f->session);
	assert_true(allocation_restore());
	assert_session_closes(f, CLOSE_MEMORY);
}

/* The end of the client's half is no reason to drop what comes for it. */
static void
client_that_has_left_gets_its_answers(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	client_ends(f);
	server_sends(f, answer, ANSWER_BYTES);
	assert_client_gets(f, answer, ANSWER_BYTES);
	assert_false(pair_is_closing(&f->session.pair));
	server_ends(f);
	assert_farewell(f, CLOSE_SERVER_LEFT);
}

static void
client_that_is_gone_closes(void **state)
{
	struct session_fixture *f = *state;

	ask(f);
	close(f->client);
	f->client = dup(f->server);
	server_sends(f, answer, ANSWER_BYTES);
	assert_session_closes(f, CLOSE_CLIENT_BROKEN);
	assert_true(f->session.is_reaped);
	assert_int_equal(read(f->server, f->read, 1), 0);
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
	    TEST(message_whose_type_is_enough_streams),
	    TEST(row_streams),
	    TEST(ready_for_query_waits_until_it_is_whole),
	    TEST(tag_waits_until_it_is_whole_where_it_counts),
	    TEST(parameter_status_is_noted),
	    TEST(parameter_status_that_is_too_large_streams),
	    TEST(bad_length_closes_behind_what_came_before),
	    TEST(answer_to_nothing_closes),
	    TEST(ready_for_query_with_an_unknown_status_closes),
	    TEST(nothing_is_said_amid_a_message),
	    TEST(end_without_a_word_is_told),
	    TEST(end_behind_an_error_is_not_told),
	    TEST(error_and_end_may_come_with_one_read),
	    TEST(server_is_not_read_while_the_client_takes_nothing),
	    TEST(replication_passes_unread),
	    TEST(read_without_memory_closes),
	    TEST(more_without_memory_closes),
	    TEST(client_that_has_left_gets_its_answers),
	    TEST(client_that_is_gone_closes),
	};

	return cmocka_run_group_tests_name("proxy/session/relay_server", tests,
					   NULL, NULL);
}

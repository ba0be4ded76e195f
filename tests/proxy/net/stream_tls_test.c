/*
 * A stream that is secured: the peer is plain OpenSSL, over a descriptor.
 */
#include "proxy/net/stream.h"

#include <errno.h>
#include <signal.h>

#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/tls_peer.h"

enum {
	BIG_BYTES = 2 * 1024 * 1024, /* more than any socket takes at once */
	ROOM_BYTES = 1000,
};

struct fixture {
	struct event_base *base;
	struct stream stream;
	int fd; /* of the peer; -1: closed */
	struct tls_peer peer;
	unsigned int events[3]; /* how often each came */
	size_t room; /* that the handler reads into; 0: it does not */
	bool pauses; /* the handler ends reading */
	bool closes; /* the handler closes the stream */
	ssize_t last_read;
	uint8_t *big;   /* BIG_BYTES */
	size_t taken;   /* bytes of them that the peer has read */
	size_t read;    /* that the stream has */
	int peer_error; /* of SSL_get_error, at the end of what it read */
	size_t peer_sent;
};

static void
read_big(struct fixture *f)
{
	uint8_t data[ROOM_BYTES];
	ssize_t n = stream_read(&f->stream, data, f->room);

	f->last_read = n;
	if (n <= 0)
		return;
	assert_true((size_t)n <= BIG_BYTES - f->read);
	assert_memory_equal(data, f->big + f->read, (size_t)n);
	f->read += (size_t)n;
}

static void
note_event(void *arg, enum stream_event event)
{
	struct fixture *f = arg;

	f->events[event]++;
	if (event != STREAM_READABLE)
		return;
	if (f->room > 0)
		read_big(f);
	if (f->pauses)
		stream_want_read(&f->stream, false);
	if (f->closes)
		stream_close(&f->stream);
}

/* As handshake.c does it, but at once. */
static void
shake(struct fixture *f, struct tls *tls, int fd)
{
	enum tls_peer_step step = TLS_PEER_MORE;
	enum tls_step ours = TLS_MORE;
	uint8_t data[16 * 1024];

	while (ours == TLS_MORE || step == TLS_PEER_MORE) {
		struct buffer *out = tls_output(tls);
		ssize_t n = read(fd, data, sizeof(data));

		if (n > 0)
			assert_true(tls_feed(tls, span_of(data, (size_t)n)));
		if (ours == TLS_MORE && !tls_wants_input(tls))
			ours = tls_handshake(tls);
		if (out->len > 0)
			assert_int_equal(
			    write(fd, out->data + out->start, out->len),
			    out->len);
		buffer_clear(out);
		step = tls_peer_shake(&f->peer);
	}
	assert_int_equal(ours, TLS_DONE);
	assert_int_equal(step, TLS_PEER_DONE);
}

/* A client of ours; the peer is the server. */
static int
open_stream(void **state)
{
	const struct tls_settings s = {.mode = TLS_REQUIRE};
	struct tls_context *context = handshaker_client_context(&s);
	struct fixture *f = calloc(1, sizeof(*f));
	struct tls *tls;
	int fds[2];
	size_t i;

	assert_non_null(f);
	f->base = loop_new();
	f->big = malloc(BIG_BYTES);
	assert_non_null(f->big);
	for (i = 0; i < BIG_BYTES; i++)
		f->big[i] = (uint8_t)(i * 7 + i / 251);
	loop_socketpair(fds);
	f->fd = fds[1];
	f->peer = tls_peer_new(true, "server");
	SSL_CTX_set_num_tickets(f->peer.ctx, 0);
	SSL_CTX_set_mode(f->peer.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	tls_peer_begin(&f->peer, f->fd);
	tls = tls_new(context, NULL);
	tls_context_release(context);
	assert_non_null(tls);
	shake(f, tls, fds[0]);
	stream_open(&f->stream, f->base, fds[0], note_event, f);
	stream_secure(&f->stream, tls);
	*state = f;
	return 0;
}

static int
close_all(void **state)
{
	struct fixture *f = *state;

	stream_close(&f->stream);
	tls_peer_clear(&f->peer);
	if (f->fd >= 0)
		close(f->fd);
	event_base_free(f->base);
	free(f->big);
	free(f);
	return 0;
}

static void
close_peer(struct fixture *f)
{
	close(f->fd);
	f->fd = -1;
}

static void
peer_writes(struct fixture *f, const char *text)
{
	assert_int_equal(SSL_write(f->peer.ssl, text, (int)strlen(text)),
			 strlen(text));
}

static void
peer_writes_big(struct fixture *f, int len)
{
	assert_int_equal(SSL_write(f->peer.ssl, f->big, len), len);
}

static void
assert_peer_reads(struct fixture *f, const char *text)
{
	char data[256];
	int n = SSL_read(f->peer.ssl, data, sizeof(data));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(data, text, strlen(text));
}

static void
assert_reads(struct fixture *f, const char *text)
{
	char data[256];

	assert_int_equal(stream_read(&f->stream, data, sizeof(data)),
			 strlen(text));
	assert_memory_equal(data, text, strlen(text));
}

static void
assert_reads_nothing(struct fixture *f, ssize_t how)
{
	char byte;

	assert_int_equal(stream_read(&f->stream, &byte, 1), how);
}

/* The peer reads what is there, and compares. */
static void
take_big(struct fixture *f)
{
	static uint8_t data[16 * 1024];
	int n;

	ERR_clear_error();
	while ((n = SSL_read(f->peer.ssl, data, sizeof(data))) > 0) {
		assert_true((size_t)n <= BIG_BYTES - f->taken);
		assert_memory_equal(data, f->big + f->taken, (size_t)n);
		f->taken += (size_t)n;
	}
	f->peer_error = SSL_get_error(f->peer.ssl, n);
}

static bool
big_has_arrived(void *arg)
{
	struct fixture *f = arg;

	take_big(f);
	return f->taken == BIG_BYTES && f->events[STREAM_DRAINED] > 0;
}

static bool
end_has_arrived(void *arg)
{
	struct fixture *f = arg;

	take_big(f);
	return f->peer_error != SSL_ERROR_WANT_READ;
}

static bool
was_readable(void *arg)
{
	const struct fixture *f = arg;

	return f->events[STREAM_READABLE] > 0;
}

static bool
big_was_read(void *arg)
{
	struct fixture *f = arg;

	while (f->peer_sent < BIG_BYTES) {
		int n = SSL_write(f->peer.ssl, f->big + f->peer_sent,
				  (int)(BIG_BYTES - f->peer_sent));

		if (n <= 0)
			break;
		f->peer_sent += (size_t)n;
	}
	return f->read == BIG_BYTES;
}

static bool
is_broken(void *arg)
{
	const struct fixture *f = arg;

	return f->events[STREAM_BROKEN] > 0;
}

/* Data */

static void
stream_secure_encrypts_both_ways(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, "hello", 5));
	assert_true(stream_write(&f->stream, "", 0));
	assert_int_equal(stream_pending(&f->stream), 0);
	assert_peer_reads(f, "hello");
	assert_reads_nothing(f, STREAM_AGAIN);
	peer_writes(f, "hello yourself");
	assert_reads(f, "hello yourself");
	assert_reads_nothing(f, STREAM_AGAIN);
}

static void
stream_write_queues_records_that_the_socket_does_not_take(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, f->big, BIG_BYTES));
	assert_true(stream_pending(&f->stream) > 0);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
	loop_until(f->base, big_has_arrived, f);
	assert_int_equal(f->events[STREAM_DRAINED], 1);
	assert_int_equal(stream_pending(&f->stream), 0);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

static void
stream_write_keeps_the_order_of_records(void **state)
{
	struct fixture *f = *state;
	size_t at;

	for (at = 0; at < BIG_BYTES; at += BIG_BYTES / 64) {
		assert_true(
		    stream_write(&f->stream, f->big + at, BIG_BYTES / 64));
		if (at % (BIG_BYTES / 4) == 0)
			take_big(f);
	}
	loop_until(f->base, big_has_arrived, f);
}

static void
stream_reads_all_through_a_small_room(void **state)
{
	struct fixture *f = *state;

	f->room = ROOM_BYTES;
	stream_want_read(&f->stream, true);
	loop_until(f->base, big_was_read, f);
	loop_for(f->base, 5);
	assert_int_equal(f->read, BIG_BYTES);
}

/* The socket is quiet, but TLS has some left. */
static void
stream_is_readable_while_tls_holds_bytes_back(void **state)
{
	struct fixture *f = *state;

	f->room = 1;
	peer_writes_big(f, 10);
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->read, 10);
	f->events[STREAM_READABLE] = 0;
	loop_for(f->base, 20);
	assert_int_equal(f->events[STREAM_READABLE], 0);
}

/* Paused with bytes held back, it must come back to them. */
static void
stream_is_readable_again_when_it_is_resumed(void **state)
{
	struct fixture *f = *state;

	f->room = 1;
	f->pauses = true;
	peer_writes_big(f, 10);
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->events[STREAM_READABLE], 1);
	assert_int_equal(f->read, 1);
	f->pauses = false;
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->read, 10);
}

/* What came with the last bytes of the handshake. */
static void
stream_secure_tells_what_came_with_the_handshake(void **state)
{
	struct fixture *f = *state;
	struct tls *tls = f->stream.tls;
	uint8_t cipher[256];
	ssize_t n;

	/* As if it had been read by handshake.c. */
	peer_writes_big(f, 5);
	n = read(f->stream.fd, cipher, sizeof(cipher));
	assert_true(n > 0);
	assert_true(tls_feed(tls, span_of(cipher, (size_t)n)));
	assert_int_equal(tls_handshake(tls), TLS_DONE);
	f->stream.tls = NULL;
	stream_secure(&f->stream, tls);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_READABLE], 0);
	f->room = ROOM_BYTES;
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->read, 5);
}

static void
stream_answers_a_change_of_keys(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(SSL_key_update(f->peer.ssl, SSL_KEY_UPDATE_REQUESTED),
			 1);
	peer_writes(f, "ping");
	assert_reads(f, "ping");
	assert_true(stream_write(&f->stream, "pong", 4));
	assert_peer_reads(f, "pong");
}

/* Ends */

static void
stream_shutdown_says_close_notify(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, f->big, 5));
	stream_shutdown(&f->stream);
	stream_shutdown(&f->stream);
	assert_true(f->stream.is_shut);
	take_big(f);
	assert_int_equal(f->taken, 5);
	assert_int_equal(f->peer_error, SSL_ERROR_ZERO_RETURN);
}

static void
stream_shutdown_says_close_notify_behind_what_waits(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, f->big, BIG_BYTES));
	stream_shutdown(&f->stream);
	stream_shutdown(&f->stream);
	assert_false(f->stream.is_shut);
	loop_until(f->base, end_has_arrived, f);
	assert_int_equal(f->taken, BIG_BYTES);
	assert_int_equal(f->peer_error, SSL_ERROR_ZERO_RETURN);
	assert_true(f->stream.is_shut);
}

static void
stream_shutdown_leaves_reading_by_tls_alone(void **state)
{
	struct fixture *f = *state;

	stream_shutdown(&f->stream);
	peer_writes(f, "late");
	stream_want_read(&f->stream, true);
	loop_until(f->base, was_readable, f);
	assert_reads(f, "late");
}

/* Nothing may be sent any more, not even the answer to this. */
static void
stream_read_after_shutdown_sends_nothing(void **state)
{
	struct fixture *f = *state;

	stream_shutdown(&f->stream);
	assert_int_equal(SSL_key_update(f->peer.ssl, SSL_KEY_UPDATE_REQUESTED),
			 1);
	peer_writes(f, "late");
	assert_reads(f, "late");
	assert_int_equal(stream_pending(&f->stream), 0);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

static void
stream_read_tells_the_end_by_close_notify(void **state)
{
	struct fixture *f = *state;

	peer_writes(f, "bye");
	assert_true(SSL_shutdown(f->peer.ssl) >= 0);
	assert_reads(f, "bye");
	assert_reads_nothing(f, STREAM_EOF);
}

/* It is no event of the socket's, as that has brought it already. */
static void
stream_is_readable_for_an_end_that_came_behind_data(void **state)
{
	struct fixture *f = *state;

	f->room = ROOM_BYTES;
	peer_writes_big(f, 5);
	assert_true(SSL_shutdown(f->peer.ssl) >= 0);
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->read, 5);
	assert_int_equal(f->last_read, STREAM_EOF);
}

static void
stream_read_tells_the_end_without_close_notify(void **state)
{
	struct fixture *f = *state;

	peer_writes(f, "bye");
	close_peer(f);
	assert_reads(f, "bye");
	assert_reads_nothing(f, STREAM_EOF);
}

static void
stream_read_by_tls_tells_a_reset(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, "never read", 10));
	close_peer(f);
	assert_reads_nothing(f, STREAM_ERROR);
	assert_int_equal(f->stream.error, ECONNRESET);
}

static void
stream_read_of_what_is_no_record_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write(f->fd, "Q\0\0\0\5x\0\0\0", 9), 9);
	assert_reads_nothing(f, STREAM_ERROR);
	assert_int_equal(f->stream.error, EPROTO);
	take_big(f);
	assert_int_equal(f->peer_error, SSL_ERROR_SSL); /* our alert */
	assert_false(stream_write(&f->stream, "x", 1));
	assert_int_equal(f->stream.error, EPROTO);
}

static void
stream_write_by_tls_to_a_peer_that_is_gone_fails(void **state)
{
	struct fixture *f = *state;

	close_peer(f);
	assert_false(stream_write(&f->stream, "x", 1));
	assert_int_equal(f->stream.error, EPIPE);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

static void
stream_shutdown_of_a_peer_that_is_gone_is_harmless(void **state)
{
	struct fixture *f = *state;

	close_peer(f);
	stream_shutdown(&f->stream);
	loop_for(f->base, 5);
	assert_true(f->stream.is_shut);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

static void
stream_is_broken_when_the_peer_goes_with_records_waiting(void **state)
{
	struct fixture *f = *state;

	assert_true(stream_write(&f->stream, f->big, BIG_BYTES));
	close_peer(f);
	loop_until(f->base, is_broken, f);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_BROKEN], 1);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
}

static void
stream_close_with_bytes_held_back_is_no_event(void **state)
{
	struct fixture *f = *state;

	f->room = 1;
	f->closes = true;
	peer_writes_big(f, 10);
	stream_want_read(&f->stream, true);
	loop_for(f->base, 20);
	assert_int_equal(f->events[STREAM_READABLE], 1);
	assert_null(f->stream.tls);
}

static void
stream_write_by_tls_without_memory_fails(void **state)
{
	struct fixture *f = *state;

	allocation_fail_after(0);
	assert_false(stream_write(&f->stream, f->big, BIG_BYTES));
	assert_true(allocation_restore());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stream, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stream_secure_encrypts_both_ways),
	    TEST(stream_write_queues_records_that_the_socket_does_not_take),
	    TEST(stream_write_keeps_the_order_of_records),
	    TEST(stream_reads_all_through_a_small_room),
	    TEST(stream_is_readable_while_tls_holds_bytes_back),
	    TEST(stream_is_readable_again_when_it_is_resumed),
	    TEST(stream_secure_tells_what_came_with_the_handshake),
	    TEST(stream_answers_a_change_of_keys),
	    TEST(stream_shutdown_says_close_notify),
	    TEST(stream_shutdown_says_close_notify_behind_what_waits),
	    TEST(stream_shutdown_leaves_reading_by_tls_alone),
	    TEST(stream_read_after_shutdown_sends_nothing),
	    TEST(stream_read_tells_the_end_by_close_notify),
	    TEST(stream_is_readable_for_an_end_that_came_behind_data),
	    TEST(stream_read_tells_the_end_without_close_notify),
	    TEST(stream_read_by_tls_tells_a_reset),
	    TEST(stream_read_of_what_is_no_record_is_an_error),
	    TEST(stream_write_by_tls_to_a_peer_that_is_gone_fails),
	    TEST(stream_shutdown_of_a_peer_that_is_gone_is_harmless),
	    TEST(stream_is_broken_when_the_peer_goes_with_records_waiting),
	    TEST(stream_close_with_bytes_held_back_is_no_event),
	    TEST(stream_write_by_tls_without_memory_fails),
	};

	signal(SIGPIPE, SIG_IGN); /* plain OpenSSL does not care */
	return cmocka_run_group_tests_name("proxy/net/stream_tls", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}

#include "proxy/net/stream.h"

#include <errno.h>

#include "tests/support/allocation.h"
#include "tests/support/loop.h"

enum {
	BIG_BYTES = 4 * 1024 * 1024, /* more than any socket takes at once */
};

/* A stream and its peer, which is a plain descriptor. */
struct fixture {
	struct event_base *base;
	struct stream stream;
	int peer;
	unsigned int events[3]; /* how often each came */
	bool closes;            /* the handler closes the stream */
	uint8_t *big;           /* BIG_BYTES */
	size_t taken;           /* bytes that the peer has read of them */
	bool peer_has_end;
};

static void
note_event(void *arg, enum stream_event event)
{
	struct fixture *f = arg;

	f->events[event]++;
	if (f->closes)
		stream_close(&f->stream);
}

static int
open_stream(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];
	size_t i;

	assert_non_null(f);
	f->base = loop_new();
	f->big = malloc(BIG_BYTES);
	assert_non_null(f->big);
	for (i = 0; i < BIG_BYTES; i++)
		f->big[i] = (uint8_t)(i * 7 + i / 251);
	loop_socketpair(fds);
	f->peer = fds[1];
	stream_open(&f->stream, f->base, fds[0], note_event, f);
	*state = f;
	return 0;
}

static int
close_all(void **state)
{
	struct fixture *f = *state;

	stream_close(&f->stream);
	if (f->peer >= 0)
		close(f->peer);
	event_base_free(f->base);
	free(f->big);
	free(f);
	return 0;
}

static void
close_peer(struct fixture *f)
{
	close(f->peer);
	f->peer = -1;
}

static void
write_text(struct fixture *f, const char *text)
{
	assert_true(stream_write(&f->stream, text, strlen(text)));
}

static void
assert_peer_reads(struct fixture *f, const char *text)
{
	char buffer[256];
	ssize_t n = read(f->peer, buffer, sizeof(buffer));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buffer, text, strlen(text));
}

static void
assert_peer_has_nothing(struct fixture *f)
{
	char byte;

	assert_int_equal(read(f->peer, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
write_big(struct fixture *f)
{
	assert_true(stream_write(&f->stream, f->big, BIG_BYTES));
	assert_true(stream_pending(&f->stream) > 0);
	assert_true(stream_pending(&f->stream) < BIG_BYTES);
}

/* The peer reads what is there, and compares. */
static void
take_big(struct fixture *f)
{
	static uint8_t buffer[64 * 1024];
	ssize_t n;

	while ((n = read(f->peer, buffer, sizeof(buffer))) > 0) {
		assert_true((size_t)n <= BIG_BYTES - f->taken);
		assert_memory_equal(buffer, f->big + f->taken, (size_t)n);
		f->taken += (size_t)n;
	}
	if (n == 0)
		f->peer_has_end = true;
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
	return f->peer_has_end;
}

static bool
is_broken(void *arg)
{
	const struct fixture *f = arg;

	return f->events[STREAM_BROKEN] > 0;
}

static bool
was_readable(void *arg)
{
	const struct fixture *f = arg;

	return f->events[STREAM_READABLE] > 0;
}

static void
stream_write_sends_at_once(void **state)
{
	struct fixture *f = *state;

	write_text(f, "hello");
	write_text(f, "");
	assert_int_equal(stream_pending(&f->stream), 0);
	assert_peer_reads(f, "hello");
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
}

static void
stream_write_queues_what_the_socket_does_not_take(void **state)
{
	struct fixture *f = *state;

	write_big(f);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
	loop_until(f->base, big_has_arrived, f);
	assert_int_equal(f->events[STREAM_DRAINED], 1);
	assert_int_equal(stream_pending(&f->stream), 0);
	assert_null(f->stream.out.data);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_DRAINED], 1);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

/* What is written while bytes wait must not overtake them. */
static void
stream_write_keeps_the_order(void **state)
{
	struct fixture *f = *state;
	size_t half = BIG_BYTES / 2;
	size_t pending;

	assert_true(stream_write(&f->stream, f->big, half));
	pending = stream_pending(&f->stream);
	assert_true(pending > 0);
	take_big(f);
	assert_true(stream_write(&f->stream, f->big + half, BIG_BYTES - half));
	assert_int_equal(stream_pending(&f->stream),
			 pending + BIG_BYTES - half);
	loop_until(f->base, big_has_arrived, f);
}

static void
stream_write_to_a_peer_that_is_gone_fails(void **state)
{
	struct fixture *f = *state;

	close_peer(f);
	assert_false(stream_write(&f->stream, "x", 1));
	assert_int_equal(f->stream.error, EPIPE);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_BROKEN], 0);
}

static void
stream_is_broken_when_the_peer_goes_with_bytes_waiting(void **state)
{
	struct fixture *f = *state;

	write_big(f);
	close_peer(f);
	loop_until(f->base, is_broken, f);
	assert_true(f->stream.error == EPIPE || f->stream.error == ECONNRESET);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_BROKEN], 1);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
}

static void
stream_write_without_memory_fails(void **state)
{
	struct fixture *f = *state;

	allocation_fail_after(0);
	assert_false(stream_write(&f->stream, f->big, BIG_BYTES));
	assert_true(allocation_restore());
	assert_int_equal(f->stream.error, ENOMEM);
	assert_int_equal(stream_pending(&f->stream), 0);
}

static void
stream_shutdown_ends_at_once_when_nothing_waits(void **state)
{
	struct fixture *f = *state;
	char byte;

	write_text(f, "bye");
	stream_shutdown(&f->stream);
	stream_shutdown(&f->stream);
	assert_true(f->stream.is_shut);
	assert_peer_reads(f, "bye");
	assert_int_equal(read(f->peer, &byte, 1), 0);
}

static void
stream_shutdown_ends_when_all_is_out(void **state)
{
	struct fixture *f = *state;

	write_big(f);
	stream_shutdown(&f->stream);
	stream_shutdown(&f->stream);
	assert_false(f->stream.is_shut);
	loop_until(f->base, end_has_arrived, f);
	assert_int_equal(f->taken, BIG_BYTES);
	assert_true(f->stream.is_shut);
	assert_int_equal(f->events[STREAM_DRAINED], 1);
}

static void
stream_shutdown_leaves_reading_alone(void **state)
{
	struct fixture *f = *state;
	char buffer[8];

	stream_shutdown(&f->stream);
	assert_int_equal(write(f->peer, "late", 4), 4);
	stream_want_read(&f->stream, true);
	loop_until(f->base, was_readable, f);
	assert_int_equal(stream_read(&f->stream, buffer, sizeof(buffer)), 4);
}

static void
stream_read_tells_bytes_from_none_and_the_end(void **state)
{
	struct fixture *f = *state;
	char buffer[8];

	assert_int_equal(stream_read(&f->stream, buffer, sizeof(buffer)),
			 STREAM_AGAIN);
	assert_int_equal(write(f->peer, "0123456789", 10), 10);
	assert_int_equal(stream_read(&f->stream, buffer, sizeof(buffer)), 8);
	assert_memory_equal(buffer, "01234567", 8);
	assert_int_equal(stream_read(&f->stream, buffer, sizeof(buffer)), 2);
	close_peer(f);
	assert_int_equal(stream_read(&f->stream, buffer, sizeof(buffer)),
			 STREAM_EOF);
}

static void
stream_read_tells_a_reset(void **state)
{
	struct fixture *f = *state;
	char byte;

	write_text(f, "never read");
	close_peer(f);
	assert_int_equal(stream_read(&f->stream, &byte, 1), STREAM_ERROR);
	assert_int_equal(f->stream.error, ECONNRESET);
}

static void
stream_is_readable_only_while_that_is_wanted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write(f->peer, "x", 1), 1);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_READABLE], 0);
	stream_want_read(&f->stream, true);
	stream_want_read(&f->stream, true);
	loop_until(f->base, was_readable, f);
	stream_want_read(&f->stream, false);
	stream_want_read(&f->stream, false);
	f->events[STREAM_READABLE] = 0;
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_READABLE], 0);
}

/* A slow reader must not stop what comes from it. */
static void
stream_reads_while_bytes_wait_to_be_written(void **state)
{
	struct fixture *f = *state;
	char byte;

	write_big(f);
	assert_int_equal(write(f->peer, "x", 1), 1);
	stream_want_read(&f->stream, true);
	loop_until(f->base, was_readable, f);
	assert_int_equal(stream_read(&f->stream, &byte, 1), 1);
	stream_want_read(&f->stream, false);
	loop_until(f->base, big_has_arrived, f);
}

static void
stream_close_ends_it_for_both_sides(void **state)
{
	struct fixture *f = *state;
	int fd = f->stream.fd;

	assert_true(stream_is_open(&f->stream));
	stream_want_read(&f->stream, true);
	write_big(f);
	assert_int_equal(write(f->peer, "x", 1), 1);
	stream_close(&f->stream);
	stream_close(&f->stream);
	assert_false(stream_is_open(&f->stream));
	assert_false(loop_fd_is_open(fd));
	assert_int_equal(stream_pending(&f->stream), 0);
	loop_for(f->base, 5);
	assert_int_equal(f->events[STREAM_READABLE], 0);
	assert_int_equal(f->events[STREAM_DRAINED], 0);
}

static void
stream_close_accepts_one_that_never_was_open(void **state)
{
	struct stream s = {0};

	(void)state;
	assert_false(stream_is_open(&s));
	stream_close(&s);
}

/* Both events are due in the same turn, and the first closes it. */
static void
stream_close_in_its_handler_ends_its_events(void **state)
{
	struct fixture *f = *state;

	f->closes = true;
	write_big(f);
	assert_int_equal(write(f->peer, "x", 1), 1);
	close_peer(f);
	stream_want_read(&f->stream, true);
	loop_for(f->base, 50);
	assert_int_equal(f->events[STREAM_READABLE] + f->events[STREAM_BROKEN],
			 1);
	assert_false(stream_is_open(&f->stream));
}

static void
stream_open_makes_a_closed_one_as_new(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	write_big(f);
	stream_shutdown(&f->stream);
	stream_close(&f->stream);
	close_peer(f);
	loop_socketpair(fds);
	f->peer = fds[1];
	stream_open(&f->stream, f->base, fds[0], note_event, f);
	assert_peer_has_nothing(f);
	write_text(f, "anew");
	assert_peer_reads(f, "anew");
}

/* No event comes of a file, as none comes where the kernel has no memory. */
static void
stream_read_fails_where_no_event_can_come(void **state)
{
	struct fixture *f = *state;
	char byte;

	stream_close(&f->stream);
	stream_open(&f->stream, f->base, open("/dev/null", O_RDONLY),
		    note_event, f);
	assert_true(stream_is_open(&f->stream));
	stream_want_read(&f->stream, true);
	loop_for(f->base, 10);
	assert_int_equal(f->events[STREAM_READABLE], 1);
	assert_int_equal(stream_read(&f->stream, &byte, 1), STREAM_ERROR);
	assert_int_equal(f->stream.error, ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stream, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stream_write_sends_at_once),
	    TEST(stream_write_queues_what_the_socket_does_not_take),
	    TEST(stream_write_keeps_the_order),
	    TEST(stream_write_to_a_peer_that_is_gone_fails),
	    TEST(stream_is_broken_when_the_peer_goes_with_bytes_waiting),
	    TEST(stream_write_without_memory_fails),
	    TEST(stream_shutdown_ends_at_once_when_nothing_waits),
	    TEST(stream_shutdown_ends_when_all_is_out),
	    TEST(stream_shutdown_leaves_reading_alone),
	    TEST(stream_read_tells_bytes_from_none_and_the_end),
	    TEST(stream_read_tells_a_reset),
	    TEST(stream_read_fails_where_no_event_can_come),
	    TEST(stream_is_readable_only_while_that_is_wanted),
	    TEST(stream_reads_while_bytes_wait_to_be_written),
	    TEST(stream_close_ends_it_for_both_sides),
	    cmocka_unit_test(stream_close_accepts_one_that_never_was_open),
	    TEST(stream_close_in_its_handler_ends_its_events),
	    TEST(stream_open_makes_a_closed_one_as_new),
	};

	return cmocka_run_group_tests_name("proxy/net/stream", tests, NULL,
					   NULL);
}

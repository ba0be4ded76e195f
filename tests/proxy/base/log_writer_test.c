#include "proxy/base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "tests/support/capture.h"

enum {
	THREADS = 4,
	LINES_OF_THREAD = 2000,
	PIPE_BYTES = 4096,
	/* More than the queue and what is on its way out can hold. */
	FLOOD_LINES = 3 * LOG_QUEUE_BYTES / 1000,
	PATIENCE_MS = 20000,
};

/* Standard error while a test reads it through a pipe, or does not. */
struct reader {
	int saved_fd;
	int fd;
};

static struct reader
reader_begin(int flags)
{
	struct reader r = {.saved_fd = dup(STDERR_FILENO)};
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | flags), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	r.fd = ends[0];
	assert_int_equal(fcntl(r.fd, F_SETFL, 0), 0);
	return r;
}

static void
reader_end(struct reader *r)
{
	dup2(r->saved_fd, STDERR_FILENO);
	close(r->saved_fd);
	if (r->fd >= 0)
		close(r->fd);
}

/* The next line, without its newline; false: the text has ended. */
static bool
reader_next(struct reader *r, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read(r->fd, line + len, 1) == 1) {
		if (line[len] == '\n') {
			line[len] = '\0';
			return true;
		}
		len++;
	}
	return false;
}

/* Lines of 1,000 bytes and a little. */
static void
put_flood(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		log_line(LOG_INFO, "line %u %0960u", i, 0u);
}

static void
lines_are_written_in_order_and_before_the_end(void **state)
{
	struct capture c = capture_begin();
	char expected[32];
	const char *at;
	unsigned i;
	char *text;

	(void)state;
	assert_true(log_writer_begin(log_lost));
	put_flood(1000);
	log_writer_end();
	at = text = capture_end(&c);
	for (i = 0; i < 1000; i++) {
		snprintf(expected, sizeof(expected), "INFO  line %u ", i);
		at = strstr(at, expected);
		assert_non_null(at);
	}
	assert_null(strstr(text, "lost"));
	free(text);
}

static void *
put_lines(void *arg)
{
	unsigned i;

	for (i = 0; i < LINES_OF_THREAD; i++)
		log_line(LOG_INFO, "thread %u line %u end", *(unsigned *)arg,
			 i);
	return NULL;
}

static void
lines_of_threads_stay_whole_and_in_order(void **state)
{
	unsigned next[THREADS] = {0};
	unsigned numbers[THREADS];
	pthread_t threads[THREADS];
	struct capture c = capture_begin();
	unsigned i, n;
	char *line, *rest, *text;

	(void)state;
	assert_true(log_writer_begin(log_lost));
	for (i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, put_lines, &numbers[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_writer_end();
	rest = text = capture_end(&c);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char end[4];

		assert_int_equal(sscanf(strstr(line, "thread"),
					"thread %u line %u %3s", &i, &n, end),
				 3);
		assert_string_equal(end, "end");
		assert_true(i < THREADS);
		assert_int_equal(n, next[i]++);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES_OF_THREAD);
	free(text);
}

/* All that is not there is counted, by one line in its place. */
static void
a_stalled_reader_stops_nobody(int flags)
{
	struct reader r = reader_begin(flags);
	unsigned expected = 0;
	unsigned long lost = 0;
	unsigned n;
	char line[4096];

	assert_true(log_writer_begin(log_lost));
	put_flood(FLOOD_LINES); /* this would hang */
	while (lost == 0 && reader_next(&r, line, sizeof(line))) {
		const char *count = strstr(line, " lines=");

		if (count != NULL) {
			assert_non_null(strstr(line, " ERROR lines of the"));
			lost = strtoul(count + 7, NULL, 10);
		} else {
			assert_int_equal(
			    sscanf(strstr(line, "line "), "line %u", &n), 1);
			assert_int_equal(n, expected++);
		}
	}
	assert_true(lost > 0);
	assert_int_equal(expected + lost, FLOOD_LINES);
	log_line(LOG_INFO, "it flows again");
	log_writer_end();
	assert_true(reader_next(&r, line, sizeof(line)));
	assert_non_null(strstr(line, "it flows again"));
	reader_end(&r);
}

static void
a_stalled_reader_of_a_blocking_pipe_stops_nobody(void **state)
{
	(void)state;
	a_stalled_reader_stops_nobody(0);
}

static void
a_stalled_reader_of_a_nonblocking_pipe_stops_nobody(void **state)
{
	(void)state;
	a_stalled_reader_stops_nobody(O_NONBLOCK);
}

static atomic_uint_fast64_t told_lost;

static void
tell_lost(uint64_t lines)
{
	log_lost(lines);
	atomic_store(&told_lost, lines);
}

static void
what_cannot_be_written_is_counted(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	int ends[2];
	char text[1024] = "";
	ssize_t len;

	(void)state;
	assert_true(full >= 0 && saved >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	dup2(full, STDERR_FILENO);
	assert_true(log_writer_begin(tell_lost));
	log_line(LOG_INFO, "one");
	log_line(LOG_INFO, "two");
	/* Both fail, and the line that tells of them. */
	while (atomic_load(&told_lost) < 2)
		usleep(1000);
	dup2(ends[1], STDERR_FILENO);
	log_line(LOG_INFO, "three");
	log_writer_end();
	dup2(saved, STDERR_FILENO);
	len = read(ends[0], text, sizeof(text) - 1);
	assert_true(len > 0);
	assert_non_null(strstr(text, "three\n"));
	assert_non_null(strstr(text, " lines=2\n"));
	close(full);
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

/* No SIGPIPE ends the process, though it is not ignored here. */
static void
a_reader_that_has_gone_stops_nobody(void **state)
{
	struct reader r = reader_begin(0);

	(void)state;
	close(r.fd);
	r.fd = -1;
	assert_true(log_writer_begin(log_lost));
	put_flood(100);
	log_writer_end();
	reader_end(&r);
}

static void
put_leaves_errno_to_the_log(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	assert_true(log_writer_begin(log_lost));
	errno = ENOTTY;
	log_line(LOG_INFO, "text");
	assert_int_equal(errno, ENOTTY);
	log_writer_end();
	free(capture_end(&c));
}

/* The last test: a thread is left behind. */
static void
the_end_waits_no_longer_than_it_says(void **state)
{
	struct reader r = reader_begin(0);
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint64_t before;

	(void)state;
	assert_true(log_writer_begin(log_lost));
	put_flood(100);
	before = clock_now_ms();
	log_writer_end();
	assert_in_range(clock_now_ms() - before, LOG_END_MS - 1, PATIENCE_MS);
	log_line(LOG_INFO, "nobody is stopped by this");
	log_writer_end();
	/* That thread goes on, and writes elsewhere. */
	dup2(nothing, r.saved_fd);
	close(nothing);
	reader_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_written_in_order_and_before_the_end),
	    cmocka_unit_test(lines_of_threads_stay_whole_and_in_order),
	    cmocka_unit_test(a_stalled_reader_of_a_blocking_pipe_stops_nobody),
	    cmocka_unit_test(
		a_stalled_reader_of_a_nonblocking_pipe_stops_nobody),
	    cmocka_unit_test(what_cannot_be_written_is_counted),
	    cmocka_unit_test(a_reader_that_has_gone_stops_nobody),
	    cmocka_unit_test(put_leaves_errno_to_the_log),
	    cmocka_unit_test(the_end_waits_no_longer_than_it_says),
	};

	return cmocka_run_group_tests_name("proxy/base/log_writer", tests, NULL,
					   NULL);
}

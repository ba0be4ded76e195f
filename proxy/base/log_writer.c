/*
 * log_writer.c - a queue of lines, and the thread that empties it.
 *
 * The thread takes all that waits at once, and leaves an empty queue behind.
 * A line that has found no room is followed by no other until then, so that
 * all that is lost is lost in one place: behind what has been taken.
 */
#include "proxy/base/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/buffer.h"
#include "proxy/base/log_sink.h"

enum log_route {
	LOG_ROUTE_DIRECT, /* the caller writes */
	LOG_ROUTE_QUEUE,
	LOG_ROUTE_NOWHERE, /* the thread hangs, and is left behind */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;  /* the thread has something to do */
	pthread_cond_t ended; /* the route is DIRECT again */
	pthread_t thread;
	log_writer_tell *tell_lost;
	/* All below is guarded by lock. */
	enum log_route route;
	struct buffer lines;
	uint64_t lost; /* number of lines, behind those of the buffer */
	bool is_ending;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
};

/* The thread's own. */
static _Thread_local bool is_writer;
static _Thread_local bool is_torn;    /* the last line has no end */
static _Thread_local uint64_t unsaid; /* lines lost that none tells of */

/* Write to the log; returns how many bytes it took before it failed. */
static size_t
log_writer_write(const uint8_t *data, size_t len)
{
	struct pollfd room = {.fd = log_sink_fd(), .events = POLLOUT};
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(room.fd, data + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			(void)poll(&room, 1, -1);
		else if (n == 0 || errno != EINTR)
			break;
	}
	return done;
}

static uint64_t
log_writer_count_lines(struct span lines)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < lines.len; i++)
		n += lines.data[i] == '\n';
	return n;
}

/* Write whole lines, behind the end of one that was torn.  Returns how many of
 * them are lost. */
static uint64_t
log_writer_write_lines(struct span lines)
{
	size_t done = 0;

	if (is_torn && log_writer_write((const uint8_t *)"\n", 1) == 1)
		is_torn = false;
	if (!is_torn)
		done = log_writer_write(lines.data, lines.len);
	if (done > 0)
		is_torn = lines.data[done - 1] != '\n';
	return log_writer_count_lines(
	    span_of(lines.data + done, lines.len - done));
}

/* The lines at the front that a pipe takes at once or not at all. */
static struct span
log_writer_front(struct span lines)
{
	const uint8_t *end;
	size_t len = lines.len < PIPE_BUF ? lines.len : PIPE_BUF;

	end = memrchr(lines.data, '\n', len);
	return span_of(lines.data,
		       end == NULL ? len : (size_t)(end + 1 - lines.data));
}

static void
log_writer_write_batch(struct buffer *batch)
{
	while (batch->len > 0) {
		struct span front = log_writer_front(buffer_span(batch));

		unsaid += log_writer_write_lines(front);
		buffer_consume(batch, front.len);
	}
}

/* Wait for lines and take them.  False: the end has come, and none is left. */
static bool
log_writer_take(struct buffer *batch, uint64_t *lost)
{
	bool has_more;

	pthread_mutex_lock(&queue.lock);
	while (queue.lines.len == 0 && queue.lost == 0 && !queue.is_ending)
		pthread_cond_wait(&queue.wake, &queue.lock);
	has_more = queue.lines.len > 0 || queue.lost > 0;
	*batch = queue.lines;
	*lost = queue.lost;
	queue.lines = (struct buffer){0};
	queue.lost = 0;
	if (!has_more && queue.route == LOG_ROUTE_QUEUE) {
		queue.route = LOG_ROUTE_DIRECT;
		pthread_cond_signal(&queue.ended);
	}
	pthread_mutex_unlock(&queue.lock);
	return has_more;
}

static void *
log_writer_run(void *arg)
{
	struct buffer batch;
	uint64_t lost;

	is_writer = true;
	while (log_writer_take(&batch, &lost)) {
		log_writer_write_batch(&batch);
		unsaid += lost;
		/* The line takes no queue: see log_writer_put. */
		if (unsaid > 0)
			queue.tell_lost(unsaid);
	}
	return arg;
}

/* Start the thread, with all signals blocked: SIGPIPE, too, is an error of
 * its write.  Returns an error number. */
static int
log_writer_start_thread(void)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&queue.thread, NULL, log_writer_run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

bool
log_writer_begin(log_writer_tell *tell_lost)
{
	pthread_condattr_t attributes;
	int error;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.ended, &attributes);
	pthread_condattr_destroy(&attributes);
	queue.tell_lost = tell_lost;
	queue.is_ending = false;
	queue.route = LOG_ROUTE_QUEUE;
	error = log_writer_start_thread();
	if (error == 0)
		return true;
	queue.route = LOG_ROUTE_DIRECT;
	pthread_cond_destroy(&queue.ended);
	errno = error;
	return false;
}

/* True if the thread has written all by the deadline. */
static bool
log_writer_wait_for_end(const struct timespec *deadline)
{
	bool has_ended;
	int error = 0;

	pthread_mutex_lock(&queue.lock);
	queue.is_ending = true;
	pthread_cond_signal(&queue.wake);
	while (queue.route == LOG_ROUTE_QUEUE && error == 0)
		error =
		    pthread_cond_timedwait(&queue.ended, &queue.lock, deadline);
	has_ended = queue.route == LOG_ROUTE_DIRECT;
	if (!has_ended)
		queue.route = LOG_ROUTE_NOWHERE;
	pthread_mutex_unlock(&queue.lock);
	return has_ended;
}

void
log_writer_end(void)
{
	struct timespec deadline;

	if (queue.route != LOG_ROUTE_QUEUE)
		return;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += LOG_END_MS / 1000;
	if (log_writer_wait_for_end(&deadline)) {
		pthread_join(queue.thread, NULL);
		pthread_cond_destroy(&queue.ended);
	} else {
		pthread_detach(queue.thread);
	}
}

/* Called with the lock. */
static void
log_writer_queue(const char *line, size_t len)
{
	bool was_idle = queue.lines.len == 0 && queue.lost == 0;

	if (queue.lost > 0 || len > LOG_QUEUE_BYTES - queue.lines.len ||
	    !buffer_append(&queue.lines, line, len))
		queue.lost++;
	if (was_idle)
		pthread_cond_signal(&queue.wake);
}

void
log_writer_put(const char *line, size_t len)
{
	enum log_route route;

	if (is_writer) {
		if (log_writer_write_lines(span_of(line, len)) == 0)
			unsaid = 0;
		return;
	}
	pthread_mutex_lock(&queue.lock);
	route = queue.route;
	if (route == LOG_ROUTE_QUEUE)
		log_writer_queue(line, len);
	pthread_mutex_unlock(&queue.lock);
	if (route == LOG_ROUTE_DIRECT)
		(void)log_writer_write((const uint8_t *)line, len);
}

/*
 * loop.h - event loops in tests: run one until something has happened, with a
 * bound that only a hang reaches.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_LOOP_H
#define LOCKSTEP_TESTS_SUPPORT_LOOP_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "tests/support/test.h"

enum {
	LOOP_BOUND_S = 60,
	LOOP_TICK_US = 1000,
};

typedef bool loop_condition(void *arg);

static inline struct event_base *
loop_new(void)
{
	struct event_base *base = event_base_new();

	assert_non_null(base);
	return base;
}

/* What is due now, and what comes of it within `ms`. */
static inline void
loop_for(struct event_base *base, long ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &t);
	event_base_dispatch(base);
}

static inline void
loop_until(struct event_base *base, loop_condition *is_met, void *arg)
{
	const struct timeval tick = {.tv_usec = LOOP_TICK_US};
	time_t begin = time(NULL);

	while (!is_met(arg)) {
		assert_true(time(NULL) - begin < LOOP_BOUND_S);
		event_base_loopexit(base, &tick);
		event_base_dispatch(base);
	}
}

/* Two connected non-blocking sockets. */
static inline void
loop_socketpair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				    0, fds),
			 0);
}

static inline bool
loop_fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

#endif

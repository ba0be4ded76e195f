/*
 * local.h - sockets of this machine: who listens at 127.0.0.1, who connects
 * there, and what it says up to its end.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_LOCAL_H
#define LOCKSTEP_TESTS_SUPPORT_LOCAL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test.h"

enum {
	LOCAL_BOUND_MS = 60000, /* only a hang takes that long */
};

static inline struct sockaddr_in
local_address(uint16_t port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port),
	};
}

/* A socket that listens, and never blocks, at a port that the kernel picks. */
static inline int
listen_locally(uint16_t *port)
{
	struct sockaddr_in a = local_address(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* A port at which nobody listens, and that nobody else is given: a socket that
 * does not listen stays bound to it. */
static inline uint16_t
local_free_port(void)
{
	const int one = 1;
	struct sockaddr_in a = local_address(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* A connection that blocks.  -1: nobody listens there. */
static inline int
local_try_connect(uint16_t port)
{
	struct sockaddr_in a = local_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline int
local_connect(uint16_t port)
{
	int fd = local_try_connect(port);

	assert_true(fd >= 0);
	return fd;
}

static inline void
local_await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, LOCAL_BOUND_MS), 1);
}

static inline int
local_accept(int listener)
{
	int fd;

	local_await(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void
local_say(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* These bytes come next. */
static inline void
local_hear(int fd, const void *data, size_t len)
{
	uint8_t got[1024];
	size_t n = 0;

	assert_true(len <= sizeof(got));
	while (n < len) {
		ssize_t now;

		local_await(fd);
		now = recv(fd, got + n, len - n, 0);
		assert_true(now > 0);
		n += (size_t)now;
	}
	assert_memory_equal(got, data, len);
}

/* All that comes, as a text that fits `size`, up to the end or a reset. */
static inline void
local_hear_end(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		local_await(fd);
		assert_true(len + 1 < size);
		n = recv(fd, text + len, size - len - 1, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	text[len] = '\0';
}

#endif

/*
 * capture.h - what is written to standard error, or another descriptor.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_CAPTURE_H
#define LOCKSTEP_TESTS_SUPPORT_CAPTURE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/test.h"

/* A descriptor while a test captures it: a file in memory. */
struct capture {
	int of;
	int saved_fd;
	int fd;
	char *text;
};

static inline struct capture
capture_begin_of(int fd)
{
	struct capture c = {.of = fd,
			    .saved_fd = dup(fd),
			    .fd = memfd_create("log", MFD_CLOEXEC)};

	assert_true(c.saved_fd >= 0 && c.fd >= 0);
	/* The kernel keeps no two writers of a memfd's offset apart. */
	assert_int_equal(fcntl(c.fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(dup2(c.fd, fd), fd);
	return c;
}

static inline struct capture
capture_begin(void)
{
	return capture_begin_of(STDERR_FILENO);
}

/* What was written; free it. */
static inline char *
capture_end(struct capture *c)
{
	off_t len = lseek(c->fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);

	dup2(c->saved_fd, c->of);
	assert_non_null(text);
	assert_int_equal(pread(c->fd, text, (size_t)len, 0), len);
	assert_int_equal(strlen(text), len);
	close(c->saved_fd);
	close(c->fd);
	return text;
}

#endif

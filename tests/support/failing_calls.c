/*
 * failing_calls.c - makes the nth allocation, or the nth system call of some
 * kinds, fail once in a process that it is preloaded to.
 *
 * The variable FAILING_CALLS of the environment names a file that the test has
 * mapped, too: test_failing_calls.py knows its layout.  Without it nothing
 * fails.  Allocations within libraries count as the program's own do.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum call_kind {
	CALL_MEMORY = 1,
	CALL_RECV = 2,
	CALL_SEND = 4,
	CALL_SOCKET = 8,
	CALL_CONNECT = 16,
	CALL_ACCEPT = 32,
	CALL_EPOLL = 64,
};

struct plan {
	atomic_int_least32_t left;   /* the call that fails; 0: none will */
	atomic_int_least32_t kinds;  /* of calls that count */
	atomic_int_least32_t error;  /* what it fails with */
	atomic_int_least32_t failed; /* the kind of the one that did */
};

static struct plan *plan;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void
open_plan(void)
{
	const char *path = getenv("FAILING_CALLS");
	void *mapped;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	mapped = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		abort();
	plan = mapped;
}

static bool
call_fails(int kind)
{
	if (plan == NULL || !(atomic_load(&plan->kinds) & kind) ||
	    atomic_load(&plan->left) <= 0 ||
	    atomic_fetch_sub(&plan->left, 1) != 1)
		return false;
	atomic_store(&plan->failed, kind);
	errno = atomic_load(&plan->error);
	return true;
}

void *
malloc(size_t size)
{
	return call_fails(CALL_MEMORY) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return call_fails(CALL_MEMORY) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return call_fails(CALL_MEMORY) ? NULL : __libc_realloc(old, size);
}

/* A connection that was reset is none any more. */
static void
call_cut(int fd)
{
	int error = errno;

	if (error == ECONNRESET)
		shutdown(fd, SHUT_RDWR);
	errno = error;
}

/* Define a system call that the next library has; fd is its first parameter.
 * ISO C has no cast to a function from what dlsym returns. */
#define CALL(result, name, kind, parameters, arguments)                        \
	result name parameters                                                 \
	{                                                                      \
		static result(*next) parameters;                               \
                                                                               \
		if (call_fails(kind)) {                                        \
			call_cut(fd);                                          \
			return -1;                                             \
		}                                                              \
		if (next == NULL) {                                            \
			void *found = dlsym(RTLD_NEXT, #name);                 \
                                                                               \
			memcpy(&next, &found, sizeof(next));                   \
		}                                                              \
		return next arguments;                                         \
	}

CALL(ssize_t, recv, CALL_RECV, (int fd, void *to, size_t len, int flags),
     (fd, to, len, flags))
CALL(ssize_t, send, CALL_SEND,
     (int fd, const void *from, size_t len, int flags), (fd, from, len, flags))
CALL(int, socket, CALL_SOCKET, (int fd, int type, int protocol),
     (fd, type, protocol))
CALL(int, connect, CALL_CONNECT,
     (int fd, __CONST_SOCKADDR_ARG address, socklen_t len), (fd, address, len))
CALL(int, accept4, CALL_ACCEPT,
     (int fd, __SOCKADDR_ARG address, socklen_t *len, int flags),
     (fd, address, len, flags))
/* Only an addition takes memory. */
CALL(int, epoll_ctl, what == EPOLL_CTL_ADD ? CALL_EPOLL : 0,
     (int fd, int what, int target, struct epoll_event *event),
     (fd, what, target, event))

/*
 * dial.h - a dial, and whom it can reach.
 *
 * Names are resolved by names.h.  The server that is dialled is moved on by
 * whoever waits for it.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_DIAL_H
#define LOCKSTEP_TESTS_SUPPORT_DIAL_H

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include <event2/event_struct.h>

#include "proxy/net/dial.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/names.h"
#include "tests/support/tls_peer.h"

enum {
	LONG_MS = 60000, /* only a hang takes that long */
	SHORT_MS = 50,
};

enum server_mood {
	SERVER_ENCRYPTS,
	SERVER_REFUSES, /* TLS, that is */
	SERVER_CLOSES,  /* amid the handshake */
	SERVER_SILENT,
};

/* One connection that it has accepted. */
struct server {
	enum server_mood mood;
	bool is_direct;
	bool was_asked;
	unsigned int accepted;
	int fd; /* -1: none */
	struct tls_peer peer;
};

struct fixture {
	struct event_base *base;
	struct resolver *resolver;
	int listener;
	uint16_t port;         /* of listener */
	uint16_t refused_port; /* nobody listens here */
	struct handshaker_fixture shaker;
	struct server server;
	struct dial *dial;
	unsigned int calls; /* of the handler */
	bool keeps;         /* the dial, to go on */
	bool has_more;
	struct dial_result result;
	char tried[DIAL_TRIED_MAX];
};

static inline int
bind_local(int type, uint16_t *port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static inline int
start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	f->listener = bind_local(SOCK_STREAM, &f->port);
	assert_int_equal(listen(f->listener, 8), 0);
	close(bind_local(SOCK_STREAM, &f->refused_port));
	f->result.fd = -1;
	f->server.fd = -1;
	handshaker_fixture_begin(&f->shaker, f->base);
	names_begin();
	f->resolver = resolver_new();
	assert_non_null(f->resolver);
	*state = f;
	return 0;
}

static inline void
server_clear(struct server *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	tls_peer_clear(&s->peer);
	memset(&s->peer, 0, sizeof(s->peer));
}

static inline int
stop(void **state)
{
	struct fixture *f = *state;

	if (f->result.fd >= 0)
		close(f->result.fd);
	tls_free(f->result.tls);
	names_be(NAMES_UNKNOWN); /* whoever hangs goes on */
	resolver_leave(f->resolver);
	handshaker_fixture_end(&f->shaker);
	server_clear(&f->server);
	close(f->listener);
	event_base_free(f->base);
	free(f);
	return 0;
}

static inline void
dialed(void *arg, const struct dial_result *result)
{
	struct fixture *f = arg;

	f->calls++;
	f->result = *result;
	snprintf(f->tried, sizeof(f->tried), "%s", result->tried);
	f->has_more = dial_has_more(f->dial);
	if (f->keeps)
		return;
	dial_cancel(f->dial);
	f->dial = NULL;
}

static inline void
dial_target(struct fixture *f, const struct dial_target *target)
{
	f->dial = dial_start(&f->shaker.by, f->resolver, target, dialed, f);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
}

static inline void
dial(struct fixture *f, const struct endpoint *endpoints, size_t count,
     uint32_t timeout_ms)
{
	const struct dial_target target = {
	    .endpoints = endpoints,
	    .count = count,
	    .timeout_ms = timeout_ms,
	};

	dial_target(f, &target);
}

static inline bool
has_result(void *arg)
{
	const struct fixture *f = arg;

	return f->calls > 0;
}

static inline bool
was_asked(void *arg)
{
	(void)arg;
	return names_asked() > 0;
}

static inline size_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static inline void
listen_unix(struct fixture *f, const struct sockaddr_un *u, socklen_t len)
{
	close(f->listener);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (const struct sockaddr *)u, len), 0);
	assert_int_equal(listen(f->listener, 8), 0);
}

static inline void
dial_address(struct fixture *f, const struct address *a)
{
	const struct dial_target target = {.timeout_ms = LONG_MS};

	f->dial = dial_start_address(&f->shaker.by, &target, a, dialed, f);
}

#endif

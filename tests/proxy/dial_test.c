/*
 * Names are resolved by a server of the test's own, in the same loop: one UDP
 * socket of 127.0.0.1.  The server that is dialled is moved on by whoever waits
 * for it.
 */
#include "proxy/dial.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/tls_peer.h"

enum {
	LONG_MS = 60000, /* only a hang takes that long */
	SHORT_MS = 50,
	DNS_MAX = 512,
	DNS_HEADER = 12,
	DNS_TYPE_A = 1,
	DNS_NXDOMAIN = 3,
};

enum dns_mood {
	DNS_SILENT,
	DNS_UNKNOWN, /* no such name */
	DNS_KNOWN,   /* every name is 127.0.0.1 */
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
	struct evdns_base *dns;
	struct event dns_event;
	int dns_fd;
	enum dns_mood mood;
	unsigned int questions;
	int listener;
	uint16_t port;         /* of listener */
	uint16_t refused_port; /* nobody listens here */
	struct handshaker_fixture shaker;
	struct server server;
	struct dial *dial;
	unsigned int calls; /* of the handler */
	struct dial_result result;
	char tried[DIAL_TRIED_MAX];
};

/* The question comes back with an answer section, or with a refusal. */
static size_t
dns_answer(const struct fixture *f, uint8_t message[DNS_MAX], size_t len)
{
	static const uint8_t address[] = {
	    0xc0, DNS_HEADER, 0,   DNS_TYPE_A, 0, 1, /* the name, A, IN */
	    0,    0,          0,   1,                /* a second */
	    0,    4,          127, 0,          0, 1,
	};

	message[2] = 0x81;
	message[3] = 0x80;
	if (f->mood == DNS_UNKNOWN) {
		message[3] |= DNS_NXDOMAIN;
		return len;
	}
	if (message[len - 3] != DNS_TYPE_A)
		return len;
	message[7] = 1;
	memcpy(message + len, address, sizeof(address));
	return len + sizeof(address);
}

static void
dns_asked(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	uint8_t message[DNS_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom((int)fd, message, DNS_MAX / 2, 0,
			     (struct sockaddr *)&from, &from_len);

	(void)what;
	assert_true(n > DNS_HEADER);
	f->questions++;
	if (f->mood != DNS_SILENT)
		(void)sendto((int)fd, message,
			     dns_answer(f, message, (size_t)n), 0,
			     (struct sockaddr *)&from, from_len);
}

static int
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

static void
start_dns(struct fixture *f)
{
	char address[32];
	uint16_t port;

	f->dns_fd = bind_local(SOCK_DGRAM | SOCK_NONBLOCK, &port);
	event_assign(&f->dns_event, f->base, f->dns_fd, EV_READ | EV_PERSIST,
		     dns_asked, f);
	event_add(&f->dns_event, NULL);
	f->dns = evdns_base_new(f->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	assert_non_null(f->dns);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	assert_int_equal(evdns_base_nameserver_ip_add(f->dns, address), 0);
}

static int
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
	start_dns(f);
	*state = f;
	return 0;
}

static void
server_clear(struct server *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	tls_peer_clear(&s->peer);
	memset(&s->peer, 0, sizeof(s->peer));
}

static int
stop(void **state)
{
	struct fixture *f = *state;

	if (f->result.fd >= 0)
		close(f->result.fd);
	tls_free(f->result.tls);
	handshaker_fixture_end(&f->shaker);
	server_clear(&f->server);
	evdns_base_free(f->dns, 0);
	event_del(&f->dns_event);
	close(f->dns_fd);
	close(f->listener);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
dialed(void *arg, const struct dial_result *result)
{
	struct fixture *f = arg;

	f->calls++;
	f->dial = NULL;
	f->result = *result;
	snprintf(f->tried, sizeof(f->tried), "%s", result->tried);
}

static void
dial_target(struct fixture *f, const struct dial_target *target)
{
	f->dial = dial_start(&f->shaker.by, &f->dns, target, dialed, f);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
}

static void
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

static bool
has_result(void *arg)
{
	const struct fixture *f = arg;

	return f->calls > 0;
}

static bool
was_asked(void *arg)
{
	const struct fixture *f = arg;

	return f->questions > 0;
}

static void
dial_to_the_end(struct fixture *f, const struct endpoint *endpoints,
		size_t count)
{
	dial(f, endpoints, count, LONG_MS);
	loop_until(f->base, has_result, f);
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

static void
assert_connected(struct fixture *f)
{
	char byte;
	int fd = accept(f->listener, NULL, NULL);

	assert_true(fd >= 0);
	assert_true(f->result.fd >= 0);
	assert_true(fcntl(f->result.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(f->result.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(f->result.fd, "x", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
}

static void
assert_failed(const struct fixture *f, const char *tried)
{
	assert_int_equal(f->result.fd, -1);
	assert_string_equal(f->tried, tried);
}

static size_t
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

/* Endpoints */

static void
dial_connects_to_an_address(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	const struct sockaddr_in *peer =
	    (const struct sockaddr_in *)&f->result.peer.address;

	dial_to_the_end(f, &e, 1);
	assert_connected(f);
	assert_string_equal(f->tried, "");
	assert_int_equal(f->result.peer.len, sizeof(*peer));
	assert_int_equal(ntohs(peer->sin_port), f->port);
	assert_int_equal(f->questions, 0);
}

static void
dial_tells_who_refused(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->refused_port, NULL};
	char expected[128];

	dial_to_the_end(f, &e, 1);
	snprintf(expected, sizeof(expected),
		 "127.0.0.1 port %u: Connection refused", f->refused_port);
	assert_failed(f, expected);
}

static void
dial_tries_the_endpoints_in_order(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"/nonexistent", 1, NULL},
	    {"127.0.0.1", f->port, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};

	dial_to_the_end(f, e, 4);
	assert_connected(f);
	assert_non_null(strstr(f->tried, "Connection refused; /nonexistent"));
}

static void
dial_tells_of_every_failure(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"/nonexistent", 5432, NULL},
	    {"127.0.0.1", f->refused_port, NULL},
	};
	char expected[256];

	dial_to_the_end(f, e, 2);
	snprintf(expected, sizeof(expected),
		 "/nonexistent/.s.PGSQL.5432: No such file or directory; "
		 "127.0.0.1 port %u: Connection refused",
		 f->refused_port);
	assert_failed(f, expected);
}

static void
dial_cuts_a_long_tale_of_failures(void **state)
{
	struct fixture *f = *state;
	struct endpoint e[60];
	size_t i;

	for (i = 0; i < 60; i++)
		e[i] = (struct endpoint){"127.0.0.1", f->refused_port, NULL};
	dial_to_the_end(f, e, 60);
	assert_int_equal(f->result.fd, -1);
	assert_int_equal(strlen(f->tried), DIAL_TRIED_MAX - 1);
}

static void
dial_without_endpoints_fails(void **state)
{
	struct fixture *f = *state;

	dial_to_the_end(f, NULL, 0);
	assert_failed(f, "");
}

/* Unix sockets */

static void
listen_unix(struct fixture *f, const struct sockaddr_un *u, socklen_t len)
{
	close(f->listener);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (const struct sockaddr *)u, len), 0);
	assert_int_equal(listen(f->listener, 8), 0);
}

static void
dial_connects_to_a_socket_directory(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/tmp/dial_test_XXXXXX";
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const struct endpoint e = {folder, 5432, NULL};

	assert_non_null(mkdtemp(folder));
	snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", folder);
	listen_unix(f, &u, sizeof(u));
	dial_to_the_end(f, &e, 1);
	unlink(u.sun_path);
	rmdir(folder);
	assert_connected(f);
}

static void
dial_connects_to_an_abstract_socket(void **state)
{
	struct fixture *f = *state;
	char name[64];
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const struct endpoint e = {name, 5432, NULL};
	int n;

	snprintf(name, sizeof(name), "@dial_test_%d", (int)getpid());
	n = snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", name);
	u.sun_path[0] = '\0';
	listen_unix(
	    f, &u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
	dial_to_the_end(f, &e, 1);
	assert_connected(f);
}

static void
dial_refuses_a_socket_path_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	char host[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	const struct endpoint e[] = {{host, 5432, NULL},
				     {"127.0.0.1", f->port, NULL}};

	memset(host, 'x', sizeof(host));
	host[0] = '/';
	host[sizeof(host) - 1] = '\0';
	dial_to_the_end(f, e, 2);
	assert_connected(f);
	assert_non_null(strstr(f->tried, "socket path too long"));
}

/* Names */

static void
dial_resolves_a_name(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", f->port, NULL};

	f->mood = DNS_KNOWN;
	dial_to_the_end(f, &e, 1);
	assert_connected(f);
	assert_true(f->questions > 0);
}

static void
dial_passes_over_a_name_that_is_unknown(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", 5432, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	f->mood = DNS_UNKNOWN;
	dial_to_the_end(f, e, 2);
	assert_connected(f);
	assert_int_equal(strncmp(f->tried, "host.invalid port 5432: ", 24), 0);
}

static void
dial_fails_when_no_name_is_known(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", 5432, NULL},
	    {"other.invalid", 5433, NULL},
	};

	f->mood = DNS_UNKNOWN;
	dial_to_the_end(f, e, 2);
	assert_int_equal(f->result.fd, -1);
	assert_non_null(strstr(f->tried, "; other.invalid port 5433: "));
}

static void
dial_gives_a_silent_name_server_up(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", 5432, NULL};

	dial(f, &e, 1, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_failed(f, "host.invalid port 5432: name resolution timed out");
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

/* An answer that comes too late belongs to nothing any more. */
static void
dial_goes_on_behind_a_silent_name_server(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"host.invalid", f->port, NULL},
	    {"other.invalid", f->port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};

	dial(f, e, 3, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	f->mood = DNS_KNOWN;
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 1);
}

/* A known address, and time */

static void
dial_address(struct fixture *f, const struct dial_address *a)
{
	const struct dial_target target = {.timeout_ms = LONG_MS};

	f->dial = dial_start_address(&f->shaker.by, &target, a, dialed, f);
}

static void
dial_start_address_connects(void **state)
{
	struct fixture *f = *state;
	struct dial_address a = {.len = sizeof(struct sockaddr_in)};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	dial_address(f, &a);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
	loop_until(f->base, has_result, f);
	assert_connected(f);
	assert_memory_equal(&f->result.peer.address, &a.address, a.len);
}

static void
dial_start_address_tells_who_refused(void **state)
{
	struct fixture *f = *state;
	struct dial_address a = {.len = sizeof(struct sockaddr_in)};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	((struct sockaddr_in *)&a.address)->sin_port = htons(f->refused_port);
	dial_address(f, &a);
	loop_until(f->base, has_result, f);
	assert_failed(f, "upstream: Connection refused");
}

/* A queue of connections that is full lets the next ones wait. */
static void
dial_gives_a_silent_server_up(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int waiting[8];
	size_t i;

	assert_int_equal(listen(f->listener, 0), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len),
			 0);
	for (i = 0; i < 8; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&a, len);
	}
	dial(f, &e, 1, SHORT_MS);
	loop_until(f->base, has_result, f);
	assert_int_equal(f->result.fd, -1);
	assert_non_null(strstr(f->tried, "Connection timed out"));
	for (i = 0; i < 8; i++)
		close(waiting[i]);
}

/* Cancelling */

static void
dial_cancel_accepts_null(void **state)
{
	(void)state;
	dial_cancel(NULL);
}

static void
dial_cancel_before_the_first_step(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	size_t fds = count_fds();

	dial(f, &e, 1, LONG_MS);
	dial_cancel(f->dial);
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 0);
	assert_int_equal(count_fds(), fds);
}

/* After every number of turns of the loop, until it is too late. */
static void
dial_cancel_after_any_turn(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e[] = {
	    {"127.0.0.1", f->refused_port, NULL},
	    {"host.invalid", f->refused_port, NULL},
	    {"127.0.0.1", f->port, NULL},
	};
	size_t fds;
	int turns;
	int i;

	f->mood = DNS_KNOWN;
	/* evdns opens its socket once. */
	dial_to_the_end(f, e + 1, 1);
	fds = count_fds();
	for (turns = 0;; turns++) {
		f->calls = 0;
		dial(f, e, 3, LONG_MS);
		for (i = 0; i < turns && f->dial != NULL; i++)
			event_base_loop(f->base, EVLOOP_ONCE);
		if (f->dial == NULL)
			break;
		dial_cancel(f->dial);
		loop_for(f->base, 5);
		assert_int_equal(f->calls, 0);
		assert_int_equal(count_fds(), fds);
	}
	assert_true(turns > 1);
	assert_true(f->result.fd >= 0);
}

static void
dial_cancel_during_name_resolution(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"host.invalid", f->port, NULL};

	dial(f, &e, 1, LONG_MS);
	loop_until(f->base, was_asked, f);
	dial_cancel(f->dial);
	f->mood = DNS_KNOWN;
	loop_for(f->base, 20);
	assert_int_equal(f->calls, 0);
}

static void
dial_start_without_memory_is_null(void **state)
{
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	const struct dial_target target = {.endpoints = &e, .count = 1};
	struct dial_address a = {.len = sizeof(struct sockaddr_in)};

	allocation_fail_after(0);
	assert_null(dial_start(&f->shaker.by, &f->dns, &target, dialed, f));
	dial_address(f, &a);
	assert_null(f->dial);
	assert_true(allocation_restore());
}

/* TLS */

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	    const unsigned char *offered, unsigned offered_len, void *arg)
{
	(void)ssl;
	(void)arg;
	assert_int_equal(offered_len, 11);
	*out = offered + 1;
	*out_len = offered[0];
	return SSL_TLSEXT_ERR_OK;
}

static void
server_accept(struct fixture *f)
{
	struct server *s = &f->server;
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	server_clear(s);
	s->accepted++;
	s->fd = fd;
	s->was_asked = s->is_direct;
	s->peer = tls_peer_new(true, "server");
	if (s->is_direct)
		SSL_CTX_set_alpn_select_cb(s->peer.ctx, select_alpn, NULL);
	tls_peer_begin(&s->peer, fd);
}

static void
server_answer(struct server *s)
{
	static const char request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	char data[16];
	ssize_t n = read(s->fd, data, sizeof(data));

	if (n <= 0)
		return;
	assert_int_equal(n, 8);
	assert_memory_equal(data, request, 8);
	s->was_asked = true;
	if (s->mood == SERVER_SILENT)
		return;
	(void)!write(s->fd, s->mood == SERVER_REFUSES ? "N" : "S", 1);
	if (s->mood == SERVER_CLOSES)
		shutdown(s->fd, SHUT_WR);
}

/* A loop_condition: it does what is its turn, and the dial is over. */
static bool
serves_to_the_end(void *arg)
{
	struct fixture *f = arg;
	struct server *s = &f->server;

	server_accept(f);
	if (s->fd >= 0 && !s->was_asked)
		server_answer(s);
	if (s->was_asked && s->mood == SERVER_ENCRYPTS)
		(void)tls_peer_shake(&s->peer);
	return has_result(f);
}

struct call {
	enum tls_mode mode;
	enum server_mood mood;
	bool is_direct;
	uint32_t timeout_ms; /* 0: long */
	const char *name;
};

static struct tls_context *
context_of(enum tls_mode mode, bool is_direct)
{
	const struct tls_settings s = {
	    .mode = mode,
	    .ca = mode >= TLS_VERIFY_CA ? "ca.crt" : NULL,
	    .is_direct = is_direct,
	};

	return handshaker_client_context(&s);
}

static struct dial_target
target_of(const struct call *c)
{
	return (struct dial_target){
	    .mode = c->mode,
	    .is_direct = c->is_direct,
	    .tls = context_of(c->mode, c->is_direct),
	    .timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : LONG_MS,
	};
}

static void
serve(struct fixture *f, const struct call *c)
{
	f->server.mood = c->mood;
	f->server.is_direct = c->is_direct;
	assert_int_equal(fcntl(f->listener, F_SETFL, O_NONBLOCK), 0);
	loop_until(f->base, serves_to_the_end, f);
	server_accept(f);
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

static void
call(struct fixture *f, const struct call *c)
{
	const struct endpoint e = {"127.0.0.1", f->port, (char *)c->name};
	struct dial_target target = target_of(c);

	target.endpoints = &e;
	target.count = 1;
	dial_target(f, &target);
	tls_context_release(target.tls); /* it has its own use */
	serve(f, c);
}

static void
call_address(struct fixture *f, const struct call *c, bool is_tls)
{
	struct dial_target target = target_of(c);
	struct dial_address a = {.len = sizeof(struct sockaddr_in),
				 .name = c->name,
				 .is_tls = is_tls};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	f->dial = dial_start_address(&f->shaker.by, &target, &a, dialed, f);
	assert_non_null(f->dial);
	tls_context_release(target.tls);
	serve(f, c);
}

/* Who refused, at the one address. */
static void
assert_says(struct fixture *f, const char *why)
{
	char expected[DIAL_TRIED_MAX];

	snprintf(expected, sizeof(expected), "127.0.0.1 port %u: %s", f->port,
		 why);
	assert_string_equal(f->tried, expected);
}

static void
assert_encrypted(struct fixture *f)
{
	if (f->result.fd < 0)
		fail_msg("%s", f->tried);
	assert_non_null(f->result.tls);
	assert_true(f->result.peer.is_tls);
	assert_int_equal(f->server.accepted, 1);
}

static void
assert_in_clear(struct fixture *f, unsigned int accepted)
{
	char byte;

	assert_true(f->result.fd >= 0);
	assert_null(f->result.tls);
	assert_false(f->result.peer.is_tls);
	assert_int_equal(f->server.accepted, accepted);
	assert_int_equal(write(f->result.fd, "x", 1), 1);
	assert_int_equal(read(f->server.fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
}

static void
dial_encrypts_where_the_mode_says_so(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_PREFER},
	    {.mode = TLS_REQUIRE},
	    {.mode = TLS_REQUIRE, .is_direct = true},
	    {.mode = TLS_VERIFY_CA, .name = "other.test"},
	    {.mode = TLS_VERIFY_FULL, .name = "db.test"},
	    {.mode = TLS_VERIFY_FULL, .name = "127.0.0.1"},
	    {.mode = TLS_VERIFY_FULL, .name = "db.test", .is_direct = true},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call(f, &calls[i]);
		assert_encrypted(f);
		assert_string_equal(f->tried, "");
		assert_ptr_equal(f->result.peer.name, calls[i].name);
		stop(state);
		start(state);
	}
}

static void
dial_stays_in_clear_where_the_mode_says_so(void **state)
{
	static const struct call calls[] = {{.mode = TLS_DISABLE},
					    {.mode = TLS_ALLOW}};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call(*state, &calls[i]);
		assert_in_clear(*state, 1);
		stop(state);
		start(state);
	}
}

static void
dial_that_prefers_tls_goes_on_in_clear_after_a_refusal(void **state)
{
	const struct call c = {.mode = TLS_PREFER, .mood = SERVER_REFUSES};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 1);
	assert_string_equal(f->tried, "");
}

static void
dial_that_prefers_tls_comes_again_in_clear_after_a_failure(void **state)
{
	const struct call c = {.mode = TLS_PREFER, .mood = SERVER_CLOSES};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 2);
	assert_says(f, "the connection was closed amid the TLS handshake");
}

static void
dial_that_requires_tls_takes_nothing_else(void **state)
{
	static const char none[] =
	    "server does not support SSL, but SSL was required";
	static const char closed[] =
	    "the connection was closed amid the TLS handshake";
	static const struct {
		enum server_mood mood;
		const char *why;
	} cases[] = {{SERVER_REFUSES, none}, {SERVER_CLOSES, closed}};
	static const enum tls_mode modes[] = {TLS_REQUIRE, TLS_VERIFY_CA,
					      TLS_VERIFY_FULL};
	size_t i;

	for (i = 0; i < 6; i++) {
		const struct call c = {.mode = modes[i / 2],
				       .mood = cases[i % 2].mood,
				       .name = "db.test"};
		struct fixture *f = *state;

		call(f, &c);
		assert_int_equal(f->result.fd, -1);
		assert_null(f->result.tls);
		assert_int_equal(f->server.accepted, 1);
		assert_says(f, cases[i % 2].why);
		stop(state);
		start(state);
	}
}

static void
dial_takes_no_other_name_than_the_endpoints(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL, .name = "other.test"};
	struct fixture *f = *state;

	call(f, &c);
	assert_int_equal(f->result.fd, -1);
	assert_says(f, "server certificate for \"db.test\" (and 1 other name) "
		       "does not match host name \"other.test\"");
}

static void
dial_tries_the_next_endpoint_after_a_failed_handshake(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL};
	struct fixture *f = *state;
	char wrong[] = "other.test";
	char right[] = "db.test";
	const struct endpoint e[] = {{"127.0.0.1", f->port, wrong},
				     {"127.0.0.1", f->port, right}};
	struct dial_target target = target_of(&c);

	target.endpoints = e;
	target.count = 2;
	dial_target(f, &target);
	tls_context_release(target.tls);
	serve(f, &c);
	assert_non_null(f->result.tls);
	assert_ptr_equal(f->result.peer.name, right);
	assert_int_equal(f->server.accepted, 2);
}

static void
dial_never_encrypts_over_a_unix_socket(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL};
	struct fixture *f = *state;
	char name[64];
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const struct endpoint e = {name, 5432, NULL};
	struct dial_target target = target_of(&c);
	int n;

	snprintf(name, sizeof(name), "@dial_test_%d", (int)getpid());
	n = snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", name);
	u.sun_path[0] = '\0';
	listen_unix(
	    f, &u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
	target.endpoints = &e;
	target.count = 1;
	dial_target(f, &target);
	tls_context_release(target.tls);
	serve(f, &c);
	assert_in_clear(f, 1);
}

static void
dial_gives_a_server_up_that_is_silent_amid_the_handshake(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_REQUIRE,
	     .mood = SERVER_SILENT,
	     .timeout_ms = SHORT_MS},
	    {.mode = TLS_REQUIRE,
	     .mood = SERVER_SILENT,
	     .is_direct = true,
	     .timeout_ms = SHORT_MS},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call(f, &calls[i]);
		assert_int_equal(f->result.fd, -1);
		assert_says(f, "the TLS handshake timed out");
		stop(state);
		start(state);
	}
}

static void
dial_that_prefers_tls_comes_again_in_clear_after_a_silence(void **state)
{
	const struct call c = {
	    .mode = TLS_PREFER, .mood = SERVER_SILENT, .timeout_ms = SHORT_MS};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 2);
	assert_says(f, "the TLS handshake timed out");
}

static void
dial_start_address_encrypts_as_the_address_says(void **state)
{
	static const enum tls_mode modes[] = {TLS_ALLOW, TLS_PREFER,
					      TLS_REQUIRE};
	size_t i;

	for (i = 0; i < 6; i++) {
		const struct call c = {.mode = modes[i / 2], .name = "db.test"};
		struct fixture *f = *state;
		bool is_tls = i % 2 == 0;

		call_address(f, &c, is_tls);
		if (is_tls)
			assert_encrypted(f);
		else
			assert_in_clear(f, 1);
		assert_ptr_equal(f->result.peer.name, c.name);
		stop(state);
		start(state);
	}
}

/* The other way has been tried already. */
static void
dial_start_address_does_not_fall_back(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_PREFER, .mood = SERVER_REFUSES},
	    {.mode = TLS_ALLOW, .mood = SERVER_REFUSES},
	    {.mode = TLS_PREFER, .mood = SERVER_CLOSES},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call_address(f, &calls[i], true);
		assert_int_equal(f->result.fd, -1);
		assert_int_equal(f->server.accepted, 1);
		stop(state);
		start(state);
	}
}

static void
dial_without_memory_for_tls_fails(void **state)
{
	const struct call c = {.mode = TLS_PREFER};
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	struct dial_target target = target_of(&c);

	target.endpoints = &e;
	target.count = 1;
	dial_target(f, &target);
	tls_context_release(target.tls);
	allocation_fail_after(0);
	loop_until(f->base, has_result, f);
	assert_true(allocation_restore());
	assert_int_equal(f->result.fd, -1);
	assert_says(f, "Cannot allocate memory");
}

/* After every number of turns of the loop, until it is too late. */
static void
dial_cancel_after_any_turn_of_the_handshake(void **state)
{
	const struct call c = {.mode = TLS_REQUIRE};
	int turns;

	for (turns = 0;; turns++) {
		struct fixture *f = *state;
		const struct endpoint e = {"127.0.0.1", f->port, NULL};
		struct dial_target target = target_of(&c);
		size_t fds = count_fds();
		int i;

		target.endpoints = &e;
		target.count = 1;
		assert_int_equal(fcntl(f->listener, F_SETFL, O_NONBLOCK), 0);
		dial_target(f, &target);
		tls_context_release(target.tls);
		for (i = 0; i < turns && !serves_to_the_end(f); i++)
			event_base_loop(f->base, EVLOOP_ONCE);
		if (f->dial == NULL)
			break;
		dial_cancel(f->dial);
		server_accept(f);
		server_clear(&f->server);
		loop_for(f->base, 5);
		assert_int_equal(f->calls, 0);
		assert_int_equal(count_fds(), fds);
		stop(state);
		start(state);
	}
	assert_true(turns > 3);
	assert_encrypted(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(dial_connects_to_an_address),
	    TEST(dial_tells_who_refused),
	    TEST(dial_tries_the_endpoints_in_order),
	    TEST(dial_tells_of_every_failure),
	    TEST(dial_cuts_a_long_tale_of_failures),
	    TEST(dial_without_endpoints_fails),
	    TEST(dial_connects_to_a_socket_directory),
	    TEST(dial_connects_to_an_abstract_socket),
	    TEST(dial_refuses_a_socket_path_that_is_too_long),
	    TEST(dial_resolves_a_name),
	    TEST(dial_passes_over_a_name_that_is_unknown),
	    TEST(dial_fails_when_no_name_is_known),
	    TEST(dial_gives_a_silent_name_server_up),
	    TEST(dial_goes_on_behind_a_silent_name_server),
	    TEST(dial_start_address_connects),
	    TEST(dial_start_address_tells_who_refused),
	    TEST(dial_gives_a_silent_server_up),
	    cmocka_unit_test(dial_cancel_accepts_null),
	    TEST(dial_cancel_before_the_first_step),
	    TEST(dial_cancel_after_any_turn),
	    TEST(dial_cancel_during_name_resolution),
	    TEST(dial_start_without_memory_is_null),
	    TEST(dial_encrypts_where_the_mode_says_so),
	    TEST(dial_stays_in_clear_where_the_mode_says_so),
	    TEST(dial_that_prefers_tls_goes_on_in_clear_after_a_refusal),
	    TEST(dial_that_prefers_tls_comes_again_in_clear_after_a_failure),
	    TEST(dial_that_requires_tls_takes_nothing_else),
	    TEST(dial_takes_no_other_name_than_the_endpoints),
	    TEST(dial_tries_the_next_endpoint_after_a_failed_handshake),
	    TEST(dial_never_encrypts_over_a_unix_socket),
	    TEST(dial_gives_a_server_up_that_is_silent_amid_the_handshake),
	    TEST(dial_that_prefers_tls_comes_again_in_clear_after_a_silence),
	    TEST(dial_start_address_encrypts_as_the_address_says),
	    TEST(dial_start_address_does_not_fall_back),
	    TEST(dial_without_memory_for_tls_fails),
	    TEST(dial_cancel_after_any_turn_of_the_handshake),
	};

	signal(SIGPIPE, SIG_IGN); /* plain OpenSSL does not care */
	return cmocka_run_group_tests_name("proxy/dial", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}

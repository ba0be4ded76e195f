/*
 * Names are resolved by a server of the test's own, in the same loop: one UDP
 * socket of 127.0.0.1.
 */
#include "proxy/dial.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/support/allocation.h"
#include "tests/support/loop.h"

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
	struct handshaker handshaker;
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
	start_dns(f);
	*state = f;
	return 0;
}

static int
stop(void **state)
{
	struct fixture *f = *state;

	if (f->result.fd >= 0)
		close(f->result.fd);
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
dial(struct fixture *f, const struct endpoint *endpoints, size_t count,
     uint32_t timeout_ms)
{
	const struct dial_target target = {
	    .endpoints = endpoints,
	    .count = count,
	    .timeout_ms = timeout_ms,
	};

	f->handshaker.base = f->base;
	f->dial = dial_start(&f->handshaker, &f->dns, &target, dialed, f);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
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

	f->handshaker.base = f->base;
	f->dial = dial_start_address(&f->handshaker, &target, a, dialed, f);
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
	assert_null(dial_start(&f->handshaker, &f->dns, &target, dialed, f));
	dial_address(f, &a);
	assert_null(f->dial);
	assert_true(allocation_restore());
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
	};

	return cmocka_run_group_tests_name("proxy/dial", tests, NULL, NULL);
}

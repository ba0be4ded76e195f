#include "proxy/net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test.h"

static int
option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static const struct tcp_settings watched = {
    .idle_ms = 2001, .interval_ms = 1000, .count = 4, .user_timeout_ms = 1234};

static void
socket_tune_sets_the_options_of_tcp(void **state)
{
	const int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		int fd = socket(families[i], SOCK_STREAM, 0);

		if (fd < 0)
			continue; /* a machine without IPv6 */
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
		socket_tune(fd, families[i], &watched);
		assert_int_not_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
		assert_int_not_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 3);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 1);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
				 1234);
		close(fd);
	}
}

static void
socket_tune_leaves_zeros_to_the_system(void **state)
{
	const struct tcp_settings zeros = {.count = 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int idle = option(fd, IPPROTO_TCP, TCP_KEEPIDLE);

	(void)state;
	socket_tune(fd, AF_INET, &zeros);
	assert_int_not_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), idle);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	close(fd);
}

static void
socket_tune_sends_no_keepalives_where_they_are_off(void **state)
{
	struct tcp_settings off = watched;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	off.is_off = true;
	socket_tune(fd, AF_INET, &off);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
	close(fd);
}

static void
socket_tune_leaves_a_unix_socket_alone(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_true(fd >= 0);
	socket_tune(fd, AF_UNIX, &watched);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(fd);
}

/* Two ends of a connection over TCP. */
static void
connect_pair(int fds[2])
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&a, len), 0);
	fds[0] = accept(listener, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(listener);
}

/* From now on nothing arrives there, and nothing is acknowledged.  False: some
 * systems let only root do that. */
static bool
vanish(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog all = {.len = 1, .filter = &drop};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all,
			  sizeof(all)) == 0;
}

/* Whether it is found gone in that time. */
static bool
is_gone_within(int fd, unsigned ms)
{
	unsigned waited_ms;

	for (waited_ms = 0; waited_ms < ms; waited_ms += 10) {
		if (socket_peer_is_gone(fd, 300))
			return true;
		usleep(10000);
	}
	return false;
}

static void
socket_peer_is_gone_when_nothing_is_acknowledged(void **state)
{
	int fds[2];

	(void)state;
	connect_pair(fds);
	if (!vanish(fds[1])) {
		assert_int_not_equal(getuid(), 0);
		close(fds[0]);
		close(fds[1]);
		skip();
	}
	assert_false(is_gone_within(fds[0], 500)); /* it was sent nothing */
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_false(socket_peer_is_gone(fds[0], 300));
	assert_true(is_gone_within(fds[0], 30000));
	close(fds[0]);
	close(fds[1]);
}

/* The peer's window is shut, and it says so. */
static void
socket_peer_that_does_not_read_is_there(void **state)
{
	static const char data[4096];
	int fds[2];

	(void)state;
	connect_pair(fds);
	while (send(fds[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		continue;
	assert_false(is_gone_within(fds[0], 3000));
	close(fds[0]);
	close(fds[1]);
}

static void
socket_peer_of_a_unix_socket_is_there(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_false(socket_peer_is_gone(fds[0], 0));
	close(fds[0]);
	close(fds[1]);
}

/* A socket that listens at 127.0.0.1, and where. */
static int
listener_at(struct sockaddr_in *where)
{
	socklen_t len = sizeof(*where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*where = (struct sockaddr_in){.sin_family = AF_INET};
	where->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)where, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)where, &len), 0);
	return fd;
}

static int
dial_to(const struct sockaddr_in *where)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(
	    connect(fd, (const struct sockaddr *)where, sizeof(*where)), 0);
	return fd;
}

static void
socket_leads_back_to_where_it_was_accepted(void **state)
{
	struct sockaddr_in ours;
	struct sockaddr_in others;
	int listeners[] = {listener_at(&ours), listener_at(&others)};
	int client = dial_to(&ours);
	int accepted = accept(listeners[0], NULL, NULL);
	int back = dial_to(&ours);
	int on = dial_to(&others);

	(void)state;
	assert_true(socket_leads_back(back, accepted));
	assert_false(socket_leads_back(on, accepted));
	for (size_t i = 0; i < 2; i++)
		close(listeners[i]);
	close(client);
	close(accepted);
	close(back);
	close(on);
}

static void
socket_leads_back_needs_a_name(void **state)
{
	int a[2];
	int b[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	assert_false(socket_leads_back(a[0], b[0]));
	for (size_t i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void
socket_is_own_failure_tells_ours_from_the_peers(void **state)
{
	(void)state;
	assert_true(socket_is_own_failure(EMFILE));
	assert_true(socket_is_own_failure(EADDRNOTAVAIL));
	assert_false(socket_is_own_failure(ECONNREFUSED));
	assert_false(socket_is_own_failure(ETIMEDOUT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(socket_tune_sets_the_options_of_tcp),
	    cmocka_unit_test(socket_tune_leaves_zeros_to_the_system),
	    cmocka_unit_test(
		socket_tune_sends_no_keepalives_where_they_are_off),
	    cmocka_unit_test(socket_tune_leaves_a_unix_socket_alone),
	    cmocka_unit_test(socket_peer_is_gone_when_nothing_is_acknowledged),
	    cmocka_unit_test(socket_peer_that_does_not_read_is_there),
	    cmocka_unit_test(socket_peer_of_a_unix_socket_is_there),
	    cmocka_unit_test(socket_leads_back_to_where_it_was_accepted),
	    cmocka_unit_test(socket_leads_back_needs_a_name),
	    cmocka_unit_test(socket_is_own_failure_tells_ours_from_the_peers),
	};

	return cmocka_run_group_tests_name("proxy/net/socket", tests, NULL,
					   NULL);
}

#include "proxy/net/socket.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(socket_tune_sets_the_options_of_tcp),
	    cmocka_unit_test(socket_tune_leaves_zeros_to_the_system),
	    cmocka_unit_test(
		socket_tune_sends_no_keepalives_where_they_are_off),
	    cmocka_unit_test(socket_tune_leaves_a_unix_socket_alone),
	};

	return cmocka_run_group_tests_name("proxy/net/socket", tests, NULL,
					   NULL);
}

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

static void
socket_tune_sets_both_options_of_tcp(void **state)
{
	const int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		int fd = socket(families[i], SOCK_STREAM, 0);

		if (fd < 0)
			continue; /* a machine without IPv6 */
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
		socket_tune(fd, families[i]);
		assert_int_not_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
		assert_int_not_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
		close(fd);
	}
}

static void
socket_tune_leaves_a_unix_socket_alone(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_true(fd >= 0);
	socket_tune(fd, AF_UNIX);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(socket_tune_sets_both_options_of_tcp),
	    cmocka_unit_test(socket_tune_leaves_a_unix_socket_alone),
	};

	return cmocka_run_group_tests_name("proxy/net/socket", tests, NULL,
					   NULL);
}

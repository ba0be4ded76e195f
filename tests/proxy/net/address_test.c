#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "tests/support/test.h"

static void
assert_text(const struct address *a, const char *expected)
{
	char out[ADDRESS_TEXT_MAX];

	memset(out, 'x', sizeof(out));
	address_text(a, out);
	assert_string_equal(out, expected);
}

static void
assert_split(const struct address *a, const char *host, uint16_t port)
{
	char out[ADDRESS_HOST_MAX];
	uint16_t n = 0;

	assert_true(address_split(a, out, &n));
	assert_string_equal(out, host);
	assert_int_equal(n, port);
}

static void
address_text_tells_host_and_port(void **state)
{
	struct address a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&a.address;

	(void)state;
	in->sin_family = AF_INET;
	in->sin_port = htons(5432);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_text(&a, "127.0.0.1 port 5432");
	assert_split(&a, "127.0.0.1", 5432);
}

static void
address_text_tells_an_address_of_version_6(void **state)
{
	struct address a = {.len = sizeof(struct sockaddr_in6)};
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a.address;

	(void)state;
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(1);
	in->sin6_addr = in6addr_loopback;
	assert_text(&a, "::1 port 1");
	assert_split(&a, "::1", 1);
}

static void
address_text_of_nobody_is_the_upstream(void **state)
{
	struct address a = {.len = 0};

	(void)state;
	assert_text(&a, "upstream");
}

static void
address_split_knows_tcp_only(void **state)
{
	struct address a = {.len = 0};
	char host[ADDRESS_HOST_MAX];
	uint16_t port;

	(void)state;
	assert_false(address_split(&a, host, &port));
	a.address.ss_family = AF_UNIX;
	a.len = sizeof(sa_family_t);
	assert_false(address_split(&a, host, &port));
}

static void
assert_local(const char *directory, const char *path, size_t len)
{
	struct address a = {.len = 0};
	const struct sockaddr_un *u = (const struct sockaddr_un *)&a.address;

	assert_true(address_set_local(&a, directory, 5432));
	assert_int_equal(u->sun_family, AF_UNIX);
	assert_int_equal(a.len, offsetof(struct sockaddr_un, sun_path) + len);
	assert_memory_equal(u->sun_path, path, len);
}

static void
address_set_local_names_the_socket_of_a_directory(void **state)
{
	(void)state;
	assert_local("/run", "/run/.s.PGSQL.5432",
		     sizeof("/run/.s.PGSQL.5432"));
	assert_local("@run", "\0run/.s.PGSQL.5432",
		     strlen("@run/.s.PGSQL.5432"));
}

static void
address_set_local_refuses_a_path_that_is_too_long(void **state)
{
	struct address a = {.len = 0};
	char directory[110];

	(void)state;
	memset(directory, '/', sizeof(directory) - 1);
	directory[sizeof(directory) - 1] = '\0';
	assert_false(address_set_local(&a, directory, 5432));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(address_text_tells_host_and_port),
	    cmocka_unit_test(address_text_tells_an_address_of_version_6),
	    cmocka_unit_test(address_text_of_nobody_is_the_upstream),
	    cmocka_unit_test(address_split_knows_tcp_only),
	    cmocka_unit_test(address_set_local_names_the_socket_of_a_directory),
	    cmocka_unit_test(address_set_local_refuses_a_path_that_is_too_long),
	};

	return cmocka_run_group_tests_name("proxy/net/address", tests, NULL,
					   NULL);
}

#include "proxy/config/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/config/value.h"
#include "tests/support/test.h"

static bool
has(const struct network_list *list, const char *text)
{
	struct sockaddr_storage a = {0};
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
	}
	return network_list_has(list, (struct sockaddr *)&a);
}

static const struct {
	const char *list;
	const char *address;
	bool is_in;
} rows[] = {
    {"10.0.0.0/8", "10.255.1.2", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"10.0.0.0/8", "a00::", false},
    {"10.1.2.3", "10.1.2.3", true},
    {"10.1.2.3", "10.1.2.2", false},
    {"10.1.2.3/31", "10.1.2.2", true},
    {"10.1.2.3/31", "10.1.2.4", false},
    {"172.16.0.0/12", "172.31.255.255", true},
    {"172.16.0.0/12", "172.32.0.0", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "203.0.113.9", false},
    {"::/0", "::ffff:203.0.113.9", false},
    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"::ffff:10.0.0.1", "10.0.0.1", true},
    {"fd00::/8", "fdff::1", true},
    {"fd00::/8", "fe00::1", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"192.0.2.1,::1 10.0.0.0/8", "10.0.0.1", true},
    {" 192.0.2.1 ,\t::1 ", "::1", true},
    {"192.0.2.1, ::1", "::2", false},
    {"", "127.0.0.1", false},
};

static void
network_list_has_what_its_prefixes_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct network_list list;
		struct value_error error;

		assert_true(network_list_parse(&list, rows[i].list, &error));
		if (has(&list, rows[i].address) != rows[i].is_in)
			fail_msg("%s in %s", rows[i].address, rows[i].list);
		network_list_clear(&list);
	}
}

static void
network_list_has_no_unix_socket(void **state)
{
	struct sockaddr local = {.sa_family = AF_UNIX};
	struct network_list list;
	struct value_error error;

	(void)state;
	assert_true(network_list_parse(&list, "0.0.0.0/0 ::/0", &error));
	assert_false(network_list_has(&list, &local));
	network_list_clear(&list);
}

static void
network_list_parse_refuses_what_is_no_network(void **state)
{
	static const char *const bad[] = {
	    "localhost",     "10.0.0",       "10.0.0.0/",
	    "10.0.0.0/33",   "10.0.0.0/-1",  "10.0.0.0/+8",
	    "10.0.0.0/0008", "::/129",       "::1%lo",
	    "[::1]",         "10.0.0.0/8/8", "::ffff:1.2.3.4/95",
	    "10.0.0.1:5432", "all",          ",",
	    "::1, x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct network_list list = {.count = 7};
		struct value_error error;

		if (network_list_parse(&list, bad[i], &error))
			fail_msg("%s is accepted", bad[i]);
		assert_int_equal(list.count, 7);
		assert_false(error.is_no_memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(network_list_has_what_its_prefixes_say),
	    cmocka_unit_test(network_list_has_no_unix_socket),
	    cmocka_unit_test(network_list_parse_refuses_what_is_no_network),
	};

	return cmocka_run_group_tests_name("config/network", tests, NULL, NULL);
}

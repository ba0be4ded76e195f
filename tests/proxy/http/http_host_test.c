#include "proxy/http/http_host.h"

#include "tests/support/test.h"

static const struct name_list none;

static void
http_host_is_ours_by_what_no_stranger_has(void **state)
{
	static const char *const ours[] = {
	    "127.0.0.1",
	    "127.0.0.1:7433",
	    "10.1.2.3:80",
	    "[::1]",
	    "[::1]:7433",
	    "[fe80::1]:7433",
	    "localhost",
	    "LocalHost:7433",
	    "a.localhost",
	    "lockstep",
	    "lockstep:7433",
	    "lockstep.shop.svc:7433",
	    "lockstep.shop.svc.cluster.local:7433",
	    "proxy.internal",
	    "proxy.home.arpa.",
	    "printer.LOCAL",
	};

	(void)state;
	assert_true(http_host_is_ours(NULL, &none));
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!http_host_is_ours(ours[i], &none))
			fail_msg("%s", ours[i]);
}

static void
http_host_is_ours_by_no_name_of_a_stranger(void **state)
{
	static const char *const strange[] = {
	    "",
	    ":7433",
	    "page.example",
	    "page.example:7433",
	    "page.example.",
	    "127.0.0.1.page.example",
	    "127.0.0.1.nip.io:7433",
	    "127.0.0.1x.example",
	    "1.2.3",
	    "localhost.page.example",
	    "xlocal.example",
	    ".local.example",
	    "a.notlocal",
	    "a.xlocalhost",
	    "[page.example]",
	    "[x]",
	    "[::1",
	    "[]",
	    "page.example\\.local.example",
	    "svc.example:80.local",
	};
	char longest[400];

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		if (http_host_is_ours(strange[i], &none))
			fail_msg("%s", strange[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(http_host_is_ours(longest, &none));
}

static void
http_host_is_ours_by_what_is_listed(void **state)
{
	static char name[] = "lockstep.example.com";
	static char domain[] = ".example.org";
	static char any[] = "*";
	static char *items[] = {name, domain};
	static char *all[] = {any};
	const struct name_list list = {items, 2};
	const struct name_list star = {all, 1};

	(void)state;
	assert_true(http_host_is_ours("Lockstep.Example.com:7433", &list));
	assert_true(http_host_is_ours("lockstep.example.com.", &list));
	assert_true(http_host_is_ours("a.b.example.org", &list));
	assert_false(http_host_is_ours("example.org", &list));
	assert_false(http_host_is_ours("a.lockstep.example.com", &list));
	assert_false(http_host_is_ours("badexample.org", &list));
	assert_true(http_host_is_ours("page.example", &star));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(http_host_is_ours_by_what_no_stranger_has),
	    cmocka_unit_test(http_host_is_ours_by_no_name_of_a_stranger),
	    cmocka_unit_test(http_host_is_ours_by_what_is_listed),
	};

	return cmocka_run_group_tests_name("proxy/http/http_host", tests, NULL,
					   NULL);
}

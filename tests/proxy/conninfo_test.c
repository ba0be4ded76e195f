#include "proxy/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define LOCAL "/var/run/postgresql"
#define LONG_32 "01234567890123456789012345678901"
#define NO_TLS                                                                 \
	"TLS to the server is not supported yet: sslmode can be disable, "     \
	"allow or prefer"

/* "host port, host port": the list as text. */
static void
print_list(char *out, size_t size, const struct endpoint_list *list)
{
	size_t len = 0;
	size_t i;

	out[0] = '\0';
	for (i = 0; i < list->count; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s%s %u",
					i == 0 ? "" : ", ", list->items[i].host,
					(unsigned)list->items[i].port);
		assert_true(len < size);
	}
}

static const struct {
	const char *conninfo;
	const char *servers;
} good[] = {
    {"", LOCAL " 5432"},
    {"port=5433", LOCAL " 5433"},
    {"host=", LOCAL " 5432"},
    {"host=db", "db 5432"},
    {"host=db port=", "db 5432"},
    {"host='db' port=' 6432 '", "db 6432"},
    {"host = db  port = 6432", "db 6432"},
    {"host=10.0.0.1", "10.0.0.1 5432"},
    {"host=::1 port=7", "::1 7"},
    {"host=/tmp port=5433", "/tmp 5433"},
    {"host=@lockstep", "@lockstep 5432"},
    {"host=a,b,c", "a 5432, b 5432, c 5432"},
    {"host=a,b port=1,2", "a 1, b 2"},
    {"host=a,b port=1", "a 1, b 1"},
    {"host=a,b port=1,", "a 1, b 5432"},
    {"host=a,,b", "a 5432, " LOCAL " 5432, b 5432"},
    {"host=db.example.com hostaddr=10.0.0.1", "10.0.0.1 5432"},
    {"host=a,b hostaddr=10.0.0.1,", "10.0.0.1 5432, b 5432"},
    {"hostaddr=10.0.0.1,::1 port=1,65535", "10.0.0.1 1, ::1 65535"},
    {"postgres://", LOCAL " 5432"},
    {"postgresql://db", "db 5432"},
    {"postgres://u:p@db:6432/name?application_name=x", "db 6432"},
    {"postgres://[::1]:6432", "::1 6432"},
    {"postgres://a:1,b:2/", "a 1, b 2"},
    {"postgres://a:1,b/", "a 1, b 5432"},
    {"postgres://%2Ftmp:5433/", "/tmp 5433"},
    {"postgres:///name?host=/tmp&port=5433", "/tmp 5433"},
    {"host=db user=u password=p dbname=d connect_timeout=1 options=-cx=y "
     "keepalives=1 sslcert=c sslkey=k sslrootcert=r passfile=f",
     "db 5432"},
    {"host=db sslmode=disable", "db 5432"},
    {"host=db sslmode=allow", "db 5432"},
    {"host=db sslmode=prefer", "db 5432"},
    {"host=db gssencmode=disable channel_binding=prefer requirepeer='' "
     "target_session_attrs=any",
     "db 5432"},
    {"service=s host=db port=1", "db 1"},
};

static void
conninfo_parse_lists_the_servers_as_libpq_does(void **state)
{
	struct value_error error;
	char servers[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct endpoint_list list = {0};

		if (!conninfo_parse(&list, good[i].conninfo, &error))
			fail_msg("%s: %s", good[i].conninfo, error.text);
		print_list(servers, sizeof(servers), &list);
		assert_string_equal(servers, good[i].servers);
		endpoint_list_clear(&list);
	}
}

static void
conninfo_parse_ignores_the_environment(void **state)
{
	struct endpoint_list list = {0};
	struct value_error error;
	char servers[256];

	(void)state;
	setenv("PGHOST", "elsewhere", 1);
	setenv("PGPORT", "1", 1);
	setenv("PGSSLMODE", "require", 1);
	setenv("PGSERVICE", "none", 1);
	assert_true(conninfo_parse(&list, "dbname=d", &error));
	print_list(servers, sizeof(servers), &list);
	assert_string_equal(servers, LOCAL " 5432");
	endpoint_list_clear(&list);
	unsetenv("PGHOST");
	unsetenv("PGPORT");
	unsetenv("PGSSLMODE");
	unsetenv("PGSERVICE");
}

static const struct {
	const char *conninfo;
	const char *message;
} bad[] = {
    {"hosst=hunter2", "a keyword that libpq does not know; the nearest is "
		      "\"host\""},
    {"hunter2=x", "a keyword that libpq does not know"},
    {"postgres://db/?ssl_mode=disable",
     "a keyword that libpq does not know; the nearest is \"sslmode\""},
    {"hunter2", "not a CONNINFO: a keyword without = behind it"},
    {"password=very hunter2", "not a CONNINFO: a keyword without = behind it"},
    {"password=very \"hunter2\nhunter2\" x",
     "not a CONNINFO: a keyword without = behind it"},
    {"password='hunter2", "not a CONNINFO: a quote that is not closed"},
    {"postgres://u:hunter2%zz@db",
     "not a CONNINFO: a % without two hex digits behind it"},
    {"postgres://u:hunter2%00@db", "not a CONNINFO: %00, which is not allowed"},
    {"postgres://u:hunter2@[::1", "not a CONNINFO: a [ without ]"},
    {"postgres://u:hunter2@[]", "not a CONNINFO: nothing between [ and ]"},
    {"postgres://u:hunter2@[::1]x",
     "not a CONNINFO: an unexpected character behind ]"},
    {"postgres://db?password=hunter2=",
     "not a CONNINFO: a parameter with two ="},
    {"postgres://db?hunter2", "not a CONNINFO: a parameter without ="},
    {"host=a port=hunter2", "the port of server 1 is not 1 to 65535"},
    {"host=a,b port=1,0", "the port of server 2 is not 1 to 65535"},
    {"host=a port=65536", "the port of server 1 is not 1 to 65535"},
    {"host=a port=-1", "the port of server 1 is not 1 to 65535"},
    {"host=a port='1 2'", "the port of server 1 is not 1 to 65535"},
    {"host=a port=99999999999999999999",
     "the port of server 1 is not 1 to 65535"},
    {"host=a port=1,2", "2 ports for 1 hosts: one for each, or one"},
    {"host=a,b,c port=1,2", "2 ports for 3 hosts: one for each, or one"},
    {"host=a,b hostaddr=10.0.0.1", "not as many hostaddrs as hosts"},
    {"hostaddr=hunter2",
     "the hostaddr of server 1 is not an IPv4 or IPv6 address"},
    {"host=/" LONG_32 LONG_32 LONG_32,
     "the socket directory of server 1 is longer than the system allows"},
    {"sslmode=require", "sslmode: " NO_TLS},
    {"sslmode=verify-ca", "sslmode: " NO_TLS},
    {"postgres://u:hunter2@db/d?sslmode=verify-full", "sslmode: " NO_TLS},
    {"sslmode=hunter2", "sslmode: " NO_TLS},
    {"sslrootcert=system", "sslrootcert: " NO_TLS},
    {"channel_binding=require", "channel_binding: " NO_TLS},
    {"gssencmode=require", "gssencmode: GSS encryption is not supported: it "
			   "can be disable or prefer"},
    {"requirepeer=postgres",
     "requirepeer: Lockstep does not check that of a server"},
    {"target_session_attrs=read-write",
     "target_session_attrs: Lockstep does not check that of a server"},
    {"service=hunter2", "service: only `lockstep explain` reads service files; "
			"give host and port too"},
    {"service=hunter2 host=a",
     "service: only `lockstep explain` reads service files; give host and port "
     "too"},
};

static void
conninfo_parse_says_what_is_wrong_and_shows_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct endpoint_list list = {0};
		struct value_error error;

		assert_false(conninfo_parse(&list, bad[i].conninfo, &error));
		assert_string_equal(error.text, bad[i].message);
		assert_null(strstr(error.text, "hunter2"));
		assert_null(list.items);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conninfo_parse_lists_the_servers_as_libpq_does),
	    cmocka_unit_test(conninfo_parse_ignores_the_environment),
	    cmocka_unit_test(
		conninfo_parse_says_what_is_wrong_and_shows_nothing),
	};

	return cmocka_run_group_tests_name("proxy/conninfo", tests, NULL, NULL);
}

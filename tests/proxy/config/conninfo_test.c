#include "proxy/config/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define LOCAL "/var/run/postgresql"
#define LONG_32 "01234567890123456789012345678901"

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
		struct conninfo c;

		if (!conninfo_parse(&c, good[i].conninfo, &error))
			fail_msg("%s: %s", good[i].conninfo, error.text);
		print_list(servers, sizeof(servers), &c.servers);
		assert_string_equal(servers, good[i].servers);
		conninfo_clear(&c);
	}
}

static void
conninfo_parse_ignores_the_environment(void **state)
{
	struct conninfo c;
	struct value_error error;
	char servers[256];

	(void)state;
	setenv("PGHOST", "elsewhere", 1);
	setenv("PGPORT", "1", 1);
	setenv("PGSSLMODE", "require", 1);
	setenv("PGSERVICE", "none", 1);
	assert_true(conninfo_parse(&c, "dbname=d", &error));
	print_list(servers, sizeof(servers), &c.servers);
	assert_string_equal(servers, LOCAL " 5432");
	assert_int_equal(c.tls.mode, TLS_PREFER);
	conninfo_clear(&c);
	unsetenv("PGHOST");
	unsetenv("PGPORT");
	unsetenv("PGSSLMODE");
	unsetenv("PGSERVICE");
}

static void
assert_text(const char *text, const char *expected)
{
	if (expected == NULL)
		assert_null(text);
	else
		assert_string_equal(text, expected);
}

static const struct {
	const char *conninfo;
	struct tls_settings tls;
} encrypted[] = {
    {"host=a", {.mode = TLS_PREFER}},
    {"host=a sslmode=disable", {.mode = TLS_DISABLE}},
    {"host=a sslmode=allow", {.mode = TLS_ALLOW}},
    {"host=a sslmode=require sslcompression=1 sslsni=1", {.mode = TLS_REQUIRE}},
    {"host=a sslmode=verify-ca sslrootcert=r sslcrl=l sslcrldir=d",
     {.mode = TLS_VERIFY_CA, .ca = "r", .crl = "l", .crl_dir = "d"}},
    {"postgres://u:p@a/d?sslmode=verify-full&sslrootcert=%2Fr",
     {.mode = TLS_VERIFY_FULL, .ca = "/r"}},
    {"host=a sslrootcert=system", {.mode = TLS_VERIFY_FULL, .ca = "system"}},
    {"host=a sslcert=c sslkey=k sslpassword=p sslsni=0",
     {.mode = TLS_PREFER,
      .cert = "c",
      .key = "k",
      .key_password = "p",
      .hides_name = true}},
    {"host=a sslmode=require sslnegotiation=direct",
     {.mode = TLS_REQUIRE, .is_direct = true}},
    {"sslnegotiation = 'postgres' host=a sslmode=require",
     {.mode = TLS_REQUIRE}},
    {"postgres://a/?sslnegotiation=direct&sslmode=require",
     {.mode = TLS_REQUIRE, .is_direct = true}},
};

static void
conninfo_parse_reads_what_is_said_of_tls(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(encrypted) / sizeof(encrypted[0]); i++) {
		const struct tls_settings *e = &encrypted[i].tls;
		struct value_error error;
		struct conninfo c;

		if (!conninfo_parse(&c, encrypted[i].conninfo, &error))
			fail_msg("%s: %s", encrypted[i].conninfo, error.text);
		assert_int_equal(c.tls.mode, e->mode);
		assert_int_equal(c.tls.min_version, TLS_VERSION_1_2);
		assert_int_equal(c.tls.is_direct, e->is_direct);
		assert_int_equal(c.tls.hides_name, e->hides_name);
		assert_text(c.tls.ca, e->ca);
		assert_text(c.tls.crl, e->crl);
		assert_text(c.tls.crl_dir, e->crl_dir);
		assert_text(c.tls.cert, e->cert);
		assert_text(c.tls.key, e->key);
		assert_text(c.tls.key_password, e->key_password);
		conninfo_clear(&c);
	}
}

static void
conninfo_parse_reads_versions_and_channel_binding(void **state)
{
	struct value_error error;
	struct conninfo c;

	(void)state;
	assert_true(conninfo_parse(&c,
				   "host=a ssl_min_protocol_version=TLSv1.1 "
				   "ssl_max_protocol_version=TLSv1.3 "
				   "channel_binding=require",
				   &error));
	assert_int_equal(c.tls.min_version, TLS_VERSION_1_1);
	assert_int_equal(c.tls.max_version, TLS_VERSION_1_3);
	assert_int_equal(c.tls.channel_binding, CHANNEL_BINDING_REQUIRE);
	conninfo_clear(&c);
}

static void
conninfo_parse_keeps_the_name_that_a_certificate_is_for(void **state)
{
	struct value_error error;
	struct conninfo c;

	(void)state;
	assert_true(conninfo_parse(
	    &c, "host=a,b,/tmp hostaddr=10.0.0.1,, port=1", &error));
	assert_string_equal(c.servers.items[0].host, "10.0.0.1");
	assert_string_equal(c.servers.items[0].name, "a");
	assert_string_equal(c.servers.items[1].name, "b");
	assert_null(c.servers.items[2].name);
	conninfo_clear(&c);
}

static void
conninfo_parse_reads_which_host_is_wanted(void **state)
{
	static const char *const words[] = {"any",       "read-write",
					    "read-only", "primary",
					    "standby",   "prefer-standby"};
	enum session_attrs attrs;

	(void)state;
	for (attrs = 0; attrs <= SESSION_ATTRS_PREFER_STANDBY; attrs++) {
		struct conninfo c = {.text = NULL};
		struct value_error error;
		char text[64];

		snprintf(text, sizeof(text), "host=a target_session_attrs=%s",
			 words[attrs]);
		assert_true(conninfo_parse(&c, text, &error));
		assert_int_equal(c.hosts.attrs, attrs);
		conninfo_clear(&c);
	}
}

/* Also where the libpq at hand does not know it yet. */
static void
conninfo_parse_reads_how_load_is_spread(void **state)
{
	static const struct {
		const char *text;
		bool is_random;
	} cases[] = {
	    {"host=a,b", false},
	    {"host=a,b load_balance_hosts=disable", false},
	    {"host=a,b load_balance_hosts=random", true},
	    {"postgres://a,b/?load_balance_hosts=random", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conninfo c = {.text = NULL};
		struct value_error error;

		assert_true(conninfo_parse(&c, cases[i].text, &error));
		assert_int_equal(c.hosts.is_random, cases[i].is_random);
		conninfo_clear(&c);
	}
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
    {"sslmode=verify-ca",
     "sslmode: verify-ca needs sslrootcert: a file with the authority that "
     "signed the server's certificate, or \"system\""},
    {"postgres://u:hunter2@db/d?sslmode=verify-full",
     "sslmode: verify-full needs sslrootcert: a file with the authority that "
     "signed the server's certificate, or \"system\""},
    {"sslmode=verify-full sslrootcert=r host=a,b hostaddr=10.0.0.1,10.0.0.2 "
     "port=hunter2",
     "the port of server 1 is not 1 to 65535"},
    {"sslmode=verify-full sslrootcert=r hostaddr=10.0.0.1",
     "sslmode: verify-full needs the host of server 1, not its hostaddr alone"},
    {"sslmode=hunter2", "sslmode: expected one of disable allow prefer require "
			"verify-ca verify-full"},
    {"sslmode=prefer sslrootcert=system",
     "sslrootcert: \"system\" needs sslmode=verify-full"},
    {"channel_binding=hunter2",
     "channel_binding: expected one of disable prefer require"},
    {"ssl_min_protocol_version=hunter2",
     "ssl_min_protocol_version: expected one of TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"},
    {"ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
     "ssl_max_protocol_version is below ssl_min_protocol_version"},
    {"sslsni=hunter2", "sslsni: expected one of 0 1"},
    {"sslmode=require sslnegotiation=hunter2",
     "sslnegotiation: expected one of postgres direct"},
    {"sslnegotiation=direct", "sslnegotiation: \"direct\" needs "
			      "sslmode=require, verify-ca or verify-full"},
    {"sslcert=c", "sslcert and sslkey go together"},
    {"sslkey=k", "sslcert and sslkey go together"},
    {"sslcrl=hunter2",
     "sslcrl: without sslrootcert there is nothing to be revoked"},
    {"gssencmode=require", "gssencmode: GSS encryption is not supported: it "
			   "can be disable or prefer"},
    {"requirepeer=postgres",
     "requirepeer: Lockstep does not check that of a server"},
    {"target_session_attrs=hunter2",
     "target_session_attrs: expected one of any read-write read-only primary "
     "standby prefer-standby"},
    {"load_balance_hosts=hunter2",
     "load_balance_hosts: expected one of disable random"},
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
		struct conninfo c = {.text = NULL};
		struct value_error error;

		assert_false(conninfo_parse(&c, bad[i].conninfo, &error));
		assert_string_equal(error.text, bad[i].message);
		assert_null(strstr(error.text, "hunter2"));
		assert_null(c.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conninfo_parse_lists_the_servers_as_libpq_does),
	    cmocka_unit_test(conninfo_parse_ignores_the_environment),
	    cmocka_unit_test(conninfo_parse_reads_what_is_said_of_tls),
	    cmocka_unit_test(conninfo_parse_reads_versions_and_channel_binding),
	    cmocka_unit_test(
		conninfo_parse_keeps_the_name_that_a_certificate_is_for),
	    cmocka_unit_test(conninfo_parse_reads_which_host_is_wanted),
	    cmocka_unit_test(conninfo_parse_reads_how_load_is_spread),
	    cmocka_unit_test(
		conninfo_parse_says_what_is_wrong_and_shows_nothing),
	};

	return cmocka_run_group_tests_name("proxy/config/conninfo", tests, NULL,
					   NULL);
}

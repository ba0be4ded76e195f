#include "proxy/config/config_tls.h"

#include <stdio.h>

#include "tests/support/test.h"

static const struct endpoint by_tcp = {.host = "db", .port = 5432};
static const struct endpoint by_socket = {.host = "/tmp", .port = 5432};
static const struct endpoint mixed[] = {{.host = "/tmp", .port = 5432},
					{.host = "@x", .port = 5432},
					{.host = "db", .port = 5432}};

#define TCP .upstream = (struct endpoint *)&by_tcp, .upstream_count = 1
#define SOCKET .upstream = (struct endpoint *)&by_socket, .upstream_count = 1
#define MIXED .upstream = (struct endpoint *)mixed, .upstream_count = 3
#define LOCAL_LISTENER                                                         \
	.listen = (struct endpoint *)&by_socket, .listen_count = 1
#define CERT .cert = "c", .key = "k"

/* Mistakes, each behind "test: NAME: ". */
#define NEEDS_BOTH "any but \"disable\" needs tls_cert and tls_key\n"
#define NEEDS_CA                                                               \
	"\"verify-ca\" and \"verify-full\" need tls_ca: the authority of the " \
	"clients' certificates\n"
#define NOTHING_TO_REVOKE "without tls_ca there is nothing to be revoked\n"
#define NEEDS_TLS                                                              \
	"channel_binding=require needs TLS to the server: sslmode=require or " \
	"more, over TCP\n"
#define CANNOT_BE_MET                                                          \
	"channel_binding=require cannot be met by clients without TLS: set "   \
	"auth = scram and auth_file, so that Lockstep logs in itself\n"
#define NEEDS_FILE                                                             \
	"\"scram\" needs auth_file: the verifiers of the server's roles\n"

static const struct {
	struct config c;
	const char *mistakes;
} checks[] = {
    {{.auth = AUTH_PASS}, ""},
    {{.tls = {.mode = TLS_PREFER, CERT}}, ""},
    {{.tls = {.mode = TLS_DISABLE, CERT}}, ""},
    {{.tls = {.mode = TLS_VERIFY_CA, CERT, .ca = "a"}}, ""},
    {{.tls = {.mode = TLS_VERIFY_FULL, CERT, .ca = "a", .crl = "r"}}, ""},
    {{.tls = {.mode = TLS_PREFER, CERT, .ca = "a"}}, ""},
    {{.auth = AUTH_SCRAM, .auth_file = "f"}, ""},
    /* Clients' certificates and keys */
    {{.tls = {.mode = TLS_ALLOW}}, "tls_mode: " NEEDS_BOTH},
    {{.tls = {.mode = TLS_REQUIRE}}, "tls_mode: " NEEDS_BOTH},
    {{.tls = {.mode = TLS_PREFER, .cert = "c"}},
     "tls_cert: it needs tls_key, too\n"},
    {{.tls = {.mode = TLS_DISABLE, .cert = "c"}},
     "tls_cert: it needs tls_key, too\n"},
    {{.tls = {.mode = TLS_PREFER, .key = "k"}},
     "tls_key: it needs tls_cert, too\n"},
    {{.tls = {.mode = TLS_DISABLE, .key = "k"}},
     "tls_key: it needs tls_cert, too\n"},
    {{.tls = {.mode = TLS_VERIFY_CA, CERT}}, "tls_mode: " NEEDS_CA},
    {{.tls = {.mode = TLS_VERIFY_FULL, CERT}}, "tls_mode: " NEEDS_CA},
    {{.tls = {.mode = TLS_PREFER, CERT, .crl = "r"}},
     "tls_crl: " NOTHING_TO_REVOKE},
    {{.tls = {.mode = TLS_VERIFY_FULL, .crl = "r"}},
     "tls_mode: " NEEDS_BOTH "tls_mode: " NEEDS_CA
     "tls_crl: " NOTHING_TO_REVOKE},
    /* Who logs in */
    {{.auth = AUTH_SCRAM}, "auth: " NEEDS_FILE},
    {{.tls = {.mode = TLS_REQUIRE}, .auth = AUTH_SCRAM},
     "tls_mode: " NEEDS_BOTH "auth: " NEEDS_FILE},
    /* Channel binding */
    {{TCP, .upstream_tls = {.mode = TLS_REQUIRE,
			    .channel_binding = CHANNEL_BINDING_REQUIRE}},
     "upstream: " CANNOT_BE_MET},
    {{TCP, .tls = {.mode = TLS_PREFER, CERT},
      .upstream_tls = {.mode = TLS_REQUIRE,
		       .channel_binding = CHANNEL_BINDING_REQUIRE}},
     ""},
    {{TCP, .auth = AUTH_SCRAM, .auth_file = "f",
      .upstream_tls = {.mode = TLS_REQUIRE,
		       .channel_binding = CHANNEL_BINDING_REQUIRE}},
     ""},
    {{TCP, .auth = AUTH_SCRAM, .auth_file = "f",
      .upstream_tls = {.mode = TLS_DISABLE,
		       .channel_binding = CHANNEL_BINDING_REQUIRE}},
     "upstream: " NEEDS_TLS},
    {{SOCKET, .auth = AUTH_SCRAM, .auth_file = "f",
      .upstream_tls = {.mode = TLS_REQUIRE,
		       .channel_binding = CHANNEL_BINDING_REQUIRE}},
     "upstream: " NEEDS_TLS},
    {{MIXED, .auth = AUTH_SCRAM, .auth_file = "f",
      .upstream_tls = {.mode = TLS_PREFER,
		       .channel_binding = CHANNEL_BINDING_REQUIRE}},
     ""},
    {{TCP, .upstream_tls = {.mode = TLS_DISABLE,
			    .channel_binding = CHANNEL_BINDING_PREFER}},
     ""},
    /* No upstream is set: nothing is served */
    {{.upstream_tls = {.channel_binding = CHANNEL_BINDING_REQUIRE}}, ""},
};

static void
config_tls_check_reports_what_cannot_work(void **state)
{
	static const struct origin mode = {ORIGIN_FILE, 0, "tls_mode"};
	static const struct origin cert = {ORIGIN_FILE, 0, "tls_cert"};
	static const struct origin key = {ORIGIN_FILE, 0, "tls_key"};
	static const struct origin crl = {ORIGIN_FILE, 0, "tls_crl"};
	static const struct origin auth = {ORIGIN_FILE, 0, "auth"};
	static const struct origin upstream = {ORIGIN_FILE, 0, "upstream"};
	const struct config_tls_origins origins = {&mode, &cert, &key,
						   &crl,  &auth, &upstream};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct mistakes m = {.file = "test", .out = out};
		const char *at = checks[i].mistakes;
		const char *line;
		size_t count = 0;

		config_tls_check(&checks[i].c, &origins, &m);
		fclose(out);
		for (line = text; *line != '\0'; count++) {
			size_t len = strcspn(line, "\n") + 1;

			assert_memory_equal(line, "test: ", 6);
			if (strncmp(line + 6, at, len - 6) != 0)
				fail_msg("%zu: %s, not %s", i, line, at);
			at += len - 6;
			line += len;
		}
		if (*at != '\0')
			fail_msg("%zu: not reported: %s", i, at);
		assert_int_equal(m.count, count);
		free(text);
	}
}

enum warning {
	BOTH_LEGS = 1,
	ONE_FOR_ALL = 2,
	DOWNGRADE = 4,
	CERT_NOT_READ = 8,
	AUTH_NOT_READ = 16,
};

static const struct {
	struct config c;
	unsigned warnings;
} warned[] = {
    {{.auth = AUTH_PASS}, 0},
    {{TCP, .tls = {.mode = TLS_PREFER}, .upstream_tls = {.mode = TLS_PREFER}},
     BOTH_LEGS},
    {{MIXED, .tls = {.mode = TLS_ALLOW}, .upstream_tls = {.mode = TLS_ALLOW}},
     BOTH_LEGS},
    {{TCP, .tls = {.mode = TLS_DISABLE}, .upstream_tls = {.mode = TLS_PREFER}},
     0},
    {{TCP, .tls = {.mode = TLS_PREFER}, .upstream_tls = {.mode = TLS_DISABLE}},
     0},
    {{SOCKET, .tls = {.mode = TLS_PREFER},
      .upstream_tls = {.mode = TLS_PREFER}},
     0},
    {{TCP, .auth = AUTH_SCRAM, .auth_file = "f", .tls = {.mode = TLS_PREFER},
      .upstream_tls = {.mode = TLS_PREFER}},
     0},
    {{TCP, .upstream_tls = {.mode = TLS_REQUIRE, .cert = "c"}}, ONE_FOR_ALL},
    {{TCP, .tls = {.mode = TLS_VERIFY_CA},
      .upstream_tls = {.mode = TLS_REQUIRE, .cert = "c"}},
     BOTH_LEGS | ONE_FOR_ALL},
    {{TCP, .tls = {.mode = TLS_VERIFY_FULL},
      .upstream_tls = {.mode = TLS_REQUIRE, .cert = "c"}},
     BOTH_LEGS},
    {{TCP, .auth = AUTH_SCRAM, .auth_file = "f",
      .upstream_tls = {.mode = TLS_REQUIRE, .cert = "c"}},
     0},
    {{.auth = AUTH_PASS, .auth_file = "f"}, AUTH_NOT_READ},
    {{.tls = {.mode = TLS_DISABLE, .cert = "c", .key = "k"}}, CERT_NOT_READ},
    {{TCP, .upstream_tls = {.mode = TLS_PREFER, .ca = "r"}}, DOWNGRADE},
    {{TCP, .upstream_tls = {.mode = TLS_ALLOW, .ca = "r"}}, DOWNGRADE},
    {{TCP, .upstream_tls = {.mode = TLS_REQUIRE, .ca = "r"}}, 0},
    {{TCP, .upstream_tls = {.mode = TLS_DISABLE, .ca = "r"}}, 0},
    {{LOCAL_LISTENER, .tls = {.mode = TLS_VERIFY_FULL},
      .upstream_tls = {.mode = TLS_REQUIRE, .cert = "c"}},
     ONE_FOR_ALL},
    {{.auth = AUTH_SCRAM, .auth_file = "f"}, 0},
};

/* A config_warn: which one it is. */
static void
note_warning(void *arg, const char *text)
{
	static const char *const begins[] = {
	    "TLS on both legs: ",
	    "upstream has an sslcert: ",
	    "upstream has an sslrootcert: ",
	    "tls_cert is not read: ",
	    "auth_file is not read: ",
	};
	unsigned *found = arg;
	unsigned k = 0;

	while (k < 5 && strncmp(text, begins[k], strlen(begins[k])) != 0)
		k++;
	if (k == 5)
		fail_msg("%s", text);
	*found |= 1u << k;
}

static void
config_tls_warn_tells_of_what_works_for_some(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
		unsigned found = 0;

		config_tls_warn(&warned[i].c, note_warning, &found);
		if (found != warned[i].warnings)
			fail_msg("%zu: %x", i, found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_tls_check_reports_what_cannot_work),
	    cmocka_unit_test(config_tls_warn_tells_of_what_works_for_some),
	};

	return cmocka_run_group_tests_name("proxy/config/config_tls", tests,
					   NULL, NULL);
}

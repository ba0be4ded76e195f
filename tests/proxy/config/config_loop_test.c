#include "proxy/config/config_loop.h"

#include <stdio.h>

#include "tests/support/test.h"

#define MISTAKE "upstream: this is Lockstep itself, by the setting \"listen\"\n"

static const struct {
	struct endpoint server;
	struct endpoint listen;
	bool is_loop;
} checks[] = {
    {{.host = "127.0.0.1", .port = 5432},
     {.host = "127.0.0.1", .port = 7432},
     false},
    {{.host = "127.0.0.1", .port = 7432},
     {.host = "127.0.0.1", .port = 7432},
     true},
    {{.host = "127.0.0.2", .port = 7432},
     {.host = "127.0.0.1", .port = 7432},
     false},
    {{.host = "localhost", .port = 7432},
     {.host = "127.0.0.1", .port = 7432},
     true},
    {{.host = "LocalHost", .port = 7432}, {.host = "::1", .port = 7432}, true},
    {{.host = "::1", .port = 7432}, {.host = "localhost", .port = 7432}, true},
    {{.host = "db", .port = 7432}, {.host = "db", .port = 7432}, true},
    {{.host = "db", .port = 7432}, {.host = "127.0.0.1", .port = 7432}, false},
    {{.host = "127.9.9.9", .port = 7432},
     {.host = "0.0.0.0", .port = 7432},
     true},
    {{.host = "localhost", .port = 7432}, {.host = "::", .port = 7432}, true},
    {{.host = "10.0.0.7", .port = 7432},
     {.host = "0.0.0.0", .port = 7432},
     false},
    {{.host = "127.0.0.1", .port = 5432}, {.host = "::", .port = 5432}, false},
    {{.host = "::1", .port = 5432}, {.host = "0.0.0.0", .port = 5432}, false},
    {{.host = "::1", .port = 7432}, {.host = "::", .port = 7432}, true},
    {{.host = "/run/db", .port = 5432},
     {.host = "127.0.0.1", .port = 5432},
     false},
    {{.host = "/run/db", .port = 5432},
     {.host = "/run/db/.s.PGSQL.5432", .port = 5432},
     true},
    {{.host = "/run/db", .port = 5433},
     {.host = "/run/db/.s.PGSQL.5432", .port = 5432},
     false},
    {{.host = "127.0.0.1", .port = 5432},
     {.host = "/run/db/.s.PGSQL.5432", .port = 5432},
     false},
};

static void
assert_mistakes(const struct config *c, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	struct mistakes m = {.out = open_memstream(&text, &len)};
	const struct origin upstream = {.kind = ORIGIN_SET, .name = "upstream"};

	assert_non_null(m.out);
	config_loop_check(c, &upstream, &m);
	fclose(m.out);
	assert_int_equal(m.count, *expected != '\0');
	assert_non_null(strstr(text, expected));
	free(text);
}

static void
config_loop_check_finds_ourselves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct endpoint server = checks[i].server;
		struct endpoint listen = checks[i].listen;
		struct config c = {.upstream = &server,
				   .upstream_count = 1,
				   .listen = &listen,
				   .listen_count = 1};

		assert_mistakes(&c, checks[i].is_loop ? MISTAKE : "");
	}
}

static void
config_loop_check_looks_at_all(void **state)
{
	struct endpoint servers[] = {{.host = "db", .port = 5432},
				     {.host = "127.0.0.1", .port = 7432}};
	struct endpoint places[] = {{.host = "10.0.0.7", .port = 7432},
				    {.host = "127.0.0.1", .port = 7432}};
	struct config c = {.upstream = servers,
			   .upstream_count = 2,
			   .listen = places,
			   .listen_count = 2};

	(void)state;
	assert_mistakes(&c, MISTAKE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_loop_check_finds_ourselves),
	    cmocka_unit_test(config_loop_check_looks_at_all),
	};

	return cmocka_run_group_tests_name("proxy/config/config_loop", tests,
					   NULL, NULL);
}

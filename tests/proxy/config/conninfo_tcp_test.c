#include "proxy/config/conninfo_tcp.h"

#include "proxy/config/conninfo.h"
#include "tests/support/test.h"

static const struct {
	const char *text;
	struct tcp_settings settings;
	uint32_t timeout_ms;
} good[] = {
    {"", {false, 15000, 5000, 3, 0}, 0},
    {"keepalives=1", {false, 15000, 5000, 3, 0}, 0},
    {"keepalives=0", {true, 15000, 5000, 3, 0}, 0},
    {"keepalives_idle=7", {false, 7000, 5000, 3, 0}, 0},
    {"keepalives_idle=0 keepalives_interval=0 keepalives_count=0",
     {false, 0, 0, 0, 0},
     0},
    {"keepalives_idle=32767 keepalives_interval=32767 keepalives_count=127",
     {false, 32767000, 32767000, 127, 0},
     0},
    {"keepalives_interval=1 keepalives_count=9 tcp_user_timeout=1500",
     {false, 15000, 1000, 9, 1500},
     0},
    {"connect_timeout=1", {false, 15000, 5000, 3, 0}, 1000},
    {"connect_timeout=3600", {false, 15000, 5000, 3, 0}, 3600000},
};

static void
conninfo_tcp_read_has_half_a_minute_where_nothing_is_said(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct tcp_settings *wanted = &good[i].settings;
		struct value_error error;
		struct conninfo c;

		assert_true(conninfo_parse(&c, good[i].text, &error));
		assert_int_equal(c.tcp.is_off, wanted->is_off);
		assert_int_equal(c.tcp.idle_ms, wanted->idle_ms);
		assert_int_equal(c.tcp.interval_ms, wanted->interval_ms);
		assert_int_equal(c.tcp.count, wanted->count);
		assert_int_equal(c.tcp.user_timeout_ms,
				 wanted->user_timeout_ms);
		assert_int_equal(c.connect_timeout_ms, good[i].timeout_ms);
		conninfo_clear(&c);
	}
}

static const struct {
	const char *text;
	const char *error;
} bad[] = {
    {"keepalives=2", "keepalives: expected a whole number, 0 to 1"},
    {"keepalives=on", "keepalives: expected a whole number, 0 to 1"},
    {"keepalives_idle=32768",
     "keepalives_idle: expected a whole number, 0 to 32767"},
    {"keepalives_interval=1s",
     "keepalives_interval: expected a whole number, 0 to 32767"},
    {"keepalives_count=128",
     "keepalives_count: expected a whole number, 0 to 127"},
    {"tcp_user_timeout=-1",
     "tcp_user_timeout: expected a whole number, 0 to 86400000"},
    {"connect_timeout=0",
     "connect_timeout: expected a whole number, 1 to 3600"},
    {"connect_timeout=3601",
     "connect_timeout: expected a whole number, 1 to 3600"},
};

static void
conninfo_tcp_read_refuses_what_cannot_have_its_effect(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct value_error error;
		struct conninfo c;

		assert_false(conninfo_parse(&c, bad[i].text, &error));
		assert_string_equal(error.text, bad[i].error);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		conninfo_tcp_read_has_half_a_minute_where_nothing_is_said),
	    cmocka_unit_test(
		conninfo_tcp_read_refuses_what_cannot_have_its_effect),
	};

	return cmocka_run_group_tests_name("proxy/config/conninfo_tcp", tests,
					   NULL, NULL);
}

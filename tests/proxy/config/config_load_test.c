#include "proxy/config/config_load.h"

#include <ctype.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/config/config_file.h"
#include "proxy/config/mistake.h"
#include "proxy/config/setting.h"
#include "tests/support/allocation.h"
#include "tests/support/config.h"
#include "tests/support/test.h"

#define LONG_32 "01234567890123456789012345678901"

static struct outcome
load_set(const char *set)
{
	return config_load_from(NULL, NULL, &set, 1);
}

/* Loads without a mistake; the caller frees. */
static struct config *
must_load_set(const char *set)
{
	return assert_accepted(load_set(set));
}

static void
config_load_knows_the_defaults(void **state)
{
	struct outcome o = config_load_from(NULL, NULL, NULL, 0);
	struct config *c = o.config;

	(void)state;
	assert_string_equal(o.errors, "");
	assert_int_equal(c->listen_count, 1);
	assert_string_equal(c->listen[0].host, "127.0.0.1");
	assert_int_equal(c->listen[0].port, 7432);
	assert_int_equal(c->upstream_count, 0);
	assert_null(c->upstream_conninfo);
	assert_in_range(c->workers, 1, 64);
	assert_int_equal(c->max_connections, 10000);
	assert_int_equal(c->unix_socket_mode, 0777);
	assert_int_equal(c->connect_timeout_ms, 10000);
	assert_int_equal(c->login_timeout_ms, 60000);
	assert_int_equal(c->drain_timeout_ms, 25000);
	assert_int_equal(c->min_drain_time_ms, 0);
	assert_int_equal(c->http_listen.count, 0);
	assert_false(c->http_admin);
	assert_int_equal(c->tcp.idle_ms, 15000);
	assert_int_equal(c->tcp.interval_ms, 5000);
	assert_int_equal(c->tcp.count, 3);
	assert_int_equal(c->tcp_user_timeout_ms, 30000);
	assert_int_equal(c->parse_limit_bytes, STATEMENT_PARSE_BYTES_DEFAULT);
	assert_int_equal(c->query_limit_bytes, 1024 * 1024);
	assert_false(c->core_dumps);
	assert_int_equal(c->log_level, LOG_INFO);
	assert_int_equal(c->log_format, LOG_TEXT);
	assert_null(c->log_file);
	assert_int_equal(c->log_repeats, 10);
	assert_false(c->reuse_port);
	assert_int_equal(c->guard.scope, GUARD_SCOPE_DROPS);
	assert_int_equal(c->guard.policy, GUARD_POLICY_AUTO);
	assert_int_equal(c->guard.order.kind, LOCK_ORDER_REFERENCED_FIRST);
	assert_int_equal(c->guard.on_timeout, GUARD_TIMEOUT_ERROR);
	assert_false(c->guard.guard_single_table);
	assert_true(c->guard.has_memory);
	assert_true(c->guard.is_optimistic);
	assert_int_equal(c->guard.replay, GUARD_REPLAY_DDL);
	assert_int_equal(c->guard.steps, GUARD_STEPS_OFF);
	assert_int_equal(c->guard.unparsed, GUARD_UNPARSED_HOLD);
	assert_int_equal(c->records, GUARD_REPLAY_DDL);
	assert_int_equal(c->guard.attempt_timeout_ms, 200);
	assert_int_equal(c->guard.hold_timeout_ms, 300000);
	assert_int_equal(c->guard.in_transaction_timeout_ms, 2000);
	assert_int_equal(c->guard.gate_window_ms, 300);
	assert_int_equal(c->guard.gate_transaction_ms, 5000);
	outcome_clear(&o);
}

static void
config_load_reads_every_setting_from_a_file(void **state)
{
	struct outcome o = config_load_text("listen = [::1]:1, /tmp:2\n"
					    "upstream = host=a,b port=3\n"
					    "workers = 64\n"
					    "max_connections = 7\n"
					    "unix_socket_mode = 0700\n"
					    "connect_timeout = 1s\n"
					    "login_timeout = 2s\n"
					    "drain_timeout = 0\n"
					    "tcp_keepalives_idle = 9h\n"
					    "tcp_keepalives_interval = 2s\n"
					    "tcp_keepalives_count = 127\n"
					    "tcp_user_timeout = 1min\n"
					    "guard = ddl\n"
					    "policy = reject\n"
					    "lock_order = a, S.b\n"
					    "attempt_timeout = 10\n"
					    "hold_timeout = 1h\n"
					    "in_transaction_timeout = 1min\n"
					    "on_timeout = pass\n"
					    "guard_single_table = on\n"
					    "memory = off\n"
					    "optimistic = off\n"
					    "gate_window = 10s\n"
					    "gate_transaction = 0\n"
					    "replay = on\n"
					    "drop_in_steps = last\n"
					    "unparsed = pass\n"
					    "parse_limit = 64kB\n"
					    "query_limit = 8MB\n"
					    "log_level = debug\n"
					    "log_format = json\n");
	struct config *c = o.config;

	(void)state;
	assert_string_equal(o.errors, "");
	assert_int_equal(c->listen_count, 2);
	assert_string_equal(c->listen[0].host, "::1");
	assert_string_equal(c->listen[1].host, "/tmp/.s.PGSQL.2");
	assert_int_equal(c->upstream_count, 2);
	assert_string_equal(c->upstream[1].host, "b");
	assert_int_equal(c->upstream[1].port, 3);
	assert_string_equal(c->upstream_conninfo, "host=a,b port=3");
	assert_int_equal(c->workers, 64);
	assert_int_equal(c->max_connections, 7);
	assert_int_equal(c->unix_socket_mode, 0700);
	assert_int_equal(c->connect_timeout_ms, 1000);
	assert_int_equal(c->login_timeout_ms, 2000);
	assert_int_equal(c->drain_timeout_ms, 0);
	assert_int_equal(c->tcp.idle_ms, 32400000);
	assert_int_equal(c->tcp.interval_ms, 2000);
	assert_int_equal(c->tcp.count, 127);
	assert_int_equal(c->tcp_user_timeout_ms, 60000);
	assert_int_equal(c->guard.scope, GUARD_SCOPE_DDL);
	assert_int_equal(c->guard.policy, GUARD_POLICY_REJECT);
	assert_int_equal(c->guard.order.kind, LOCK_ORDER_LIST);
	assert_int_equal(c->guard.order.name_count, 2);
	assert_string_equal(c->guard.order.names[1], "s.b");
	assert_int_equal(c->guard.attempt_timeout_ms, 10);
	assert_int_equal(c->guard.hold_timeout_ms, 3600000);
	assert_int_equal(c->guard.in_transaction_timeout_ms, 60000);
	assert_int_equal(c->guard.on_timeout, GUARD_TIMEOUT_PASS);
	assert_true(c->guard.guard_single_table);
	assert_false(c->guard.has_memory);
	assert_false(c->guard.is_optimistic);
	assert_int_equal(c->guard.unparsed, GUARD_UNPARSED_PASS);
	assert_int_equal(c->guard.gate_window_ms, 10000);
	assert_int_equal(c->guard.gate_transaction_ms, 0);
	assert_int_equal(c->guard.replay, GUARD_REPLAY_ON);
	assert_int_equal(c->guard.steps, GUARD_STEPS_LAST);
	assert_int_equal(c->records, GUARD_REPLAY_ON);
	assert_int_equal(c->parse_limit_bytes, 65536);
	assert_int_equal(c->query_limit_bytes, 8 * 1024 * 1024);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->log_format, LOG_JSON);
	outcome_clear(&o);
}

static void
config_load_takes_the_nearest_source(void **state)
{
	char *const environment[] = {"PATH=x", "LOCKSTEP_WORKERS=2",
				     "LOCKSTEP_POLICY=hold",
				     "LOCKSTEP_LISTEN=*:2", NULL};
	const char *const sets[] = {"workers=3", "workers=4", "lock_order=c,d"};
	struct outcome o;

	(void)state;
	config_write_text(
	    "workers=1\npolicy=pass\nguard=off\nlock_order=a,b\n");
	o = config_load_from(CONFIG_FILE_NAME, environment, sets, 3);
	assert_string_equal(o.errors, "");
	assert_int_equal(o.config->workers, 4);
	assert_int_equal(o.config->guard.policy, GUARD_POLICY_HOLD);
	assert_int_equal(o.config->guard.scope, GUARD_SCOPE_OFF);
	assert_string_equal(o.config->guard.order.names[0], "c");
	outcome_clear(&o);
}

static const struct {
	const char *set;
	uint32_t value; /* of connect_timeout or query_limit */
} numbers[] = {
    {"connect_timeout=100", 100},          {"connect_timeout=250ms", 250},
    {"connect_timeout=2s", 2000},          {"connect_timeout=2 s", 2000},
    {"connect_timeout=5min", 300000},      {"connect_timeout=1h", 3600000},
    {"connect_timeout=0001h", 3600000},    {"query_limit=65536", 65536},
    {"query_limit=65536B", 65536},         {"query_limit=100kB", 102400},
    {"query_limit=2 MB", 2 * 1024 * 1024}, {"query_limit=8MB", 8 * 1024 * 1024},
};

static void
config_load_reads_units(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct config *c = must_load_set(numbers[i].set);

		assert_int_equal(numbers[i].set[0] == 'c'
				     ? c->connect_timeout_ms
				     : c->query_limit_bytes,
				 numbers[i].value);
		config_free(c);
	}
}

static void
config_load_reads_switches(void **state)
{
	static const char *const words[] = {
	    "on", "off", "true", "false", "yes", "no", "1", "0", "ON", "Off"};
	char set[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct config *c;

		snprintf(set, sizeof(set), "guard_single_table=%s", words[i]);
		c = must_load_set(set);
		assert_int_equal(c->guard.guard_single_table, i % 2 == 0);
		config_free(c);
	}
}

static const struct {
	const char *set;
	const char *hosts[4];
	uint16_t port; /* of the last one */
} listens[] = {
    {"listen=127.0.0.1:1", {"127.0.0.1"}, 1},
    {"listen=localhost:65535", {"localhost"}, 65535},
    {"listen=[::1]:7432", {"::1"}, 7432},
    {"listen=/run/lockstep:7432", {"/run/lockstep/.s.PGSQL.7432"}, 7432},
    {"listen=/odd:name:7432", {"/odd:name/.s.PGSQL.7432"}, 7432},
    {"listen=@lockstep:7432", {"@lockstep/.s.PGSQL.7432"}, 7432},
    {"listen=a:1,b:2 ,  /c:3", {"a", "b", "/c/.s.PGSQL.3"}, 3},
};

static void
config_load_reads_addresses_to_listen_at(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < sizeof(listens) / sizeof(listens[0]); i++) {
		struct config *c = must_load_set(listens[i].set);

		for (j = 0; listens[i].hosts[j] != NULL; j++)
			assert_string_equal(c->listen[j].host,
					    listens[i].hosts[j]);
		assert_int_equal(c->listen_count, j);
		assert_int_equal(c->listen[j - 1].port, listens[i].port);
		config_free(c);
	}
}

static void
config_load_reads_a_star_as_all_addresses(void **state)
{
	struct config *c = must_load_set("listen=*:5");
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(c->listen_count, fd < 0 ? 1 : 2);
	assert_string_equal(c->listen[0].host, "0.0.0.0");
	if (fd >= 0) {
		assert_string_equal(c->listen[1].host, "::");
		close(fd);
	}
	assert_int_equal(c->listen[c->listen_count - 1].port, 5);
	config_free(c);
}

static const struct {
	const char *set;
	const char *names[3];
} orders[] = {
    {"lock_order=a", {"a"}},
    {"lock_order=a,b", {"a", "b"}},
    {"lock_order= public.A ,\tB_1$", {"public.a", "b_1$"}},
    {"lock_order=\"My Schema\".\"T,1\", b", {"\"My Schema\".\"T,1\"", "b"}},
    {"lock_order=\"a\"\"; drop table x; --\"", {"\"a\"\"; drop table x; --\""}},
    {"lock_order=\"\"\"\"", {"\"\"\"\""}},
    {"lock_order=gr\xc3\xbc\xc3\x9f.\xc3\x84", {"gr\xc3\xbc\xc3\x9f.\xc3\x84"}},
};

static void
config_load_reads_lists_of_tables(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct config *c = must_load_set(orders[i].set);

		assert_int_equal(c->guard.order.kind, LOCK_ORDER_LIST);
		for (j = 0; orders[i].names[j] != NULL; j++)
			assert_string_equal(c->guard.order.names[j],
					    orders[i].names[j]);
		assert_int_equal(c->guard.order.name_count, j);
		config_free(c);
	}
}

static void
config_load_replaces_a_list_by_a_rule(void **state)
{
	const char *const sets[] = {"lock_order=a,b",
				    "lock_order=dependents-first"};
	struct outcome o = config_load_from(NULL, NULL, sets, 2);

	(void)state;
	assert_int_equal(o.config->guard.order.kind,
			 LOCK_ORDER_DEPENDENTS_FIRST);
	assert_int_equal(o.config->guard.order.name_count, 0);
	outcome_clear(&o);
}

#define DURATION "is not a duration: a whole number with ms, s, min, h or d\n"
#define SHAPE "ADDR:PORT, [IPV6]:PORT, *:PORT or /DIRECTORY:PORT"
#define TABLE                                                                  \
	"is not a table: TABLE or SCHEMA.TABLE, with double quotes where SQL " \
	"needs them\n"

static const struct {
	const char *set;
	const char *error; /* behind "--set " */
} mistakes[] = {
    {"workers", ": expected NAME=VALUE\n"},
    {"", ": expected NAME=VALUE\n"},
    {"postgres://u:hunter2@db", ": expected NAME=VALUE\n"},
    {"=4", ": this is not the name of a setting\n"},
    {"postgres://u:hunter2@db?sslmode=disable",
     ": this is not the name of a setting\n"},
    {"wrokers=4", ": unknown setting \"wrokers\"; the nearest known one is "
		  "\"workers\"\n"},
    {"Workers=4", ": unknown setting \"Workers\"; the nearest known one is "
		  "\"workers\"\n"},
    {"hold-timeout=4", ": unknown setting \"hold-timeout\"; the nearest known "
		       "one is \"hold_timeout\"\n"},
    {"workers=", " workers: the value is missing\n"},
    {"upstream=", " upstream: the value is missing\n"},
    {"workers=0", " workers: 0 is out of range: 1 to 64\n"},
    {"workers=65", " workers: 65 is out of range: 1 to 64\n"},
    {"workers=99999999999999999999999",
     " workers: 99999999999999999999999 is out of range: 1 to 64\n"},
    {"workers=-1", " workers: \"-1\" is not a whole number\n"},
    {"workers=4x", " workers: \"4x\" is not a whole number\n"},
    {"workers=4s", " workers: \"4s\" is not a whole number\n"},
    {"workers=four\n2026 ERROR",
     " workers: \"four?2026 ERROR\" is not a whole number\n"},
    {"workers=" LONG_32 LONG_32,
     " workers: " LONG_32 "0123456789012345678901234567... is out of range: 1 "
     "to 64\n"},
    {"max_connections=0", " max_connections: 0 is out of range: 1 to "
			  "1000000\n"},
    {"unix_socket_mode=0778", " unix_socket_mode: \"0778\" is not a file mode: "
			      "octal, 0000 to 0777\n"},
    {"unix_socket_mode=1000", " unix_socket_mode: \"1000\" is not a file mode: "
			      "octal, 0000 to 0777\n"},
    {"unix_socket_mode=rwx", " unix_socket_mode: \"rwx\" is not a file mode: "
			     "octal, 0000 to 0777\n"},
    {"connect_timeout=5", " connect_timeout: 5 is out of range: 100ms to 1h\n"},
    {"connect_timeout=2h",
     " connect_timeout: 2h is out of range: 100ms to 1h\n"},
    {"connect_timeout=5x", " connect_timeout: \"5x\" " DURATION},
    {"connect_timeout=s", " connect_timeout: \"s\" " DURATION},
    {"connect_timeout=1.5s", " connect_timeout: \"1.5s\" " DURATION},
    {"connect_timeout=1 s x", " connect_timeout: \"1 s x\" " DURATION},
    {"drain_timeout=25h", " drain_timeout: 25h is out of range: 0 to 1d\n"},
    {"attempt_timeout=5ms",
     " attempt_timeout: 5ms is out of range: 10ms to 1min\n"},
    {"hold_timeout=0", " hold_timeout: 0 is out of range: 10ms to 7d\n"},
    {"hold_timeout=8d", " hold_timeout: 8d is out of range: 10ms to 7d\n"},
    {"hold_timeout=18446744073709551616d",
     " hold_timeout: 18446744073709551616d is out of range: 10ms to 7d\n"},
    {"gate_window=0", " gate_window: 0 is out of range: 10ms to 10s\n"},
    {"gate_window=11s", " gate_window: 11s is out of range: 10ms to 10s\n"},
    {"gate_transaction=6min",
     " gate_transaction: 6min is out of range: 0 to 5min\n"},
    {"parse_limit=65kB", " parse_limit: 65kB is out of range: 1kB to 64kB\n"},
    {"parse_limit=16KB", " parse_limit: \"16KB\" is not a size: a whole number "
			 "with B, kB, MB or GB\n"},
    {"query_limit=1kB", " query_limit: 1kB is out of range: 64kB to 8MB\n"},
    {"query_limit=99999999999GB",
     " query_limit: 99999999999GB is out of range: 64kB to 8MB\n"},
    {"guard_single_table=maybe", " guard_single_table: \"maybe\" is not a "
				 "switch: on, off, true, false, yes, no, 1 or "
				 "0\n"},
    {"guard=on", " guard: \"on\" is not one of: off, drops, ddl\n"},
    {"policy=Auto",
     " policy: \"Auto\" is not one of: auto, lock, hold, pass, reject\n"},
    {"on_timeout=Error", " on_timeout: \"Error\" is not one of: error, pass\n"},
    {"log_level=chatter", " log_level: \"chatter\" is not one of: error, "
			  "warning, info, debug, trace\n"},
    {"log_format=xml",
     " log_format: \"xml\" is not one of: text, json, otel\n"},
    {"lock_order=a,", " lock_order: entry 2 " TABLE},
    {"lock_order=,", " lock_order: entry 1 " TABLE},
    {"lock_order=a b", " lock_order: entry 1 " TABLE},
    {"lock_order=a.b.c", " lock_order: entry 1 " TABLE},
    {"lock_order=x, a.", " lock_order: entry 2 " TABLE},
    {"lock_order=1a", " lock_order: entry 1 " TABLE},
    {"lock_order=$a", " lock_order: entry 1 " TABLE},
    {"lock_order=\"\"", " lock_order: entry 1 " TABLE},
    {"lock_order=\"a", " lock_order: entry 1 " TABLE},
    {"lock_order=\"a\"b", " lock_order: entry 1 " TABLE},
    {"listen=7432", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=127.0.0.1", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=[::1]", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=::1:7432", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=a b:7432", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=a:1,", " listen: entry 2 is not " SHAPE "\n"},
    {"listen=a:1,,b:2", " listen: entry 2 is not " SHAPE "\n"},
    {"listen=postgres://u:hunter2@db:1", " listen: entry 1 is not " SHAPE "\n"},
    {"listen=:7432",
     " listen: entry 1 is not " SHAPE "; write *:PORT for all addresses\n"},
    {"listen=a:0",
     " listen: entry 1: the port is not 1 to 65535, in " SHAPE "\n"},
    {"listen=a:65536",
     " listen: entry 1: the port is not 1 to 65535, in " SHAPE "\n"},
    {"listen=a:",
     " listen: entry 1: the port is not 1 to 65535, in " SHAPE "\n"},
    {"listen=a:1x",
     " listen: entry 1: the port is not 1 to 65535, in " SHAPE "\n"},
    {"listen=[127.0.0.1]:1",
     " listen: entry 1: no IPv6 address in the brackets\n"},
    {"listen=[]:1", " listen: entry 1: no IPv6 address in the brackets\n"},
    {"listen=[::x]:1", " listen: entry 1: no IPv6 address in the brackets\n"},
    {"listen=/" LONG_32 LONG_32 LONG_32 ":1",
     " listen: entry 1: the socket's path is longer than the system allows\n"},
    {"upstream=host=a port=hunter2",
     " upstream: the port of server 1 is not 1 to 65535\n"},
    {"upstream=hosst=hunter2", " upstream: a keyword that libpq does not know; "
			       "the nearest is \"host\"\n"},
    {"attempt_timeout=1min hunter",
     " attempt_timeout: \"1min hunter\" " DURATION},
    {"user=x", " user: this can only stand in a [rule] of the file\n"},
    {"hold_timeout=100ms", " hold_timeout: attempt_timeout (200ms) is longer "
			   "than hold_timeout (100ms)\n"},
};

static void
config_load_says_what_is_allowed(void **state)
{
	char expected[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct outcome o = load_set(mistakes[i].set);

		snprintf(expected, sizeof(expected), "--set%s",
			 mistakes[i].error);
		assert_null(strstr(o.errors, "hunter2"));
		assert_refused(o, expected);
	}
}

static void
config_load_names_file_and_line(void **state)
{
	(void)state;
	assert_refused(
	    config_load_text("# a comment\n"
			     "\n"
			     "workers = 65\n"
			     "  polcy = lock ; why not\n"
			     "policy = lock # or hold\n"
			     "\tguard\n"
			     "policy = hold\n"
			     "on_timeout =\n"
			     "= 4\n"
			     "password hunter2\n"
			     "attempt_timeout = 1min\n"
			     "hold_timeout = 1s"),
	    "test.conf:3: workers: 65 is out of range: 1 to 64\n"
	    "test.conf:4: unknown setting \"polcy\"; the nearest known one is "
	    "\"policy\"\n"
	    "test.conf:6: expected NAME = VALUE\n"
	    "test.conf:7: policy: set twice; first in line 5\n"
	    "test.conf:8: on_timeout: the value is missing\n"
	    "test.conf:9: this is not the name of a setting\n"
	    "test.conf:10: expected NAME = VALUE\n"
	    "test.conf:11: attempt_timeout: attempt_timeout (1min) is longer "
	    "than hold_timeout (1s)\n");
}

static void
config_load_reports_the_mistakes_of_all_sources(void **state)
{
	char *const environment[] = {"LOCKSTEP_WORKERS=x", NULL};
	const char *const sets[] = {"workers=y", "workers=4"};

	(void)state;
	config_write_text("workers=0");
	assert_refused(config_load_from(CONFIG_FILE_NAME, environment, sets, 2),
		       "test.conf:1: workers: 0 is out of range: 1 to 64\n"
		       "LOCKSTEP_WORKERS: \"x\" is not a whole number\n"
		       "--set workers: \"y\" is not a whole number\n");
}

static void
config_load_warns_of_unknown_variables(void **state)
{
	char *const environment[] = {
	    "LOCKSTEP_BIN=/hunter2", "LOCKSTEP_WORKER=4",
	    "LOCKSTEP_POLICY=",      "LOCKSTEP_=x",
	    "LOCKSTEP_A B=x",        "LOCKSTEP_WORKERS",
	    "NOT_LOCKSTEP_X=1",      NULL};
	struct outcome o = config_load_from(NULL, environment, NULL, 0);

	(void)state;
	assert_non_null(o.config);
	assert_string_equal(
	    o.errors,
	    "LOCKSTEP_BIN: warning: no such setting; the nearest known one is "
	    "\"listen\"\n"
	    "LOCKSTEP_WORKER: warning: no such setting; the nearest known one "
	    "is \"workers\"\n");
	outcome_clear(&o);
}

static void
config_load_reads_files_from_elsewhere(void **state)
{
	struct outcome o = config_load_text("\xEF\xBB\xBFworkers = 3\r\n"
					    "\f policy : hold\r\n"
					    "\r\n"
					    "listen = a:1 ; here\n"
					    "upstream = host=a password=x#y;z");

	(void)state;
	assert_string_equal(o.errors, "");
	assert_int_equal(o.config->workers, 3);
	assert_int_equal(o.config->guard.policy, GUARD_POLICY_HOLD);
	assert_int_equal(o.config->listen_count, 1);
	assert_string_equal(o.config->upstream_conninfo,
			    "host=a password=x#y;z");
	outcome_clear(&o);
}

static void
config_load_refuses_files_that_it_cannot_read(void **state)
{
	(void)state;
	assert_refused(config_load_from("none.conf", NULL, NULL, 0),
		       "none.conf: No such file or directory\n");
	assert_refused(config_load_from(".", NULL, NULL, 0),
		       ".: Is a directory\n");
	assert_refused(config_load_from("/dev/zero", NULL, NULL, 0),
		       "/dev/zero:1: a NUL byte: this is not a text file\n"
		       "/dev/zero: larger than 1 MB\n");
}

static void
config_load_refuses_bytes_that_are_no_text(void **state)
{
	static const char text[] = "workers = 1\nguard\0 = off\npolicy = x\n";

	(void)state;
	config_write(text, sizeof(text) - 1);
	assert_refused(
	    config_load_from(CONFIG_FILE_NAME, NULL, NULL, 0),
	    "test.conf:2: a NUL byte: this is not a text file\n"
	    "test.conf:3: policy: \"x\" is not one of: auto, lock, hold, pass, "
	    "reject\n");
}

/* `upstream = host=a dbname=xxx...` of this many bytes, and a mistake. */
static struct outcome
load_long_line(size_t len)
{
	char *text = malloc(len + 32);
	struct outcome o;

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "upstream = host=a dbname=", 25);
	strcpy(text + len, "\nworkers = 0\n");
	o = config_load_text(text);
	free(text);
	return o;
}

static void
config_load_measures_lines(void **state)
{
	(void)state;
	assert_refused(load_long_line(CONFIG_FILE_LINE_BYTES),
		       "test.conf:2: workers: 0 is out of range: 1 to 64\n");
	assert_refused(load_long_line(CONFIG_FILE_LINE_BYTES + 1),
		       "test.conf:1: longer than 8000 bytes\n"
		       "test.conf:2: workers: 0 is out of range: 1 to 64\n");
	assert_refused(load_long_line(10 * CONFIG_FILE_LINE_BYTES),
		       "test.conf:1: longer than 8000 bytes\n"
		       "test.conf:2: workers: 0 is out of range: 1 to 64\n");
}

/* Values by name, over one text, which is not that of the file any more. */
static struct outcome
load_again(const struct config_text *text, const char *name, const char *value)
{
	const char *of_console[SETTING_COUNT] = {NULL};
	struct config_sources sources = {
	    .file = CONFIG_FILE_NAME, .of_console = of_console, .text = text};
	struct outcome o = {0};
	size_t size;
	FILE *errors = open_memstream(&o.errors, &size);

	assert_non_null(errors);
	if (name != NULL)
		of_console[setting_find(name) - setting_table] = value;
	o.config = config_load(&sources, errors);
	fclose(errors);
	return o;
}

static void
config_load_takes_the_file_as_it_was_read(void **state)
{
	struct config *first = assert_accepted(
	    config_load_text("policy = hold\nhold_timeout = 7s # s\n"));
	struct config *c;

	(void)state;
	config_write_text("policy = pass\nworkers = 0\n");
	c = assert_accepted(load_again(&first->text, NULL, NULL));
	assert_int_equal(c->guard.policy, GUARD_POLICY_HOLD);
	assert_int_equal(c->text.len, first->text.len);
	assert_memory_equal(c->text.data, first->text.data, c->text.len);
	/* Each has its own. */
	config_free(first);
	first = assert_accepted(load_again(&c->text, "policy", "lock"));
	assert_int_equal(first->guard.policy, GUARD_POLICY_LOCK);
	assert_int_equal(first->guard.hold_timeout_ms, 7000);
	assert_refused(load_again(&c->text, "hold_timeout", "100ms"),
		       "SET hold_timeout: attempt_timeout (200ms) is longer "
		       "than hold_timeout (100ms)\n");
	assert_refused(load_again(&c->text, "policy", "nonsense"),
		       "SET policy: \"nonsense\" is not one of: auto, lock, "
		       "hold, pass, reject\n");
	config_free(first);
	config_free(c);
	c = assert_accepted(config_load_text(""));
	first = assert_accepted(load_again(&c->text, "policy", "lock"));
	config_free(first);
	config_free(c);
}

static void
config_load_lets_the_console_go_before_all(void **state)
{
	char *environment[] = {"LOCKSTEP_POLICY=pass", "LOCKSTEP_REPLAY=off",
			       NULL};
	const char *of_console[SETTING_COUNT] = {NULL};
	const char *sets[] = {"policy=hold", "on_timeout=pass"};
	struct config_sources sources = {CONFIG_FILE_NAME, environment, sets, 2,
					 of_console,       NULL};
	static const struct {
		const char *name;
		enum origin_kind origin;
	} rows[] = {{"policy", ORIGIN_CONSOLE},
		    {"on_timeout", ORIGIN_SET},
		    {"replay", ORIGIN_ENVIRONMENT},
		    {"hold_timeout", ORIGIN_FILE},
		    {"memory", ORIGIN_PRESET}};
	struct config *c;

	(void)state;
	config_write_text("policy = lock\nhold_timeout = 1s\n");
	of_console[setting_find("policy") - setting_table] = "reject";
	c = config_load(&sources, stderr);
	assert_non_null(c);
	assert_int_equal(c->guard.policy, GUARD_POLICY_REJECT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    c->origins[setting_find(rows[i].name) - setting_table],
		    rows[i].origin);
	config_free(c);
}

static void
config_load_stops_listing_mistakes(void **state)
{
	char *text = calloc(1, 4 * 1000 + 1);
	struct outcome o;
	size_t lines = 0;
	char *s;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < 1000; i++)
		strcpy(text + 4 * i, "a=1\n");
	o = config_load_text(text);
	free(text);
	assert_null(o.config);
	for (s = o.errors; *s != '\0'; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 51);
	assert_non_null(
	    strstr(o.errors, "\n950 mistakes more are not shown\n"));
	outcome_clear(&o);
}

static void
config_load_survives_random_files(void **state)
{
	static const char letters[] = "=:[];#\n\r\t \"',abcw0\\\0\xff";
	char text[300];
	unsigned seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 500; i++) {
		size_t len = (size_t)rand_r(&seed) % sizeof(text);
		struct outcome o;
		size_t j;

		for (j = 0; j < len; j++)
			text[j] = letters[(size_t)rand_r(&seed) %
					  (sizeof(letters) - 1)];
		config_write(text, len);
		o = config_load_from(CONFIG_FILE_NAME, NULL, NULL, 0);
		assert_true((o.config == NULL) == (o.errors[0] != '\0'));
		outcome_clear(&o);
	}
}

static void
config_load_survives_failing_allocations(void **state)
{
	const char *const sets[] = {"listen=*:1,/tmp:2", "lock_order=a,b.c",
				    "upstream=host=a,b", "workers=3",
				    "fleet=dbname=f",    "fleet_key_file=k"};
	bool has_failed = true;
	unsigned n;

	(void)state;
	for (n = 0; has_failed; n++) {
		struct config_sources sources = {.sets = sets, .set_count = 6};
		FILE *errors = fopen("/dev/null", "w");
		struct config *c;

		assert_non_null(errors);
		allocation_fail_after(n);
		c = config_load(&sources, errors);
		has_failed = allocation_restore();
		fclose(errors);
		assert_true((c == NULL) == has_failed);
		config_free(c);
	}
	assert_true(n > 10);
}

static void
config_load_reads_a_fleet(void **state)
{
	struct config *c;

	(void)state;
	c = assert_accepted(config_load_text(
	    "fleet = host=a dbname=f password=hunter\nfleet_key_file = k\n"));
	assert_string_equal(c->fleet, "host=a dbname=f password=hunter");
	assert_string_equal(c->fleet_key_file, "k");
	config_free(c);
	config_free(assert_accepted(
	    config_load_text("fleet = postgres://a/f\nfleet_key_file = k\n")));
	config_free(assert_accepted(
	    config_load_text("fleet = service=f\nfleet_key_file = k\n")));
	config_free(assert_accepted(config_load_text("fleet_key_file = k\n")));
}

static void
config_load_refuses_a_fleet_that_cannot_be(void **state)
{
	(void)state;
	assert_refused(
	    config_load_text("fleet = host=a dbname=f\n"),
	    "test.conf:1: fleet: it needs fleet_key_file: the secret "
	    "that all of the fleet share\n");
	assert_refused(
	    config_load_text("fleet = host=a password=hunter\n"
			     "fleet_key_file = k\n"),
	    "test.conf:1: fleet: dbname is missing: a database in which nobody "
	    "else notifies\n");
	assert_refused(
	    config_load_text("fleet = hostt=hunter dbname=f\n"
			     "fleet_key_file = k\n"),
	    "test.conf:1: fleet: a keyword that libpq does not know; "
	    "the nearest is \"host\"\n");
}

/* Where it is, whatever the current directory. */
static char example_path[PATH_MAX];

static void
find_example(void)
{
	char here[] = __FILE__;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/../../../conf/lockstep.conf",
		 dirname(here));
	if (realpath(path, example_path) == NULL)
		perror(path);
}

/* The example of conf/, with the # before every setting taken away. */
static char *
read_example(void)
{
	char line[256];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	FILE *in;

	in = fopen(example_path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		bool is_setting =
		    line[0] == '#' &&
		    (islower((unsigned char)line[1]) || line[1] == '[');

		assert_true(line[0] == '#' || line[0] == '\n');
		assert_true(strlen(line) <= 81);
		fputs(line + is_setting, out);
	}
	fclose(in);
	fclose(out);
	return text;
}

static void
the_example_file_loads_with_every_line_uncommented(void **state)
{
	struct outcome o;

	(void)state;
	o = config_load_from(*state, NULL, NULL, 0);
	assert_non_null(o.config);
	assert_string_equal(o.errors, "");
	assert_string_equal(o.config->upstream[0].host, "/var/run/postgresql");
	outcome_clear(&o);
}

static void
the_example_file_shows_every_default(void **state)
{
	char line[256];
	size_t count = 0;
	FILE *in = fopen(*state, "r");

	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL && line[0] != '[') {
		char *value = strstr(line, " = ");
		const struct setting *s;

		if (!islower((unsigned char)line[0]))
			continue;
		assert_non_null(value);
		*value = '\0';
		s = setting_find(line);
		assert_non_null(s);
		value += 3;
		value[strcspn(value, "\n")] = '\0';
		if (s->preset != NULL)
			assert_string_equal(value, s->preset);
		count++;
	}
	fclose(in);
	/* None twice, or it would not load. */
	assert_int_equal(count, SETTING_COUNT);
}

/* What the comments of the example say of its rules. */
static void
the_example_file_has_rules_that_do_what_it_says(void **state)
{
	struct lock_item accounts = {.name = (char[]){"public.accounts"}};
	struct lock_item order = {.name = (char[]){"public.orders"}};
	const struct lock_set money = {&accounts, 1};
	const struct lock_set others = {&order, 1};
	const struct {
		struct rule_subject subject;
		const char *rule;
	} cases[] = {
	    {{"shop", "nightly", "flyway", "local", "DROP TABLE", &money},
	     "nightly jobs"},
	    {{"x", "batch_7", "", "local", "DROP VIEW", &others},
	     "nightly jobs"},
	    {{"shop", "ann", "psql", "local", "DROP TABLE", &money}, "money"},
	    {{"shop", "ann", "psql", "local", "TRUNCATE TABLE", &money},
	     "money"},
	    {{"shop", "ann", "psql", "local", "ALTER TABLE", &money}, "shop"},
	    {{"shop", "ann", "psql", "local", "DROP TABLE", &others}, "shop"},
	    {{"shop", "ann", "flyway 9", "local", "DROP TABLE", &money},
	     "shop"},
	    {{"x", "ann", "liquibase", "local", "DROP TABLE", &money}, NULL},
	};
	struct outcome o = config_load_from(*state, NULL, NULL, 0);
	struct config *c = assert_accepted(o);
	size_t i;

	assert_int_equal(c->rule_count, 3);
	assert_int_equal(c->rules[0].part.values.policy, GUARD_POLICY_HOLD);
	assert_int_equal(c->rules[1].part.values.policy, GUARD_POLICY_REJECT);
	assert_int_equal(c->rules[2].part.values.order.name_count, 3);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rule *rule =
		    rule_find(c->rules, c->rule_count, &cases[i].subject);

		assert_string_equal(rule == NULL ? "none" : rule->name,
				    cases[i].rule == NULL ? "none"
							  : cases[i].rule);
	}
	config_free(c);
}

static void
setting_describe_all_lists_every_setting_in_80_columns(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char *rest;
	char *line;
	size_t i;

	(void)state;
	assert_non_null(out);
	setting_describe_all(out);
	fclose(out);
	for (i = 0; i < SETTING_COUNT; i++) {
		assert_non_null(strstr(text, setting_table[i].name));
		assert_non_null(strstr(text, setting_table[i].help));
	}
	assert_non_null(strstr(text,
			       "\n  attempt_timeout        200ms          "
			       "  10ms to 1min\n"));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		assert_true(strlen(line) < 80);
	free(text);
}

static int
write_example(void **state)
{
	static char name[] = "example.conf";
	char *text = read_example();
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(text);
	*state = name;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_load_knows_the_defaults),
	    cmocka_unit_test(config_load_reads_every_setting_from_a_file),
	    cmocka_unit_test(config_load_takes_the_nearest_source),
	    cmocka_unit_test(config_load_reads_units),
	    cmocka_unit_test(config_load_reads_a_fleet),
	    cmocka_unit_test(config_load_refuses_a_fleet_that_cannot_be),
	    cmocka_unit_test(config_load_reads_switches),
	    cmocka_unit_test(config_load_reads_addresses_to_listen_at),
	    cmocka_unit_test(config_load_reads_a_star_as_all_addresses),
	    cmocka_unit_test(config_load_reads_lists_of_tables),
	    cmocka_unit_test(config_load_replaces_a_list_by_a_rule),
	    cmocka_unit_test(config_load_says_what_is_allowed),
	    cmocka_unit_test(config_load_names_file_and_line),
	    cmocka_unit_test(config_load_reports_the_mistakes_of_all_sources),
	    cmocka_unit_test(config_load_warns_of_unknown_variables),
	    cmocka_unit_test(config_load_reads_files_from_elsewhere),
	    cmocka_unit_test(config_load_refuses_files_that_it_cannot_read),
	    cmocka_unit_test(config_load_refuses_bytes_that_are_no_text),
	    cmocka_unit_test(config_load_measures_lines),
	    cmocka_unit_test(config_load_takes_the_file_as_it_was_read),
	    cmocka_unit_test(config_load_lets_the_console_go_before_all),
	    cmocka_unit_test(config_load_stops_listing_mistakes),
	    cmocka_unit_test(config_load_survives_random_files),
	    cmocka_unit_test(config_load_survives_failing_allocations),
	    cmocka_unit_test_setup(
		the_example_file_loads_with_every_line_uncommented,
		write_example),
	    cmocka_unit_test_setup(the_example_file_shows_every_default,
				   write_example),
	    cmocka_unit_test_setup(
		the_example_file_has_rules_that_do_what_it_says, write_example),
	    cmocka_unit_test(
		setting_describe_all_lists_every_setting_in_80_columns),
	};

	find_example();
	return cmocka_run_group_tests_name("proxy/config/config_load", tests,
					   config_enter_directory,
					   config_leave_directory);
}

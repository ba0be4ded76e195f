#include "proxy/config/setting_same.h"

#include "tests/support/config.h"

/* Each setting in two ways: the second is never the default. */
static const struct {
	const char *name;
	const char *a;
	const char *b;
} values[] = {
    {"listen", "127.0.0.1:1", "127.0.0.1:2"},
    {"listen", "127.0.0.1:1", "127.0.0.2:1"},
    {"listen", "127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2"},
    {"upstream", "host=a", "host=a password=x"},
    {"upstream", "host=a", "host=a sslmode=require"},
    {"upstream", "host=a", "host=a load_balance_hosts=random"},
    {"upstream", "host=a", "host=a target_session_attrs=standby"},
    {"http_listen", "127.0.0.1:1", "127.0.0.1:2"},
    {"http_admin", "off", "on"},
    {"http_hosts", "a", "a,b"},
    {"tls_mode", "disable", "require"},
    {"tls_cert", "a", "b"},
    {"tls_key", "a", "b"},
    {"tls_ca", "a", "b"},
    {"tls_crl", "a", "b"},
    {"tls_min_version", "TLSv1.2", "TLSv1.3"},
    {"tls_ciphers", "DEFAULT", "HIGH"},
    {"auth", "pass", "scram"},
    {"auth_file", "a", "b"},
    {"admin_users", "a", "b"},
    {"stats_users", "a,b", "b,a"},
    {"workers", "1", "2"},
    {"max_connections", "1", "2"},
    {"max_db_connections", "1", "2"},
    {"max_user_connections", "1", "2"},
    {"unix_socket_mode", "0700", "0770"},
    {"reuse_port", "off", "on"},
    {"allow", "10.0.0.0/8", "10.0.0.0/8 ::1"},
    {"proxy_protocol_networks", "127.0.0.1", "10.0.0.0/8"},
    {"connect_timeout", "1s", "2s"},
    {"upstream_wait", "1s", "2s"},
    {"login_timeout", "1s", "2s"},
    {"drain_timeout", "1s", "2s"},
    {"min_drain_time", "1s", "2s"},
    {"tcp_keepalives_idle", "1s", "2s"},
    {"tcp_keepalives_interval", "1s", "2s"},
    {"tcp_keepalives_count", "1", "2"},
    {"tcp_user_timeout", "1s", "2s"},
    {"guard", "drops", "ddl"},
    {"policy", "auto", "hold"},
    {"lock_order", "referenced-first", "dependents-first"},
    {"lock_order", "a,b", "b,a"},
    {"attempt_timeout", "100ms", "101ms"},
    {"hold_timeout", "1s", "2s"},
    {"in_transaction_timeout", "1s", "2s"},
    {"gate_window", "100ms", "101ms"},
    {"gate_transaction", "1s", "2s"},
    {"replay", "ddl", "on"},
    {"on_timeout", "error", "pass"},
    {"drop_in_steps", "off", "on"},
    {"guard_single_table", "off", "on"},
    {"memory", "on", "off"},
    {"optimistic", "on", "off"},
    {"unparsed", "pass", "reject"},
    {"parse_limit", "1kB", "2kB"},
    {"query_limit", "1MB", "2MB"},
    {"fleet", "host=a dbname=x", "host=a dbname=y"},
    {"fleet_key_file", "a", "b"},
    {"rescue", "on", "off"},
    {"core_dumps", "off", "on"},
    {"log_level", "info", "debug"},
    {"log_format", "text", "json"},
    {"log_file", "a", "b"},
    {"log_repeats", "1", "2"},
};

enum {
	VALUES = sizeof(values) / sizeof(values[0]),
};

static struct config *
with(const char *name, const char *text)
{
	struct config *c = calloc(1, sizeof(*c));
	struct value_error error;

	assert_non_null(c);
	if (!setting_store(c, setting_find(name), text, &error))
		fail_msg("%s: %s", name, error.text);
	return c;
}

static void
setting_is_same_sees_each_setting(void **state)
{
	bool is_seen[SETTING_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < VALUES; i++) {
		const struct setting *s = setting_find(values[i].name);
		struct config *a = with(s->name, values[i].a);
		struct config *b = with(s->name, values[i].b);
		struct config *c = with(s->name, values[i].b);

		is_seen[s - setting_table] = true;
		assert_false(setting_is_same(a, b, s));
		assert_false(setting_is_same(b, a, s));
		assert_true(setting_is_same(b, c, s));
		config_free(a);
		config_free(b);
		config_free(c);
	}
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (!is_seen[i])
			fail_msg("%s is not tried", setting_table[i].name);
}

static void
setting_is_same_tells_none_from_some(void **state)
{
	static const char *const names[] = {"upstream", "http_listen",
					    "tls_cert", "admin_users", "fleet"};
	struct config none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct setting *s = setting_find(names[i]);
		struct config *c = with(
		    s->name, s->kind == SETTING_CLIENT     ? "dbname=x"
			     : s->kind == SETTING_UPSTREAM ? "host=a"
							   : "127.0.0.1:1");

		assert_false(setting_is_same(&none, c, s));
		assert_false(setting_is_same(c, &none, s));
		assert_true(setting_is_same(&none, &none, s));
		config_free(c);
	}
}

/* The same value in other words. */
static void
setting_is_same_compares_what_words_mean(void **state)
{
	struct config *a = with("hold_timeout", "2000");
	struct config *b = with("hold_timeout", "2s");

	(void)state;
	assert_true(setting_is_same(a, b, setting_find("hold_timeout")));
	config_free(a);
	config_free(b);
}

static void
setting_rules_are_same_sees_all_of_a_rule(void **state)
{
	static const char *const texts[] = {
	    "policy = hold\n",
	    "[rule]\npolicy = hold\n",
	    "\n[rule]\npolicy = hold\n",
	    "[rule a]\npolicy = hold\n",
	    "[rule a]\npolicy = lock\n",
	    "[rule a]\nhold_timeout = 1s\n",
	    "[rule a]\nlock_order = a, b\n",
	    "[rule a]\nlock_order = b, a\n",
	    "[rule a]\ndatabase = x\npolicy = hold\n",
	    "[rule a]\ndatabase = !x\npolicy = hold\n",
	    "[rule a]\ndatabase = x, y\npolicy = hold\n",
	    "[rule a]\nuser = x\npolicy = hold\n",
	    "[rule a]\nuser = x\npolicy = hold\n[rule b]\npolicy = lock\n",
	    "[rule b]\nuser = x\npolicy = hold\n[rule a]\npolicy = lock\n",
	};
	enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

	(void)state;
	for (size_t i = 0; i < TEXTS; i++)
		for (size_t j = 0; j < TEXTS; j++) {
			struct config *a =
			    assert_accepted(config_load_text(texts[i]));
			struct config *b =
			    assert_accepted(config_load_text(texts[j]));

			assert_int_equal(setting_rules_are_same(a, b), i == j);
			config_free(a);
			config_free(b);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setting_is_same_sees_each_setting),
	    cmocka_unit_test(setting_is_same_tells_none_from_some),
	    cmocka_unit_test(setting_is_same_compares_what_words_mean),
	    cmocka_unit_test(setting_rules_are_same_sees_all_of_a_rule),
	};

	return cmocka_run_group_tests_name("proxy/config/setting_same", tests,
					   config_enter_directory,
					   config_leave_directory);
}

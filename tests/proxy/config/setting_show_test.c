#include "proxy/config/setting_show.h"

#include "tests/support/config.h"

static const char text[] = "listen = *:7432, /tmp/x:7433\n"
			   "upstream = host=db1,db2 port=5432 password=secret\n"
			   "http_listen = 127.0.0.1:7433\n"
			   "http_admin = on\n"
			   "http_hosts = a.example, .b.example\n"
			   "tls_ciphers = ECDHE\n"
			   "unix_socket_mode = 0700\n"
			   "admin_users = joe, ann smith\n"
			   "hold_timeout = 90s\n"
			   "query_limit = 2MB\n"
			   "policy = hold\n"
			   "lock_order = s.a, b\n"
			   "workers = 3\n"
			   "fleet = host=db1 dbname=x password=secret\n"
			   "fleet_key_file = /key\n";

static const struct {
	const char *name;
	const char *shown;
} rows[] = {
    {"listen", "0.0.0.0:7432,[::]:7432,/tmp/x/.s.PGSQL.7433"},
    {"upstream", "db1:5432,db2:5432"},
    {"http_listen", "127.0.0.1:7433"},
    {"http_admin", "on"},
    {"http_hosts", "a.example,.b.example"},
    {"tls_mode", "disable"},
    {"tls_min_version", "TLSv1.2"},
    {"tls_ciphers", "ECDHE"},
    {"tls_cert", ""},
    {"unix_socket_mode", "0700"},
    {"admin_users", "joe,ann smith"},
    {"stats_users", ""},
    {"hold_timeout", "90s"},
    {"drain_timeout", "25s"},
    {"query_limit", "2MB"},
    {"policy", "hold"},
    {"lock_order", "s.a,b"},
    {"workers", "3"},
    {"fleet", "(set)"},
    {"fleet_key_file", "/key"},
};

static void
setting_show_tells_each_kind(void **state)
{
	struct config *c = assert_accepted(config_load_text(text));
	char shown[SETTING_SHOWN_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setting_show(shown, c, setting_find(rows[i].name));
		assert_string_equal(shown, rows[i].shown);
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		setting_show(shown, c, &setting_table[i]);
		assert_null(strstr(shown, "secret"));
	}
	config_free(c);
}

static void
setting_show_cuts_what_is_too_long(void **state)
{
	struct config c = {0};
	char name[SETTING_SHOWN_BYTES];
	char *names[] = {name, name};
	char shown[SETTING_SHOWN_BYTES];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	c.admin_users = (struct name_list){names, 2};
	setting_show(shown, &c, setting_find("admin_users"));
	assert_string_equal(shown, name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(setting_show_tells_each_kind),
	    cmocka_unit_test(setting_show_cuts_what_is_too_long),
	};

	return cmocka_run_group_tests_name("proxy/config/setting_show", tests,
					   config_enter_directory,
					   config_leave_directory);
}

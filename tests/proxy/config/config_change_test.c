#include "proxy/config/config_change.h"

#include "proxy/config/mistake.h"
#include "proxy/config/setting.h"
#include "proxy/config/setting_same.h"
#include "tests/support/allocation.h"
#include "tests/support/config.h"

/* One of each kind that needs a restart, and some that do not. */
static const char old_text[] = "listen = 127.0.0.1:7001, [::1]:7002\n"
			       "http_listen = 127.0.0.1:7003\n"
			       "workers = 3\n"
			       "reuse_port = on\n"
			       "unix_socket_mode = 0700\n"
			       "log_format = json\n"
			       "fleet = host=a dbname=f\n"
			       "fleet_key_file = key\n"
			       "policy = lock\n";
static const char fresh_text[] = "listen = 127.0.0.1:7009\n"
				 "workers = 4\n"
				 "log_file = elsewhere\n"
				 "policy = hold\n"
				 "hold_timeout = 1s\n"
				 "[rule a]\n"
				 "policy = reject\n";

static const char *const kept[] = {
    "listen", "http_listen",    "workers",    "unix_socket_mode", "reuse_port",
    "fleet",  "fleet_key_file", "log_format", "log_file"};

enum {
	KEPT = sizeof(kept) / sizeof(kept[0]),
};

static struct config *
load_with_console(const char *text, const char *name, const char *value)
{
	const char *of_console[SETTING_COUNT] = {NULL};
	struct config_sources sources = {.file = CONFIG_FILE_NAME,
					 .of_console = of_console};
	FILE *errors = fopen("/dev/null", "w");
	struct config *c;

	assert_non_null(errors);
	config_write_text(text);
	of_console[setting_find(name) - setting_table] = value;
	c = config_load(&sources, errors);
	fclose(errors);
	assert_non_null(c);
	return c;
}

static void
config_change_names_what_the_console_has_set(void **state)
{
	struct config *old = assert_accepted(config_load_text(old_text));
	struct config *fresh = load_with_console(old_text, "policy", "lock");
	struct config_change change;

	(void)state;
	/* Even if the value is the same. */
	assert_true(config_change_make(&change, fresh, old));
	assert_true(config_change_is_empty(&change));
	assert_string_equal(config_change_of_console(&change, 0), "policy");
	assert_null(config_change_of_console(&change, 1));
	config_free(fresh);
	fresh = assert_accepted(config_load_text(fresh_text));
	assert_true(config_change_make(&change, fresh, old));
	assert_null(config_change_of_console(&change, 0));
	config_free(fresh);
	config_free(old);
}

/* SHOW CONFIG tells where a value comes from, which is the value in force. */
static void
config_change_keeps_the_origin_with_the_value(void **state)
{
	struct config *old = assert_accepted(config_load_text("policy = lock"));
	struct config *fresh = assert_accepted(
	    config_load_text("workers = 4\nhold_timeout = 1s\n"));
	struct config_change change;

	(void)state;
	old->workers = 3;
	assert_true(config_change_make(&change, fresh, old));
	assert_int_equal(fresh->workers, 3);
	assert_int_equal(
	    fresh->origins[setting_find("workers") - setting_table],
	    ORIGIN_PRESET);
	assert_int_equal(
	    fresh->origins[setting_find("hold_timeout") - setting_table],
	    ORIGIN_FILE);
	assert_int_equal(fresh->origins[setting_find("policy") - setting_table],
			 ORIGIN_PRESET);
	config_free(fresh);
	config_free(old);
}

static void
config_change_keeps_what_needs_a_restart(void **state)
{
	struct config *old = assert_accepted(config_load_text(old_text));
	struct config *fresh = assert_accepted(config_load_text(fresh_text));
	struct config_change change;
	char names[CONFIG_CHANGE_BYTES];

	(void)state;
	assert_true(config_change_make(&change, fresh, old));
	for (size_t i = 0; i < KEPT; i++)
		assert_string_equal(config_change_kept(&change, i), kept[i]);
	assert_null(config_change_kept(&change, KEPT));
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (setting_table[i].needs_restart)
			assert_true(
			    setting_is_same(fresh, old, &setting_table[i]));
	config_change_describe(names, &change);
	assert_string_equal(names, "policy, hold_timeout, rules");
	assert_false(config_change_is_empty(&change));
	assert_int_equal(fresh->guard.policy, GUARD_POLICY_HOLD);
	/* Each has its own, whichever is freed first. */
	config_free(old);
	assert_int_equal(fresh->listen_count, 2);
	assert_string_equal(fresh->fleet_key_file, "key");
	config_free(fresh);
}

static void
config_change_of_the_same_is_empty(void **state)
{
	struct config *old = assert_accepted(config_load_text(old_text));
	struct config *fresh = assert_accepted(config_load_text(old_text));
	struct config_change change;
	char names[CONFIG_CHANGE_BYTES];

	(void)state;
	assert_true(config_change_make(&change, fresh, old));
	assert_true(config_change_is_empty(&change));
	assert_null(config_change_kept(&change, 0));
	config_change_describe(names, &change);
	assert_string_equal(names, "");
	config_free(old);
	config_free(fresh);
}

static void
config_change_names_rules_alone(void **state)
{
	const struct config_change change = {.has_rules = true};
	char names[CONFIG_CHANGE_BYTES];

	(void)state;
	assert_false(config_change_is_empty(&change));
	config_change_describe(names, &change);
	assert_string_equal(names, "rules");
}

static void
config_change_has_room_for_all_names(void **state)
{
	const struct config_change change = {.changed = UINT64_MAX,
					     .has_rules = true};
	char names[CONFIG_CHANGE_BYTES];

	(void)state;
	config_change_describe(names, &change);
	assert_true(strlen(names) < sizeof(names) / 2);
	assert_string_equal(names + strlen(names) - strlen(", rules"),
			    ", rules");
}

static void
config_change_without_memory_is_told(void **state)
{
	unsigned allowed = 0;
	bool has_failed = true;

	(void)state;
	while (has_failed) {
		struct config *old =
		    assert_accepted(config_load_text(old_text));
		struct config *fresh =
		    assert_accepted(config_load_text(fresh_text));
		struct config_change change;
		bool is_good;

		allocation_fail_after(allowed++);
		is_good = config_change_make(&change, fresh, old);
		has_failed = allocation_restore();
		assert_int_equal(is_good, !has_failed);
		config_free(old);
		config_free(fresh);
	}
	assert_true(allowed > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_change_names_what_the_console_has_set),
	    cmocka_unit_test(config_change_keeps_the_origin_with_the_value),
	    cmocka_unit_test(config_change_keeps_what_needs_a_restart),
	    cmocka_unit_test(config_change_of_the_same_is_empty),
	    cmocka_unit_test(config_change_names_rules_alone),
	    cmocka_unit_test(config_change_has_room_for_all_names),
	    cmocka_unit_test(config_change_without_memory_is_told),
	};

	return cmocka_run_group_tests_name("proxy/config/config_change", tests,
					   config_enter_directory,
					   config_leave_directory);
}

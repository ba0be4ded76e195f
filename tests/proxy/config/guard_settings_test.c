#include "proxy/config/guard_settings.h"

#include <stdio.h>

#include "proxy/config/setting.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum { WARNINGS_MAX = GUARD_SETTING_COUNT };

struct fixture {
	struct config config;
	struct rule rules[2]; /* of users "a" and "b*" */
	struct overrides overrides;
	struct rule_subject subject;
	struct guard_settings chosen;
	char warnings[WARNINGS_MAX][600];
	size_t warning_count;
};

static void
note_warning(void *arg, const char *text)
{
	struct fixture *f = arg;

	assert_true(f->warning_count < WARNINGS_MAX);
	snprintf(f->warnings[f->warning_count++], sizeof(f->warnings[0]), "%s",
		 text);
}

static void
set_plain(struct fixture *f, enum guard_setting id, const char *text)
{
	struct value_error error;

	if (!setting_store_guard(&f->config.guard, id, text, &error))
		fail_msg("%s", error.text);
}

static void
set_in_rule(struct fixture *f, size_t rule, enum guard_setting id,
	    const char *text)
{
	struct settings_part *part = &f->rules[rule].part;
	struct value_error error;

	if (!setting_store_guard(&part->values, id, text, &error))
		fail_msg("%s", error.text);
	part->set |= 1u << id;
}

static void
set_in_session(struct fixture *f, enum guard_setting id, const char *text)
{
	struct row_value row[OVERRIDES_COLUMNS] = {{NULL, 0}};
	const struct overrides before = f->overrides;
	size_t i;

	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		const char *value =
		    overrides_text(&before, (enum guard_setting)i);

		if (i == id)
			value = text;
		row[i] = (struct row_value){value, strlen(value)};
	}
	assert_true(overrides_read(&f->overrides, row));
}

static int
setup(void **state)
{
	static char a[] = "a";
	static char b[] = "b*";
	static char *users[] = {a, b};
	static char names[2][8] = {"first", "second"};
	struct fixture *f = calloc(1, sizeof(*f));
	size_t i;

	assert_non_null(f);
	for (i = 0; i < GUARD_SETTING_COUNT; i++)
		set_plain(f, (enum guard_setting)i,
			  setting_of_guard((enum guard_setting)i)->preset);
	for (i = 0; i < 2; i++) {
		f->rules[i].name = names[i];
		f->rules[i].matches[RULE_USER].values = &users[i];
		f->rules[i].matches[RULE_USER].count = 1;
	}
	f->config.rules = f->rules;
	f->config.rule_count = 2;
	f->subject = (struct rule_subject){"shop",  "a",          "psql",
					   "local", "DROP TABLE", NULL};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	guard_settings_clear(&f->chosen);
	settings_clear_order(&f->config.guard.order);
	settings_clear_order(&f->rules[0].part.values.order);
	settings_clear_order(&f->rules[1].part.values.order);
	free(f);
	return 0;
}

/* As `user` runs his statement. */
static const struct guard_settings *
choose(struct fixture *f, const char *user)
{
	guard_settings_clear(&f->chosen);
	f->warning_count = 0;
	f->subject.user = user;
	assert_true(guard_settings_choose(&f->chosen, &f->config, &f->subject,
					  &f->overrides, note_warning, f));
	return &f->chosen;
}

static void
the_table_of_settings_has_the_guards_in_order(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		const struct setting *s =
		    setting_of_guard((enum guard_setting)i);

		assert_string_equal(s->name,
				    settings_name((enum guard_setting)i));
		assert_true(setting_is_guard(s));
	}
	assert_false(setting_is_guard(setting_find("drain_timeout")));
	assert_false(setting_is_guard(setting_find("parse_limit")));
}

/* Another value than the default, for each; and yet another. */
static const struct {
	const char *nearer;
	const char *nearest;
} others[GUARD_SETTING_COUNT] = {
    [GUARD_SETTING_GUARD] = {"ddl", "off"},
    [GUARD_SETTING_POLICY] = {"hold", "reject"},
    [GUARD_SETTING_LOCK_ORDER] = {"dependents-first", "a, b"},
    [GUARD_SETTING_ATTEMPT_TIMEOUT] = {"100ms", "50ms"},
    [GUARD_SETTING_HOLD_TIMEOUT] = {"1min", "10 s"},
    [GUARD_SETTING_IN_TRANSACTION_TIMEOUT] = {"1s", "500"},
    [GUARD_SETTING_GATE_WINDOW] = {"200ms", "100ms"},
    [GUARD_SETTING_GATE_TRANSACTION] = {"1s", "0"},
    [GUARD_SETTING_REPLAY] = {"on", "off"},
    [GUARD_SETTING_ON_TIMEOUT] = {"pass", "error"},
    [GUARD_SETTING_DROP_IN_STEPS] = {"on", "last"},
    [GUARD_SETTING_GUARD_SINGLE_TABLE] = {"on", "off"},
    [GUARD_SETTING_MEMORY] = {"off", "on"},
    [GUARD_SETTING_OPTIMISTIC] = {"on", "off"},
    [GUARD_SETTING_UNPARSED] = {"pass", "reject"},
};

/* Whether this one of the settings in force is what this text says. */
static bool
is_set_to(const struct guard_settings *s, enum guard_setting id,
	  const char *text)
{
	struct guard_settings expected = {0};
	struct value_error error;
	bool is_equal = false;

	assert_true(setting_store_guard(&expected, id, text, &error));
	switch (id) {
#define X(constant, name, field)                                               \
	case GUARD_SETTING_##constant:                                         \
		is_equal =                                                     \
		    memcmp(&s->field, &expected.field, sizeof(s->field)) == 0; \
		break;
		GUARD_SETTINGS(X)
#undef X
	case GUARD_SETTING_COUNT:
		break;
	}
	if (id == GUARD_SETTING_LOCK_ORDER)
		is_equal = s->order.kind == expected.order.kind &&
			   s->order.name_count == expected.order.name_count;
	settings_clear_order(&expected.order);
	return is_equal;
}

static void
guard_settings_choose_takes_the_nearest(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		enum guard_setting id = (enum guard_setting)i;
		const char *preset = setting_of_guard(id)->preset;

		assert_true(is_set_to(choose(f, "a"), id, preset));
		set_in_rule(f, 0, id, others[i].nearer);
		assert_true(is_set_to(choose(f, "a"), id, others[i].nearer));
		assert_true(is_set_to(choose(f, "b1"), id, preset));
		assert_true(is_set_to(choose(f, "c"), id, preset));
		set_in_session(f, id, others[i].nearest);
		assert_true(is_set_to(choose(f, "a"), id, others[i].nearest));
		assert_true(is_set_to(choose(f, "c"), id, others[i].nearest));
		assert_int_equal(f->warning_count, 0);
	}
}

static void
guard_settings_choose_names_the_rule(void **state)
{
	struct fixture *f = *state;

	set_in_rule(f, 0, GUARD_SETTING_POLICY, "hold");
	set_in_rule(f, 1, GUARD_SETTING_POLICY, "reject");
	assert_string_equal(choose(f, "a")->rule, "first");
	assert_int_equal(f->chosen.policy, GUARD_POLICY_HOLD);
	assert_string_equal(choose(f, "bob")->rule, "second");
	assert_int_equal(f->chosen.policy, GUARD_POLICY_REJECT);
	assert_null(choose(f, "c")->rule);
	assert_int_equal(f->chosen.policy, GUARD_POLICY_AUTO);
}

static void
guard_settings_choose_mixes_the_places(void **state)
{
	struct fixture *f = *state;
	const struct guard_settings *s;

	set_plain(f, GUARD_SETTING_GUARD, "ddl");
	set_in_rule(f, 0, GUARD_SETTING_HOLD_TIMEOUT, "1min");
	set_in_rule(f, 0, GUARD_SETTING_POLICY, "lock");
	set_in_session(f, GUARD_SETTING_POLICY, "hold");
	set_in_session(f, GUARD_SETTING_ON_TIMEOUT, "pass");
	s = choose(f, "a");
	assert_int_equal(s->scope, GUARD_SCOPE_DDL);
	assert_int_equal(s->hold_timeout_ms, 60000);
	assert_int_equal(s->policy, GUARD_POLICY_HOLD);
	assert_int_equal(s->on_timeout, GUARD_TIMEOUT_PASS);
	assert_int_equal(s->gate_window_ms, 300);
}

/* They delay sessions that have nothing to do with this one. */
static void
guard_settings_choose_lets_a_session_only_lower_what_the_gate_does(void **state)
{
	static const struct {
		enum guard_setting id;
		const char *ruled;
		const char *same;
		const char *more;
	} limited[] = {
	    {GUARD_SETTING_GATE_WINDOW, "1s", "1000ms", "1001ms"},
	    {GUARD_SETTING_GATE_TRANSACTION, "10s", "10s", "5min"},
	};
	struct fixture *f = *state;
	char expected[100];

	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		enum guard_setting id = limited[i].id;

		set_in_rule(f, 0, id, limited[i].ruled);
		set_in_session(f, id, limited[i].same);
		assert_true(is_set_to(choose(f, "a"), id, limited[i].ruled));
		assert_int_equal(f->warning_count, 0);
		set_in_session(f, id, limited[i].more);
		assert_true(is_set_to(choose(f, "a"), id, limited[i].ruled));
		assert_int_equal(f->warning_count, 1);
		snprintf(expected, sizeof(expected),
			 "invalid value for parameter \"lockstep.%s\": "
			 "a session may only lower it",
			 settings_name(id));
		assert_string_equal(f->warnings[0], expected);
		/* The rule is not for this user: what the file says. */
		set_in_session(f, id, limited[i].same);
		assert_true(is_set_to(choose(f, "c"), id,
				      setting_of_guard(id)->preset));
		assert_int_equal(f->warning_count, 1);
		set_in_session(f, id, "");
	}
}

/* No more is recorded than the configuration and its rules allow. */
static void
guard_settings_choose_lets_a_session_only_lower_replays(void **state)
{
	struct fixture *f = *state;

	set_in_session(f, GUARD_SETTING_REPLAY, "off");
	assert_int_equal(choose(f, "c")->replay, GUARD_REPLAY_OFF);
	set_in_session(f, GUARD_SETTING_REPLAY, "ddl");
	assert_int_equal(choose(f, "c")->replay, GUARD_REPLAY_DDL);
	assert_int_equal(f->warning_count, 0);
	set_in_session(f, GUARD_SETTING_REPLAY, "on");
	assert_int_equal(choose(f, "c")->replay, GUARD_REPLAY_DDL);
	assert_int_equal(f->warning_count, 1);
	set_in_rule(f, 0, GUARD_SETTING_REPLAY, "on");
	assert_int_equal(choose(f, "a")->replay, GUARD_REPLAY_ON);
	assert_int_equal(f->warning_count, 0);
}

/* Each can be cleared as often as one likes, and the configuration stays. */
static void
guard_settings_choose_leaves_the_orders_of_others_alone(void **state)
{
	struct fixture *f = *state;
	const struct guard_settings *s;

	set_plain(f, GUARD_SETTING_LOCK_ORDER, "plain");
	s = choose(f, "a");
	assert_string_equal(s->order.names[0], "plain");
	assert_false(s->owns_order);
	set_in_rule(f, 0, GUARD_SETTING_LOCK_ORDER, "ruled, x");
	s = choose(f, "a");
	assert_string_equal(s->order.names[0], "ruled");
	assert_false(s->owns_order);
	set_in_session(f, GUARD_SETTING_LOCK_ORDER, "\"Mine\", y, z");
	s = choose(f, "a");
	assert_string_equal(s->order.names[0], "\"Mine\"");
	assert_int_equal(s->order.name_count, 3);
	assert_true(s->owns_order);
	guard_settings_clear(&f->chosen);
	guard_settings_clear(&f->chosen);
	assert_string_equal(f->config.guard.order.names[0], "plain");
	assert_string_equal(f->rules[0].part.values.order.names[0], "ruled");
}

#define LONG_64                                                                \
	"0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	enum guard_setting id;
	const char *text;
	const char *warning; /* behind "...parameter " */
} nonsense[] = {
    {GUARD_SETTING_POLICY, "foo",
     "\"lockstep.policy\": \"foo\" is not one of: auto, lock, hold, pass, "
     "reject"},
    {GUARD_SETTING_POLICY, "Hold",
     "\"lockstep.policy\": \"Hold\" is not one of: auto, lock, hold, pass, "
     "reject"},
    {GUARD_SETTING_POLICY, " ",
     "\"lockstep.policy\": \" \" is not one of: auto, lock, hold, pass, "
     "reject"},
    {GUARD_SETTING_POLICY, "gr\xc3\xbcn\n\x1b[2J",
     "\"lockstep.policy\": \"gr??n??[2J\" is not one of: auto, lock, hold, "
     "pass, reject"},
    {GUARD_SETTING_POLICY, LONG_64,
     "\"lockstep.policy\": \"012345678901234567890123456789012345678901234567"
     "890123456789...\" is not one of: auto, lock, hold, pass, reject"},
    {GUARD_SETTING_POLICY, LONG_64 "4",
     "\"lockstep.policy\": it is longer than 64 bytes"},
    {GUARD_SETTING_GUARD, "on",
     "\"lockstep.guard\": \"on\" is not one of: off, drops, ddl"},
    {GUARD_SETTING_HOLD_TIMEOUT, "0",
     "\"lockstep.hold_timeout\": 0 is out of range: 10ms to 7d"},
    {GUARD_SETTING_HOLD_TIMEOUT, "10 minutes",
     "\"lockstep.hold_timeout\": \"10 minutes\" is not a duration: a whole "
     "number with ms, s, min, h or d"},
    {GUARD_SETTING_ATTEMPT_TIMEOUT, "-1",
     "\"lockstep.attempt_timeout\": \"-1\" is not a duration: a whole number "
     "with ms, s, min, h or d"},
    {GUARD_SETTING_GUARD_SINGLE_TABLE, "maybe",
     "\"lockstep.guard_single_table\": \"maybe\" is not a switch: on, off, "
     "true, false, yes, no, 1 or 0"},
    {GUARD_SETTING_LOCK_ORDER, "a; drop table b",
     "\"lockstep.lock_order\": entry 1 is not a table: TABLE or SCHEMA.TABLE, "
     "with double quotes where SQL needs them"},
};

static void
guard_settings_choose_warns_of_nonsense_and_goes_on(void **state)
{
	struct fixture *f = *state;
	char expected[600];
	size_t i;

	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		enum guard_setting id = nonsense[i].id;

		set_in_rule(f, 0, id, others[id].nearer);
		set_in_session(f, id, nonsense[i].text);
		assert_true(is_set_to(choose(f, "a"), id, others[id].nearer));
		assert_int_equal(f->warning_count, 1);
		snprintf(expected, sizeof(expected),
			 "invalid value for parameter %s", nonsense[i].warning);
		assert_string_equal(f->warnings[0], expected);
		set_in_session(f, id, "");
		choose(f, "a");
		assert_int_equal(f->warning_count, 0);
	}
}

static void
guard_settings_choose_warns_of_each_parameter_once(void **state)
{
	struct fixture *f = *state;
	char text[OVERRIDE_ORDER_BYTES_MAX + 2];
	size_t i;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < GUARD_SETTING_COUNT; i++)
		set_in_session(f, (enum guard_setting)i, "!");
	choose(f, "a");
	assert_int_equal(f->warning_count, GUARD_SETTING_COUNT);
	set_in_session(f, GUARD_SETTING_LOCK_ORDER, text);
	choose(f, "a");
	assert_int_equal(f->warning_count, GUARD_SETTING_COUNT);
	assert_string_equal(f->warnings[GUARD_SETTING_LOCK_ORDER],
			    "invalid value for parameter "
			    "\"lockstep.lock_order\": it is longer than 1024 "
			    "bytes");
	for (i = 0; i < GUARD_SETTING_COUNT; i++)
		assert_true(
		    is_set_to(&f->chosen, (enum guard_setting)i,
			      setting_of_guard((enum guard_setting)i)->preset));
}

static void
guard_settings_choose_needs_nobody_to_warn(void **state)
{
	struct fixture *f = *state;

	set_in_session(f, GUARD_SETTING_POLICY, "foo");
	assert_true(guard_settings_choose(&f->chosen, &f->config, &f->subject,
					  &f->overrides, NULL, NULL));
	assert_int_equal(f->chosen.policy, GUARD_POLICY_AUTO);
}

static void
guard_settings_choose_keeps_attempts_within_the_budget(void **state)
{
	struct fixture *f = *state;

	set_in_session(f, GUARD_SETTING_HOLD_TIMEOUT, "50ms");
	assert_int_equal(choose(f, "a")->hold_timeout_ms, 50);
	assert_int_equal(f->chosen.attempt_timeout_ms, 50);
	assert_int_equal(f->warning_count, 0);
}

static void
guard_settings_choose_survives_failing_allocations(void **state)
{
	struct fixture *f = *state;
	bool has_failed = true;
	unsigned n;

	set_in_session(f, GUARD_SETTING_LOCK_ORDER, "a, b, c");
	set_in_session(f, GUARD_SETTING_POLICY, "foo");
	for (n = 0; has_failed; n++) {
		bool is_chosen;

		guard_settings_clear(&f->chosen);
		allocation_fail_after(n);
		is_chosen =
		    guard_settings_choose(&f->chosen, &f->config, &f->subject,
					  &f->overrides, NULL, NULL);
		has_failed = allocation_restore();
		assert_int_equal(is_chosen, !has_failed);
		assert_int_equal(f->chosen.owns_order, is_chosen);
	}
	assert_true(n > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_of_settings_has_the_guards_in_order),
	    TEST(guard_settings_choose_takes_the_nearest),
	    TEST(guard_settings_choose_names_the_rule),
	    TEST(guard_settings_choose_mixes_the_places),
	    TEST(
		guard_settings_choose_lets_a_session_only_lower_what_the_gate_does),
	    TEST(guard_settings_choose_lets_a_session_only_lower_replays),
	    TEST(guard_settings_choose_leaves_the_orders_of_others_alone),
	    TEST(guard_settings_choose_warns_of_nonsense_and_goes_on),
	    TEST(guard_settings_choose_warns_of_each_parameter_once),
	    TEST(guard_settings_choose_needs_nobody_to_warn),
	    TEST(guard_settings_choose_keeps_attempts_within_the_budget),
	    TEST(guard_settings_choose_survives_failing_allocations),
	};

	return cmocka_run_group_tests_name("proxy/config/guard_settings", tests,
					   NULL, NULL);
}

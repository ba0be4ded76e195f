#include "proxy/config/config_section.h"

#include "tests/support/allocation.h"
#include "tests/support/config.h"

static const struct rule *
rule_at(const struct config *c, size_t i)
{
	assert_true(i < c->rule_count);
	return &c->rules[i];
}

static void
assert_match(const struct rule *rule, enum rule_predicate predicate,
	     bool is_negated, const char *const *values)
{
	const struct rule_match *m = &rule->matches[predicate];
	size_t i;

	assert_int_equal(m->is_negated, is_negated);
	for (i = 0; values[i] != NULL; i++) {
		assert_true(i < m->count);
		assert_string_equal(m->values[i], values[i]);
	}
	assert_int_equal(m->count, i);
}

#define VALUES(...)                                                            \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static void
config_load_reads_every_predicate(void **state)
{
	struct config *c = assert_accepted(
	    config_load_text("[rule]\n"
			     "database = shop\n"
			     "user = a, b c*,*\n"
			     "application_name = ! Flyway 9 ,psql\n"
			     "statement = drop  table,Alter\tTable\n"
			     "table = ! Orders, ledger.\"E,1\"\n"
			     "policy = hold\n"));
	const struct rule *rule = rule_at(c, 0);

	(void)state;
	assert_match(rule, RULE_DATABASE, false, VALUES("shop"));
	assert_match(rule, RULE_USER, false, VALUES("a", "b c*", "*"));
	assert_match(rule, RULE_APPLICATION_NAME, true,
		     VALUES("Flyway 9", "psql"));
	assert_match(rule, RULE_STATEMENT, false,
		     VALUES("DROP TABLE", "ALTER TABLE"));
	assert_match(rule, RULE_TABLE, true,
		     VALUES("orders", "ledger.\"E,1\""));
	assert_int_equal(rule->part.set, 1u << GUARD_SETTING_POLICY);
	config_free(c);
}

static void
config_load_reads_every_setting_of_a_rule(void **state)
{
	struct config *c =
	    assert_accepted(config_load_text("[rule]\n"
					     "guard = ddl\n"
					     "policy = reject\n"
					     "lock_order = a, S.b\n"
					     "attempt_timeout = 10\n"
					     "hold_timeout = 1h\n"
					     "in_transaction_timeout = 1min\n"
					     "gate_window = 10s\n"
					     "gate_transaction = 0\n"
					     "on_timeout = pass\n"
					     "guard_single_table = on\n"
					     "memory = off\n"
					     "optimistic = off\n"
					     "replay = on\n"
					     "drop_in_steps = on\n"
					     "unparsed = reject\n"));
	const struct settings_part *part = &rule_at(c, 0)->part;

	(void)state;
	assert_int_equal(part->set, (1u << GUARD_SETTING_COUNT) - 1);
	assert_int_equal(part->values.scope, GUARD_SCOPE_DDL);
	assert_int_equal(part->values.policy, GUARD_POLICY_REJECT);
	assert_int_equal(part->values.order.name_count, 2);
	assert_string_equal(part->values.order.names[1], "s.b");
	assert_int_equal(part->values.attempt_timeout_ms, 10);
	assert_int_equal(part->values.hold_timeout_ms, 3600000);
	assert_int_equal(part->values.in_transaction_timeout_ms, 60000);
	assert_int_equal(part->values.gate_window_ms, 10000);
	assert_int_equal(part->values.gate_transaction_ms, 0);
	assert_int_equal(part->values.on_timeout, GUARD_TIMEOUT_PASS);
	assert_true(part->values.guard_single_table);
	assert_false(part->values.has_memory);
	assert_false(part->values.is_optimistic);
	assert_int_equal(part->values.replay, GUARD_REPLAY_ON);
	assert_int_equal(part->values.steps, GUARD_STEPS_ON);
	assert_int_equal(part->values.unparsed, GUARD_UNPARSED_REJECT);
	/* None of it is the plain setting. */
	assert_int_equal(c->guard.policy, GUARD_POLICY_AUTO);
	assert_int_equal(c->guard.order.kind, LOCK_ORDER_REFERENCED_FIRST);
	config_free(c);
}

static void
config_load_keeps_rules_in_order_with_their_names(void **state)
{
	struct config *c = assert_accepted(
	    config_load_text("policy = pass\n"
			     "[rule b]\n"
			     "user = x\n"
			     "policy = hold\n"
			     " [ rule  a & \"c\"\t] # this one, too\n"
			     "user = y\n"
			     "policy = lock\n"
			     "[rule];and this\r\n"
			     "policy = reject"));

	(void)state;
	assert_int_equal(c->rule_count, 3);
	assert_string_equal(c->rules[0].name, "b");
	assert_int_equal(c->rules[0].part.values.policy, GUARD_POLICY_HOLD);
	assert_string_equal(c->rules[1].name, "a & \"c\"");
	assert_int_equal(c->rules[1].part.values.policy, GUARD_POLICY_LOCK);
	assert_string_equal(c->rules[2].name, "line 8");
	assert_int_equal(c->rules[2].part.values.policy, GUARD_POLICY_REJECT);
	assert_int_equal(c->guard.policy, GUARD_POLICY_PASS);
	config_free(c);
}

static const struct {
	const char *text;
	const char *errors;
} mistakes[] = {
    /* sections */
    {"[rule\n", "test.conf:1: expected [SECTION]\n"},
    {"[rule] x\n", "test.conf:1: expected [SECTION]\n"},
    {"[rules]\npolicy = x\nnonsense = 1\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"},
    {"[Rule]\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"},
    {"[]\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"},
    {"[ \t ]\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"},
    {"[postgres://u:hunter2@db]\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"},
    {"[x]\nworkers = 0\n[rule]\npolicy = x\n",
     "test.conf:1: there is no such section, only [rule] and [rule NAME]\n"
     "test.conf:4: policy: \"x\" is not one of: auto, lock, hold, pass, "
     "reject\n"},
    {"[rule a\tb]\nuser = x\npolicy = hold\n",
     "test.conf:1: the name of a rule is at most 63 printable bytes\n"},
    {"[rule 0123456789012345678901234567890123456789012345678901234567890123]"
     "\npolicy = hold\n",
     "test.conf:1: the name of a rule is at most 63 printable bytes\n"},
    {"[rule a]\nuser = x\npolicy = hold\n[rule  a ]\npolicy = lock\n",
     "test.conf:4: there is a rule of this name in line 1\n"},
    /* settings */
    {"[rule]\nuser = x\n", "test.conf:1: this rule sets nothing\n"},
    {"[rule]\n", "test.conf:1: this rule sets nothing\n"},
    {"[rule]\npolcy = hold\npolicy = hold\n",
     "test.conf:2: unknown setting \"polcy\"; the nearest known one is "
     "\"policy\"\n"},
    {"[rule]\nusers = x\npolicy = hold\n",
     "test.conf:2: unknown setting \"users\"; the nearest known one is "
     "\"user\"\n"},
    {"[rule]\nworkers = 2\npolicy = hold\n",
     "test.conf:2: workers: no rule can set this: it belongs before the first "
     "section\n"},
    {"[rule]\na hunter2 = 2\npolicy = hold\n",
     "test.conf:2: this is not the name of a setting\n"},
    {"[rule]\npolicy\n", "test.conf:2: expected NAME = VALUE\n"
			 "test.conf:1: this rule sets nothing\n"},
    {"[rule]\npolicy =\n", "test.conf:2: policy: the value is missing\n"},
    {"[rule]\nuser =\npolicy = hold\n",
     "test.conf:2: user: the value is missing\n"},
    {"[rule]\npolicy = hold\nuser = a\npolicy = lock\nuser = b\n",
     "test.conf:4: policy: set twice; first in line 2\n"
     "test.conf:5: user: set twice; first in line 3\n"},
    {"[rule]\nhold_timeout = 0\n",
     "test.conf:2: hold_timeout: 0 is out of range: 10ms to 7d\n"},
    /* predicates */
    {"user = x\n",
     "test.conf:1: user: this can only stand in a [rule] of the file\n"},
    {"[rule]\nuser = a,,b\npolicy = hold\n",
     "test.conf:2: user: entry 2 is empty\n"},
    {"[rule]\nuser = a,\npolicy = hold\n",
     "test.conf:2: user: entry 2 is empty\n"},
    {"[rule]\nuser = ! \npolicy = hold\n",
     "test.conf:2: user: entry 1 is empty\n"},
    {"[rule]\nuser = !a, !b\npolicy = hold\n",
     "test.conf:2: user: entry 2: a ! stands once, before the whole list\n"},
    {"[rule]\nuser = !!a\npolicy = hold\n",
     "test.conf:2: user: entry 1: a ! stands once, before the whole list\n"},
    {"[rule]\nstatement = drop table, drop tabel\npolicy = hold\n",
     "test.conf:2: statement: unknown statement \"DROP TABEL\"; the nearest "
     "known one is \"DROP TABLE\"\n"},
    {"[rule]\nstatement = truncate\npolicy = hold\n",
     "test.conf:2: statement: unknown statement \"TRUNCATE\"; the nearest "
     "known one is \"TRUNCATE TABLE\"\n"},
    {"[rule]\nstatement = DROP\x1b[2J\npolicy = hold\n",
     "test.conf:2: statement: unknown statement \"DROP?[2J\"; the nearest "
     "known one is \"DROP CAST\"\n"},
    {"[rule]\ntable = !a, !b\npolicy = hold\n",
     "test.conf:2: table: entry 2 is not a table: TABLE or SCHEMA.TABLE, with "
     "double quotes where SQL needs them\n"},
    {"[rule]\ntable = a*\npolicy = hold\n",
     "test.conf:2: table: entry 1 is not a table: TABLE or SCHEMA.TABLE, with "
     "double quotes where SQL needs them\n"},
    /* what is wrong together */
    {"[rule]\nattempt_timeout = 1min\nhold_timeout = 1s\n",
     "test.conf:2: attempt_timeout: attempt_timeout (1min) is longer than "
     "hold_timeout (1s)\n"},
    {"hold_timeout = 20s\n[rule]\nattempt_timeout = 21s\n",
     "test.conf:3: attempt_timeout: attempt_timeout (21s) is longer than "
     "hold_timeout (20s)\n"},
    {"[rule]\npolicy = hold\nhold_timeout = 100ms\n",
     "test.conf:3: hold_timeout: attempt_timeout (200ms) is longer than "
     "hold_timeout (100ms)\n"},
    {"[rule]\nuser = x\npolicy = hold\n[rule]\npolicy = lock\n[rule]\nuser = "
     "y\npolicy = pass\n",
     "test.conf:6: no statement comes to this rule: that of line 4 takes "
     "all\n"},
};

static void
config_load_says_what_is_wrong_in_a_rule(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct outcome o = config_load_text(mistakes[i].text);

		assert_null(strstr(o.errors, "hunter2"));
		assert_refused(o, mistakes[i].errors);
	}
}

/* What a rule goes with is what is in force, wherever it was set. */
static void
config_load_checks_rules_against_all_sources(void **state)
{
	const char *const longer[] = {"attempt_timeout=2s"};
	const char *const shorter[] = {"attempt_timeout=50ms"};

	(void)state;
	config_write_text("[rule]\nhold_timeout = 1s\n");
	assert_refused(config_load_from(CONFIG_FILE_NAME, NULL, longer, 1),
		       "test.conf:2: hold_timeout: attempt_timeout (2s) is "
		       "longer than hold_timeout (1s)\n");
	config_write_text("[rule]\nhold_timeout = 100ms\n");
	config_free(assert_accepted(
	    config_load_from(CONFIG_FILE_NAME, NULL, shorter, 1)));
}

static void
config_load_bounds_the_number_of_rules(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct outcome o;
	int i;

	(void)state;
	assert_non_null(f);
	for (i = 0; i < CONFIG_RULES_MAX; i++)
		fputs("[rule]\nuser=x\npolicy=hold\n", f);
	fflush(f);
	config_free(assert_accepted(config_load_text(text)));
	fputs("[rule]\nuser=x\npolicy=nonsense\n", f);
	fclose(f);
	o = config_load_text(text);
	free(text);
	assert_refused(o, "test.conf:3001: more than 1000 rules\n");
}

static const struct {
	const char *text;
	enum guard_scope detect;
} scopes[] = {
    {"", GUARD_SCOPE_DDL},
    {"guard = ddl\n", GUARD_SCOPE_DDL},
    {"guard = off\n", GUARD_SCOPE_OFF},
    {"guard = off\n[rule]\npolicy = hold\n", GUARD_SCOPE_OFF},
    {"guard = off\n[rule]\nguard = off\n", GUARD_SCOPE_OFF},
    {"guard = off\n[rule]\nuser = x\nguard = off\n[rule]\nguard = drops\n",
     GUARD_SCOPE_DDL},
    {"guard = off\n[rule]\nguard = ddl\n", GUARD_SCOPE_DDL},
    {"[rule]\nguard = off\n", GUARD_SCOPE_DDL},
};

static void
config_load_knows_what_to_detect(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct config *c =
		    assert_accepted(config_load_text(scopes[i].text));

		assert_int_equal(c->detect, scopes[i].detect);
		config_free(c);
	}
}

static void
config_load_survives_failing_allocations_in_rules(void **state)
{
	bool has_failed = true;
	unsigned n;

	(void)state;
	config_write_text("[rule a]\n"
			  "user = x, y\n"
			  "statement = DROP TABLE\n"
			  "table = t, s.t\n"
			  "lock_order = a, b\n"
			  "[rule]\n"
			  "policy = hold\n");
	for (n = 0; has_failed; n++) {
		struct config_sources sources = {.file = CONFIG_FILE_NAME};
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(config_load_reads_every_predicate),
	    cmocka_unit_test(config_load_reads_every_setting_of_a_rule),
	    cmocka_unit_test(config_load_keeps_rules_in_order_with_their_names),
	    cmocka_unit_test(config_load_says_what_is_wrong_in_a_rule),
	    cmocka_unit_test(config_load_checks_rules_against_all_sources),
	    cmocka_unit_test(config_load_bounds_the_number_of_rules),
	    cmocka_unit_test(config_load_knows_what_to_detect),
	    cmocka_unit_test(config_load_survives_failing_allocations_in_rules),
	};

	return cmocka_run_group_tests_name("proxy/config/config_section", tests,
					   config_enter_directory,
					   config_leave_directory);
}

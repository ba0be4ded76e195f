#include "proxy/explain/explain_output.h"

#include "tests/support/explain_fixture.h"
#include "tests/support/test.h"

static void
assert_json(const struct explain_report *r, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_true(explain_write_json(out, r));
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void
explain_write_json_writes_locks_holders_and_order(void **state)
{
	struct explain_report r = fixture_report("drop table t", 3, 2);

	(void)state;
	assert_json(
	    &r,
	    "{\"statement\": \"drop table t\", \"guarded\": true, "
	    "\"policy\": \"auto\", \"locks\": ["
	    "{\"schema\": \"public\", \"name\": \"t\", \"kind\": \"table\", "
	    "\"mode\": \"AccessExclusiveLock\", \"lockable\": true, "
	    "\"holders\": [{\"pid\": 4711, \"user\": \"app\", "
	    "\"application_name\": \"sh\\\"op\\n\", "
	    "\"state\": \"idle in transaction\", "
	    "\"mode\": \"AccessShareLock\", \"transaction_age_s\": 12.345}]}, "
	    "{\"schema\": \"s\", \"name\": \"n\xc3\xa4\\\"me\\n\", "
	    "\"kind\": \"materialized view\", "
	    "\"mode\": \"ShareRowExclusiveLock\", \"lockable\": false, "
	    "\"holders\": [{\"pid\": null, \"user\": null, "
	    "\"application_name\": null, \"state\": null, "
	    "\"mode\": \"RowExclusiveLock\", \"transaction_age_s\": null}]}], "
	    "\"order\": [\"public.t\"]}\n");
}

static void
explain_write_json_adds_who_uses_the_tables(void **state)
{
	static char names[] = "cron, \"x\"";
	struct explain_report r = fixture_report("drop table t", 0, 0);

	(void)state;
	r.has_users = true;
	r.users = (struct explain_users){.count = 3};
	assert_json(&r, "{\"statement\": \"drop table t\", \"guarded\": true, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": [], \"sessions\": {\"users\": 3, "
			"\"past\": 0, \"untold\": 0, \"past_of\": null}}\n");
	r.users = (struct explain_users){
	    .count = 3, .past = 2, .untold = 1, .past_of = names};
	assert_json(&r, "{\"statement\": \"drop table t\", \"guarded\": true, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": [], \"sessions\": {\"users\": 3, "
			"\"past\": 2, \"untold\": 1, "
			"\"past_of\": \"cron, \\\"x\\\"\"}}\n");
}

static void
explain_write_json_adds_what_is_remembered(void **state)
{
	struct explain_report r = fixture_report("drop table t", 0, 0);

	(void)state;
	r.memory.is_told = true;
	assert_json(&r, "{\"statement\": \"drop table t\", \"guarded\": true, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": [], \"remembered\": []}\n");
	fixture_remember(&r);
	assert_json(&r, "{\"statement\": \"drop table t\", \"guarded\": true, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": [], \"remembered\": ["
			"{\"relation\": \"public.shared\", "
			"\"mode\": \"AccessExclusiveLock\", "
			"\"application_name\": \"flyway\", "
			"\"age_s\": 61.005}, "
			"{\"relation\": \"public.t\", "
			"\"mode\": \"ShareLock\", "
			"\"application_name\": \"\", "
			"\"age_s\": 86400.000}]}\n");
}

static void
explain_write_json_adds_the_keys_that_can_go_first(void **state)
{
	struct explain_report r = fixture_report("drop table t", 0, 0);

	(void)state;
	fixture_step(&r, GUARD_STEPS_LAST);
	assert_json(&r, "{\"statement\": \"drop table t\", \"guarded\": true, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": [], \"drop_in_steps\": \"last\", "
			"\"steps\": [{\"table\": \"public.t\", "
			"\"key\": \"t_a_fkey\", \"restore\": "
			"\"ALTER TABLE ONLY public.t ADD ...\"}]}\n");
}

static void
explain_write_json_writes_an_empty_set(void **state)
{
	struct explain_report r = fixture_report("select 1", 0, 0);

	(void)state;
	r.verdict = EXPLAIN_UNKNOWN;
	assert_json(&r, "{\"statement\": \"select 1\", \"guarded\": false, "
			"\"policy\": \"auto\", \"locks\": [], "
			"\"order\": []}\n");
}

static void
explain_write_json_adds_an_error(void **state)
{
	static char error[] = "at or near \"x\"";
	struct explain_report r = fixture_report("x\xff\n", 0, 0);

	(void)state;
	r.verdict = EXPLAIN_FAILED;
	r.error = error;
	r.settings.policy = GUARD_POLICY_REJECT;
	assert_json(&r, "{\"statement\": \"x\\ufffd\\n\", "
			"\"guarded\": false, \"policy\": \"reject\", "
			"\"locks\": [], \"order\": [], "
			"\"error\": \"at or near \\\"x\\\"\"}\n");
}

static void
explain_write_json_adds_a_note(void **state)
{
	struct explain_report r = fixture_report("drop type t", 0, 0);

	(void)state;
	r.verdict = EXPLAIN_UNPLANNED;
	assert_json(&r, "{\"statement\": \"drop type t\", "
			"\"guarded\": false, \"policy\": \"auto\", "
			"\"locks\": [], \"order\": [], \"note\": "
			"\"its lock set cannot be planned: it passes "
			"unguarded\"}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(explain_write_json_writes_locks_holders_and_order),
	    cmocka_unit_test(explain_write_json_adds_who_uses_the_tables),
	    cmocka_unit_test(explain_write_json_adds_what_is_remembered),
	    cmocka_unit_test(
		explain_write_json_adds_the_keys_that_can_go_first),
	    cmocka_unit_test(explain_write_json_writes_an_empty_set),
	    cmocka_unit_test(explain_write_json_adds_an_error),
	    cmocka_unit_test(explain_write_json_adds_a_note),
	};

	return cmocka_run_group_tests_name("proxy/explain/explain_json", tests,
					   NULL, NULL);
}

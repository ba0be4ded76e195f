#include "proxy/explain/explain_report.h"

#include "tests/support/test.h"

static void
assert_split(const char *name, const char *schema, const char *relation)
{
	char *a;
	char *b;

	assert_true(explain_split_name(&a, &b, name));
	assert_string_equal(a, schema);
	assert_string_equal(b, relation);
	free(a);
	free(b);
}

static void
explain_split_name_unquotes(void **state)
{
	(void)state;
	assert_split("public.t", "public", "t");
	assert_split("\"a.b\".\"c.d\"", "a.b", "c.d");
	assert_split("s.\"we\"\"ird\"", "s", "we\"ird");
	assert_split("\"\"\"\".\"\"\"\"\"\"", "\"", "\"\"");
	assert_split("s.\"a\nb\"", "s", "a\nb");
}

static void
explain_split_name_refuses_other_forms(void **state)
{
	static const char *const names[] = {"", "t", "s.t.u", "\"s\"t.u",
					    "\"s.t"};
	char *a;
	char *b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(explain_split_name(&a, &b, names[i]));
		assert_null(a);
		assert_null(b);
	}
}

static void
explain_judge_decides_as_the_guard_does(void **state)
{
	static const struct {
		enum guard_scope scope;
		enum guard_scope least;
		size_t count;
		bool in_block;
		bool guard_single_table;
		enum explain_verdict verdict;
	} cases[] = {
	    {GUARD_SCOPE_DROPS, GUARD_SCOPE_DROPS, 2, false, false,
	     EXPLAIN_GUARDED},
	    {GUARD_SCOPE_DROPS, GUARD_SCOPE_DDL, 2, true, true,
	     EXPLAIN_OUT_OF_SCOPE},
	    {GUARD_SCOPE_OFF, GUARD_SCOPE_DROPS, 2, true, true,
	     EXPLAIN_OUT_OF_SCOPE},
	    {GUARD_SCOPE_DDL, GUARD_SCOPE_DROPS, 1, false, false,
	     EXPLAIN_SINGLE},
	    {GUARD_SCOPE_DDL, GUARD_SCOPE_DDL, 1, true, false, EXPLAIN_GUARDED},
	    {GUARD_SCOPE_DDL, GUARD_SCOPE_DDL, 1, false, true, EXPLAIN_GUARDED},
	    {GUARD_SCOPE_DDL, GUARD_SCOPE_DDL, 0, true, true, EXPLAIN_SINGLE},
	};
	struct session_facts facts = {.can_attempt = true};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard_settings s = {
		    .scope = cases[i].scope,
		    .guard_single_table = cases[i].guard_single_table,
		};

		assert_int_equal(explain_judge(&s, &facts, cases[i].least,
					       cases[i].count,
					       cases[i].in_block),
				 cases[i].verdict);
	}
}

static enum explain_verdict
judge_two(enum guard_policy policy, const struct session_facts *facts)
{
	struct guard_settings s = {.scope = GUARD_SCOPE_DROPS,
				   .policy = policy};

	return explain_judge(&s, facts, GUARD_SCOPE_DROPS, 2, false);
}

static void
explain_judge_heeds_the_session(void **state)
{
	struct session_facts no_language = {0};
	struct session_facts read_only = {.can_attempt = true,
					  .is_read_only = true};
	struct session_facts standby = {.can_attempt = true,
					.is_in_recovery = true};

	(void)state;
	assert_int_equal(judge_two(GUARD_POLICY_AUTO, &read_only),
			 EXPLAIN_READ_ONLY);
	assert_int_equal(judge_two(GUARD_POLICY_AUTO, &standby),
			 EXPLAIN_READ_ONLY);
	assert_int_equal(judge_two(GUARD_POLICY_HOLD, &no_language),
			 EXPLAIN_NO_LANGUAGE);
	assert_int_equal(judge_two(GUARD_POLICY_REJECT, &no_language),
			 EXPLAIN_GUARDED);
}

static void
explain_report_clear_accepts_a_zeroed_one(void **state)
{
	struct explain_report r = {0};

	(void)state;
	explain_report_clear(&r);
	explain_report_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(explain_split_name_unquotes),
	    cmocka_unit_test(explain_split_name_refuses_other_forms),
	    cmocka_unit_test(explain_judge_decides_as_the_guard_does),
	    cmocka_unit_test(explain_judge_heeds_the_session),
	    cmocka_unit_test(explain_report_clear_accepts_a_zeroed_one),
	};

	return cmocka_run_group_tests_name("proxy/explain/explain_report",
					   tests, NULL, NULL);
}

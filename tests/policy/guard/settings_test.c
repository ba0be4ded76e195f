#include "policy/guard/settings.h"

#include "tests/support/test.h"

/* Every field, and every bit of it, differs from the other one's. */
static void
fill(struct guard_settings *a, struct guard_settings *b)
{
	*a = (struct guard_settings){
	    .scope = GUARD_SCOPE_DROPS,
	    .policy = GUARD_POLICY_AUTO,
	    .order = {.kind = LOCK_ORDER_REFERENCED_FIRST},
	    .on_timeout = GUARD_TIMEOUT_ERROR,
	    .guard_single_table = false,
	    .has_memory = false,
	    .is_optimistic = false,
	    .attempt_timeout_ms = 1,
	    .hold_timeout_ms = 2,
	    .in_transaction_timeout_ms = 3,
	    .gate_window_ms = 4,
	    .gate_transaction_ms = 5,
	    .replay = GUARD_REPLAY_OFF,
	    .unparsed = GUARD_UNPARSED_HOLD,
	};
	*b = (struct guard_settings){
	    .scope = GUARD_SCOPE_DDL,
	    .policy = GUARD_POLICY_REJECT,
	    .order = {.kind = LOCK_ORDER_DEPENDENTS_FIRST},
	    .on_timeout = GUARD_TIMEOUT_PASS,
	    .guard_single_table = true,
	    .has_memory = true,
	    .is_optimistic = true,
	    .attempt_timeout_ms = 11,
	    .hold_timeout_ms = 12,
	    .in_transaction_timeout_ms = 13,
	    .gate_window_ms = 14,
	    .gate_transaction_ms = 15,
	    .replay = GUARD_REPLAY_ON,
	    .steps = GUARD_STEPS_LAST,
	    .unparsed = GUARD_UNPARSED_REJECT,
	};
}

/* A bit for each field that has the value of `b`. */
static uint32_t
taken(const struct guard_settings *s)
{
	const bool is_taken[GUARD_SETTING_COUNT] = {
	    [GUARD_SETTING_GUARD] = s->scope == GUARD_SCOPE_DDL,
	    [GUARD_SETTING_POLICY] = s->policy == GUARD_POLICY_REJECT,
	    [GUARD_SETTING_LOCK_ORDER] =
		s->order.kind == LOCK_ORDER_DEPENDENTS_FIRST,
	    [GUARD_SETTING_ATTEMPT_TIMEOUT] = s->attempt_timeout_ms == 11,
	    [GUARD_SETTING_HOLD_TIMEOUT] = s->hold_timeout_ms == 12,
	    [GUARD_SETTING_IN_TRANSACTION_TIMEOUT] =
		s->in_transaction_timeout_ms == 13,
	    [GUARD_SETTING_GATE_WINDOW] = s->gate_window_ms == 14,
	    [GUARD_SETTING_GATE_TRANSACTION] = s->gate_transaction_ms == 15,
	    [GUARD_SETTING_REPLAY] = s->replay == GUARD_REPLAY_ON,
	    [GUARD_SETTING_DROP_IN_STEPS] = s->steps == GUARD_STEPS_LAST,
	    [GUARD_SETTING_ON_TIMEOUT] = s->on_timeout == GUARD_TIMEOUT_PASS,
	    [GUARD_SETTING_GUARD_SINGLE_TABLE] = s->guard_single_table,
	    [GUARD_SETTING_MEMORY] = s->has_memory,
	    [GUARD_SETTING_OPTIMISTIC] = s->is_optimistic,
	    [GUARD_SETTING_UNPARSED] = s->unparsed == GUARD_UNPARSED_REJECT,
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++)
		bits |= (uint32_t)is_taken[i] << i;
	return bits;
}

static void
settings_merge_takes_what_the_part_has(void **state)
{
	struct settings_part part = {0};
	struct guard_settings plain;

	(void)state;
	fill(&plain, &part.values);
	for (part.set = 0; part.set < 1u << GUARD_SETTING_COUNT; part.set++) {
		struct guard_settings merged = plain;

		merged.rule = "kept";
		settings_merge(&merged, &part);
		assert_int_equal(taken(&merged), part.set);
		assert_string_equal(merged.rule, "kept");
		assert_false(merged.owns_order);
	}
}

static void
settings_name_is_that_of_the_documentation(void **state)
{
	(void)state;
	assert_string_equal(settings_name(GUARD_SETTING_GUARD), "guard");
	assert_string_equal(settings_name(GUARD_SETTING_HOLD_TIMEOUT),
			    "hold_timeout");
	assert_string_equal(settings_name(GUARD_SETTING_GUARD_SINGLE_TABLE),
			    "guard_single_table");
	assert_string_equal(settings_name(GUARD_SETTING_MEMORY), "memory");
}

static void
settings_fit_unknown_chooses_by_both(void **state)
{
	static const struct {
		enum guard_policy policy;
		enum guard_unparsed unparsed;
		enum guard_policy expected;
	} rows[] = {
	    {GUARD_POLICY_AUTO, GUARD_UNPARSED_HOLD, GUARD_POLICY_HOLD},
	    {GUARD_POLICY_LOCK, GUARD_UNPARSED_HOLD, GUARD_POLICY_HOLD},
	    {GUARD_POLICY_HOLD, GUARD_UNPARSED_REJECT, GUARD_POLICY_REJECT},
	    {GUARD_POLICY_AUTO, GUARD_UNPARSED_PASS, GUARD_POLICY_PASS},
	    {GUARD_POLICY_PASS, GUARD_UNPARSED_REJECT, GUARD_POLICY_PASS},
	    {GUARD_POLICY_REJECT, GUARD_UNPARSED_HOLD, GUARD_POLICY_REJECT},
	    {GUARD_POLICY_REJECT, GUARD_UNPARSED_PASS, GUARD_POLICY_PASS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guard_settings s = {.policy = rows[i].policy,
					   .unparsed = rows[i].unparsed,
					   .has_memory = true};

		settings_fit_unknown(&s);
		assert_int_equal(s.policy, rows[i].expected);
		assert_true(s.guard_single_table);
		assert_false(s.has_memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_merge_takes_what_the_part_has),
	    cmocka_unit_test(settings_fit_unknown_chooses_by_both),
	    cmocka_unit_test(settings_name_is_that_of_the_documentation),
	};

	return cmocka_run_group_tests_name("policy/guard/settings", tests, NULL,
					   NULL);
}

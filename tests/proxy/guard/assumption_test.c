#include "proxy/guard/assumption.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static const struct glance seen = {
    .is_plain = true,
    .deadlock_timeout_ms = 1000,
    .lock_timeout = "7s",
    .deadlock_timeout = "1s",
    .jit_above_cost = "100000",
};

static void
assumption_note_keeps_what_was_seen(void **state)
{
	struct overrides o = {.application_name = "psql"};
	struct assumption *a = NULL;

	(void)state;
	assumption_note(&a, &o, &seen);
	assert_non_null(a);
	assert_string_equal(a->application_name, "psql");
	assert_string_equal(a->glance.lock_timeout, "7s");
	memcpy(o.application_name, "other", 6);
	assumption_note(&a, &o, &seen);
	assert_string_equal(a->application_name, "other");
	assumption_drop(&a);
	assert_null(a);
	assumption_drop(&a);
}

static void
assumption_note_assumes_no_settings(void **state)
{
	struct overrides o = {.application_name = "psql"};
	struct assumption *a = NULL;

	(void)state;
	assumption_note(&a, &o, &seen);
	memcpy(o.texts[GUARD_SETTING_POLICY], "hold", 5);
	assumption_note(&a, &o, &seen);
	assert_null(a);
	memset(&o, 0, sizeof(o));
	o.lock_order[0] = 'a';
	assumption_note(&a, &o, &seen);
	assert_null(a);
	memset(&o, 0, sizeof(o));
	o.too_long = 1;
	assumption_note(&a, &o, &seen);
	assert_null(a);
}

static void
assumption_note_assumes_nothing_that_is_compiled(void **state)
{
	const struct overrides o = {.application_name = "psql"};
	struct assumption *a = NULL;
	struct glance dear = seen;

	(void)state;
	assumption_note(&a, &o, &seen);
	dear.jit_above_cost[1] = '\0';
	assumption_note(&a, &o, &dear);
	assert_null(a);
}

static void
assumption_note_does_without_memory(void **state)
{
	struct overrides o = {.application_name = "psql"};
	struct assumption *a = NULL;

	(void)state;
	allocation_fail_after(0);
	assumption_note(&a, &o, &seen);
	(void)allocation_restore();
	assert_null(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(assumption_note_keeps_what_was_seen),
	    cmocka_unit_test(assumption_note_assumes_no_settings),
	    cmocka_unit_test(assumption_note_assumes_nothing_that_is_compiled),
	    cmocka_unit_test(assumption_note_does_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

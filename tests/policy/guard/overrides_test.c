#include "policy/guard/overrides.h"

#include <stdio.h>

#include "tests/support/sql.h"
#include "tests/support/test.h"

/* A row of NULLs but for one column, which is an exact copy of these bytes. */
static bool
read_with(struct overrides *out, size_t column, const char *text, size_t len)
{
	struct row_value row[OVERRIDES_COLUMNS] = {{NULL, 0}};
	struct span copy = bytes_copy(span_of(text, len));
	bool is_read;

	row[column] = (struct row_value){(const char *)copy.data, len};
	memset(out, 0xff, sizeof(*out));
	is_read = overrides_read(out, row);
	bytes_free(copy);
	return is_read;
}

static void
overrides_query_asks_for_every_setting(void **state)
{
	const char *names[OVERRIDES_COLUMNS];
	const char *at = overrides_query();
	char column[120];

	(void)state;
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		names[i] = settings_name((enum guard_setting)i);
		snprintf(column, sizeof(column),
			 " pg_catalog.left(pg_catalog.current_setting("
			 "'lockstep.%s', true), 1025) ",
			 names[i]);
		at = strstr(at, column);
		assert_non_null(at);
	}
	names[OVERRIDES_APPLICATION_NAME] = "application_name";
	sql_check_columns(overrides_query(), names, OVERRIDES_COLUMNS);
	sql_check_operators(overrides_query());
	sql_check_params(overrides_query(), 0);
}

static void
overrides_are_unset_sees_each(void **state)
{
	struct overrides o;

	(void)state;
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		assert_true(read_with(&o, i, "x", 1));
		assert_false(overrides_are_unset(&o));
		assert_true(read_with(&o, i, "", 0));
		assert_true(overrides_are_unset(&o));
	}
	assert_true(read_with(&o, OVERRIDES_APPLICATION_NAME, "x", 1));
	assert_true(overrides_are_unset(&o));
	o.too_long = 1;
	assert_false(overrides_are_unset(&o));
}

static void
overrides_read_takes_null_for_not_set(void **state)
{
	const struct row_value row[OVERRIDES_COLUMNS] = {{NULL, 0}};
	struct overrides o;

	(void)state;
	memset(&o, 0xff, sizeof(o));
	assert_true(overrides_read(&o, row));
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		enum guard_setting id = (enum guard_setting)i;

		assert_string_equal(overrides_text(&o, id), "");
		assert_false(overrides_is_too_long(&o, id));
	}
	assert_string_equal(o.application_name, "");
}

static void
overrides_read_keeps_the_columns_apart(void **state)
{
	struct overrides o;

	(void)state;
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		assert_true(read_with(&o, i, "some", 4));
		for (size_t j = 0; j < GUARD_SETTING_COUNT; j++)
			assert_string_equal(
			    overrides_text(&o, (enum guard_setting)j),
			    i == j ? "some" : "");
		assert_string_equal(o.application_name, "");
	}
	assert_true(read_with(&o, OVERRIDES_APPLICATION_NAME, "psql", 4));
	assert_string_equal(o.application_name, "psql");
}

static void
overrides_read_bounds_every_text(void **state)
{
	char text[OVERRIDE_ORDER_BYTES_MAX + 100];
	struct overrides o;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		enum guard_setting id = (enum guard_setting)i;
		size_t max = overrides_bytes_max(id);

		assert_int_equal(max, id == GUARD_SETTING_LOCK_ORDER
					  ? OVERRIDE_ORDER_BYTES_MAX
					  : OVERRIDE_BYTES_MAX);
		assert_true(read_with(&o, i, text, max));
		assert_int_equal(strlen(overrides_text(&o, id)), max);
		assert_false(overrides_is_too_long(&o, id));

		assert_true(read_with(&o, i, text, max + 1));
		assert_int_equal(strlen(overrides_text(&o, id)), max);
		assert_true(overrides_is_too_long(&o, id));
		assert_int_equal(o.too_long, 1u << i);
		assert_true(read_with(&o, i, text, sizeof(text)));
		assert_int_equal(strlen(overrides_text(&o, id)), max);
	}
	assert_true(
	    read_with(&o, OVERRIDES_APPLICATION_NAME, text, sizeof(text)));
	assert_int_equal(strlen(o.application_name), OVERRIDE_BYTES_MAX);
	assert_int_equal(o.too_long, 0);
}

static void
overrides_read_refuses_a_nul(void **state)
{
	struct overrides o;

	(void)state;
	for (size_t i = 0; i < OVERRIDES_COLUMNS; i++) {
		assert_false(read_with(&o, i, "hold\0", 5));
		assert_false(read_with(&o, i, "\0", 1));
	}
}

static const struct {
	const char *sql;
	const char *name; /* NULL: none that is unknown */
} sets[] = {
    {"set lockstep.polcy = 'hold'", "polcy"},
    {"SET  LOCAL /* a */ LockStep.Polcy TO hold", "polcy"},
    {"set session lockstep.x1 = 1; set lockstep.y = 2", "x1"},
    {"set lockstep.policy = 'hold'", NULL},
    {"set lockstep.policy_ = 'hold'", "policy_"},
    {"set local lockstep.hold_timeout = '1min'", NULL},
    {"set lockstep.", NULL},
    {"set lockstep", NULL},
    {"set lockstep = 1", NULL},
    {"set lockstepx.polcy = 1", NULL},
    {"set search_path = lockstep.polcy", NULL},
    {"set", NULL},
    {"", NULL},
    {"settle lockstep.polcy", NULL},
    {"select 1", NULL},
    {"set lockstep.abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij = 1",
     "abcdefghijabcdefghijabcdefghijabcdefghi"},
};

static void
overrides_find_unknown_reads_a_set(void **state)
{
	char name[OVERRIDE_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct span sql =
		    bytes_copy(span_of(sets[i].sql, strlen(sets[i].sql)));
		bool is_found = overrides_find_unknown(
		    name, (const char *)sql.data, sql.len);

		if (is_found != (sets[i].name != NULL))
			fail_msg("%s", sets[i].sql);
		if (is_found)
			assert_string_equal(name, sets[i].name);
		bytes_free(sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(overrides_query_asks_for_every_setting),
	    cmocka_unit_test(overrides_are_unset_sees_each),
	    cmocka_unit_test(overrides_read_takes_null_for_not_set),
	    cmocka_unit_test(overrides_read_keeps_the_columns_apart),
	    cmocka_unit_test(overrides_read_bounds_every_text),
	    cmocka_unit_test(overrides_read_refuses_a_nul),
	    cmocka_unit_test(overrides_find_unknown_reads_a_set),
	};

	return cmocka_run_group_tests_name("policy/guard/overrides", tests,
					   NULL, NULL);
}

#include "policy/catalog/snapshot.h"

#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static struct snapshot
read_text(const char *text)
{
	struct snapshot s;

	memset(&s, 0xff, sizeof(s));
	snapshot_read(&s, value(text));
	return s;
}

static void
snapshot_query_is_qualified(void **state)
{
	static const char *const columns[] = {"snapshot"};

	(void)state;
	sql_check_operators(snapshot_query());
	sql_check_params(snapshot_query(), 0);
	sql_check_columns(snapshot_query(), columns, 1);
}

static void
snapshot_equals_compares_known_ones_only(void **state)
{
	struct snapshot none = read_text(NULL);
	struct snapshot empty = read_text("");
	struct snapshot a = read_text("100:100:");
	struct snapshot same = read_text("100:100:");
	struct snapshot ended = read_text("100:101:");
	struct snapshot in_progress = read_text("100:101:100");

	(void)state;
	assert_true(snapshot_equals(&a, &same));
	assert_false(snapshot_equals(&a, &ended));
	assert_false(snapshot_equals(&ended, &in_progress));
	assert_false(snapshot_equals(&a, &none));
	assert_false(snapshot_equals(&none, &none));
	assert_false(snapshot_equals(&empty, &empty));
	assert_false(snapshot_is_known(&none));
	assert_true(snapshot_is_known(&a));
}

/* One that was cut could be equal by mistake. */
static void
snapshot_read_does_not_know_a_long_one(void **state)
{
	char text[SNAPSHOT_MAX + 1];
	struct snapshot s;

	(void)state;
	memset(text, '7', sizeof(text));
	text[SNAPSHOT_MAX - 1] = '\0';
	s = read_text(text);
	assert_true(snapshot_is_known(&s));
	text[SNAPSHOT_MAX - 1] = '7';
	text[SNAPSHOT_MAX] = '\0';
	s = read_text(text);
	assert_false(snapshot_is_known(&s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(snapshot_query_is_qualified),
	    cmocka_unit_test(snapshot_equals_compares_known_ones_only),
	    cmocka_unit_test(snapshot_read_does_not_know_a_long_one),
	};

	return cmocka_run_group_tests_name("policy/catalog/snapshot", tests,
					   NULL, NULL);
}

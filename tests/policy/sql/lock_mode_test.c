#include "policy/sql/lock_mode.h"

#include "tests/support/test.h"

/*
 * Table 13.2 of PostgreSQL's documentation, "Conflicting Lock Modes", as it
 * is printed there: rows and columns from ACCESS SHARE to ACCESS EXCLUSIVE.
 */
static const char *const conflicts[] = {
    "       X", "      XX", "    XXXX", "   XXXXX",
    "  XX XXX", "  XXXXXX", " XXXXXXX", "XXXXXXXX",
};

static void
lock_mode_conflicts_equals_the_documented_table(void **state)
{
	int a, b;

	(void)state;
	for (a = 0; a < 8; a++)
		for (b = 0; b < 8; b++)
			assert_int_equal(
			    lock_mode_conflicts((enum lock_mode)(a + 1),
						(enum lock_mode)(b + 1)),
			    conflicts[a][b] == 'X');
}

static void
lock_mode_conflicts_of_no_lock_are_none(void **state)
{
	enum lock_mode mode;

	(void)state;
	for (mode = LOCK_NONE; mode <= LOCK_ACCESS_EXCLUSIVE; mode++) {
		assert_false(lock_mode_conflicts(LOCK_NONE, mode));
		assert_false(lock_mode_conflicts(mode, LOCK_NONE));
	}
}

static void
lock_mode_names_are_those_of_pg_locks_and_lock_table(void **state)
{
	(void)state;
	assert_string_equal(lock_mode_sql(LOCK_SHARE_UPDATE_EXCLUSIVE),
			    "SHARE UPDATE EXCLUSIVE");
	assert_string_equal(lock_mode_name(LOCK_SHARE_UPDATE_EXCLUSIVE),
			    "ShareUpdateExclusiveLock");
	assert_string_equal(lock_mode_sql(LOCK_ACCESS_EXCLUSIVE),
			    "ACCESS EXCLUSIVE");
	assert_string_equal(lock_mode_name(LOCK_ACCESS_EXCLUSIVE),
			    "AccessExclusiveLock");
	assert_string_equal(lock_mode_name(LOCK_EXCLUSIVE), "ExclusiveLock");
	assert_string_equal(lock_mode_name(LOCK_SHARE_ROW_EXCLUSIVE),
			    "ShareRowExclusiveLock");
	assert_string_equal(lock_mode_name(LOCK_SHARE), "ShareLock");
	assert_string_equal(lock_mode_name(LOCK_ROW_EXCLUSIVE),
			    "RowExclusiveLock");
	assert_string_equal(lock_mode_name(LOCK_ROW_SHARE), "RowShareLock");
	assert_string_equal(lock_mode_name(LOCK_ACCESS_SHARE),
			    "AccessShareLock");
}

static void
lock_mode_from_name_reverses_lock_mode_name(void **state)
{
	enum lock_mode mode;

	(void)state;
	for (mode = LOCK_ACCESS_SHARE; mode <= LOCK_ACCESS_EXCLUSIVE; mode++)
		assert_int_equal(lock_mode_from_name(lock_mode_name(mode)),
				 mode);
	assert_int_equal(lock_mode_from_name("SIReadLock"), LOCK_NONE);
	assert_int_equal(lock_mode_from_name(""), LOCK_NONE);
	assert_int_equal(lock_mode_from_name("NoLock"), LOCK_NONE);
}

static void
lock_mode_join_is_the_weakest_that_covers_both(void **state)
{
	(void)state;
	for (enum lock_mode a = LOCK_NONE; a <= LOCK_ACCESS_EXCLUSIVE; a++) {
		assert_int_equal(lock_mode_join(a, a), a);
		assert_int_equal(lock_mode_join(a, LOCK_NONE), a);
		assert_int_equal(lock_mode_join(a, LOCK_ACCESS_EXCLUSIVE),
				 LOCK_ACCESS_EXCLUSIVE);
	}
	assert_int_equal(lock_mode_join(LOCK_ROW_EXCLUSIVE, LOCK_SHARE),
			 LOCK_SHARE_ROW_EXCLUSIVE);
	assert_int_equal(
	    lock_mode_join(LOCK_SHARE, LOCK_SHARE_UPDATE_EXCLUSIVE),
	    LOCK_SHARE_ROW_EXCLUSIVE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_mode_conflicts_equals_the_documented_table),
	    cmocka_unit_test(lock_mode_conflicts_of_no_lock_are_none),
	    cmocka_unit_test(
		lock_mode_names_are_those_of_pg_locks_and_lock_table),
	    cmocka_unit_test(lock_mode_from_name_reverses_lock_mode_name),
	    cmocka_unit_test(lock_mode_join_is_the_weakest_that_covers_both),
	};

	return cmocka_run_group_tests_name("policy/sql/lock_mode", tests, NULL,
					   NULL);
}

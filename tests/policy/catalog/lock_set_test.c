#include "policy/catalog/lock_set.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/test.h"

/* A good row, to be spoilt in one column at a time. */
static void
good_row(struct row_value row[LOCK_SET_COLUMNS])
{
	row[LOCK_SET_RELID] = value("16400");
	row[LOCK_SET_RELKIND] = value("r");
	row[LOCK_SET_NAME] = value("public.child");
	row[LOCK_SET_MODE] = value("8");
	row[LOCK_SET_LOCKABLE] = value("t");
	row[LOCK_SET_BEFORE] = value("{16384,16390}");
	row[LOCK_SET_PHASE] = value("1");
	row[LOCK_SET_OWNER] = value("");
}

static void
add_item(struct lock_set *set, const char *relid, const char *mode)
{
	struct row_value row[LOCK_SET_COLUMNS];

	good_row(row);
	row[LOCK_SET_RELID] = value(relid);
	row[LOCK_SET_MODE] = value(mode);
	assert_true(lock_set_add_row(set, row));
}

static void
lock_set_add_row_reads_every_column(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];
	const struct lock_item *item;

	(void)state;
	good_row(row);
	row[LOCK_SET_RELID] = value("4294967295");
	row[LOCK_SET_RELKIND] = value("p");
	row[LOCK_SET_NAME] = value("\"S\".\"a\"\"b\"");
	row[LOCK_SET_MODE] = value("6");
	row[LOCK_SET_LOCKABLE] = value("f");
	row[LOCK_SET_PHASE] = value("3");
	assert_true(lock_set_add_row(&set, row));
	assert_int_equal(set.count, 1);
	item = &set.items[0];
	assert_int_equal(item->relid, UINT32_MAX);
	assert_int_equal(item->relkind, 'p');
	assert_string_equal(item->name, "\"S\".\"a\"\"b\"");
	assert_int_equal(item->mode, LOCK_SHARE_ROW_EXCLUSIVE);
	assert_false(item->is_lockable);
	assert_null(item->owner);
	assert_int_equal(item->phase, 3);
	assert_int_equal(item->before_count, 2);
	assert_int_equal(item->before[0], 16384);
	assert_int_equal(item->before[1], 16390);
	lock_set_clear(&set);
	assert_null(set.items);
}

static void
lock_set_add_row_takes_for_lockable_what_has_an_owner(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];

	(void)state;
	good_row(row);
	row[LOCK_SET_LOCKABLE] = value("f");
	row[LOCK_SET_OWNER] = value("\"Joe\"");
	assert_true(lock_set_add_row(&set, row));
	assert_true(set.items[0].is_lockable);
	assert_string_equal(set.items[0].owner, "\"Joe\"");
	lock_set_clear(&set);
}

static void
lock_set_add_row_reads_only_len_bytes(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];
	struct span copies[LOCK_SET_COLUMNS];

	(void)state;
	good_row(row);
	for (int i = 0; i < LOCK_SET_COLUMNS; i++) {
		copies[i] = bytes_copy(span_of(row[i].data, row[i].len));
		row[i].data = (const char *)copies[i].data;
	}
	assert_true(lock_set_add_row(&set, row));
	assert_string_equal(set.items[0].name, "public.child");
	for (int i = 0; i < LOCK_SET_COLUMNS; i++)
		bytes_free(copies[i]);
	lock_set_clear(&set);
}

static void
lock_set_add_row_takes_an_empty_before(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];

	(void)state;
	good_row(row);
	row[LOCK_SET_BEFORE] = value("{}");
	assert_true(lock_set_add_row(&set, row));
	assert_int_equal(set.items[0].before_count, 0);
	lock_set_clear(&set);
}

static void
lock_set_add_row_rejects_another_shape(void **state)
{
	static const struct {
		int column;
		const char *text;
	} wrong[] = {
	    {0, NULL},
	    {0, ""},
	    {0, "0"},
	    {0, "x"},
	    {0, "1x"},
	    {0, "-1"},
	    {0, "4294967296"},
	    {0, "99999999999999999999999"},
	    {1, NULL},
	    {1, ""},
	    {1, "rr"},
	    {2, NULL},
	    {2, ""},
	    {3, NULL},
	    {3, "0"},
	    {3, "9"},
	    {3, "8 "},
	    {4, NULL},
	    {4, "true"},
	    {4, ""},
	    {4, "x"},
	    {5, NULL},
	    {5, ""},
	    {5, "{"},
	    {5, "}"},
	    {5, "{1"},
	    {5, "{1,}"},
	    {5, "{,1}"},
	    {5, "{1}x"},
	    {5, "{1},"},
	    {5, "{a}"},
	    {5, "{1;2}"},
	    {5, "{4294967296}"},
	    {5, "{{1}}"},
	    {6, NULL},
	    {6, "0"},
	    {6, "4"},
	};
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];

	(void)state;
	add_item(&set, "1", "8");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		good_row(row);
		row[wrong[i].column] = value(wrong[i].text);
		if (lock_set_add_row(&set, row))
			fail_msg("column %d takes '%s'", wrong[i].column,
				 wrong[i].text);
		assert_int_equal(set.count, 1);
	}
	good_row(row);
	row[LOCK_SET_NAME] = (struct row_value){"a\0b", 3};
	assert_false(lock_set_add_row(&set, row));
	lock_set_clear(&set);
}

static void
lock_set_add_row_stops_at_the_largest_set(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];
	char relid[16];

	(void)state;
	good_row(row);
	for (int i = 1; i <= LOCK_SET_MAX; i++) {
		(void)snprintf(relid, sizeof(relid), "%d", i);
		row[LOCK_SET_RELID] = value(relid);
		assert_true(lock_set_add_row(&set, row));
	}
	assert_false(lock_set_add_row(&set, row));
	assert_int_equal(set.count, LOCK_SET_MAX);
	assert_int_equal(set.items[LOCK_SET_MAX - 1].relid, LOCK_SET_MAX);
	lock_set_clear(&set);
}

static void
lock_set_add_row_keeps_the_set_when_memory_is_out(void **state)
{
	struct lock_set set = {0};
	struct row_value row[LOCK_SET_COLUMNS];
	bool done = false;

	(void)state;
	good_row(row);
	for (int i = 0; i < 16; i++)
		add_item(&set, "1", "8");
	for (unsigned nth = 0; !done; nth++) {
		allocation_fail_after(nth);
		done = lock_set_add_row(&set, row);
		assert_int_equal(allocation_restore(), !done);
		assert_int_equal(set.count, done ? 17 : 16);
	}
	lock_set_clear(&set);
}

static void
lock_set_find_finds_each_place(void **state)
{
	struct lock_set set = {0};
	struct lock_set_place *places;

	(void)state;
	add_item(&set, "30", "8");
	add_item(&set, "10", "8");
	add_item(&set, "20", "8");
	places = lock_set_places(&set);
	assert_non_null(places);
	assert_int_equal(lock_set_find(places, 3, 10), 0);
	assert_int_equal(places[0].at, 1);
	assert_int_equal(lock_set_find(places, 3, 20), 1);
	assert_int_equal(places[1].at, 2);
	assert_int_equal(lock_set_find(places, 3, 30), 2);
	assert_int_equal(places[2].at, 0);
	assert_int_equal(lock_set_find(places, 3, 5), 3);
	assert_int_equal(lock_set_find(places, 3, 25), 3);
	assert_int_equal(lock_set_find(places, 3, 99), 3);
	free(places);
	lock_set_clear(&set);
}

static bool
mode_covers(enum lock_mode outer, enum lock_mode inner)
{
	struct lock_set held = {0};
	struct lock_set wanted = {0};
	char text[2] = {0};
	bool covers;

	text[0] = (char)('0' + (int)outer);
	add_item(&held, "7", text);
	text[0] = (char)('0' + (int)inner);
	add_item(&wanted, "7", text);
	covers = lock_set_covers(&held, &wanted);
	lock_set_clear(&held);
	lock_set_clear(&wanted);
	return covers;
}

/* SHARE lets SHARE by, which SHARE UPDATE EXCLUSIVE does not, nor itself. */
static void
lock_set_covers_compares_what_modes_conflict_with(void **state)
{
	(void)state;
	for (int m = LOCK_ACCESS_SHARE; m <= LOCK_ACCESS_EXCLUSIVE; m++) {
		assert_true(
		    mode_covers(LOCK_ACCESS_EXCLUSIVE, (enum lock_mode)m));
		assert_true(mode_covers((enum lock_mode)m, (enum lock_mode)m));
		assert_true(mode_covers((enum lock_mode)m, LOCK_ACCESS_SHARE));
		assert_int_equal(
		    mode_covers((enum lock_mode)m, LOCK_ACCESS_EXCLUSIVE),
		    m == LOCK_ACCESS_EXCLUSIVE);
	}
	assert_false(mode_covers(LOCK_SHARE, LOCK_SHARE_UPDATE_EXCLUSIVE));
	assert_false(mode_covers(LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_SHARE));
	assert_true(mode_covers(LOCK_SHARE_ROW_EXCLUSIVE, LOCK_SHARE));
	assert_true(
	    mode_covers(LOCK_SHARE_ROW_EXCLUSIVE, LOCK_SHARE_UPDATE_EXCLUSIVE));
}

static void
lock_set_covers_wants_every_relation(void **state)
{
	struct lock_set outer = {0};
	struct lock_set inner = {0};

	(void)state;
	assert_true(lock_set_covers(&outer, &inner));
	add_item(&outer, "3", "8");
	add_item(&outer, "1", "8");
	assert_true(lock_set_covers(&outer, &inner));
	add_item(&inner, "1", "8");
	add_item(&inner, "3", "6");
	assert_true(lock_set_covers(&outer, &inner));
	assert_false(lock_set_covers(&inner, &outer));
	add_item(&inner, "2", "1");
	assert_false(lock_set_covers(&outer, &inner));
	lock_set_clear(&outer);
	lock_set_clear(&inner);
}

static void
lock_set_covers_is_false_when_memory_is_out(void **state)
{
	struct lock_set set = {0};
	bool covers;

	(void)state;
	add_item(&set, "3", "8");
	allocation_fail_after(0);
	covers = lock_set_covers(&set, &set);
	assert_true(allocation_restore());
	assert_false(covers);
	lock_set_clear(&set);
}

static void
lock_set_clear_accepts_a_zeroed_set(void **state)
{
	struct lock_set set = {0};

	(void)state;
	lock_set_clear(&set);
	assert_int_equal(set.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_set_add_row_reads_every_column),
	    cmocka_unit_test(
		lock_set_add_row_takes_for_lockable_what_has_an_owner),
	    cmocka_unit_test(lock_set_add_row_reads_only_len_bytes),
	    cmocka_unit_test(lock_set_add_row_takes_an_empty_before),
	    cmocka_unit_test(lock_set_add_row_rejects_another_shape),
	    cmocka_unit_test(lock_set_add_row_stops_at_the_largest_set),
	    cmocka_unit_test(lock_set_add_row_keeps_the_set_when_memory_is_out),
	    cmocka_unit_test(lock_set_find_finds_each_place),
	    cmocka_unit_test(lock_set_covers_compares_what_modes_conflict_with),
	    cmocka_unit_test(lock_set_covers_wants_every_relation),
	    cmocka_unit_test(lock_set_covers_is_false_when_memory_is_out),
	    cmocka_unit_test(lock_set_clear_accepts_a_zeroed_set),
	};

	return cmocka_run_group_tests_name("policy/catalog/lock_set", tests,
					   NULL, NULL);
}

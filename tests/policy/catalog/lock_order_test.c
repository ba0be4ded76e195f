#include "policy/catalog/lock_order.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static const struct lock_order referenced_first = {
    .kind = LOCK_ORDER_REFERENCED_FIRST};
static const struct lock_order dependents_first = {
    .kind = LOCK_ORDER_DEPENDENTS_FIRST};

/* before: as the server writes it, "{1,2}". */
static void
add(struct lock_set *set, uint32_t relid, const char *name, const char *before)
{
	char oid[16];
	const char *row[LOCK_SET_COLUMNS] = {oid, "r",    name, "8",
					     "t", before, "1",  ""};
	struct row_value values[LOCK_SET_COLUMNS];

	(void)snprintf(oid, sizeof(oid), "%u", (unsigned)relid);
	for (int i = 0; i < LOCK_SET_COLUMNS; i++)
		values[i] = (struct row_value){row[i], strlen(row[i])};
	assert_true(lock_set_add_row(set, values));
}

/* expected: the OIDs in order, separated by blanks. */
static void
assert_order(const struct lock_set *set, const char *expected)
{
	char text[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < set->count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u",
					i > 0 ? " " : "",
					(unsigned)set->items[i].relid);
	assert_string_equal(text, expected);
}

static void
lock_order_sort_of_nothing_is_nothing(void **state)
{
	struct lock_set set = {0};

	(void)state;
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_true(lock_order_sort(&set, &dependents_first));
	assert_int_equal(set.count, 0);
}

static void
lock_order_sort_breaks_ties_by_oid(void **state)
{
	struct lock_set set = {0};

	(void)state;
	add(&set, 30, "s.c", "{}");
	add(&set, 4000000000u, "s.d", "{}");
	add(&set, 10, "s.a", "{}");
	add(&set, 20, "s.b", "{}");
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_order(&set, "10 20 30 4000000000");
	assert_string_equal(set.items[0].name, "s.a");
	lock_set_clear(&set);
}

static void
lock_order_sort_puts_referenced_tables_first(void **state)
{
	struct lock_set set = {0};

	(void)state;
	add(&set, 1, "s.child", "{8,9}");
	add(&set, 2, "s.grandchild", "{1}");
	add(&set, 9, "s.b", "{}");
	add(&set, 8, "s.a", "{}");
	add(&set, 5, "s.other", "{}");
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_order(&set, "5 8 9 1 2");
	lock_set_clear(&set);
}

static void
lock_order_sort_reverses_for_dependents_first(void **state)
{
	struct lock_set set = {0};

	(void)state;
	add(&set, 1, "s.child", "{8,9}");
	add(&set, 2, "s.grandchild", "{1}");
	add(&set, 9, "s.b", "{}");
	add(&set, 8, "s.a", "{}");
	add(&set, 5, "s.other", "{}");
	assert_true(lock_order_sort(&set, &dependents_first));
	assert_order(&set, "2 1 9 8 5");
	lock_set_clear(&set);
}

static void
lock_order_sort_ignores_itself_strangers_and_repeats(void **state)
{
	struct lock_set set = {0};

	(void)state;
	add(&set, 2, "s.b", "{2,99,3,3}");
	add(&set, 1, "s.a", "{1,100}");
	add(&set, 3, "s.c", "{3}");
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_order(&set, "1 3 2");
	lock_set_clear(&set);
}

static void
lock_order_sort_breaks_a_cycle_at_its_lowest_oid(void **state)
{
	struct lock_set set = {0};

	(void)state;
	/* 10 -> 20 -> 30 -> 10; 5 hangs on the cycle, and it on 90. */
	add(&set, 5, "s.e", "{20}");
	add(&set, 10, "s.a", "{20,90}");
	add(&set, 20, "s.b", "{30}");
	add(&set, 30, "s.c", "{10}");
	add(&set, 90, "s.d", "{}");
	add(&set, 95, "s.f", "{}");
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_order(&set, "90 10 30 20 5 95");
	lock_set_clear(&set);
}

/* What is left of a component whose lowest is gone may be cyclic too; it
 * comes behind all that is not. */
static void
lock_order_sort_breaks_cycles_within_cycles(void **state)
{
	struct lock_set set = {0};

	(void)state;
	add(&set, 4, "s.d", "{1,2,3}");
	add(&set, 3, "s.c", "{1,2,4}");
	add(&set, 2, "s.b", "{1,3,4}");
	add(&set, 1, "s.a", "{2,3,4}");
	add(&set, 8, "s.f", "{7,1}");
	add(&set, 7, "s.e", "{8}");
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_order(&set, "1 7 8 2 3 4");
	lock_set_clear(&set);
}

static void
lock_order_sort_puts_the_list_first(void **state)
{
	char *names[] = {"s.d", "b", "\"S.x\".c", "s.none", "b"};
	struct lock_order order = {
	    .kind = LOCK_ORDER_LIST, .names = names, .name_count = 5};
	struct lock_set set = {0};

	(void)state;
	add(&set, 1, "s.a", "{6}");
	add(&set, 2, "s.b", "{}");
	add(&set, 3, "\"S.x\".b", "{2}");
	add(&set, 4, "\"S.x\".c", "{}");
	add(&set, 5, "s.d", "{1}");
	add(&set, 6, "s.c", "{}");
	assert_true(lock_order_sort(&set, &order));
	assert_order(&set, "5 2 3 4 6 1");
	lock_set_clear(&set);
}

static void
lock_order_sort_with_an_empty_list_is_referenced_first(void **state)
{
	struct lock_order order = {.kind = LOCK_ORDER_LIST};
	struct lock_set set = {0};

	(void)state;
	add(&set, 1, "s.a", "{2}");
	add(&set, 2, "s.b", "{}");
	assert_true(lock_order_sort(&set, &order));
	assert_order(&set, "2 1");
	lock_set_clear(&set);
}

static void
lock_order_sort_changes_nothing_when_memory_is_out(void **state)
{
	char *names[] = {"s.d"};
	struct lock_order order = {
	    .kind = LOCK_ORDER_LIST, .names = names, .name_count = 1};
	struct lock_set set = {0};
	bool done = false;

	(void)state;
	add(&set, 3, "s.c", "{1}");
	add(&set, 2, "s.b", "{3}");
	add(&set, 1, "s.a", "{}");
	for (unsigned nth = 0; !done; nth++) {
		allocation_fail_after(nth);
		done = lock_order_sort(&set, &order);
		assert_int_equal(allocation_restore(), !done);
		assert_order(&set, done ? "1 3 2" : "3 2 1");
	}
	lock_set_clear(&set);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static size_t
position_of(const struct lock_set *set, uint32_t relid)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].relid == relid)
			return i;
	}
	fail_msg("lost relation %u", (unsigned)relid);
	return 0;
}

/* Relations 1 to count, without cycles: each references lower levels only. */
static void
add_random_relations(struct lock_set *set, uint32_t count, uint32_t *seed)
{
	uint32_t level[12];

	for (uint32_t i = 0; i < count; i++)
		level[i] = next_random(seed) % 5;
	for (uint32_t i = 0; i < count; i++) {
		char before[128] = "{";
		size_t len = 1;

		for (uint32_t j = 0; j < count; j++) {
			if (level[j] >= level[i] || next_random(seed) % 2 == 0)
				continue;
			len += (size_t)snprintf(
			    before + len, sizeof(before) - len, "%s%u",
			    len > 1 ? "," : "", (unsigned)j + 1);
		}
		(void)snprintf(before + len, sizeof(before) - len, "}");
		add(set, i + 1, "s.t", before);
	}
}

static void
lock_order_sort_keeps_every_reference_of_random_sets(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct lock_set set = {0};
		uint32_t count = 1 + next_random(&seed) % 12;

		add_random_relations(&set, count, &seed);
		assert_true(lock_order_sort(&set, &referenced_first));
		assert_int_equal(set.count, count);
		for (size_t i = 0; i < count; i++) {
			const struct lock_item *item = &set.items[i];

			for (size_t k = 0; k < item->before_count; k++)
				assert_true(position_of(&set, item->before[k]) <
					    i);
		}
		lock_set_clear(&set);
	}
}

static void
lock_order_sort_does_not_depend_on_the_order_before(void **state)
{
	uint32_t seed = 2;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct lock_set set = {0};
		uint32_t sorted[12];

		add_random_relations(&set, 12, &seed);
		assert_true(lock_order_sort(&set, &referenced_first));
		for (size_t i = 0; i < 12; i++)
			sorted[i] = set.items[i].relid;
		for (int i = 0; i < 12; i++)
			lock_order_promote(&set, next_random(&seed) % 12);
		assert_true(lock_order_sort(&set, &referenced_first));
		for (size_t i = 0; i < 12; i++)
			assert_int_equal(set.items[i].relid, sorted[i]);
		lock_set_clear(&set);
	}
}

/* Each references both neighbours: what is quadratic shows here, and what
 * recurses. */
static void
lock_order_sort_takes_the_largest_set(void **state)
{
	struct lock_set set = {0};
	char before[32];

	(void)state;
	for (uint32_t i = LOCK_SET_MAX; i > 0; i--) {
		(void)snprintf(before, sizeof(before), "{%u,%u}",
			       (unsigned)i - 1, (unsigned)i + 1);
		add(&set, i, "s.t", before);
	}
	assert_true(lock_order_sort(&set, &referenced_first));
	assert_int_equal(set.count, LOCK_SET_MAX);
	for (uint32_t i = 0; i < LOCK_SET_MAX; i++)
		assert_int_equal(set.items[i].relid, i + 1);
	lock_set_clear(&set);
}

static void
lock_order_sort_leaves_room_for_more_rows(void **state)
{
	struct lock_set set = {0};

	(void)state;
	for (uint32_t i = 40; i > 0; i--) {
		add(&set, i, "s.t", "{}");
		assert_true(lock_order_sort(&set, &referenced_first));
		assert_int_equal(set.items[0].relid, i);
	}
	lock_set_clear(&set);
}

static void
lock_order_promote_keeps_the_order_of_the_others(void **state)
{
	struct lock_set set = {0};

	(void)state;
	for (uint32_t i = 1; i <= 4; i++)
		add(&set, i, "s.t", "{}");
	lock_order_promote(&set, 2);
	assert_order(&set, "3 1 2 4");
	lock_order_promote(&set, 0);
	assert_order(&set, "3 1 2 4");
	lock_order_promote(&set, 3);
	assert_order(&set, "4 3 1 2");
	lock_set_clear(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_order_sort_of_nothing_is_nothing),
	    cmocka_unit_test(lock_order_sort_breaks_ties_by_oid),
	    cmocka_unit_test(lock_order_sort_puts_referenced_tables_first),
	    cmocka_unit_test(lock_order_sort_reverses_for_dependents_first),
	    cmocka_unit_test(
		lock_order_sort_ignores_itself_strangers_and_repeats),
	    cmocka_unit_test(lock_order_sort_breaks_a_cycle_at_its_lowest_oid),
	    cmocka_unit_test(lock_order_sort_breaks_cycles_within_cycles),
	    cmocka_unit_test(lock_order_sort_puts_the_list_first),
	    cmocka_unit_test(
		lock_order_sort_with_an_empty_list_is_referenced_first),
	    cmocka_unit_test(
		lock_order_sort_changes_nothing_when_memory_is_out),
	    cmocka_unit_test(
		lock_order_sort_keeps_every_reference_of_random_sets),
	    cmocka_unit_test(
		lock_order_sort_does_not_depend_on_the_order_before),
	    cmocka_unit_test(lock_order_sort_takes_the_largest_set),
	    cmocka_unit_test(lock_order_sort_leaves_room_for_more_rows),
	    cmocka_unit_test(lock_order_promote_keeps_the_order_of_the_others),
	};

	return cmocka_run_group_tests_name("policy/catalog/lock_order", tests,
					   NULL, NULL);
}

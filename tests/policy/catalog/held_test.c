#include "policy/catalog/held.h"

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/test.h"

static void
held_read_reads_each_lock(void **state)
{
	struct held h;

	(void)state;
	assert_true(held_read(&h, value("4294967295:3,16384:8,16384:1")));
	assert_int_equal(h.count, 3);
	assert_int_equal(h.locks[2].relid, UINT32_MAX);
	assert_int_equal(h.locks[2].mode, LOCK_ROW_EXCLUSIVE);
	held_clear(&h);
	assert_true(held_read(&h, value("")));
	assert_int_equal(h.count, 0);
	held_clear(&h);
	assert_true(held_read(&h, value(NULL)));
	assert_int_equal(h.count, 0);
	held_clear(&h);
	held_clear(&h);
}

static void
held_read_refuses_what_has_another_shape(void **state)
{
	static const char *const wrong[] = {
	    ":",    "1",     "1:",   "1:0",  "1:9",      "x",
	    "1:8;", "1:8,2", "1:8 ", ",1:8", "1:8,,2:8", "4294967296:8",
	    "-1:8", "1:8:8",
	};
	struct held h;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (held_read(&h, value(wrong[i])))
			fail_msg("reads '%s'", wrong[i]);
		assert_null(h.locks);
	}
	allocation_fail_after(0);
	assert_false(held_read(&h, value("1:8")));
	assert_true(allocation_restore());
}

static struct lock_set
set_of(enum lock_mode mode)
{
	struct lock_set set = {calloc(4, sizeof(*set.items)), 4};

	assert_non_null(set.items);
	for (uint32_t i = 0; i < 4; i++) {
		set.items[i].relid = 10 + i;
		set.items[i].mode = mode;
		set.items[i].name = strdup("public.a");
		assert_non_null(set.items[i].name);
	}
	return set;
}

static void
held_subtract_leaves_what_needs_more(void **state)
{
	static const struct {
		const char *held;
		enum lock_mode mode;
		const char *left; /* the last digits of what is left */
	} cases[] = {
	    {"", LOCK_ACCESS_EXCLUSIVE, "0123"},
	    {"11:8,13:8", LOCK_ACCESS_EXCLUSIVE, "02"},
	    {"10:8,11:8,12:8,13:8,14:8", LOCK_ACCESS_EXCLUSIVE, ""},
	    {"9:8,14:8", LOCK_ACCESS_EXCLUSIVE, "0123"},
	    {"10:7,11:3,11:8,11:1", LOCK_ACCESS_EXCLUSIVE, "023"},
	    {"10:8,11:6,12:5,13:4", LOCK_SHARE, "3"},
	    /* Two may hold SHARE at a time, and one of these. */
	    {"10:5,11:4", LOCK_SHARE_UPDATE_EXCLUSIVE, "023"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lock_set set = set_of(cases[i].mode);
		char left[5] = "";
		struct held h;

		assert_true(held_read(&h, value(cases[i].held)));
		held_subtract(&h, &set);
		for (size_t j = 0; j < set.count; j++)
			left[j] = (char)('0' + set.items[j].relid - 10);
		assert_string_equal(left, cases[i].left);
		lock_set_clear(&set);
		held_clear(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(held_read_reads_each_lock),
	    cmocka_unit_test(held_read_refuses_what_has_another_shape),
	    cmocka_unit_test(held_subtract_leaves_what_needs_more),
	};

	return cmocka_run_group_tests_name("policy/catalog/held", tests, NULL,
					   NULL);
}

#include "policy/catalog/remembered.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/test.h"

static void
add(struct lock_set *set, const char *relid, const char *mode,
    const char *is_lockable)
{
	const struct row_value row[LOCK_SET_COLUMNS] = {
	    [LOCK_SET_RELID] = value(relid),
	    [LOCK_SET_RELKIND] = value("r"),
	    [LOCK_SET_NAME] = value("public.t"),
	    [LOCK_SET_MODE] = value(mode),
	    [LOCK_SET_LOCKABLE] = value(is_lockable),
	    [LOCK_SET_BEFORE] = value("{}"),
	    [LOCK_SET_PHASE] = value("1"),
	    [LOCK_SET_OWNER] = value(""),
	};

	assert_true(lock_set_add_row(set, row));
}

static void
remembered_is_fit_where_any_session_can_take_it(void **state)
{
	static const struct {
		char *name;
		bool is_lockable;
		bool is_utf8;
		bool is_fit;
	} cases[] = {
	    {"public.t", true, false, true},
	    {"public.t", false, true, false},
	    {"pg_temp_3.t", true, true, false},
	    {"\"gr\xc3\xb6\xc3\x9f"
	     "e\".t",
	     true, true, true},
	    {"\"gr\xf6\xdf"
	     "e\".t",
	     true, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct lock_item item = {
		    .name = cases[i].name, .is_lockable = cases[i].is_lockable};

		assert_int_equal(remembered_is_fit(&item, cases[i].is_utf8),
				 cases[i].is_fit);
	}
}

static void
remembered_target_quotes_what_the_server_did_not(void **state)
{
	static const struct {
		const char *name;
		const char *relation;
	} cases[] = {
	    {"public.t", "\"public\".\"t\""},
	    {"\"S\".t", "\"S\".\"t\""},
	    {"s.\"a.b\"", "\"s\".\"a.b\""},
	    {"\"a\"\".b\".\"c\"\"d\"", "\"a\"\".b\".\"c\"\"d\""},
	    {"t", "\"t\""},
	    {"", "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct target t;

		assert_true(
		    remembered_target(&t, cases[i].name, LOCK_EXCLUSIVE));
		assert_int_equal(t.kind, TARGET_LOCK);
		assert_int_equal(t.mode, LOCK_EXCLUSIVE);
		assert_true(t.only);
		assert_string_equal(t.relation, cases[i].relation);
		free(t.relation);
	}
}

static void
remembered_add_adds_and_raises_and_remembered_drop_takes_it_back(void **state)
{
	struct lock_set set = {0};
	struct lock_set more = {0};

	(void)state;
	add(&set, "1", "6", "t");
	add(&set, "2", "8", "t");
	add(&set, "3", "5", "f");
	add(&more, "1", "8", "t"); /* in a stronger mode */
	add(&more, "2", "5", "t"); /* in a weaker one */
	add(&more, "3", "8", "t"); /* a member that no attempt can take */
	add(&more, "4", "8", "t");
	add(&more, "5", "8", "f"); /* without the right to */
	assert_int_equal(remembered_add(&set, &more), 2);
	assert_int_equal(more.count, 0);
	assert_int_equal(set.count, 4);
	assert_int_equal(set.items[0].mode, LOCK_ACCESS_EXCLUSIVE);
	assert_true(set.items[0].is_remembered);
	assert_false(set.items[1].is_remembered);
	assert_int_equal(set.items[2].mode, LOCK_SHARE);
	assert_int_equal(set.items[3].relid, 4);
	assert_true(set.items[3].is_remembered);
	remembered_drop(&set);
	assert_int_equal(set.count, 3);
	assert_int_equal(set.items[0].mode, LOCK_SHARE_ROW_EXCLUSIVE);
	assert_false(set.items[0].is_remembered);
	remembered_drop(&set);
	assert_int_equal(set.count, 3);
	lock_set_clear(&set);
}

static void
remembered_add_joins_modes_that_do_not_cover_each_other(void **state)
{
	struct lock_set set = {0};
	struct lock_set more = {0};

	(void)state;
	add(&set, "1", "4", "t");
	add(&more, "1", "5", "t");
	assert_int_equal(remembered_add(&set, &more), 1);
	assert_int_equal(set.items[0].mode, LOCK_SHARE_ROW_EXCLUSIVE);
	lock_set_clear(&set);
}

/* Nothing leaks, and what the set had stays in it. */
static void
remembered_bears_that_memory_is_out(void **state)
{
	struct target t;

	(void)state;
	allocation_fail_after(0);
	assert_false(remembered_target(&t, "public.t", LOCK_SHARE));
	assert_true(allocation_restore());
	for (unsigned int n = 0; n < 2; n++) {
		struct lock_set set = {0};
		struct lock_set more = {0};

		for (int i = 0; i < 16; i++)
			add(&set, "1", "8", "t");
		add(&more, "2", "8", "t");
		allocation_fail_after(n);
		assert_int_equal(remembered_add(&set, &more), n);
		assert_int_equal(allocation_restore(), n == 0);
		assert_int_equal(set.count, 16 + n);
		assert_int_equal(more.count, 0);
		lock_set_clear(&set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(remembered_is_fit_where_any_session_can_take_it),
	    cmocka_unit_test(remembered_target_quotes_what_the_server_did_not),
	    cmocka_unit_test(
		remembered_add_adds_and_raises_and_remembered_drop_takes_it_back),
	    cmocka_unit_test(
		remembered_add_joins_modes_that_do_not_cover_each_other),
	    cmocka_unit_test(remembered_bears_that_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/catalog/remembered", tests,
					   NULL, NULL);
}

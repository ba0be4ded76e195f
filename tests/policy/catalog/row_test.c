#include "policy/catalog/row.h"

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/test.h"

static void
row_equals_is_exact_and_null_equals_nothing(void **state)
{
	(void)state;
	assert_true(row_equals(value("on"), "on"));
	assert_false(row_equals(value("on"), "o"));
	assert_false(row_equals(value("o"), "on"));
	assert_false(row_equals(value("On"), "on"));
	assert_true(row_equals(value(""), ""));
	assert_false(row_equals(value(NULL), ""));
}

static void
row_has_null_looks_at_the_first_values_only(void **state)
{
	const struct row_value row[] = {value("a"), value(""), value(NULL)};

	(void)state;
	assert_false(row_has_null(row, 2));
	assert_true(row_has_null(row, 3));
	assert_false(row_is_null(row[1]));
	assert_true(row_is_null(row[2]));
}

static void
row_has_nul_finds_one_anywhere(void **state)
{
	(void)state;
	assert_true(row_has_nul((struct row_value){"\0ab", 3}));
	assert_true(row_has_nul((struct row_value){"ab\0", 3}));
	assert_false(row_has_nul((struct row_value){"ab\0", 2}));
	assert_false(row_has_nul(value(NULL)));
}

static void
row_read_bool_takes_t_and_f_only(void **state)
{
	static const char *const wrong[] = {"",      "T", "true", "tf",
					    "false", "0", NULL};
	bool b;

	(void)state;
	assert_true(row_read_bool(&b, value("t")));
	assert_true(b);
	assert_true(row_read_bool(&b, value("f")));
	assert_false(b);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		b = true;
		assert_false(row_read_bool(&b, value(wrong[i])));
		assert_false(b);
	}
}

static void
row_read_number_keeps_to_its_bounds(void **state)
{
	static const char *const wrong[] = {
	    "", "0", "9", " 5", "5 ", "-5", "5.0", "18446744073709551621", NULL,
	};
	uint32_t n;

	(void)state;
	assert_true(row_read_number(&n, value("1"), 1, 8));
	assert_int_equal(n, 1);
	assert_true(row_read_number(&n, value("08"), 1, 8));
	assert_int_equal(n, 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(row_read_number(&n, value(wrong[i]), 1, 8));
	assert_true(row_read_number(&n, value("4294967295"), 0, UINT32_MAX));
	assert_int_equal(n, UINT32_MAX);
	assert_false(row_read_number(&n, value("4294967296"), 0, UINT32_MAX));
}

static void
row_take_number_leaves_what_stands_behind_it(void **state)
{
	struct row_value v = value("12,x");
	uint32_t n;

	(void)state;
	assert_true(row_take_number(&n, &v));
	assert_int_equal(n, 12);
	assert_true(row_equals(v, ",x"));
	assert_false(row_take_number(&n, &v));
	assert_true(row_equals(v, ",x"));
}

static void
row_number_reads_eighteen_digits_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(row_number(value("1500")), 1500);
	assert_int_equal(row_number(value("15x0")), 15);
	assert_int_equal(row_number(value("-15")), 0);
	assert_int_equal(row_number(value(NULL)), 0);
	assert_int_equal(row_number(value("1234567890123456789")),
			 123456789012345678);
}

static void
row_copy_takes_a_value_whole_or_not_at_all(void **state)
{
	char out[4] = "old";

	(void)state;
	assert_false(row_copy(out, sizeof(out), value("four")));
	assert_false(row_copy(out, sizeof(out), value(NULL)));
	assert_string_equal(out, "old");
	assert_true(row_copy(out, sizeof(out), value("abc")));
	assert_string_equal(out, "abc");
	assert_true(row_copy(out, sizeof(out), value("")));
	assert_string_equal(out, "");
}

static void
row_copy_cut_cuts_between_characters(void **state)
{
	char out[4];

	(void)state;
	row_copy_cut(out, sizeof(out), value("abcd"));
	assert_string_equal(out, "abc");
	row_copy_cut(out, sizeof(out), value("ab\xc3\xa4"));
	assert_string_equal(out, "ab");
	row_copy_cut(out, sizeof(out), value("a\xc3\xa4"));
	assert_string_equal(out, "a\xc3\xa4");
	row_copy_cut(out, sizeof(out), value("\xf0\x9f\x90\x98"));
	assert_string_equal(out, "");
	row_copy_cut(out, sizeof(out), value(NULL));
	assert_string_equal(out, "");
}

static void
row_duplicate_is_null_for_what_is_no_text(void **state)
{
	char *copy = row_duplicate((struct row_value){"abc", 2});

	(void)state;
	assert_non_null(copy);
	assert_string_equal(copy, "ab");
	free(copy);
	assert_null(row_duplicate(value("")));
	assert_null(row_duplicate(value(NULL)));
	assert_null(row_duplicate((struct row_value){"a\0b", 3}));
	allocation_fail_after(0);
	copy = row_duplicate(value("abc"));
	assert_true(allocation_restore());
	assert_null(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(row_equals_is_exact_and_null_equals_nothing),
	    cmocka_unit_test(row_has_null_looks_at_the_first_values_only),
	    cmocka_unit_test(row_has_nul_finds_one_anywhere),
	    cmocka_unit_test(row_read_bool_takes_t_and_f_only),
	    cmocka_unit_test(row_read_number_keeps_to_its_bounds),
	    cmocka_unit_test(row_take_number_leaves_what_stands_behind_it),
	    cmocka_unit_test(row_number_reads_eighteen_digits_and_no_more),
	    cmocka_unit_test(row_copy_takes_a_value_whole_or_not_at_all),
	    cmocka_unit_test(row_copy_cut_cuts_between_characters),
	    cmocka_unit_test(row_duplicate_is_null_for_what_is_no_text),
	};

	return cmocka_run_group_tests_name("policy/catalog/row", tests, NULL,
					   NULL);
}

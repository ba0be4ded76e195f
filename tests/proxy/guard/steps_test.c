#include "proxy/guard/steps.h"

#include "policy/catalog/drop_keys.h"
#include "tests/support/row.h"
#include "tests/support/test.h"

static void
add(struct steps *s, const char *relation, const char *name)
{
	const struct row_value row[DROP_KEYS_COLUMNS] = {
	    value(relation), value(name), value("ALTER")};

	assert_true(drop_keys_add_row(&s->keys, row));
}

static void
steps_next_goes_to_each_key(void **state)
{
	struct steps s = {0};

	(void)state;
	add(&s, "public.c", "c_a");
	add(&s, "public.\"C\"", "c_b");
	assert_true(steps_next(&s));
	assert_true(s.is_under_way);
	assert_string_equal(s.sql,
			    "ALTER TABLE ONLY public.c DROP CONSTRAINT c_a");
	assert_int_equal(s.list.count, 1);
	assert_true(steps_next(&s));
	assert_string_equal(steps_key(&s)->name, "c_b");
	assert_false(steps_next(&s));
	assert_false(s.is_under_way);
	assert_null(s.sql);
	steps_clear(&s);
}

static void
steps_next_stops_where_it_is_over(void **state)
{
	struct steps s = {0};

	(void)state;
	add(&s, "public.c", "c_a");
	s.is_over = true;
	assert_false(steps_next(&s));
	steps_clear(&s);
}

static void
steps_next_stops_at_what_does_not_parse(void **state)
{
	struct steps s = {0};

	(void)state;
	add(&s, "public.c", "c a b");
	add(&s, "public.c", "c_b");
	assert_false(steps_next(&s));
	assert_false(steps_next(&s));
	assert_true(s.is_over);
	steps_clear(&s);
}

static void
steps_note_gone_counts_and_tells(void **state)
{
	struct steps s = {0};

	(void)state;
	add(&s, "public.c", "c_a");
	add(&s, "public.c", "c_b");
	assert_true(steps_next(&s));
	assert_null(s.left);
	steps_note_gone(&s);
	assert_int_equal(steps_gone(&s), 1);
	assert_non_null(strstr(s.left, "1 foreign key has"));
	assert_true(steps_next(&s));
	steps_note_doubt(&s);
	assert_int_equal(steps_gone(&s), 1);
	assert_non_null(strstr(s.left, "may be gone"));
	steps_clear(&s);
	assert_null(s.left);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_next_goes_to_each_key),
	    cmocka_unit_test(steps_next_stops_where_it_is_over),
	    cmocka_unit_test(steps_next_stops_at_what_does_not_parse),
	    cmocka_unit_test(steps_note_gone_counts_and_tells),
	};

	return cmocka_run_group_tests_name("proxy/guard/steps", tests, NULL,
					   NULL);
}

#include "policy/sql/shape.h"

#include <string.h>

#include "tests/support/test.h"

static uint64_t
shape(const char *sql)
{
	return shape_of_text(sql, strlen(sql));
}

static void
shape_of_text_leaves_out_what_differs_between_runs(void **state)
{
	static const struct {
		const char *a;
		const char *b;
	} same[] = {
	    {"drop table a", "  DROP\n\tTABLE a "},
	    {"drop table a", "drop /* 17 */ table -- now\n a"},
	    {"drop table a", "drop table \"a\""},
	    {"drop table a", "drop table a; -- ;\n;"},
	    {"delete from v where id = 1", "delete from v where id = 23"},
	    {"delete from v where id = 1", "delete from v where id = 'x'"},
	    {"select 'it''s'", "select E'\\''"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (shape(same[i].a) != shape(same[i].b))
			fail_msg("\"%s\" is not \"%s\"", same[i].a, same[i].b);
}

static void
shape_of_text_tells_what_is_done_to_what(void **state)
{
	static const char *const all[] = {
	    "",
	    "drop table a",
	    "drop table A.a",
	    "drop table \"A\"",
	    "drop table b",
	    "drop table a, b",
	    "drop table a; drop table b",
	    "drop table a cascade",
	    "drop view a",
	    "drop table gr\xc3\xb6\xc3\x9fte",
	    "drop table k\xc3\xa4se",
	    "do $$ begin drop table a; end $$",
	    "do $$ begin drop table b; end $$",
	};
	size_t count = sizeof(all) / sizeof(*all);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (shape(all[i]) == shape(all[j]))
				fail_msg("\"%s\" is \"%s\"", all[i], all[j]);
}

static void
shape_add_tells_the_order(void **state)
{
	(void)state;
	assert_true(shape_add(shape_add(0, 1), 2) !=
		    shape_add(shape_add(0, 2), 1));
	assert_true(shape_add(0, 0) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		shape_of_text_leaves_out_what_differs_between_runs),
	    cmocka_unit_test(shape_of_text_tells_what_is_done_to_what),
	    cmocka_unit_test(shape_add_tells_the_order),
	};

	return cmocka_run_group_tests_name("policy/sql/shape", tests, NULL,
					   NULL);
}

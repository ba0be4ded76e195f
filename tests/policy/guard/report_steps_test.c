#include "policy/guard/report_steps.h"

#include <stdlib.h>

#include "tests/support/test.h"

static char table[] = "public.c";
static char c_a[] = "c_a";
static char c_b[] = "c_b";
static char restore_a[] = "ALTER a";
static char restore_b[] = "ALTER b";
static struct drop_key items[2];
static const struct drop_keys keys = {items, 2};

static int
set_up(void **state)
{
	(void)state;
	items[0] = (struct drop_key){table, c_a, restore_a, false};
	items[1] = (struct drop_key){table, c_b, restore_b, false};
	return 0;
}

static void
assert_text(char *text, const char *expected)
{
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void
report_step_names_the_key_and_what_brings_it_back(void **state)
{
	(void)state;
	assert_text(report_step_message(&items[0], "DROP TABLE"),
		    "foreign key c_a of public.c is dropped, ahead of DROP "
		    "TABLE");
	assert_text(report_step_detail(&items[0]),
		    "This brings it back: ALTER a;");
}

static void
report_steps_left_is_nothing_while_all_are_there(void **state)
{
	(void)state;
	assert_null(report_steps_left(&keys, NULL));
}

static void
report_steps_left_tells_what_is_gone(void **state)
{
	(void)state;
	items[1].is_gone = true;
	assert_text(report_steps_left(&keys, NULL),
		    "1 foreign key has gone before the statement, and not "
		    "back. This brings it back:\nALTER b;");
	items[0].is_gone = true;
	assert_text(report_steps_left(&keys, NULL),
		    "2 foreign keys have gone before the statement, and not "
		    "back. This brings them back:\nALTER a;\nALTER b;");
}

static void
report_steps_left_tells_what_may_be_gone(void **state)
{
	static const char doubt[] =
	    "The session ended while one was dropped, which may be gone or "
	    "not. This would bring it back:\nALTER b;";
	char *text = report_steps_left(&keys, &items[1]);

	(void)state;
	assert_text(text, doubt);
	items[0].is_gone = true;
	text = report_steps_left(&keys, &items[1]);
	assert_non_null(text);
	assert_non_null(strstr(text, "ALTER a;\nThe session ended"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		report_step_names_the_key_and_what_brings_it_back, set_up),
	    cmocka_unit_test_setup(
		report_steps_left_is_nothing_while_all_are_there, set_up),
	    cmocka_unit_test_setup(report_steps_left_tells_what_is_gone,
				   set_up),
	    cmocka_unit_test_setup(report_steps_left_tells_what_may_be_gone,
				   set_up),
	};

	return cmocka_run_group_tests_name("policy/guard/report_steps", tests,
					   NULL, NULL);
}

#include "proxy/console/console_prepared.h"

#include <stdio.h>

#include "tests/support/test.h"

static struct span
name_of(const char *text)
{
	return span_of(text, strlen(text));
}

static void
console_names_are_of_statements_or_portals(void **state)
{
	struct console_names n = {.items = NULL};
	struct console_prepared *p = console_names_set(&n, 'S', name_of("a"));

	(void)state;
	assert_non_null(p);
	p->binary = 7;
	assert_null(console_names_find(&n, 'P', name_of("a")));
	assert_null(console_names_find(&n, 'S', name_of("")));
	assert_ptr_equal(console_names_find(&n, 'S', name_of("a")), p);
	/* The same name is another one. */
	p = console_names_set(&n, 'S', name_of("a"));
	assert_int_equal(p->binary, 0);
	assert_non_null(console_names_set(&n, 'P', name_of("")));
	assert_int_equal(n.count, 2);
	console_names_close(&n, 'S', name_of("a"));
	console_names_close(&n, 'S', name_of("none"));
	assert_null(console_names_find(&n, 'S', name_of("a")));
	assert_non_null(console_names_set(&n, 'P', name_of("b")));
	assert_int_equal(n.count, 2);
	console_names_close_all(&n, 'P');
	assert_null(console_names_find(&n, 'P', name_of("b")));
	console_names_clear(&n);
}

static void
console_names_are_bounded(void **state)
{
	struct console_names n = {.items = NULL};
	char name[CONSOLE_NAME_BYTES + 1];
	struct span longest = {(const uint8_t *)name, CONSOLE_NAME_BYTES - 1};

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_non_null(console_names_set(&n, 'S', longest));
	longest.len++;
	assert_null(console_names_set(&n, 'S', longest));
	for (int i = 1; i < CONSOLE_PREPARED_MAX; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_non_null(console_names_set(&n, 'S', name_of(name)));
	}
	assert_null(console_names_set(&n, 'S', name_of("more")));
	assert_non_null(console_names_set(&n, 'S', name_of("s1")));
	console_names_clear(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(console_names_are_of_statements_or_portals),
	    cmocka_unit_test(console_names_are_bounded),
	};

	return cmocka_run_group_tests_name("proxy/console/console_prepared",
					   tests, NULL, NULL);
}

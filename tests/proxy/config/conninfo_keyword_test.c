#include "proxy/config/conninfo_keyword.h"

#include <stdio.h>

#include "tests/support/test.h"

/* "key" is taken; in lists what was taken leaves blanks. */
static const struct {
	const char *text;
	const char *left;
	const char *value; /* NULL: none */
} cases[] = {
    /* Lists */
    {"", "", NULL},
    {"   ", "   ", NULL},
    {"host=a", "host=a", NULL},
    {"key=v", "     ", "v"},
    {"key=v host=a", "      host=a", "v"},
    {"host=a key=v", "host=a      ", "v"},
    {"host=a key=v port=1", "host=a       port=1", "v"},
    {"host=a\tkey=v\nport=1", "host=a\t     \nport=1", "v"},
    {" key = v ", "         ", "v"},
    {"key\n=\tv host=a", "        host=a", "v"},
    {"key=", "    ", ""},
    {"host=a key= ", "host=a      ", ""},
    {"key='' host=a", "       host=a", ""},
    {"key='v w' host=a", "          host=a", "v w"},
    {"key='v' host=a", "        host=a", "v"},
    {"key='v'host=a", "       host=a", "v"},
    {"host='key=v' port=1", "host='key=v' port=1", NULL},
    {"host='a key=v' port=1", "host='a key=v' port=1", NULL},
    {"host='it\\'s key=v '", "host='it\\'s key=v '", NULL},
    {"host='\\\\' key=v", "host='\\\\'      ", "v"},
    {"host=a\\ key=v port=1", "host=a\\ key=v port=1", NULL},
    {"host=a\\\\ key=v", "host=a\\\\      ", "v"},
    {"key=v key=w", "           ", "w"},
    {"key=v host=a key=w", "      host=a      ", "w"},
    {"host=key", "host=key", NULL},
    {"host=a=key=v", "host=a=key=v", NULL},
    {"keys=v", "keys=v", NULL},
    {"xkey=v", "xkey=v", NULL},
    {"KEY=v", "KEY=v", NULL},
    {"password=key host=a", "password=key host=a", NULL},
    {"password= key=v", "password= key=v", NULL}, /* = is its first letter */
    /* Lists that libpq will complain about */
    {"key", "key", NULL},
    {"host a key=v", "host a key=v", NULL},
    {"key v", "key v", NULL},
    {"host='a key=v", "host='a key=v", NULL},
    {"host=a key", "host=a key", NULL},
    {"=key=v", "=key=v", NULL},
    /* The quote makes it no value that anybody allows. */
    {"key='v host=a", "             ", "'v host=a"},
    {"key='", "     ", "'"},
    {"key=v host", "      host", "v"},
    {"host=a\\", "host=a\\", NULL},
    /* URIs */
    {"postgres://", "postgres://", NULL},
    {"postgres://key=v", "postgres://key=v", NULL},
    {"postgres://u:key=v@a/d", "postgres://u:key=v@a/d", NULL},
    {"postgres://a/?key=v", "postgres://a/?", "v"},
    {"postgresql://a/?key=v", "postgresql://a/?", "v"},
    {"postgres://a/?key=v&port=1", "postgres://a/?port=1", "v"},
    {"postgres://a/?port=1&key=v", "postgres://a/?port=1", "v"},
    {"postgres://a/?port=1&key=v&user=u", "postgres://a/?port=1&user=u", "v"},
    {"postgres://a/?key=v&key=w", "postgres://a/?", "w"},
    {"postgres://a/?key=v&port=1&key=w", "postgres://a/?port=1", "w"},
    {"postgres://a/?key=", "postgres://a/?", ""},
    {"postgres://a/?keys=v&xkey=w&KEY=x", "postgres://a/?keys=v&xkey=w&KEY=x",
     NULL},
    {"postgres://a/?host=key", "postgres://a/?host=key", NULL},
    {"postgres://a/?key", "postgres://a/?key", NULL},
    {"postgres://a/?", "postgres://a/?", NULL},
    {"postgres://a/?key=v=w", "postgres://a/?", "v=w"},
    {"Postgres://a/?key=v", "Postgres://a/?key=v", NULL},
};

static void
conninfo_keyword_take_removes_it_and_leaves_the_rest(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span exact = bytes_copy(
		    span_of(cases[i].text, strlen(cases[i].text) + 1));
		char *text = (char *)(uintptr_t)exact.data;
		char *value;

		print_message("%s\n", cases[i].text);
		assert_true(conninfo_keyword_take(text, "key", &value));
		assert_string_equal(text, cases[i].left);
		if (cases[i].value == NULL)
			assert_null(value);
		else if (value == NULL)
			fail_msg("no value");
		else
			assert_string_equal(value, cases[i].value);
		free(value);
		bytes_free(exact);
	}
}

/* What it was asked for, it does not find a second time. */
static void
conninfo_keyword_take_takes_all_at_once(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		char *value;

		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_true(conninfo_keyword_take(text, "key", &value));
		free(value);
		assert_true(conninfo_keyword_take(text, "key", &value));
		assert_null(value);
		assert_string_equal(text, cases[i].left);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		conninfo_keyword_take_removes_it_and_leaves_the_rest),
	    cmocka_unit_test(conninfo_keyword_take_takes_all_at_once),
	};

	return cmocka_run_group_tests_name("proxy/config/conninfo_keyword",
					   tests, NULL, NULL);
}

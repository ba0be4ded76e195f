#include "proxy/console/console_parse.h"

#include <stdio.h>

#include "tests/support/test.h"

static enum console_found
parse(struct console_command *out, const char *text)
{
	struct span copy = bytes_copy(span_of(text, strlen(text)));
	struct span rest = copy;
	struct console_mistake mistake;
	enum console_found found = console_parse(out, &rest, &mistake);

	if (found == CONSOLE_MISTAKE) {
		assert_int_equal(strlen(mistake.sqlstate), 5);
		assert_non_null(mistake.message);
		assert_non_null(mistake.hint);
	}
	bytes_free(copy);
	return found;
}

static void
console_parse_knows_what_can_be_shown(void **state)
{
	struct console_command c;
	char text[64];

	(void)state;
	for (int t = 0; t < CONSOLE_GDESC; t++) {
		snprintf(text, sizeof(text), "sHoW %s;",
			 console_table_name((enum console_table)t));
		assert_int_equal(parse(&c, text), CONSOLE_FOUND);
		assert_int_equal(c.verb, CONSOLE_SHOW);
		assert_int_equal(c.table, t);
		assert_true(strlen(console_table_help(c.table)) > 0);
	}
	assert_int_equal(parse(&c, "show ''"), CONSOLE_MISTAKE);
	assert_int_equal(
	    parse(&c, "SELECT name AS \"Column\", pg_catalog.format_type(1,"
		      "2) AS \"Type\" FROM (VALUES ('a;b','25')) s(n)"),
	    CONSOLE_FOUND);
	assert_int_equal(c.table, CONSOLE_GDESC);
}

static void
console_parse_knows_commands(void **state)
{
	static const struct {
		const char *text;
		struct console_command is;
	} rows[] = {
	    {"KILL_CLIENT 7", {.verb = CONSOLE_KILL, .id = 7}},
	    {"release 9223372036854775807",
	     {.verb = CONSOLE_RELEASE, .id = INT64_MAX}},
	    {" abort\t0 ", {.verb = CONSOLE_ABORT}},
	    {"GUARD ON", {.verb = CONSOLE_GUARD, .is_on = true}},
	    {"guard off", {.verb = CONSOLE_GUARD}},
	    {"PAUSE", {.verb = CONSOLE_PAUSE}},
	    {"pause shop", {.verb = CONSOLE_PAUSE, .text = "shop"}},
	    {"Pause \"My \"\"Shop\"\"\";",
	     {.verb = CONSOLE_PAUSE, .text = "My \"Shop\""}},
	    {"RESUME", {.verb = CONSOLE_RESUME}},
	    {"resume 'it''s'", {.verb = CONSOLE_RESUME, .text = "it's"}},
	    {"RELOAD", {.verb = CONSOLE_RELOAD}},
	    {"SHUTDOWN", {.verb = CONSOLE_SHUTDOWN}},
	    {"shutdown wait_for_clients",
	     {.verb = CONSOLE_SHUTDOWN, .waits = true}},
	    {"set extra_float_digits = 3", {.verb = CONSOLE_SET}},
	    {"SET application_name TO 'a;b'", {.verb = CONSOLE_SET}},
	    {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
	     {.verb = CONSOLE_SET}},
	    {"set policy = hold",
	     {.verb = CONSOLE_CHANGE, .name = "policy", .text = "hold"}},
	    {"SET Hold_Timeout TO '5 min'",
	     {.verb = CONSOLE_CHANGE, .name = "Hold_Timeout", .text = "5 min"}},
	    {"set \"a\"='it''s'",
	     {.verb = CONSOLE_CHANGE, .name = "a", .text = "it's"}},
	    {"set a = Default",
	     {.verb = CONSOLE_CHANGE,
	      .name = "a",
	      .text = "Default",
	      .is_default = true}},
	    {"set a to 'default'",
	     {.verb = CONSOLE_CHANGE, .name = "a", .text = "default"}},
	    {"deallocate \"_pg3_0\"", {.verb = CONSOLE_DEALLOCATE}},
	    {"BEGIN ISOLATION LEVEL SERIALIZABLE", {.verb = CONSOLE_BEGIN}},
	    {"commit", {.verb = CONSOLE_COMMIT}},
	    {"ROLLBACK", {.verb = CONSOLE_ROLLBACK}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct console_command c;

		if (parse(&c, rows[i].text) != CONSOLE_FOUND)
			fail_msg("%s", rows[i].text);
		assert_int_equal(c.verb, rows[i].is.verb);
		assert_int_equal(c.id, rows[i].is.id);
		assert_int_equal(c.is_on, rows[i].is.is_on);
		assert_int_equal(c.waits, rows[i].is.waits);
		assert_string_equal(c.text, rows[i].is.text);
		assert_string_equal(c.name, rows[i].is.name);
		assert_int_equal(c.is_default, rows[i].is.is_default);
	}
}

static void
console_parse_refuses_all_else(void **state)
{
	static const char *const texts[] = {
	    "x",
	    "show",
	    "show x",
	    "show version state",
	    "show \"version\"",
	    "kill_client",
	    "kill_client x",
	    "kill_client 1 2",
	    "kill_client -1",
	    "kill_client 9223372036854775808",
	    "kill_client 18446744073709551617",
	    "guard",
	    "guard maybe",
	    "guard on off",
	    "reload all",
	    "shutdown now",
	    "shutdown wait_for_clients now",
	    "set",
	    "set a",
	    "set a =",
	    "set a b c",
	    "set a = b, c",
	    "set a = 'b",
	    "set a = 5 min",
	    "set "
	    "a12345678901234567890123456789012345678901234567890123456789012"
	    "34567890 = b",
	    "'",
	    "\"show\" version",
	    "=",
	    "select name",
	    "showversion",
	    "show\001version",
	};
	struct console_command c;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse(&c, texts[i]) != CONSOLE_MISTAKE)
			fail_msg("%s", texts[i]);
}

static void
console_parse_takes_one_command_at_a_time(void **state)
{
	static const char text[] = " show version;; /* ; */ reload -- ;\n ;"
				   "abort 'x;y'; show state; /* no end";
	struct span rest = span_of(text, sizeof(text) - 1);
	struct console_mistake m;
	struct console_command c;

	(void)state;
	assert_int_equal(console_parse(&c, &rest, &m), CONSOLE_FOUND);
	assert_int_equal(c.table, CONSOLE_VERSION);
	assert_int_equal(console_parse(&c, &rest, &m), CONSOLE_FOUND);
	assert_int_equal(c.verb, CONSOLE_RELOAD);
	assert_int_equal(console_parse(&c, &rest, &m), CONSOLE_MISTAKE);
	assert_int_equal(console_parse(&c, &rest, &m), CONSOLE_FOUND);
	assert_int_equal(c.table, CONSOLE_STATE);
	assert_int_equal(console_parse(&c, &rest, &m), CONSOLE_AT_END);
	assert_int_equal(rest.len, 0);
}

static void
console_verbs_are_told_by_their_tags(void **state)
{
	(void)state;
	for (int v = 0; v < CONSOLE_VERBS; v++)
		assert_true(strlen(console_tag((enum console_verb)v)) > 0);
	assert_false(console_needs_admin(CONSOLE_SHOW));
	assert_false(console_needs_admin(CONSOLE_SET));
	assert_true(console_needs_admin(CONSOLE_KILL));
	assert_true(console_needs_admin(CONSOLE_RELOAD));
	assert_true(console_needs_admin(CONSOLE_SHUTDOWN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(console_parse_knows_what_can_be_shown),
	    cmocka_unit_test(console_parse_knows_commands),
	    cmocka_unit_test(console_parse_refuses_all_else),
	    cmocka_unit_test(console_parse_takes_one_command_at_a_time),
	    cmocka_unit_test(console_verbs_are_told_by_their_tags),
	};

	return cmocka_run_group_tests_name("proxy/console/console_parse", tests,
					   NULL, NULL);
}

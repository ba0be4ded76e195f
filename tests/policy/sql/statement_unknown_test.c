#include "policy/sql/statement_unknown.h"

#include "policy/sql/statement_target.h"
#include "tests/support/statement.h"

/* The names that are found in a text, each with a blank behind it. */
static char *
names_of(const char *sql, size_t len)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	struct statement s = {0};

	assert_non_null(to);
	assert_int_equal(
	    statement_unknown_read(&s, (struct statement_text){sql, len}),
	    STATEMENT_OK);
	assert_int_equal(s.has_plan, s.target_count > 0);
	assert_true(s.target_count <= UNKNOWN_NAMES_MAX);
	for (size_t i = 0; i < s.target_count; i++) {
		assert_int_equal(s.targets[i].kind, TARGET_NAMED);
		assert_int_equal(s.targets[i].mode, LOCK_ACCESS_EXCLUSIVE);
		fprintf(to, "%s ", s.targets[i].relation);
	}
	statement_clear(&s);
	fclose(to);
	return text;
}

static void
assert_names(const char *sql, const char *expected)
{
	char *names = names_of(sql, strlen(sql));

	assert_string_equal(names, expected);
	free(names);
}

static void
read_finds_names_by_their_tokens(void **state)
{
	(void)state;
	assert_names("repack", "");
	assert_names("repack a", "\"a\" ");
	assert_names("repack A, a, \"A\"", "\"a\" \"A\" ");
	assert_names("alter x.y split p into q",
		     "\"x\".\"y\" \"split\" \"p\" \"into\" \"q\" ");
	assert_names("lock d . s /* . */ . t", "\"d\".\"s\".\"t\" ");
	assert_names("lock \"a \"\"b\".\"c.d\"", "\"a \"\"b\".\"c.d\" ");
	assert_names("drop t*", "\"t\" ");
	assert_names("drop s.*", "\"s\" ");
	assert_names("drop \xc3\x84", "\"\xc3\x84\" ");
	/* The server has no such names. */
	assert_names("drop a.b.c.d", "");
	assert_names("drop \"\"", "");
}

static void
read_passes_over_what_is_no_name(void **state)
{
	(void)state;
	assert_names("drop 'a' E'\\'b' $$ c $$ $t$ d $t$ 1e5 $1 -- e", "");
	assert_names("drop /* a /* b */ c */ d", "\"d\" ");
	assert_names("drop 'a' -- b\n d", "\"d\" ");
	assert_names("drop U&'a' B'1' x", "\"x\" ");
	assert_names("drop 'never ends", "");
	assert_names("drop \"never ends", "\"never ends\" ");
}

static void
read_takes_escapes_of_names(void **state)
{
	(void)state;
	assert_names("drop U&\"\\0061b\"", "\"ab\" ");
	assert_names("drop u&\"a\\\\\"", "\"a\\\" ");
	assert_names("drop U&\"\\+000062!\" x", "\"b!\" \"x\" ");
	assert_names("drop U&\"!0061b\\\" uescape '!', x", "\"ab\\\" \"x\" ");
	assert_names("drop U&\"\\0022\"\"\"", "\"\"\"\"\"\" ");
	assert_names("drop U&\"\\00e9\\20ac\\+01f600\"",
		     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\" ");
	/* No characters. */
	assert_names("drop U&\"\\006\"", "");
	assert_names("drop U&\"\\00g1\"", "");
	assert_names("drop U&\"\\0000\"", "");
	assert_names("drop U&\"\\d83d\\de00\"", "");
	assert_names("drop U&\"\\+110000\"", "");
	assert_names("drop U&\"a\\\" x", "\"x\" ");
	assert_names("drop U&\"a\" uescape", "\"a\" ");
}

static void
read_is_bounded(void **state)
{
	char *sql = repeat("drop ", "a", "", UNKNOWN_NAME_BYTES_MAX + 5);
	char *names = names_of(sql, strlen(sql));

	(void)state;
	assert_int_equal(strlen(names), UNKNOWN_NAME_BYTES_MAX + 3);
	free(names);
	free(sql);
	sql = repeat("drop ", "a", "", UNKNOWN_NAME_BYTES_MAX + 6);
	assert_names(sql, "");
	free(sql);
	sql = calloc(1, 60000);
	assert_non_null(sql);
	strcpy(sql, "drop");
	for (int i = 0; i < 10000; i++)
		sprintf(sql + strlen(sql), " t%d", i);
	names = names_of(sql, strlen(sql));
	assert_non_null(strstr(names, "\"t99\""));
	assert_null(strstr(names, "\"t100\""));
	free(names);
	free(sql);
}

static void
read_reads_no_byte_behind_the_text(void **state)
{
	static const char *const texts[] = {
	    "drop U&\"\\0061\" uescape '!' x.y.z",
	    "alter \"a\"\"b\" /* c */ 'd' $e$ f $e$",
	    "drop U&\"\\+000061\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			char *front = malloc(len + (len == 0));

			assert_non_null(front);
			memcpy(front, texts[i], len);
			free(names_of(front, len));
			free(front);
		}
}

static void
list_parse_has_what_the_grammar_does_not_know(void **state)
{
	static const struct example examples[] = {
	    {"alter table t split partition p",
	     " drops:UNKNOWN DDL named(\"table\" AX) named(\"t\" AX)"
	     " named(\"split\" AX) named(\"partition\" AX)"
	     " named(\"p\" AX)\nunparsed"},
	    {"repack (concurrently) t",
	     " drops:UNKNOWN DDL named(\"concurrently\" AX)"
	     " named(\"t\" AX)\nunparsed"},
	    {"drop tabel x", " drops:UNKNOWN DDL named(\"tabel\" AX)"
			     " named(\"x\" AX)\nunparsed"},
	    {"cluster 1", "\nunparsed"},
	    {"lock t with", " drops:UNKNOWN DDL named(\"t\" AX)"
			    " named(\"with\" AX)\nunparsed"},
	    {"reindex x", " drops:UNKNOWN DDL named(\"x\" AX)\nunparsed"},
	    /* Known, and of no concern to the scope. */
	    {"alter table t add a int", ""},
	    {"lock table t", ""},
	    {"selec x", ""},
	    {"drop table E'\\xe9'", " drops:UNKNOWN DDL named(\"table\" AX)"
				    "\nunparsed"},
	    {"drop table \"c", " drops:UNKNOWN DDL named(\"table\" AX)"
			       " named(\"c\" AX)\nunparsed"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct example e = {examples[i].sql, ""};

		check_examples(&e, 1, GUARD_SCOPE_OFF);
	}
}

static void
list_parse_guards_what_stands_beside_it(void **state)
{
	(void)state;
	check("begin; repack t; drop table c; lock", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<repack t> drops:UNKNOWN DDL named(\"t\" AX)\n"
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "<lock>\n"
	      "sound\nunparsed");
	/* To parse a query takes locks and a snapshot: of it nobody is asked.
	 */
	check("begin; repack t; drop table c; selec 1", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<repack t> drops:UNKNOWN DDL named(\"t\" AX)\n"
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "<selec 1>\n"
	      "unparsed");
	check("a (;) 'b;'; drop table E'\\xe9'; c) ; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<a (;) 'b;'>\n"
	      "<drop table E'\\xe9'> drops:UNKNOWN DDL"
	      " named(\"table\" AX)\n<c)>\n"
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "unparsed");
	/* Where a transaction begins and ends must be known. */
	assert_int_equal(
	    parse_status("drop table c; commit now", GUARD_SCOPE_DROPS),
	    STATEMENT_UNPARSED);
	assert_int_equal(
	    parse_status("drop table c; do drop x", GUARD_SCOPE_DROPS),
	    STATEMENT_UNPARSED);
}

static void
assert_unparsed(const char *sql, size_t index, const char *expected)
{
	struct statement_list list;

	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	assert_string_equal(list.items[index].unparsed, expected);
	assert_true(statement_list_bytes(&list) > strlen(expected));
	statement_list_clear(&list);
}

static void
list_parse_keeps_the_text_for_the_server(void **state)
{
	char *sql = repeat("", " ", "repack t", STATEMENT_PARSE_BYTES_DEFAULT);

	(void)state;
	assert_unparsed(" -- x\n repack t ; ", 0, " -- x\n repack t ; ");
	assert_unparsed("drop table c; repack t ; ", 1, "repack t");
	assert_unparsed(sql, 0, sql);
	free(sql);
	sql = repeat("", " ", "repack t", STATEMENT_PARSE_BYTES_DEFAULT + 1);
	assert_unparsed(sql, 0, "repack t");
	free(sql);
}

static void
list_parse_leaves_suspects_that_are_too_large(void **state)
{
	char *sql = repeat("drop table c; lock ", "t, ", "t u",
			   2 * STATEMENT_PARSE_BYTES_DEFAULT);
	struct statement_list list;

	(void)state;
	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	assert_null(list.items[1].tag);
	assert_false(list.has_unparsed);
	assert_false(list.is_sound);
	statement_list_clear(&list);
	free(sql);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_finds_names_by_their_tokens),
	    cmocka_unit_test(read_passes_over_what_is_no_name),
	    cmocka_unit_test(read_takes_escapes_of_names),
	    cmocka_unit_test(read_is_bounded),
	    cmocka_unit_test(read_reads_no_byte_behind_the_text),
	    cmocka_unit_test(list_parse_has_what_the_grammar_does_not_know),
	    cmocka_unit_test(list_parse_guards_what_stands_beside_it),
	    cmocka_unit_test(list_parse_keeps_the_text_for_the_server),
	    cmocka_unit_test(list_parse_leaves_suspects_that_are_too_large),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_unknown",
					   tests, NULL, NULL);
}

#include "policy/catalog/gate_names.h"

#include <stdio.h>

#include "policy/sql/words.h"
#include "tests/support/allocation.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

/* Each value an exact copy. */
static bool
add_row(struct gate_names *names, const char *name, const char *only_writes)
{
	const char *row[GATE_NAMES_COLUMNS] = {name, only_writes};
	struct row_value values[GATE_NAMES_COLUMNS];
	struct span copies[GATE_NAMES_COLUMNS];
	bool is_added;

	for (int i = 0; i < GATE_NAMES_COLUMNS; i++) {
		size_t len = row[i] != NULL ? strlen(row[i]) : 0;

		copies[i] = bytes_copy(span_of(row[i], len));
		values[i] = (struct row_value){NULL, len};
		if (row[i] != NULL)
			values[i].data = (const char *)copies[i].data;
	}
	is_added = gate_names_add_row(names, values);
	for (int i = 0; i < GATE_NAMES_COLUMNS; i++)
		bytes_free(copies[i]);
	return is_added;
}

static bool
matches(const struct gate_names *names, const char *sql)
{
	struct span copy = bytes_copy(span_of(sql, strlen(sql)));
	bool is_match =
	    gate_names_match_text(names, (const char *)copy.data, copy.len);

	bytes_free(copy);
	return is_match;
}

/* By the words of a statement that was prepared. */
static bool
matches_words(const struct gate_names *names, const char *const *words,
	      size_t count, bool writes)
{
	uint32_t hashes[8];

	for (size_t i = 0; i < count; i++)
		hashes[i] = words_hash(words[i], strlen(words[i]));
	return gate_names_match_words(names, hashes, count, writes);
}

/* The tables a and b, and c, which their foreign keys reference. */
static struct gate_names
plain_names(void)
{
	struct gate_names names = {0};

	assert_true(add_row(&names, "a", "a"));
	assert_true(add_row(&names, "b", "a"));
	assert_true(add_row(&names, "c", "w"));
	gate_names_seal(&names);
	return names;
}

static void
gate_names_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    GATE_NAMES_COLUMN_TABLE(X)
#undef X
	};

	(void)state;
	sql_check_operators(gate_names_query());
	sql_check_params(gate_names_query(), GATE_NAMES_PARAMS);
	sql_check_columns(gate_names_query(), columns, GATE_NAMES_COLUMNS);
}

static void
gate_names_count_those_nearby_for_readers_only_if_told(void **state)
{
	struct gate_names names = {0};
	struct gate_names more = {0};

	(void)state;
	assert_true(add_row(&names, "a", "a"));
	assert_true(add_row(&names, "b", "n"));
	assert_true(add_row(&names, "c", "w"));
	gate_names_seal(&names);
	assert_false(matches(&names, "select * from b"));
	assert_true(matches(&names, "update b set x = 1"));
	names.counts_near = true;
	assert_true(matches(&names, "select * from b"));
	assert_false(matches(&names, "select * from c"));
	assert_true(matches(&names, "update c set x = 1"));
	/* And so for whoever takes them over. */
	assert_true(add_row(&more, "d", "n"));
	assert_true(gate_names_add_all(&more, &names));
	assert_true(matches(&more, "select * from d"));
	assert_false(add_row(&more, "e", "x"));
	gate_names_clear(&names);
	gate_names_clear(&more);
}

static void
gate_names_match_text_finds_any_of_the_names(void **state)
{
	static const struct {
		const char *sql;
		bool is_match;
	} texts[] = {
	    {"select * from a", true},
	    {"SELECT * FROM A", true},
	    {"select * from \"a\" where x", true},
	    {"select * from s.a", true},
	    {"table b;", true},
	    {"select 1 from x, b", true},
	    {"select a.x from (select 1 as x) a", true}, /* may err so */
	    {"select 'a'", true},
	    {"select 1 -- a", true},
	    {"select * from ab", false},
	    {"select * from a_", false},
	    {"select * from a1, b$, \xc3\xa4", false},
	    {"select 1", false},
	    {"begin", false},
	    {"", false},
	    {";", false},
	};
	struct gate_names names = plain_names();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (matches(&names, texts[i].sql) != texts[i].is_match)
			fail_msg("'%s'", texts[i].sql);
	gate_names_clear(&names);
}

/* At the other end of a foreign key. */
static void
gate_names_match_text_takes_some_for_writers_only(void **state)
{
	static const struct {
		const char *sql;
		bool is_match;
	} texts[] = {
	    {"select * from c", false},
	    {"select * from c for update", true},
	    {"insert into c values (1)", true},
	    {"with x as (delete from c returning *) table x", true},
	    {"update c set x = 1", true},
	    {"merge into c using d on true", true},
	    {"copy c from stdin", true},
	    {"truncate c", true},
	    {"insert into d values (1)", false},
	};
	struct gate_names names = plain_names();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (matches(&names, texts[i].sql) != texts[i].is_match)
			fail_msg("'%s'", texts[i].sql);
	gate_names_clear(&names);
}

/* What it is about is not told by its words. */
static void
gate_names_match_text_takes_an_opaque_text_for_a_match(void **state)
{
	struct gate_names names = plain_names();

	(void)state;
	assert_true(matches(&names, "select * from U&\"d\\0061t\\+000061\""));
	assert_true(matches(&names, "execute p"));
	assert_true(matches(&names, "begin; execute p"));
	gate_names_clear(&names);
}

static void
gate_names_match_words_does_as_with_the_text(void **state)
{
	static const char *const other[] = {"select", "x", "d"};
	static const char *const table[] = {"select", "x", "from", "a"};
	static const char *const referenced[] = {"insert", "into", "c"};
	struct gate_names names = plain_names();

	(void)state;
	assert_false(matches_words(&names, other, 3, false));
	assert_false(matches_words(&names, other, 3, true));
	assert_false(matches_words(&names, NULL, 0, true));
	assert_true(matches_words(&names, table, 4, false));
	assert_true(matches_words(&names, table, 4, true));
	assert_false(matches_words(&names, referenced, 3, false));
	assert_true(matches_words(&names, referenced, 3, true));
	gate_names_clear(&names);
}

/* The tables of one name in two schemas, or the row came twice. */
static void
gate_names_of_two_kinds_count_always(void **state)
{
	static const char *const kinds[] = {"w", "a", "w"};

	(void)state;
	for (size_t first = 0; first < 2; first++) {
		struct gate_names names = {0};

		assert_true(add_row(&names, "a", kinds[first]));
		assert_true(add_row(&names, "z", "w"));
		assert_true(add_row(&names, "a", kinds[first + 1]));
		gate_names_seal(&names);
		assert_true(matches(&names, "table a"));
		assert_false(matches(&names, "table z"));
		gate_names_clear(&names);
	}
}

/* One word of it is enough: a text that names the table has them all. */
static void
gate_names_of_several_words_match_by_the_first(void **state)
{
	static const struct {
		const char *name;
		const char *sql;
	} kinds[] = {
	    {"two words", "table \"two words\""},
	    {"-- odd", "table \"-- odd\""},
	    {"A.b", "table \"A.b\""},
	    {"it's", "table \"it's\""},
	    {"quo\"te", "table \"quo\"\"te\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct gate_names names = {0};

		assert_true(add_row(&names, kinds[i].name, "a"));
		gate_names_seal(&names);
		assert_false(names.is_everything);
		assert_true(matches(&names, kinds[i].sql));
		assert_false(matches(&names, "table other"));
		gate_names_clear(&names);
	}
}

/* It may come in another encoding. */
static void
gate_names_not_ascii_match_every_word_that_is_not(void **state)
{
	struct gate_names names = {0};

	(void)state;
	assert_true(add_row(&names, "\xc3\xa4 \xc3\xb6", "a"));
	gate_names_seal(&names);
	assert_false(names.is_everything);
	assert_true(matches(&names, "table \"\xc3\xa4 \xc3\xb6\""));
	assert_true(matches(&names, "table \xe4"));
	assert_false(matches(&names, "table other"));
	gate_names_clear(&names);
}

static void
gate_names_without_a_word_match_everything(void **state)
{
	static const char *const odd[] = {"", " ", "-", "\"", "..."};
	static const char *const word[] = {"x"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct gate_names names = {0};

		assert_true(add_row(&names, odd[i], "w"));
		gate_names_seal(&names);
		assert_true(names.is_everything);
		assert_true(matches(&names, "begin"));
		assert_true(matches(&names, ""));
		assert_true(matches_words(&names, word, 1, false));
		assert_true(matches_words(&names, NULL, 0, false));
		gate_names_clear(&names);
	}
}

static void
gate_names_of_nothing_match_nothing(void **state)
{
	struct gate_names names = {0};

	(void)state;
	gate_names_seal(&names);
	assert_false(matches(&names, "select * from a"));
	gate_names_clear(&names);
	gate_names_clear(&names);
}

/* A name of 63 bytes is as long as one can be; a text may say more of it. */
static void
gate_names_match_a_name_that_the_server_cuts(void **state)
{
	struct gate_names names = {0};
	char text[100];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[63] = '\0';
	assert_true(add_row(&names, text, "a"));
	gate_names_seal(&names);
	assert_true(matches(&names, text));
	text[62] = '\0';
	assert_false(matches(&names, text));
	text[62] = 'x';
	text[63] = 'y';
	text[80] = '\0';
	assert_true(matches(&names, text));
	gate_names_clear(&names);
}

static void
gate_names_add_row_refuses_another_shape(void **state)
{
	struct gate_names names = {0};

	(void)state;
	assert_false(add_row(&names, NULL, "a"));
	assert_false(add_row(&names, "a", NULL));
	assert_false(add_row(&names, NULL, NULL));
	assert_false(add_row(&names, "a", ""));
	assert_false(add_row(&names, "a", "true"));
	assert_int_equal(names.count, 0);
	gate_names_clear(&names);
}

static void
add_many(struct gate_names *names, unsigned first, unsigned count)
{
	char name[16];

	for (unsigned i = first; i < first + count; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		assert_true(add_row(names, name, i % 2 == 0 ? "w" : "a"));
	}
}

static void
gate_names_are_found_among_many(void **state)
{
	struct gate_names names = {0};
	char text[32];

	(void)state;
	add_many(&names, 0, 1000);
	gate_names_seal(&names);
	for (unsigned i = 0; i < 1100; i++) {
		(void)snprintf(text, sizeof(text), "table t%u", i);
		assert_int_equal(matches(&names, text), i < 1000 && i % 2 == 1);
		(void)snprintf(text, sizeof(text), "update t%u", i);
		assert_int_equal(matches(&names, text), i < 1000);
	}
	gate_names_clear(&names);
}

static void
gate_names_of_more_than_there_is_room_for_match_everything(void **state)
{
	struct gate_names names = {0};

	(void)state;
	add_many(&names, 0, GATE_NAMES_MAX);
	gate_names_seal(&names);
	assert_false(names.is_everything);
	assert_false(matches(&names, "select 1"));
	add_many(&names, GATE_NAMES_MAX, 10);
	gate_names_seal(&names);
	assert_int_equal(names.count, GATE_NAMES_MAX);
	assert_true(matches(&names, "select 1"));
	gate_names_clear(&names);
}

static void
gate_names_add_all_adds_those_of_another(void **state)
{
	struct gate_names names = {0};
	struct gate_names more = plain_names();
	struct gate_names none = {0};

	(void)state;
	assert_true(add_row(&names, "d", "a"));
	assert_true(add_row(&names, "c", "a"));
	gate_names_seal(&names);
	assert_true(gate_names_add_all(&names, &more));
	assert_true(gate_names_add_all(&names, &none));
	assert_true(gate_names_add_all(&none, &none));
	assert_int_equal(names.count, 5);
	assert_true(matches(&names, "table a"));
	assert_true(matches(&names, "table b"));
	assert_true(matches(&names, "table c"));
	assert_true(matches(&names, "table d"));
	assert_false(matches(&names, "table e"));
	assert_false(names.is_everything);
	gate_names_clear(&names);
	gate_names_clear(&more);
}

static void
gate_names_add_all_may_make_it_everything(void **state)
{
	struct gate_names names = plain_names();
	struct gate_names more = {.is_everything = true};

	(void)state;
	assert_true(gate_names_add_all(&names, &more));
	assert_true(matches(&names, "select 1"));
	gate_names_clear(&names);
	add_many(&names, 0, GATE_NAMES_MAX);
	more = plain_names();
	assert_true(gate_names_add_all(&names, &more));
	assert_true(names.is_everything);
	assert_int_equal(names.count, GATE_NAMES_MAX);
	gate_names_clear(&names);
	gate_names_clear(&more);
}

static bool
fill(struct gate_names *names, const struct gate_names *more)
{
	static const char *const twenty[] = {"a", "b", "c", "d", "e", "f", "g",
					     "h", "i", "j", "k", "l", "m", "n",
					     "o", "p", "q", "r", "s", "t"};

	for (size_t i = 0; i < 20; i++) {
		struct row_value row[GATE_NAMES_COLUMNS] = {{twenty[i], 1},
							    {"a", 1}};

		if (!gate_names_add_row(names, row))
			return false;
	}
	return gate_names_add_all(names, more);
}

/* They stay what they were, for gate_names_clear. */
static void
gate_names_add_is_false_when_memory_is_out(void **state)
{
	struct gate_names more = {0};
	unsigned failures = 0;
	bool failed = true;

	(void)state;
	add_many(&more, 0, 100);
	gate_names_seal(&more);
	for (unsigned n = 0; failed; n++) {
		struct gate_names names = {0};
		bool is_filled;

		allocation_fail_after(n);
		is_filled = fill(&names, &more);
		failed = allocation_restore();
		assert_int_equal(is_filled, !failed);
		failures += failed;
		gate_names_seal(&names);
		if (names.count > 0)
			assert_true(matches(&names, "table a"));
		assert_int_equal(names.count == 120, !failed);
		gate_names_clear(&names);
	}
	assert_true(failures > 3);
	gate_names_clear(&more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		gate_names_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(
		gate_names_count_those_nearby_for_readers_only_if_told),
	    cmocka_unit_test(gate_names_match_text_finds_any_of_the_names),
	    cmocka_unit_test(gate_names_match_text_takes_some_for_writers_only),
	    cmocka_unit_test(
		gate_names_match_text_takes_an_opaque_text_for_a_match),
	    cmocka_unit_test(gate_names_match_words_does_as_with_the_text),
	    cmocka_unit_test(gate_names_of_two_kinds_count_always),
	    cmocka_unit_test(gate_names_of_several_words_match_by_the_first),
	    cmocka_unit_test(gate_names_not_ascii_match_every_word_that_is_not),
	    cmocka_unit_test(gate_names_without_a_word_match_everything),
	    cmocka_unit_test(gate_names_of_nothing_match_nothing),
	    cmocka_unit_test(gate_names_match_a_name_that_the_server_cuts),
	    cmocka_unit_test(gate_names_add_row_refuses_another_shape),
	    cmocka_unit_test(gate_names_are_found_among_many),
	    cmocka_unit_test(
		gate_names_of_more_than_there_is_room_for_match_everything),
	    cmocka_unit_test(gate_names_add_all_adds_those_of_another),
	    cmocka_unit_test(gate_names_add_all_may_make_it_everything),
	    cmocka_unit_test(gate_names_add_is_false_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/catalog/gate_names", tests,
					   NULL, NULL);
}

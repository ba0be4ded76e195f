#include "policy/catalog/gate_names.h"

#include <stdio.h>

#include "policy/sql/mentions.h"
#include "policy/sql/words.h"
#include "tests/support/allocation.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

enum {
	ROLE = 7, /* as if a hash */
};

/* Each value an exact copy. */
static bool
add_full_row(struct gate_names *names, const char *name, const char *schema,
	     const char *reach, const char *reader)
{
	const char *row[GATE_NAMES_COLUMNS] = {name, schema, reach, reader};
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
add_row(struct gate_names *names, const char *name, const char *reach)
{
	return add_full_row(names, name, "public", reach, "");
}

static bool
matches_for(const struct gate_names *names, uint32_t role, const char *sql)
{
	struct span copy = bytes_copy(span_of(sql, strlen(sql)));
	const char *text = (const char *)copy.data;
	struct gate_visitor visitor = {role, words_write(text, copy.len)};
	bool is_match = gate_names_match_text(names, &visitor, text, copy.len);

	bytes_free(copy);
	return is_match;
}

static bool
matches(const struct gate_names *names, const char *sql)
{
	return matches_for(names, ROLE, sql);
}

/* By the tables of a statement that was prepared. */
static bool
matches_tables(const struct gate_names *names, const char *const *tables,
	       size_t count, bool writes)
{
	struct gate_visitor visitor = {ROLE, writes};
	struct mention mentions[8] = {{0}};

	for (size_t i = 0; i < count; i++)
		mentions[i].name =
		    token_hash_name(tables[i], strlen(tables[i]));
	return gate_names_match_mentions(names, &visitor, mentions, count);
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
	    {"select * from public.a", true},
	    {"table b;", true},
	    {"select 1 from x, b", true},
	    {"select * from s.b, public.a", true},
	    {"select * from s.a", false}, /* another one */
	    {"select a from b2 where b = 'a' -- a", false},
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
gate_names_match_mentions_does_as_with_the_text(void **state)
{
	static const char *const other[] = {"x", "d"};
	static const char *const table[] = {"x", "a"};
	static const char *const referenced[] = {"c"};
	struct gate_names names = plain_names();

	(void)state;
	assert_false(matches_tables(&names, other, 2, false));
	assert_false(matches_tables(&names, other, 2, true));
	assert_false(matches_tables(&names, NULL, 0, true));
	assert_true(matches_tables(&names, table, 2, false));
	assert_true(matches_tables(&names, table, 2, true));
	assert_false(matches_tables(&names, referenced, 1, false));
	assert_true(matches_tables(&names, referenced, 1, true));
	gate_names_clear(&names);
}

static void
gate_names_keep_schemas_apart_where_the_text_does(void **state)
{
	struct gate_names names = {0};

	(void)state;
	assert_true(add_full_row(&names, "a", "s", "a", ""));
	assert_true(add_full_row(&names, "a", "t", "w", ""));
	gate_names_seal(&names);
	assert_true(matches(&names, "table a"));
	assert_true(matches(&names, "table s.a"));
	assert_false(matches(&names, "table t.a"));
	assert_true(matches(&names, "delete from t.a"));
	assert_false(matches(&names, "delete from public.a"));
	assert_false(matches(&names, "table a.s"));
	gate_names_clear(&names);
}

/* As one's own schema is: nobody else can be after its tables. */
static void
gate_names_of_private_tables_count_for_their_readers(void **state)
{
	uint32_t eve = token_hash_name("eve", 3);
	uint32_t adam = token_hash_name("adam", 4);
	struct gate_visitor visitor = {.role = ROLE, .writes = true};
	struct gate_names names = {0};

	(void)state;
	assert_true(add_full_row(&names, "a", "eve", "a", "eve"));
	assert_true(add_full_row(&names, "a", "eve", "a", "adam"));
	assert_true(add_full_row(&names, "b", "eve", "w", "eve"));
	gate_names_seal(&names);
	assert_true(matches_for(&names, eve, "table a"));
	assert_true(matches_for(&names, adam, "table a"));
	assert_false(matches_for(&names, ROLE, "table a"));
	assert_true(matches_for(&names, eve, "delete from b"));
	assert_false(matches_for(&names, adam, "delete from b"));
	/* Nor do they where nothing is known of the statement. */
	assert_true(matches_for(&names, eve, "execute p"));
	assert_false(matches_for(&names, ROLE, "execute p"));
	assert_false(gate_names_match_any(&names, &visitor));
	visitor.role = adam;
	assert_true(gate_names_match_any(&names, &visitor));
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

/* Whatever it is made of. */
static void
gate_names_match_as_names(void **state)
{
	static const struct {
		const char *name;
		const char *sql;
		const char *other;
	} kinds[] = {
	    {"two words", "table \"two words\"", "table two, words"},
	    {"-- odd", "table \"-- odd\"", "table odd"},
	    {"A.b", "table \"A.b\"", "table A.b"},
	    {"it's", "table \"it's\"", "select 'it''s'"},
	    {"quo\"te", "table \"quo\"\"te\"", "table quo, te"},
	    {"Upper", "table \"Upper\"", "table Upper"},
	    {"select", "table \"select\"", "select 1 from b"},
	    {"user", "select 1 from \"user\"", "select user from user"},
	    {"status", "select 1 from Status", "select status from b"},
	    {"???", "table \"???\"", "select 1"},
	    {" ", "table \" \"", "select 1 from b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct gate_names names = {0};

		assert_true(add_row(&names, kinds[i].name, "a"));
		gate_names_seal(&names);
		if (!matches(&names, kinds[i].sql))
			fail_msg("not by %s", kinds[i].sql);
		if (matches(&names, kinds[i].other))
			fail_msg("by %s", kinds[i].other);
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
	assert_true(matches(&names, "table \"\xc3\xa4 \xc3\xb6\""));
	assert_true(matches(&names, "table \xe4"));
	assert_false(matches(&names, "table other"));
	gate_names_clear(&names);
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
	const char *name = text;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[63] = '\0';
	assert_true(add_row(&names, text, "a"));
	gate_names_seal(&names);
	assert_true(matches_tables(&names, &name, 1, false));
	text[62] = '\0';
	assert_false(matches_tables(&names, &name, 1, false));
	text[62] = 'x';
	text[63] = 'y';
	text[80] = '\0';
	assert_true(matches_tables(&names, &name, 1, false));
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
gate_names_of_more_than_there_is_room_for_are_left_out(void **state)
{
	struct gate_names names = {0};

	(void)state;
	add_many(&names, 0, GATE_NAMES_MAX);
	add_many(&names, GATE_NAMES_MAX, 10);
	gate_names_seal(&names);
	assert_int_equal(names.count, GATE_NAMES_MAX);
	assert_true(matches(&names, "table t1"));
	assert_false(matches(&names, "select 1"));
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
		struct row_value row[GATE_NAMES_COLUMNS] = {
		    {twenty[i], 1}, {"public", 6}, {"a", 1}, {"", 0}};

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

/* A transaction that is asked again and again has the same ones each time. */
static void
gate_names_seal_keeps_each_once(void **state)
{
	struct gate_names names = {0};
	struct gate_names more = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(add_row(&names, "a", "a"));
		assert_true(add_row(&names, "b", "a"));
		assert_true(add_row(&names, "a", "w"));
		assert_true(add_full_row(&names, "a", "s", "a", ""));
		assert_true(add_full_row(&names, "a", "public", "a", "joe"));
	}
	gate_names_seal(&names);
	assert_int_equal(names.count, 5);
	assert_true(add_row(&more, "a", "a"));
	gate_names_seal(&more);
	assert_true(gate_names_add_all(&names, &more));
	assert_int_equal(names.count, 5);
	assert_true(matches(&names, "select from b"));
	gate_names_clear(&names);
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
	    cmocka_unit_test(gate_names_match_mentions_does_as_with_the_text),
	    cmocka_unit_test(gate_names_of_two_kinds_count_always),
	    cmocka_unit_test(gate_names_keep_schemas_apart_where_the_text_does),
	    cmocka_unit_test(
		gate_names_of_private_tables_count_for_their_readers),
	    cmocka_unit_test(gate_names_match_as_names),
	    cmocka_unit_test(gate_names_not_ascii_match_every_word_that_is_not),
	    cmocka_unit_test(gate_names_of_nothing_match_nothing),
	    cmocka_unit_test(gate_names_match_a_name_that_the_server_cuts),
	    cmocka_unit_test(gate_names_add_row_refuses_another_shape),
	    cmocka_unit_test(gate_names_are_found_among_many),
	    cmocka_unit_test(
		gate_names_of_more_than_there_is_room_for_are_left_out),
	    cmocka_unit_test(gate_names_add_all_adds_those_of_another),
	    cmocka_unit_test(gate_names_add_is_false_when_memory_is_out),
	    cmocka_unit_test(gate_names_seal_keeps_each_once),
	};

	return cmocka_run_group_tests_name("policy/catalog/gate_names", tests,
					   NULL, NULL);
}

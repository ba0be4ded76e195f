#include "proxy/gate/recall.h"

#include <stdio.h>

#include "policy/sql/mentions.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
text(const char *literal)
{
	return span_of(literal, strlen(literal));
}

/* Both exact copies. */
static void
note(struct recall *r, const char *name, const char *sql)
{
	struct span name_copy = bytes_copy(text(name));
	struct span sql_copy = bytes_copy(text(sql));

	recall_note(r, name_copy, sql_copy);
	bytes_free(name_copy);
	bytes_free(sql_copy);
}

static bool
has_table(const struct recalled *s, const char *table)
{
	uint32_t hash = token_hash_name(table, strlen(table));

	for (uint16_t i = 0; i < s->count; i++)
		if (s->mentions[i].name == hash)
			return true;
	return false;
}

/* A statement of `count` different tables. */
static char *
long_statement(unsigned count)
{
	char *sql = malloc(count * 8 + 16);
	size_t len;

	assert_non_null(sql);
	len = (size_t)sprintf(sql, "select from ");
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(sql + len, 9, "%sw%u",
					i > 0 ? ", " : "", i);
	return sql;
}

static void
recall_find_tells_what_was_noted(void **state)
{
	struct recall r = {0};
	const struct recalled *s;

	(void)state;
	note(&r, "p", "select x from a, s.b join a on x = a.y");
	s = recall_find(&r, text("p"));
	assert_non_null(s);
	assert_int_equal(s->count, 2); /* each once */
	assert_true(has_table(s, "a"));
	assert_true(has_table(s, "b"));
	assert_false(has_table(s, "x"));
	assert_false(has_table(s, "select"));
	assert_false(s->writes);
	assert_false(s->is_harmless);
	recall_clear(&r);
}

static void
recall_find_tells_what_the_text_does(void **state)
{
	static const struct {
		const char *sql;
		bool writes;
		bool never_waits;
		bool is_harmless;
	} texts[] = {
	    {"select 1", false, false, false},
	    {"insert into a values (1)", true, false, false},
	    {"select 1 from a for update", true, false, false},
	    {"table a for update nowait", true, true, false},
	    {"begin", false, false, true},
	    {"COMMIT;", false, false, true},
	    {"set x = 1; select 1", false, false, false},
	    {"", false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct recall r = {0};
		const struct recalled *s;

		note(&r, "p", texts[i].sql);
		s = recall_find(&r, text("p"));
		assert_non_null(s);
		assert_int_equal(s->writes, texts[i].writes);
		assert_int_equal(s->never_waits, texts[i].never_waits);
		assert_int_equal(s->is_harmless, texts[i].is_harmless);
		recall_clear(&r);
	}
}

static void
recall_find_is_null_for_what_is_not_known(void **state)
{
	struct recall r = {0};

	(void)state;
	assert_null(recall_find(&r, text("p")));
	assert_null(recall_find(&r, text("")));
	note(&r, "p", "select 1");
	assert_null(recall_find(&r, text("P")));
	assert_null(recall_find(&r, text("p1")));
	assert_null(recall_find(&r, text("")));
	assert_non_null(recall_find(&r, text("p")));
	recall_clear(&r);
	assert_null(recall_find(&r, text("p")));
}

/* Any table, as far as the text says. */
static void
recall_find_tells_of_an_opaque_text(void **state)
{
	static const char *const texts[] = {"table U&\"\\0061\"", "execute q"};
	struct recall r = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct recalled *s;

		note(&r, "p", texts[i]);
		s = recall_find(&r, text("p"));
		assert_non_null(s);
		assert_int_equal(s->count, 1);
		assert_int_equal(s->mentions[0].name, 0);
	}
	recall_clear(&r);
}

static void
recall_find_is_null_for_more_tables_than_fit(void **state)
{
	struct recall r = {0};
	char *most = long_statement(RECALL_MENTIONS_MAX);
	char *more = long_statement(RECALL_MENTIONS_MAX + 1);

	(void)state;
	note(&r, "p", most);
	assert_non_null(recall_find(&r, text("p")));
	assert_int_equal(recall_find(&r, text("p"))->count,
			 RECALL_MENTIONS_MAX);
	note(&r, "p", more);
	assert_null(recall_find(&r, text("p")));
	note(&r, "q", more);
	assert_null(recall_find(&r, text("q")));
	note(&r, "p", most);
	assert_non_null(recall_find(&r, text("p")));
	recall_clear(&r);
	free(most);
	free(more);
}

/* The server would refuse it, unless the name was freed meanwhile. */
static void
recall_note_replaces_what_had_the_name(void **state)
{
	struct recall r = {0};
	const struct recalled *s;

	(void)state;
	note(&r, "p", "table a");
	note(&r, "q", "table c");
	note(&r, "p", "update b set x = 1");
	assert_int_equal(r.count, 2);
	s = recall_find(&r, text("p"));
	assert_non_null(s);
	assert_false(has_table(s, "a"));
	assert_true(has_table(s, "b"));
	assert_true(s->writes);
	assert_true(has_table(recall_find(&r, text("q")), "c"));
	recall_clear(&r);
}

static void
note_numbered(struct recall *r, unsigned from, unsigned count)
{
	char name[16];
	char sql[32];

	for (unsigned i = from; i < from + count; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		(void)snprintf(sql, sizeof(sql), "table t%u", i);
		note(r, name, sql);
	}
}

static bool
knows_numbered(const struct recall *r, unsigned number)
{
	const struct recalled *s;
	char name[16];
	char word[16];

	(void)snprintf(name, sizeof(name), "s%u", number);
	(void)snprintf(word, sizeof(word), "t%u", number);
	s = recall_find(r, text(name));
	return s != NULL && s->count == 1 && has_table(s, word);
}

static void
recall_note_knows_as_many_as_fit(void **state)
{
	struct recall r = {0};

	(void)state;
	note_numbered(&r, 0, RECALL_MAX + 10);
	assert_int_equal(r.count, RECALL_MAX);
	for (unsigned i = 0; i < RECALL_MAX + 10; i++)
		assert_int_equal(knows_numbered(&r, i), i < RECALL_MAX);
	note(&r, "s7", "table t8"); /* those it knows may change */
	assert_false(knows_numbered(&r, 7));
	assert_true(has_table(recall_find(&r, text("s7")), "t8"));
	recall_clear(&r);
	recall_clear(&r);
}

/* Then it is not known; what was known before still is. */
static void
recall_note_without_memory_forgets_no_other(void **state)
{
	unsigned failures = 0;
	bool failed = true;

	(void)state;
	for (unsigned n = 0; failed; n++) {
		struct span name = text("p");
		struct span sql = text("table a");
		struct recall r = {0};

		note_numbered(&r, 0, 4); /* the fifth needs room, too */
		allocation_fail_after(n);
		recall_note(&r, name, sql);
		failed = allocation_restore();
		failures += failed;
		assert_int_equal(recall_find(&r, name) == NULL, failed);
		for (unsigned i = 0; i < 4; i++)
			assert_true(knows_numbered(&r, i));
		recall_clear(&r);
	}
	assert_int_equal(failures, 2);
}

/* Not what it was before: that would be wrong. */
static void
recall_note_without_memory_forgets_what_had_the_name(void **state)
{
	struct recall r = {0};

	(void)state;
	note(&r, "p", "table a");
	allocation_fail_after(0);
	recall_note(&r, text("p"), text("table b"));
	assert_true(allocation_restore());
	assert_null(recall_find(&r, text("p")));
	note(&r, "p", "table c");
	assert_true(has_table(recall_find(&r, text("p")), "c"));
	recall_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recall_find_tells_what_was_noted),
	    cmocka_unit_test(recall_find_tells_what_the_text_does),
	    cmocka_unit_test(recall_find_is_null_for_what_is_not_known),
	    cmocka_unit_test(recall_find_tells_of_an_opaque_text),
	    cmocka_unit_test(recall_find_is_null_for_more_tables_than_fit),
	    cmocka_unit_test(recall_note_replaces_what_had_the_name),
	    cmocka_unit_test(recall_note_knows_as_many_as_fit),
	    cmocka_unit_test(recall_note_without_memory_forgets_no_other),
	    cmocka_unit_test(
		recall_note_without_memory_forgets_what_had_the_name),
	};

	return cmocka_run_group_tests_name("proxy/gate/recall", tests, NULL,
					   NULL);
}

#include "policy/sql/statement_arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/statement.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

/* Each takes another way through libpg_query. */
static const char *const texts[] = {
    "drop table a, b cascade",
    "drop table a; select 1",
    "drop table a; slect 1",
    "drop table",
    "drop table a; select '",
    "drop table a /* a comment */; select 'a'",
    "do $$ begin drop table a; drop table b; end $$",
    "create function f() returns int begin atomic select 1; end; drop table a",
    "alter table a drop b, add check (c in (1, 2, 3)), add unique (d)",
};

static enum statement_status
parse(const char *sql, size_t parse_bytes)
{
	struct statement_list list;
	enum statement_status status = statement_list_parse(
	    &list, sql, strlen(sql), GUARD_SCOPE_DDL, parse_bytes);

	statement_list_clear(&list);
	assert_int_equal(statement_arena_bytes(), 0);
	return status;
}

/* Let each allocation fail in turn, and all behind it. */
static void
parse_with_failures(const char *sql)
{
	enum statement_status sound = parse(sql, STATEMENT_PARSE_BYTES_DEFAULT);
	unsigned n = 0;
	bool has_failed;

	do {
		enum statement_status status;

		allocation_fail_after(n++);
		status = parse(sql, STATEMENT_PARSE_BYTES_DEFAULT);
		has_failed = allocation_restore();
		if (status != sound)
			assert_int_equal(status, STATEMENT_NO_MEMORY);
		assert_int_equal(parse(sql, STATEMENT_PARSE_BYTES_DEFAULT),
				 sound);
	} while (has_failed);
	assert_true(n > 1);
}

static void
statement_arena_outlives_each_allocation_that_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		parse_with_failures(texts[i]);
}

/* The library makes first what it keeps for a thread. */
static void *
parse_first(void *arg)
{
	unsigned n = 0;

	(void)arg;
	do {
		allocation_fail_after(n++);
		(void)parse(texts[0], STATEMENT_PARSE_BYTES_DEFAULT);
	} while (allocation_restore());
	assert_int_equal(parse(texts[0], STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	return NULL;
}

static void
statement_arena_outlives_those_of_a_threads_begin(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, parse_first, NULL), 0);
	pthread_join(thread, NULL);
}

/* The dearest text for its bytes that is known. */
static char *
bomb(size_t len)
{
	char *sql = calloc(1, len + 16);
	size_t at = (size_t)sprintf(sql, "drop function f(int");

	assert_non_null(sql);
	for (; at + 6 < len; at += 4)
		memcpy(sql + at, ",int", 4);
	sql[at] = ')';
	return sql;
}

static void
statement_arena_bounds_what_a_text_takes(void **state)
{
	char *large = bomb(STATEMENT_PARSE_BYTES_MAX);
	char *small = bomb(STATEMENT_PARSE_BYTES_DEFAULT);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(parse(large, STATEMENT_PARSE_BYTES_MAX),
				 STATEMENT_TOO_DEAR);
		assert_int_equal(parse(small, STATEMENT_PARSE_BYTES_DEFAULT),
				 STATEMENT_OK);
	}
	free(small);
	free(large);
}

/* As much as query_limit may let through. */
static char *
largest(const char *head, const char *unit, const char *tail)
{
	size_t step = strlen(unit);
	size_t end = STATEMENT_TEXT_BYTES_MAX - strlen(tail) - step;
	char *sql = calloc(1, STATEMENT_TEXT_BYTES_MAX + 1);
	size_t at = (size_t)sprintf(sql, "%s", head);

	assert_non_null(sql);
	for (; at <= end; at += step)
		memcpy(sql + at, unit, step);
	memcpy(sql + at, tail, strlen(tail));
	return sql;
}

static const char *const large_texts[][3] = {
    {"drop table a; select '", "x", "'"},
    {"drop table a; select '", "''", "'"},
    {"drop table a; select $$", "\xc3\xa4", "$$"},
    {"drop table a; select \"", "x", "\""},
    {"drop table a; select ", "x", ""},
    {"drop table a; select ", "1", ""},
    {"drop table a; select U&'", "\\0061", "'"},
    {"drop table a; select b'", "1", "'"},
    {"drop table a; insert into b values ", "(1,2,3),", "(4,5,6)"},
    {"drop table a; insert into b values ", "(1, 'John Smith'),", "(1, 'x')"},
    {"drop table a; ", "insert into b values (1, 'John Smith');", ""},
    {"drop table a; ", "select 1;", ""},
    {"drop table a; ", ";", ""},
    {"drop table a; select ", "(", ""},
};

static void
statement_arena_has_room_for_the_largest_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(large_texts) / sizeof(large_texts[0]);
	     i++) {
		const char *const *t = large_texts[i];
		char *sql = largest(t[0], t[1], t[2]);

		print_message("%s%s\n", t[0], t[1]);
		assert_int_equal(parse(sql, STATEMENT_PARSE_BYTES_DEFAULT),
				 STATEMENT_OK);
		free(sql);
	}
}

/* Nothing but tokens of a byte or two; at a megabyte even these are scanned. */
static void
statement_arena_tells_a_dear_text_from_little_memory(void **state)
{
	char *sql = largest("drop table a; select ", "''@", "");

	(void)state;
	assert_int_equal(parse(sql, STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_TOO_DEAR);
	sql[1024 * 1024 - 1] = '\0';
	assert_int_equal(parse(sql, STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	free(sql);
}

static void
use_pieces(void *arg)
{
	char **text = arg;
	char *piece = statement_arena_malloc(3);
	char *outside;

	memcpy(piece, "ab", 3);
	piece = statement_arena_realloc(piece, 1000);
	assert_string_equal(piece, "ab");
	piece = statement_arena_realloc(piece, 2);
	statement_arena_free(piece);
	statement_arena_free(NULL);
	outside = malloc(1);
	outside = statement_arena_realloc(outside, 2);
	statement_arena_free(outside);
	*text = statement_arena_strdup("cd");
}

static void
statement_arena_keeps_what_was_made(void **state)
{
	struct statement_arena outer;
	struct statement_arena inner;
	char *text = NULL;
	char *second = NULL;

	(void)state;
	statement_arena_begin(&outer);
	assert_true(statement_arena_call(&outer, use_pieces, &text));
	statement_arena_begin(&inner);
	assert_true(statement_arena_call(&inner, use_pieces, &second));
	assert_string_equal(second, "cd");
	statement_arena_end(&inner);
	assert_string_equal(text, "cd");
	assert_true(statement_arena_bytes() > 0);
	statement_arena_free(text);
	statement_arena_end(&outer);
	assert_int_equal(statement_arena_bytes(), 0);
}

static void
want_too_much(void *arg)
{
	bool *is_given = arg;

	(void)statement_arena_malloc(STATEMENT_ARENA_MAX_BYTES + 1);
	*is_given = true;
}

static void
statement_arena_gives_up_above_the_bound(void **state)
{
	struct statement_arena arena;
	bool is_given = false;

	(void)state;
	statement_arena_begin(&arena);
	assert_false(statement_arena_call(&arena, want_too_much, &is_given));
	assert_false(is_given);
	/* Outside of a call nothing can be given up. */
	assert_null(statement_arena_malloc(SIZE_MAX));
	assert_null(statement_arena_strdup("a") == NULL ? "" : NULL);
	statement_arena_end(&arena);
}

static void
make_and_free(void *arg)
{
	size_t size = *(size_t *)arg;

	for (int i = 0; i < 10000; i++)
		statement_arena_free(statement_arena_malloc(size));
}

/* A piece at the very end of a chunk is known for one of the arena, too. */
static void
statement_arena_frees_no_piece_of_its_own(void **state)
{
	struct statement_arena arena;

	(void)state;
	for (size_t size = 0; size < 34; size++) {
		statement_arena_begin(&arena);
		assert_true(statement_arena_call(&arena, make_and_free, &size));
		statement_arena_end(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statement_arena_outlives_those_of_a_threads_begin),
	    cmocka_unit_test(
		statement_arena_outlives_each_allocation_that_fails),
	    cmocka_unit_test(statement_arena_bounds_what_a_text_takes),
	    cmocka_unit_test(statement_arena_has_room_for_the_largest_text),
	    cmocka_unit_test(
		statement_arena_tells_a_dear_text_from_little_memory),
	    cmocka_unit_test(statement_arena_keeps_what_was_made),
	    cmocka_unit_test(statement_arena_gives_up_above_the_bound),
	    cmocka_unit_test(statement_arena_frees_no_piece_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "proxy/console/console_history.h"

#include <stdio.h>

#include "protocol/frame.h"
#include "protocol/types.h"
#include "proxy/history/history.h"
#include "tests/support/test.h"

enum {
	STATEMENTS = 300,
};

static void
add_statement(struct history *h)
{
	const struct history_entry first = {
	    .who = {.session = 7, .user = "joe", .database = "db"},
	    .statement = "DROP TABLE",
	    .text = "drop table t",
	};
	const struct history_step step = {.kind = HISTORY_IN_THE_WAY,
					  .pid = 4711,
					  .who = "billing",
					  .what = "public.t"};
	struct history_note *n = history_begin(h, &first);

	assert_non_null(n);
	history_add(h, n, &step);
	history_end(h, n, "DROP TABLE");
}

/* Append the rows of one page; their number. */
static size_t
show_page(struct history *h, uint64_t *below, bool *is_last,
	  struct writer *rows)
{
	struct console_rows r = {.out = rows, .table = CONSOLE_GUARDED};
	struct span in;
	size_t count = 0;
	struct frame f;

	writer_reset(rows);
	*is_last = console_show_guarded(&r, h, below);
	assert_false(rows->failed);
	in = span_of(rows->data, rows->len);
	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK) {
		assert_int_equal(f.type, BACKEND_DATA_ROW);
		count++;
	}
	assert_int_equal(in.len, 0);
	return count;
}

static bool
has(const struct writer *w, const char *part)
{
	return memmem(w->data, w->len, part, strlen(part)) != NULL;
}

static void
console_shows_a_statement_with_who_was_in_its_way(void **state)
{
	struct history *h = history_new();
	uint64_t below = UINT64_MAX;
	struct writer w = {0};
	bool is_last;

	(void)state;
	assert_non_null(h);
	add_statement(h);
	assert_int_equal(show_page(h, &below, &is_last, &w), 1);
	assert_true(is_last);
	assert_true(has(&w, "joe") && has(&w, "drop table t"));
	assert_true(has(&w, "4711") && has(&w, "billing, public.t"));
	writer_clear(&w);
	history_free(h);
}

/* A page is bounded, and each statement comes once. */
static void
console_shows_the_history_page_by_page(void **state)
{
	struct history *h = history_new();
	uint64_t below = UINT64_MAX;
	struct writer w = {0};
	bool is_last = false;
	size_t pages = 0;
	size_t count = 0;

	(void)state;
	assert_non_null(h);
	for (int i = 0; i < STATEMENTS; i++)
		add_statement(h);
	for (; !is_last; pages++) {
		count += show_page(h, &below, &is_last, &w);
		assert_true(w.len < 32 * 1024);
	}
	assert_int_equal(count, STATEMENTS);
	assert_true(pages > 1);
	writer_clear(&w);
	history_free(h);
}

static void
console_shows_nothing_without_a_history(void **state)
{
	uint64_t below = UINT64_MAX;
	struct writer w = {0};
	bool is_last;

	(void)state;
	assert_int_equal(show_page(NULL, &below, &is_last, &w), 0);
	assert_true(is_last);
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(console_shows_a_statement_with_who_was_in_its_way),
	    cmocka_unit_test(console_shows_the_history_page_by_page),
	    cmocka_unit_test(console_shows_nothing_without_a_history),
	};

	return cmocka_run_group_tests_name("proxy/console/console_history",
					   tests, NULL, NULL);
}

#include "proxy/guard/prepared_facts.h"

#include <stdlib.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum { LARGE_BYTES = 15000 };

static struct prepared_facts *
facts_of(struct span sql)
{
	struct statement_list list = {0};

	assert_int_equal(statement_list_parse(&list, (const char *)sql.data,
					      sql.len, GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	return prepared_facts_new(&list);
}

static struct span
small_text(void)
{
	static const char sql[] = "drop table a, b";

	return span_of(sql, sizeof(sql) - 1);
}

/* The caller's to free. */
static struct span
large_text(void)
{
	char *sql = calloc(1, LARGE_BYTES + 1);
	size_t at = strlen(strcpy(sql, "drop table a"));

	for (; at + 2 <= LARGE_BYTES; at += 2)
		memcpy(sql + at, ",a", 2);
	return span_of(sql, at);
}

static void
prepared_facts_new_without_memory_clears_the_list(void **state)
{
	static const char sql[] = "drop table a, b";
	struct statement_list list = {0};

	(void)state;
	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	allocation_fail_after(0);
	assert_null(prepared_facts_new(&list));
	assert_true(allocation_restore());
	assert_int_equal(list.count, 0);
}

static void
prepared_facts_keep_small_ones_awake(void **state)
{
	struct prepared_room room = {0};
	struct prepared_facts *facts = facts_of(small_text());

	(void)state;
	assert_true(prepared_facts_keep(facts, small_text(), &room));
	assert_null(facts->text);
	prepared_facts_rest(facts);
	assert_int_equal(facts->list.count, 1);
	assert_in_range(room.bytes, 1, PREPARED_AWAKE_MAX_BYTES);
	prepared_facts_drop(facts);
	assert_int_equal(room.bytes, 0);
}

static void
prepared_facts_have_large_ones_rest(void **state)
{
	atomic_size_t others = 0;
	struct prepared_room room = {.others = &others};
	struct span text = large_text();
	struct prepared_facts *facts = facts_of(text);

	(void)state;
	assert_true(statement_list_bytes(&facts->list) > 20 * text.len);
	assert_true(prepared_facts_keep(facts, text, &room));
	free((void *)(uintptr_t)text.data);
	assert_null(facts->list.items);
	assert_in_range(room.bytes, LARGE_BYTES, 2 * LARGE_BYTES);
	assert_int_equal(others, room.bytes);
	for (int i = 0; i < 2; i++) {
		assert_true(prepared_facts_wake(facts, GUARD_SCOPE_DROPS,
						STATEMENT_PARSE_BYTES_DEFAULT));
		assert_int_equal(facts->list.count, 1);
		assert_int_equal(facts->list.items[0].target_count,
				 (LARGE_BYTES - 10) / 2);
		prepared_facts_rest(facts);
		assert_null(facts->list.items);
	}
	prepared_facts_drop(facts);
	prepared_facts_rest(NULL);
	assert_int_equal(room.bytes, 0);
	assert_int_equal(others, 0);
}

/* A statement is executed again while it is still under way. */
static void
prepared_facts_rest_with_the_last_use_of_their_list(void **state)
{
	struct prepared_room room = {0};
	struct span text = large_text();
	struct prepared_facts *facts = facts_of(text);
	const struct statement *first;

	(void)state;
	assert_true(prepared_facts_keep(facts, text, &room));
	assert_true(prepared_facts_wake(facts, GUARD_SCOPE_DROPS,
					STATEMENT_PARSE_BYTES_DEFAULT));
	first = facts->list.items;
	assert_true(prepared_facts_wake(facts, GUARD_SCOPE_DROPS,
					STATEMENT_PARSE_BYTES_DEFAULT));
	prepared_facts_rest(facts);
	assert_ptr_equal(facts->list.items, first);
	prepared_facts_rest(facts);
	assert_null(facts->list.items);
	prepared_facts_drop(facts);
	free((void *)(uintptr_t)text.data);
}

static void
prepared_facts_are_not_kept_above_a_bound(void **state)
{
	atomic_size_t others = 0;
	struct prepared_room room = {.others = &others};
	struct prepared_facts *facts = facts_of(small_text());

	(void)state;
	room.bytes = PREPARED_SESSION_MAX_BYTES - 1;
	assert_false(prepared_facts_keep(facts, small_text(), &room));
	assert_int_equal(others, 0);
	room.bytes = 0;
	others = PREPARED_PROCESS_MAX_BYTES - 1;
	assert_false(prepared_facts_keep(facts, small_text(), &room));
	assert_int_equal(others, PREPARED_PROCESS_MAX_BYTES - 1);
	assert_int_equal(room.bytes, 0);
	assert_int_equal(facts->list.count, 1);
	prepared_facts_drop(facts);
}

static void
prepared_facts_without_memory_do_not_rest_or_wake(void **state)
{
	struct prepared_room room = {0};
	struct span text = large_text();
	struct prepared_facts *facts = facts_of(text);

	(void)state;
	allocation_fail_after(0);
	assert_false(prepared_facts_keep(facts, text, &room));
	assert_true(allocation_restore());
	assert_int_equal(room.bytes, 0);
	assert_true(prepared_facts_keep(facts, text, &room));
	allocation_fail_after(0);
	assert_false(prepared_facts_wake(facts, GUARD_SCOPE_DROPS,
					 STATEMENT_PARSE_BYTES_DEFAULT));
	assert_true(allocation_restore());
	assert_null(facts->list.items);
	prepared_facts_drop(facts);
	free((void *)(uintptr_t)text.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prepared_facts_new_without_memory_clears_the_list),
	    cmocka_unit_test(prepared_facts_keep_small_ones_awake),
	    cmocka_unit_test(prepared_facts_have_large_ones_rest),
	    cmocka_unit_test(
		prepared_facts_rest_with_the_last_use_of_their_list),
	    cmocka_unit_test(prepared_facts_are_not_kept_above_a_bound),
	    cmocka_unit_test(prepared_facts_without_memory_do_not_rest_or_wake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

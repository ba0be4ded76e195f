#include "proxy/guard/habits.h"

#include <pthread.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	THREADS = 4,
	ROUNDS_OF_THREAD = 1000,
};

static const struct guard_habit press = {.help = GUARD_HELP_PRESS, .first = 7};

static int
new_habits(void **state)
{
	*state = habits_new();
	return *state != NULL ? 0 : -1;
}

static int
free_habits(void **state)
{
	habits_free(*state);
	return 0;
}

static void
habits_recall_tells_what_was_noted_last(void **state)
{
	const struct guard_habit window = {.help = GUARD_HELP_WINDOW};
	uint64_t key = habits_key("db", 4711);

	assert_int_equal(habits_recall(*state, key).help, GUARD_HELP_NONE);
	habits_note(*state, key, &window);
	habits_note(*state, key, &press);
	assert_int_equal(habits_recall(*state, key).help, GUARD_HELP_PRESS);
	assert_int_equal(habits_recall(*state, key).first, 7);
}

static void
habits_note_keeps_what_helped_where_nothing_had_to(void **state)
{
	const struct guard_habit none = {.help = GUARD_HELP_NONE, .first = 9};
	uint64_t key = habits_key("db", 4711);

	habits_note(*state, key, &press);
	habits_note(*state, key, &none);
	assert_int_equal(habits_recall(*state, key).help, GUARD_HELP_PRESS);
	assert_int_equal(habits_recall(*state, key).first, 7);
}

static void
habits_are_a_databases_own(void **state)
{
	habits_note(*state, habits_key("one", 4711), &press);
	assert_int_equal(habits_recall(*state, habits_key("two", 4711)).help,
			 GUARD_HELP_NONE);
	assert_int_equal(habits_recall(*state, habits_key("one", 4712)).help,
			 GUARD_HELP_NONE);
}

static void
habits_make_room_for_the_newest(void **state)
{
	for (uint64_t key = 1; key <= 3 * HABITS_MAX; key++)
		habits_note(*state, key, &press);
	for (uint64_t key = 1; key <= 3 * HABITS_MAX; key++)
		assert_int_equal(habits_recall(*state, key).help,
				 key > 2 * HABITS_MAX ? GUARD_HELP_PRESS
						      : GUARD_HELP_NONE);
}

static void
habits_new_bears_that_memory_is_out(void **state)
{
	(void)state;
	allocation_fail_after(0);
	assert_null(habits_new());
	assert_true(allocation_restore());
	habits_free(NULL);
}

static void *
note_and_recall(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS_OF_THREAD; i++) {
		habits_note(arg, i % 8, &press);
		(void)habits_recall(arg, i % 8);
	}
	return NULL;
}

static void
habits_may_be_used_by_many_threads(void **state)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, note_and_recall, *state),
		    0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, new_habits, free_habits)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(habits_recall_tells_what_was_noted_last),
	    TEST(habits_note_keeps_what_helped_where_nothing_had_to),
	    TEST(habits_are_a_databases_own),
	    TEST(habits_make_room_for_the_newest),
	    TEST(habits_new_bears_that_memory_is_out),
	    TEST(habits_may_be_used_by_many_threads),
	};

	return cmocka_run_group_tests_name("proxy/guard/habits", tests, NULL,
					   NULL);
}

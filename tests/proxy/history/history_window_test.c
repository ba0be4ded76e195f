#include "proxy/history/history.h"

#include "tests/support/moved_clock.h"
#include "tests/support/test.h"

static int
setup(void **state)
{
	clock_reset();
	*state = history_new();
	assert_non_null(*state);
	return 0;
}

static int
teardown(void **state)
{
	history_free(*state);
	return 0;
}

static void
shut(struct history *h, uint64_t maker, uint64_t shut_ms, bool is_kept)
{
	struct history_window w = {
	    .maker = maker,
	    .is_of_transaction = is_kept,
	    .shut_ms = shut_ms,
	    .until_ms = shut_ms + 300,
	};

	history_shut(h, &w);
}

static void
history_next_window_goes_back_as_far_as_is_kept(void **state)
{
	struct history_window w = {.number = UINT64_MAX};
	uint64_t i;

	assert_false(history_next_window(*state, UINT64_MAX, &w));
	for (i = 1; i <= HISTORY_WINDOWS_MAX + 3; i++)
		shut(*state, i, 1000 + i, false);
	w.number = UINT64_MAX;
	for (i = HISTORY_WINDOWS_MAX + 3; i > 3; i--) {
		assert_true(history_next_window(*state, w.number, &w));
		assert_int_equal(w.number, i);
		assert_int_equal(w.maker, i);
	}
	assert_false(history_next_window(*state, w.number, &w));
	assert_false(history_next_window(*state, 1, &w));
	assert_false(history_next_window(*state, 0, &w));
	assert_int_equal(history_count(*state).windows,
			 HISTORY_WINDOWS_MAX + 3);
}

static void
history_open_and_delay_find_the_window(void **state)
{
	struct history_delayed delayed = {.ms = 5};
	struct history_window w;

	shut(*state, 7, 1000, false);
	shut(*state, 7, 1000, true);
	shut(*state, 8, 1000, false);
	history_open(*state, 7, 1000, true);
	history_open(*state, 7, 1001, true);
	history_delay(*state, 7, 1000, false, &delayed);
	assert_true(history_next_window(*state, 4, &w));
	assert_int_equal(w.open_ms + w.delayed, 0);
	assert_true(history_next_window(*state, 3, &w));
	assert_true(w.open_ms > 0 && w.is_of_transaction);
	assert_int_equal(w.delayed, 0);
	assert_true(history_next_window(*state, 2, &w));
	assert_int_equal(w.open_ms, 0);
	assert_int_equal(w.delayed, 1);
}

static void
history_shut_knows_the_statement(void **state)
{
	struct history_entry first = {.statement = "DROP TABLE",
				      .who.session = 7};
	struct history_note *n = history_begin(*state, &first);
	struct history_entry e;
	struct history_window w;

	assert_true(history_find(*state, history_id(n), &e));
	shut(*state, 7, e.begun_ms + 1, false);
	assert_true(history_next_window(*state, UINT64_MAX, &w));
	assert_int_equal(w.guarded, e.id);
	assert_true(w.shut_at_ms > 0);
	history_end(*state, n, "");
	clock_advance(100);
	shut(*state, 7, e.begun_ms + 50, true); /* its transaction's */
	assert_true(history_next_window(*state, UINT64_MAX, &w));
	assert_int_equal(w.guarded, e.id);
	shut(*state, 7, e.begun_ms + 50, false); /* a rescue's */
	assert_true(history_next_window(*state, UINT64_MAX, &w));
	assert_int_equal(w.guarded, 0);
}

static void
windows_of_no_history_are_none(void **state)
{
	struct history_window w = {.maker = 1};

	(void)state;
	history_shut(NULL, &w);
	history_open(NULL, 1, 1, false);
	assert_false(history_next_window(NULL, UINT64_MAX, &w));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		history_next_window_goes_back_as_far_as_is_kept, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		history_open_and_delay_find_the_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(history_shut_knows_the_statement,
					    setup, teardown),
	    cmocka_unit_test(windows_of_no_history_are_none),
	};

	return cmocka_run_group_tests_name("proxy/history/history_window",
					   tests, NULL, NULL);
}

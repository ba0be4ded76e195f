#include "policy/guard/window.h"

#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
};

/* A window of that length, however late its end is seen. */
static void
have(struct window *w, uint64_t now_ms, uint32_t length_ms, uint64_t lasted_ms,
     uint64_t random)
{
	window_begin(w, now_ms, length_ms);
	window_end(w, now_ms + lasted_ms, random);
}

static void
window_begin_says_until_when(void **state)
{
	struct window w = {0};

	(void)state;
	assert_true(w.next_ms <= NOW_MS); /* at once */
	window_begin(&w, NOW_MS, 300);
	assert_true(w.begun_ms == NOW_MS);
	assert_true(w.until_ms == NOW_MS + 300);
	window_end(&w, NOW_MS + 20, 0);
	window_begin(&w, NOW_MS + 5000, UINT32_MAX);
	assert_true(w.begun_ms == NOW_MS + 5000);
	assert_true(w.until_ms == NOW_MS + 5000 + (uint64_t)UINT32_MAX);
}

static void
window_end_counts_what_it_was(void **state)
{
	struct window w = {0};

	(void)state;
	have(&w, NOW_MS, 300, 300, 0);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.total_ms, 300);
	have(&w, NOW_MS + 10000, 300, 0, 0);
	have(&w, NOW_MS + 20000, 300, 450, 0); /* seen late */
	assert_int_equal(w.count, 3);
	assert_int_equal(w.total_ms, 750);
}

/* At least a second, and three times as long as it was, which may be late. */
static void
window_end_leaves_it_open_for_longer_than_it_was_shut(void **state)
{
	static const struct {
		uint64_t lasted_ms;
		uint64_t pause_ms;
	} pauses[] = {
	    {0, 1000},   {1, 1000},    {300, 1000},    {333, 1000},
	    {334, 1002}, {1000, 3000}, {10000, 30000}, {86400000, 259200000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		struct window w = {0};

		have(&w, NOW_MS, 300, pauses[i].lasted_ms, 0);
		assert_true(w.next_ms ==
			    NOW_MS + pauses[i].lasted_ms + pauses[i].pause_ms);
	}
}

static void
window_end_doubles_the_pause_each_time_up_to_eight_times(void **state)
{
	static const uint64_t pauses_ms[] = {1000, 2000, 4000, 8000,
					     8000, 8000, 8000};
	struct window w = {0};
	uint64_t now_ms = NOW_MS;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		have(&w, now_ms, 300, 300, 0);
		assert_int_equal(w.next_ms - now_ms - 300, pauses_ms[i]);
		now_ms = w.next_ms;
	}
	w.count = UINT32_MAX - 1;
	have(&w, now_ms, 1000, 1000, 0);
	assert_int_equal(w.next_ms - now_ms - 1000, 24000);
}

/* Up to a quarter more, never less. */
static void
window_end_adds_some_jitter(void **state)
{
	uint64_t least_ms = UINT64_MAX;
	uint64_t most_ms = 0;

	(void)state;
	for (uint64_t random = 0; random < 1000; random++) {
		struct window w = {0};

		have(&w, 0, 300, 300, random * 0x9e3779b97f4a7c15u);
		if (w.next_ms - 300 < least_ms)
			least_ms = w.next_ms - 300;
		if (w.next_ms - 300 > most_ms)
			most_ms = w.next_ms - 300;
	}
	assert_in_range(least_ms, 1000, 1010);
	assert_in_range(most_ms, 1240, 1249);
}

static void
window_put_off_says_when_the_next_may_be(void **state)
{
	struct window w = {0};

	(void)state;
	window_put_off(&w, NOW_MS, 600);
	assert_true(w.next_ms == NOW_MS + 600);
	assert_int_equal(w.count, 0);
	assert_int_equal(w.total_ms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(window_begin_says_until_when),
	    cmocka_unit_test(window_end_counts_what_it_was),
	    cmocka_unit_test(
		window_end_leaves_it_open_for_longer_than_it_was_shut),
	    cmocka_unit_test(
		window_end_doubles_the_pause_each_time_up_to_eight_times),
	    cmocka_unit_test(window_end_adds_some_jitter),
	    cmocka_unit_test(window_put_off_says_when_the_next_may_be),
	};

	return cmocka_run_group_tests_name("policy/guard/window", tests, NULL,
					   NULL);
}

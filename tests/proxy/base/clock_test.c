#include "proxy/base/clock.h"

#include <time.h>

#include "tests/support/test.h"

static void
clock_now_ms_counts_on(void **state)
{
	const struct timespec pause = {.tv_nsec = 3 * 1000 * 1000};
	uint64_t before = clock_now_ms();

	(void)state;
	nanosleep(&pause, NULL);
	assert_true(clock_now_ms() >= before + 2);
	assert_true(clock_now_ms() < before + 60 * 1000);
}

static void
assert_timeval(struct timeval t, long s, long us)
{
	assert_int_equal(t.tv_sec, s);
	assert_int_equal(t.tv_usec, us);
}

static void
clock_timeval_splits_milliseconds(void **state)
{
	(void)state;
	assert_timeval(clock_timeval(0), 0, 0);
	assert_timeval(clock_timeval(999), 0, 999000);
	assert_timeval(clock_timeval(1000), 1, 0);
	assert_timeval(clock_timeval(61001), 61, 1000);
}

static void
clock_timeval_until_is_zero_once_it_has_gone_by(void **state)
{
	(void)state;
	assert_timeval(clock_timeval_until(2500, 1000), 1, 500000);
	assert_timeval(clock_timeval_until(1000, 1000), 0, 0);
	assert_timeval(clock_timeval_until(999, 1000), 0, 0);
	assert_timeval(clock_timeval_until(0, UINT64_MAX), 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clock_now_ms_counts_on),
	    cmocka_unit_test(clock_timeval_splits_milliseconds),
	    cmocka_unit_test(clock_timeval_until_is_zero_once_it_has_gone_by),
	};

	return cmocka_run_group_tests_name("proxy/base/clock", tests, NULL,
					   NULL);
}

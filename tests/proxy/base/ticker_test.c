#include "proxy/base/ticker.h"

#include <errno.h>
#include <sys/resource.h>

#include "tests/support/test.h"

struct fixture {
	struct event_base *base;
	struct ticker ticker;
	unsigned ticks;
	unsigned enough;
};

static void
count_tick(void *arg)
{
	struct fixture *f = arg;

	if (++f->ticks == f->enough)
		event_base_loopbreak(f->base);
}

static int
setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.base = event_base_new()};
	assert_non_null(f.base);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ticker_close(&f->ticker);
	event_base_free(f->base);
	return 0;
}

/* The loop ends by itself where it has nothing to wait for. */
static void
run_for(struct fixture *f, long ms)
{
	struct timeval time = {.tv_usec = ms * 1000};

	event_base_loopexit(f->base, &time);
	event_base_dispatch(f->base);
}

static void
ticker_ticks_once(void **state)
{
	struct fixture *f = *state;

	assert_true(ticker_open(&f->ticker, f->base, count_tick, f));
	run_for(f, 20);
	assert_int_equal(f->ticks, 0);
	assert_true(ticker_once(&f->ticker, 1));
	run_for(f, 200);
	assert_int_equal(f->ticks, 1);
}

static void
ticker_ticks_again_and_again(void **state)
{
	struct fixture *f = *state;

	f->enough = 3;
	assert_true(ticker_open(&f->ticker, f->base, count_tick, f));
	assert_true(ticker_every(&f->ticker, 1));
	event_base_dispatch(f->base);
	assert_int_equal(f->ticks, 3);
	ticker_close(&f->ticker);
	run_for(f, 20);
	assert_int_equal(f->ticks, 3);
}

static void
ticker_without_a_descriptor_never_ticks(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;
	struct rlimit none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(ticker_open(&f->ticker, f->base, count_tick, f));
	assert_int_equal(errno, EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(ticker_once(&f->ticker, 1));
	assert_false(ticker_every(&f->ticker, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(ticker_ticks_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(ticker_ticks_again_and_again, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(
		ticker_without_a_descriptor_never_ticks, setup, teardown),
	};

	return cmocka_run_group_tests_name("proxy/base/ticker", tests, NULL,
					   NULL);
}

/*
 * A rescue that reaches no server: it takes what it is told, and harms nobody.
 * With a server it is e2e/rescue.
 */
#include "proxy/rescue/rescue.h"

#include <inttypes.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/rescue/rescue_base.h"
#include "tests/support/gate.h"

struct fixture {
	struct gate_fixture *gate;
	struct rescue *rescue;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	log_init(LOG_ERROR, LOG_TEXT);
	gate_fixture_setup((void **)&f->gate);
	f->gate->config.fleet = (char *)(uintptr_t) "host=/nowhere dbname=f";
	f->rescue = rescue_new(&f->gate->daemon, f->gate->base);
	assert_non_null(f->rescue);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rescue_free(f->rescue);
	loop_for(f->gate->base, 0);
	gate_fixture_teardown((void **)&f->gate);
	free(f);
	return 0;
}

static struct rescue_call
call_of(uint64_t session, const char *database, uint32_t valid_ms)
{
	struct rescue_call call = {
	    .session = session, .pid = 42, .valid_ms = valid_ms};

	memcpy(call.database, database, strlen(database));
	return call;
}

static void
rescue_hears_where_no_server_is(void **state)
{
	struct fixture *f = *state;
	struct rescue_call call = call_of(1, "db", 10);
	size_t i;

	for (i = 0; i < 3; i++) {
		rescue_hear(f->rescue, &call);
		loop_for(f->gate->base, 20);
	}
	call.valid_ms = 0;
	rescue_hear(f->rescue, &call);
	loop_for(f->gate->base, 0);
	gate_fixture_query(f->gate, 1, "select from a");
	assert_server_got(f->gate, "select from a|");
	rescue_describe(f->rescue);
}

static void
rescue_is_bounded(void **state)
{
	struct fixture *f = *state;
	char name[16];
	uint64_t i;

	for (i = 1; i < 100; i++) {
		struct rescue_call call = call_of(i, "db", 1000);

		rescue_hear(f->rescue, &call);
		(void)snprintf(name, sizeof(name), "db%" PRIu64, i);
		call = call_of(i, name, 1000);
		rescue_hear(f->rescue, &call);
	}
	loop_for(f->gate->base, 0);
	rescue_describe(f->rescue);
	rescue_free(NULL);
}

static void
rescue_base_is_idle_in_the_end(void **state)
{
	struct fixture *f = *state;
	struct rescue_counts counts = {0};
	struct rescue_call call = call_of(1, "db", 1);
	struct rescue_base *b =
	    rescue_base_new(&f->gate->daemon, f->gate->base, &counts, "db");

	assert_non_null(b);
	rescue_base_hear(b, &call);
	assert_int_equal(b->count, 1);
	assert_int_equal(counts.failures, 1);
	assert_false(rescue_base_is_idle(b, UINT64_MAX));
	loop_for(f->gate->base, 20);
	assert_int_equal(b->count, 0);
	assert_false(rescue_base_is_idle(b, clock_now_ms()));
	assert_true(rescue_base_is_idle(b, clock_now_ms() + RESCUE_IDLE_MS));
	rescue_base_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(rescue_hears_where_no_server_is),
	    TEST(rescue_is_bounded),
	    TEST(rescue_base_is_idle_in_the_end),
	};

	return cmocka_run_group_tests_name("proxy/rescue/rescue", tests, NULL,
					   NULL);
}

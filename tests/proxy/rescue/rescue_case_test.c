#include "proxy/rescue/rescue_case.h"

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "tests/support/gate.h"
#include "tests/support/moved_clock.h"

enum {
	WINDOW_MS = 300,
	RELID = 4711,
};

struct fixture {
	struct gate_fixture *gate;
	struct rescue_case *c;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct rescue_call call = {
	    .session = 77, .pid = 42, .valid_ms = 1, .database = "db"};

	assert_non_null(f);
	clock_reset();
	log_init(LOG_ERROR, LOG_TEXT);
	gate_fixture_setup((void **)&f->gate);
	f->gate->config.guard.gate_window_ms = WINDOW_MS;
	f->c = rescue_case_new(&f->gate->daemon, &call);
	assert_non_null(f->c);
	f->c->until_ms = UINT64_MAX;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->c != NULL)
		rescue_case_free(f->c, clock_now_ms());
	loop_for(f->gate->base, 0);
	gate_fixture_teardown((void **)&f->gate);
	free(f);
	return 0;
}

/* A look that finds so many relations. */
static void
look(struct fixture *f, size_t count, bool stops_readers)
{
	rescue_case_begin_look(f->c);
	while (count-- > 0)
		rescue_case_add(f->c, RELID, stops_readers);
	rescue_case_end_look(f->c, clock_now_ms());
	loop_for(f->gate->base, 0);
}

static bool
shut(struct fixture *f)
{
	struct gate_names names = gate_fixture_names("a");
	bool is_shut = rescue_case_shut(f->c, &names, clock_now_ms());

	assert_null(names.items);
	loop_for(f->gate->base, 0);
	return is_shut;
}

static void
expire(struct fixture *f)
{
	rescue_case_expire(f->c, clock_now_ms());
	loop_for(f->gate->base, 0);
}

static void
rescue_case_wants_a_window_while_it_waits(void **state)
{
	struct fixture *f = *state;

	assert_false(f->c->is_due);
	look(f, 0, false);
	assert_false(f->c->is_due);
	look(f, 1, true);
	assert_true(f->c->is_due);
	assert_true(shut(f));
	assert_false(f->c->is_due);
}

static void
rescue_case_opens_when_it_waits_no_longer(void **state)
{
	struct fixture *f = *state;

	look(f, 1, true);
	assert_true(shut(f));
	gate_fixture_query(f->gate, 1, "select from a");
	gate_fixture_query(f->gate, 2, "select from b");
	assert_server_got(f->gate, "select from b|");
	look(f, 1, true);
	assert_server_got(f->gate, "");
	look(f, 0, false);
	assert_server_got(f->gate, "select from a|");
	assert_int_equal(f->c->lease.delayed, 1);
}

static void
rescue_case_spares_who_reads_what_only_writers_are_kept_from(void **state)
{
	struct fixture *f = *state;

	look(f, 1, false);
	assert_true(shut(f));
	gate_fixture_query(f->gate, 1, "insert into a values (1)");
	gate_fixture_query(f->gate, 2, "select from a");
	assert_server_got(f->gate, "select from a|");
	look(f, 0, false);
	assert_server_got(f->gate, "insert into a values (1)|");
}

static void
rescue_case_stays_within_the_caps(void **state)
{
	struct fixture *f = *state;
	uint64_t begun_ms = clock_now_ms();
	size_t windows = 0;

	while (clock_now_ms() < begun_ms + 20000) {
		look(f, 1, true);
		if (f->c->is_due && shut(f)) {
			windows++;
			assert_true(rescue_case_next_ms(f->c) <=
				    clock_now_ms() + WINDOW_MS);
		}
		clock_advance(20);
		expire(f);
	}
	assert_in_range(windows, 3, 10);
	assert_true(f->c->pace.total_ms <= 20000 / 4);
	assert_true(f->c->pace.total_ms <= windows * (WINDOW_MS + 20));
}

static void
rescue_case_shuts_for_no_names(void **state)
{
	struct fixture *f = *state;
	struct gate_names none = {0};

	look(f, 1, true);
	assert_false(rescue_case_shut(f->c, &none, clock_now_ms()));
	assert_false(f->c->is_due);
	look(f, 1, true);
	assert_false(f->c->is_due);
	clock_advance(1000);
	look(f, 1, true);
	assert_true(f->c->is_due);
}

static void
rescue_case_free_opens(void **state)
{
	struct fixture *f = *state;

	look(f, RESCUE_RELATIONS_MAX + 1, true);
	assert_int_equal(f->c->count, RESCUE_RELATIONS_MAX);
	assert_true(shut(f));
	gate_fixture_query(f->gate, 1, "select from a");
	assert_server_got(f->gate, "");
	rescue_case_free(f->c, clock_now_ms());
	f->c = NULL;
	loop_for(f->gate->base, 0);
	assert_server_got(f->gate, "select from a|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(rescue_case_wants_a_window_while_it_waits),
	    TEST(rescue_case_opens_when_it_waits_no_longer),
	    TEST(rescue_case_spares_who_reads_what_only_writers_are_kept_from),
	    TEST(rescue_case_stays_within_the_caps),
	    TEST(rescue_case_shuts_for_no_names),
	    TEST(rescue_case_free_opens),
	};

	return cmocka_run_group_tests_name("proxy/rescue/rescue_case", tests,
					   NULL, NULL);
}

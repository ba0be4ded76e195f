#include "proxy/console/console.h"

#include "tests/support/allocation.h"
#include "tests/support/console.h"

static int
setup(void **state)
{
	struct console_fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	console_fixture_begin(f, CONSOLE_MAY_ALL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	console_fixture_end(*state);
	free(*state);
	return 0;
}

static void
turn(struct console_fixture *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->pair.base, EVLOOP_NONBLOCK);
}

static void
assert_told(struct console_fixture *f, const char *text, const char *types,
	    const char *sqlstate)
{
	struct heard h = console_fixture_query(f, text);

	if (strcmp(h.types, types) != 0 || strcmp(h.sqlstate, sqlstate) != 0)
		fail_msg("%s: %s %s", text, h.types, h.sqlstate);
}

/* As session.c has it when the console's timer is over. */
static void
tick(struct console_fixture *f)
{
	console_tick(f->console);
	turn(f);
	console_go_on(f->console);
}

/* PAUSE, which finds a transaction open. */
static void
begin_to_wait(struct console_fixture *f, const char *text)
{
	f->end = TASK_UNSETTLED;
	assert_string_equal(console_fixture_query(f, text).types, "");
	assert_true(console_is_pausing(f->console));
	assert_false(console_is_idle(f->console));
}

static void
pause_asks_each_worker_until_nothing_is_under_way(void **state)
{
	struct console_fixture *f = *state;
	struct heard h;

	begin_to_wait(f, "pause");
	assert_true(pause_is_on(f->pair.daemon.pauses, ""));
	tick(f);
	tick(f);
	assert_int_equal(f->kinds[TASK_SETTLE], 3);
	assert_string_equal(console_fixture_hear(f).types, "");
	f->end = TASK_DONE;
	tick(f);
	h = console_fixture_hear(f);
	assert_string_equal(h.types, "CZ");
	assert_int_equal(f->kinds[TASK_SETTLE], 5);
	assert_false(console_is_pausing(f->console));
	assert_true(pause_is_on(f->pair.daemon.pauses, ""));
	console_tick(f->console);
	turn(f);
	assert_int_equal(f->kinds[TASK_SETTLE], 5);
}

static void
pause_and_resume_tell_what_there_is(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "resume", "EZ", "55000");
	assert_told(f, "resume shop", "EZ", "55000");
	assert_told(f, "pause shop", "CZ", "");
	assert_told(f, "pause shop", "EZ", "55000");
	assert_told(f, "show databases", "TCZ", "");
	assert_told(f, "resume shop; pause; pause shop", "CCEZ", "55000");
	assert_told(f, "resume", "CZ", "");
	assert_true(gate_is_open(&f->gate));
}

static void
pause_ends_with_its_cancel(void **state)
{
	struct console_fixture *f = *state;
	struct heard h;

	console_cancel(f->console); /* nothing is under way */
	begin_to_wait(f, "pause shop; show version");
	console_cancel(f->console);
	assert_int_equal(pause_count(f->pair.daemon.pauses), 0);
	f->end = TASK_NOT_PAUSED;
	tick(f);
	h = console_fixture_hear(f);
	assert_string_equal(h.types, "EZ");
	assert_string_equal(h.sqlstate, "57014");
	f->end = TASK_DONE;
	assert_told(f, "pause shop", "CZ", "");
}

static void
pause_tells_that_it_was_resumed(void **state)
{
	struct console_fixture *f = *state;
	struct heard h;

	begin_to_wait(f, "pause");
	assert_true(pause_end(&f->pair.daemon, ""));
	f->end = TASK_NOT_PAUSED;
	tick(f);
	h = console_fixture_hear(f);
	assert_string_equal(h.sqlstate, "55000");
	/* It is on, but a worker does not know: it had no memory. */
	assert_told(f, "pause", "EZ", "53200");
	assert_int_equal(pause_count(f->pair.daemon.pauses), 0);
}

static void
pause_ends_with_its_console(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "pause shop", "CZ", "");
	begin_to_wait(f, "pause stock");
	console_free(f->console);
	f->console = NULL;
	/* What was answered stays. */
	assert_true(pause_is_on(f->pair.daemon.pauses, "shop"));
	assert_false(pause_is_on(f->pair.daemon.pauses, "stock"));
}

static void
pause_goes_by_the_extended_protocol(void **state)
{
	struct console_fixture *f = *state;
	struct writer w = {0};

	f->end = TASK_UNSETTLED;
	parse_write(&w, "", "pause shop");
	bind_write(&w, "", "", NULL, 0);
	execute_write(&w, "");
	bare_write(&w, FRONTEND_SYNC);
	console_fixture_says(f, &w);
	assert_string_equal(console_fixture_hear(f).types, "12");
	assert_true(pause_is_on(f->pair.daemon.pauses, "shop"));
	f->end = TASK_DONE;
	tick(f);
	assert_string_equal(console_fixture_hear(f).types, "CZ");
}

static void
pause_survives_a_lack_of_memory(void **state)
{
	for (unsigned n = 0; n < 12; n++) {
		struct console_fixture *f = *state;
		struct writer w = {0};

		query_write(&w, "pause", 5);
		assert_true(buffer_append(&f->pair.pair.from_client.buffer,
					  w.data, w.len));
		writer_clear(&w);
		allocation_fail_after(n);
		console_go_on(f->console);
		turn(f);
		(void)allocation_restore();
		(void)pair_fixture_read(&f->pair, f->pair.client);
		teardown(state);
		setup(state);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pause_asks_each_worker_until_nothing_is_under_way),
	    TEST(pause_and_resume_tell_what_there_is),
	    TEST(pause_ends_with_its_cancel),
	    TEST(pause_tells_that_it_was_resumed),
	    TEST(pause_ends_with_its_console),
	    TEST(pause_goes_by_the_extended_protocol),
	    TEST(pause_survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests_name("proxy/console/console_pause", tests,
					   NULL, NULL);
}

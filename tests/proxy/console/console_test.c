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
setup_viewer(void **state)
{
	struct console_fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	console_fixture_begin(f, CONSOLE_MAY_LOOK);
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
assert_told(struct console_fixture *f, const char *text, const char *types,
	    const char *sqlstate)
{
	struct heard h = console_fixture_query(f, text);

	if (strcmp(h.types, types) != 0 || strcmp(h.sqlstate, sqlstate) != 0)
		fail_msg("%s: %s %s", text, h.types, h.sqlstate);
}

static void
console_welcomes_as_a_server_does(void **state)
{
	struct console_fixture *f = *state;
	struct heard h;

	console_welcome(f->console, 7, span_of("", 0));
	h = console_fixture_hear(f);
	assert_string_equal(h.types, "RSSSSSSSSSSZ");
	assert_int_equal(h.status, 'I');
	console_welcome(f->console, 7, span_of("abcd", 4));
	h = console_fixture_hear(f);
	assert_string_equal(h.types, "RSSSSSSSSSSKZ");
	assert_true(console_is_idle(f->console));
}

static void
console_runs_the_commands_of_a_query(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "show version", "TDCZ", "");
	assert_told(f, "show version; show help;",
		    "TDCTDDDDDDDDDDDDDDDDDDDDDDDDDCZ", "");
	assert_told(f, "", "IZ", "");
	assert_told(f, ";; -- nothing", "IZ", "");
	assert_told(f, "set application_name = 'x'; deallocate all", "CCZ", "");
	assert_told(f, "nothing", "EZ", "42601");
	assert_told(f, "show version; nothing; reload", "TDCEZ", "42601");
	assert_int_equal(f->tasks, 0);
}

static void
console_tells_of_transactions(void **state)
{
	struct console_fixture *f = *state;

	assert_int_equal(console_fixture_query(f, "begin").status, 'T');
	assert_int_equal(console_fixture_query(f, "nothing").status, 'T');
	assert_int_equal(console_fixture_query(f, "rollback").status, 'I');
	assert_int_equal(console_fixture_query(f, "begin; commit").status, 'I');
}

/* The console asks one worker after the other, from the highest session on. */
static void
console_asks_all_workers_for_pages(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "show clients", "TDDDDCZ", "");
	assert_int_equal(f->kinds[TASK_PAGE], 4);
	assert_told(f, "show held", "TCZ", "");
	assert_int_equal(f->kinds[TASK_PAGE], 6);
	f->is_last = true;
	assert_told(f, "show servers; show clients", "TDDCTDDCZ", "");
}

static void
console_deals_with_one_message_at_a_time(void **state)
{
	struct console_fixture *f = *state;
	struct writer w = {0};

	f->keeps = true;
	query_write(&w, "reload", 6);
	query_write(&w, "show version", 12);
	console_fixture_says(f, &w);
	assert_false(console_is_idle(f->console));
	assert_string_equal(console_fixture_hear(f).types, "");
	console_fixture_answer(f, f->kept);
	f->kept = NULL;
	for (int i = 0; i < 4; i++)
		event_base_loop(f->pair.base, EVLOOP_NONBLOCK);
	assert_string_equal(console_fixture_hear(f).types, "CZTDCZ");
	assert_true(console_is_idle(f->console));
}

/* A client that does not read gets no more than is on its way. */
static void
console_waits_for_who_reads(void **state)
{
	struct console_fixture *f = *state;
	struct writer w = {0};

	for (int i = 0; i < 400; i++)
		query_write(&w, "show config;show config", 23);
	console_fixture_says(f, &w);
	assert_true(stream_pending(&f->pair.pair.client) > 0);
	assert_true(stream_pending(&f->pair.pair.client) < 16 * 1024);
	assert_true(f->pair.pair.from_client.buffer.len > 0);
	assert_false(pair_is_closing(&f->pair.pair));
}

static void
console_has_done_what_is_asked(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "kill_client 281474976710657", "CZ", "");
	assert_int_equal(f->kinds[TASK_KILL], 1);
	assert_true(f->id == 281474976710657);
	assert_told(f, "release 281474976710657; abort 562949953421312", "CCZ",
		    "");
	assert_int_equal(f->kinds[TASK_RELEASE], 1);
	assert_int_equal(f->kinds[TASK_ABORT], 1);
	assert_told(f, "reload; shutdown; shutdown wait_for_clients", "CCCZ",
		    "");
	assert_int_equal(f->kinds[TASK_RELOAD], 1);
	assert_int_equal(f->kinds[TASK_STOP], 1);
	assert_int_equal(f->kinds[TASK_DRAIN], 1);
	assert_told(f, "guard off", "CZ", "");
	assert_true(atomic_load(&f->pair.daemon.is_guard_off));
	assert_told(f, "guard on", "CZ", "");
	assert_false(atomic_load(&f->pair.daemon.is_guard_off));
}

static void
console_tells_what_could_not_be_done(void **state)
{
	struct console_fixture *f = *state;

	/* No worker has such sessions: nobody is asked. */
	assert_told(f, "abort 0", "EZ", "22023");
	assert_told(f, "abort 844424930131968", "EZ", "22023");
	assert_told(f, "abort 9223372036854775807", "EZ", "22023");
	assert_int_equal(f->tasks, 0);
	f->end = TASK_NO_SESSION;
	assert_told(f, "abort 281474976710657; reload", "EZ", "22023");
	f->end = TASK_NOT_HELD;
	assert_told(f, "release 281474976710657", "EZ", "55000");
	f->end = TASK_FAILED;
	assert_told(f, "reload", "EZ", "F0000");
	assert_int_equal(f->tasks, 3);
}

/* The text of all that has come to the client since. */
static const char *
hear_text(struct console_fixture *f)
{
	static char text[8192];
	struct span in = pair_fixture_read(&f->pair, f->pair.client);

	assert_true(in.len < sizeof(text));
	for (size_t i = 0; i < in.len; i++)
		text[i] = in.data[i] == 0 ? '|' : (char)in.data[i];
	text[in.len] = '\0';
	return text;
}

static const char *
reload(struct console_fixture *f)
{
	struct writer w = {0};

	query_write(&w, "reload", 6);
	console_fixture_says(f, &w);
	return hear_text(f);
}

static void
console_tells_what_a_reload_has_changed(void **state)
{
	struct console_fixture *f = *state;
	const char *told;

	f->reload.generation = 7;
	told = reload(f);
	assert_null(strstr(told, "NOTICE"));
	assert_null(strstr(told, "WARNING"));
	/* By their places in the table: listen, upstream, and http_listen. */
	f->reload.change =
	    (struct config_change){.changed = 2, .kept = 5, .has_rules = true};
	told = reload(f);
	assert_non_null(strstr(told, "configuration reloaded (generation 7): "
				     "changed upstream, rules|"));
	assert_non_null(strstr(told, "C55P02|Mparameter \"listen\" cannot be "
				     "changed without restarting|"));
	assert_non_null(strstr(told, "\"http_listen\""));
	assert_non_null(strstr(told, "RELOAD|"));
}

static void
console_tells_why_a_reload_has_failed(void **state)
{
	struct console_fixture *f = *state;
	const char *told;

	f->end = TASK_FAILED;
	told = reload(f);
	assert_non_null(strstr(told, "|DOut of memory.|"));
	f->reload.mistakes = (char *)(uintptr_t) "conf:7: policy: no";
	told = reload(f);
	assert_non_null(strstr(told, "CF0000|"));
	assert_non_null(strstr(told, "|Dconf:7: policy: no|"));
	assert_null(strstr(told, "RELOAD|"));
}

static void
console_lets_who_may_look_do_nothing(void **state)
{
	struct console_fixture *f = *state;

	assert_told(f, "show version; set datestyle = iso", "TDCCZ", "");
	assert_told(f, "show clients", "TDDDDCZ", "");
	f->tasks = 0;
	assert_told(f, "kill_client 281474976710657", "EZ", "42501");
	assert_told(f, "release 281474976710657", "EZ", "42501");
	assert_told(f, "abort 281474976710657", "EZ", "42501");
	assert_told(f, "reload", "EZ", "42501");
	assert_told(f, "shutdown", "EZ", "42501");
	assert_told(f, "guard off", "EZ", "42501");
	assert_told(f, "pause", "EZ", "42501");
	assert_told(f, "resume", "EZ", "42501");
	assert_false(atomic_load(&f->pair.daemon.is_guard_off));
	assert_int_equal(f->tasks, 0);
}

static void
console_goes_through_an_extended_cycle(void **state)
{
	struct console_fixture *f = *state;
	struct writer w = {0};

	parse_write(&w, "s", "show clients");
	bind_write(&w, "p", "s", NULL, 0);
	execute_write(&w, "p");
	close_write(&w, 'P', "p");
	execute_write(&w, "p");
	execute_write(&w, "p");
	bare_write(&w, FRONTEND_SYNC);
	bare_write(&w, FRONTEND_FLUSH);
	bare_write(&w, FRONTEND_SYNC);
	console_fixture_says(f, &w);
	assert_string_equal(console_fixture_hear(f).types, "12DDDDC3EZZ");
	/* Portals go with the transaction, statements do not. */
	bind_write(&w, "", "s", NULL, 0);
	bare_write(&w, FRONTEND_SYNC);
	execute_write(&w, "");
	bare_write(&w, FRONTEND_SYNC);
	console_fixture_says(f, &w);
	assert_string_equal(console_fixture_hear(f).types, "2ZEZ");
}

/* Bytes that are no message of a client's. */
static void
console_closes_on_what_is_no_message(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} rows[] = {
	    {BYTES("Q\0\0\0\5x")},  {BYTES("Q\0\0\0\7a\0b")},
	    {BYTES("Q\0\0\0\3")},   {BYTES("Q\0\x1\0\0")},
	    {BYTES("P\0\0\0\5\0")}, {BYTES("D\0\0\0\6X\0")},
	    {BYTES("C\0\0\0\5S")},  {BYTES("E\0\0\0\5\0")},
	    {BYTES("p\0\0\0\4")},   {BYTES("\0\0\0\0\4")},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct console_fixture *f = *state;
		struct writer w = {0};

		write_bytes(&w, rows[i].data, rows[i].len);
		console_fixture_says(f, &w);
		assert_pair_closes(&f->pair.pair, CLOSE_CLIENT_BAD);
		teardown(state);
		setup(state);
	}
}

static void
console_ends_as_the_client_says(void **state)
{
	struct console_fixture *f = *state;
	struct writer w = {0};

	bare_write(&w, FRONTEND_TERMINATE);
	console_fixture_says(f, &w);
	assert_pair_closes(&f->pair.pair, CLOSE_CLIENT_LEFT);
}

/* At whatever allocation: an answer, or an end. */
static void
console_survives_without_memory(void **state)
{
	static const char *const texts[] = {"show clients", "show stats",
					    "reload", "nothing"};

	for (unsigned n = 0; n < 12; n++) {
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			struct console_fixture *f = *state;
			struct writer w = {0};

			query_write(&w, texts[i], strlen(texts[i]));
			assert_true(buffer_append(
			    &f->pair.pair.from_client.buffer, w.data, w.len));
			writer_clear(&w);
			allocation_fail_after(n);
			console_go_on(f->console);
			for (int k = 0; k < 20; k++)
				event_base_loop(f->pair.base, EVLOOP_NONBLOCK);
			(void)allocation_restore();
			(void)pair_fixture_read(&f->pair, f->pair.client);
			teardown(state);
			setup(state);
		}
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(console_welcomes_as_a_server_does),
	    TEST(console_runs_the_commands_of_a_query),
	    TEST(console_tells_of_transactions),
	    TEST(console_asks_all_workers_for_pages),
	    TEST(console_deals_with_one_message_at_a_time),
	    TEST(console_waits_for_who_reads),
	    TEST(console_has_done_what_is_asked),
	    TEST(console_tells_what_could_not_be_done),
	    TEST(console_tells_what_a_reload_has_changed),
	    TEST(console_tells_why_a_reload_has_failed),
	    cmocka_unit_test_setup_teardown(
		console_lets_who_may_look_do_nothing, setup_viewer, teardown),
	    TEST(console_goes_through_an_extended_cycle),
	    TEST(console_closes_on_what_is_no_message),
	    TEST(console_ends_as_the_client_says),
	    TEST(console_survives_without_memory),
	};

	return cmocka_run_group_tests_name("proxy/console/console", tests, NULL,
					   NULL);
}

/*
 * What of one session's messages waits while the gate is shut for table a.
 */
#include "proxy/gate/gate.h"
#include "proxy/history/history.h"
#include "proxy/pair/cancel.h"
#include "tests/support/gate_watch.h"

static void
gate_stops_a_query_about_its_table(void **state)
{
	static const struct {
		const char *sql;
		bool stops;
	} texts[] = {
	    {"table a", true},   {"select 1 from b, a", true},
	    {"table b", false},  {"begin", false},
	    {"", false},         {"select 1; table a", true},
	    {"execute p", true}, /* who knows */
	};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct gate_window *w = shut(f);

		query(f, texts[i].sql);
		if (texts[i].stops)
			assert_waits(f);
		reopen(f, w);
		assert_passed(f, "Q");
		assert_false(f->players[0].watch.is_waiting);
		answer_query(f, 'I');
	}
}

static void
gate_stops_a_transaction_that_has_touched_nothing(void **state)
{
	static const char *const harmless[] = {
	    "begin",  "start transaction", "set local x = 1",
	    "show x", "savepoint s",       "listen x",
	    ";",
	};
	struct gate_fixture *f = *state;
	struct gate_window *w;

	run(f, "begin", 'T');
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		run(f, harmless[i], 'T');
	w = shut(f);
	run(f, "show x", 'T');
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "Q");
}

/* It may hold a lock: then nobody could wait for it and not for ever. */
static void
gate_stops_no_transaction_that_has_touched_a_table(void **state)
{
	static const char *const first[] = {
	    "table b",
	    "begin; table b",
	    "select f()",
	    "truncate b",
	    "declare c cursor for table b",
	};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		struct gate_window *w;

		run(f, "begin", 'T');
		run(f, first[i], 'T');
		run(f, "savepoint s", 'T');
		w = shut(f);
		run(f, "table a", 'T');
		run(f, "table a", 'T');
		run(f, "commit", 'I');
		/* And behind it another one begins. */
		query(f, "table a");
		assert_waits(f);
		reopen(f, w);
		assert_passed(f, "Q");
		answer_query(f, 'I');
	}
}

static void
gate_stops_nothing_in_a_failed_transaction(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	run(f, "begin", 'T');
	run(f, "set nothing to nowhere", 'E');
	w = shut(f);
	run(f, "table a", 'E');
	run(f, "rollback", 'I');
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
}

/* What it finds is not known before that has been answered. */
static void
gate_keeps_back_what_follows_an_unanswered_query(void **state)
{
	static const struct {
		const char *first;
		char status;
		bool stops;
	} texts[] = {
	    {"begin", 'T', true},           {"table b", 'I', true},
	    {"begin; table b", 'T', false}, {"begin; table b", 'E', false},
	    {"commit", 'I', true},
	};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct gate_window *w = shut(f);

		query(f, texts[i].first);
		query(f, "table a");
		assert_passed(f, "Q");
		/* It is not among those that wait: a cancel is for the
		 * first one, and the server's. */
		assert_false(f->players[0].watch.is_waiting);
		answer_query(f, texts[i].status);
		if (texts[i].stops)
			assert_waits(f);
		reopen(f, w);
		assert_passed(f, "Q");
		answer_query(f, texts[i].status);
		run(f, "rollback", 'I');
	}
}

/* Both end with a ReadyForQuery, which tells. */
static void
gate_keeps_back_what_follows_an_unanswered_cycle(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	prepare(f, "of_b", "table b");
	w = shut(f);
	bind_to(f, "of_b");
	execute(f);
	sync_cycle(f);
	query(f, "table a");
	assert_passed(f, "BES");
	answers(f, "2\0\0\0\4C\0\0\0\6X\0", 12);
	assert_passed(f, "");
	answer_ready(f, 'I');
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "Q");
	answer_query(f, 'I');
	call_function(f);
	w = shut(f);
	query(f, "table a");
	assert_passed(f, "F");
	answers(f, "V\0\0\0\x8\xff\xff\xff\xff", 9);
	answer_ready(f, 'I');
	assert_waits(f);
	reopen(f, w);
}

/* Whichever way it was touched. */
static void
gate_stops_no_transaction_that_has_bound_or_called(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	prepare(f, "of_b", "table b");
	run(f, "begin", 'T');
	bind_to(f, "of_b");
	execute(f);
	sync_cycle(f);
	assert_passed(f, "BES");
	answers(f, "2\0\0\0\4C\0\0\0\6X\0", 12);
	answer_ready(f, 'T');
	w = shut(f);
	run(f, "table a", 'T');
	reopen(f, w);
	run(f, "commit", 'I');
	run(f, "begin", 'T');
	call_function(f);
	assert_passed(f, "F");
	answers(f, "V\0\0\0\x8\xff\xff\xff\xff", 9);
	answer_ready(f, 'T');
	w = shut(f);
	run(f, "table a", 'T');
	reopen(f, w);
}

static void
gate_stops_an_extended_cycle_at_its_first_message(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	parse(f, "", "table b");
	bind_to(f, "");
	execute(f);
	assert_passed(f, "PBE");
	parse(f, "", "table a"); /* the same transaction */
	bind_to(f, "");
	execute(f);
	sync_cycle(f);
	assert_passed(f, "PBES");
	answers(f,
		"1\0\0\0\4"
		"2\0\0\0\4"
		"C\0\0\0\6X\0"
		"1\0\0\0\4"
		"2\0\0\0\4"
		"C\0\0\0\6X\0",
		34);
	answer_ready(f, 'I');
	parse(f, "", "table a");
	assert_waits(f);
	bind_to(f, "");
	execute(f);
	sync_cycle(f);
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "PBES");
}

static void
gate_stops_a_prepared_statement_at_its_bind(void **state)
{
	static const struct {
		const char *name;
		bool stops;
	} names[] = {
	    {"of_a", true},    {"of_b", false},  {"begin", false},
	    {"unknown", true}, {"opaque", true},
	};
	struct gate_fixture *f = *state;

	prepare(f, "of_a", "table a");
	prepare(f, "of_b", "table b");
	prepare(f, "begin", "begin");
	prepare(f, "opaque", "execute p");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct gate_window *w = shut(f);

		bind_to(f, names[i].name);
		if (names[i].stops)
			assert_waits(f);
		execute(f);
		sync_cycle(f);
		reopen(f, w);
		assert_passed(f, "BES");
		answers(f, "2\0\0\0\4C\0\0\0\6X\0", 12);
		answer_ready(f, 'I');
	}
}

/* A statement that touches nothing makes no transaction old. */
static void
gate_stops_behind_a_prepared_begin(void **state)
{
	static const char *const names[] = {"b", ""};
	struct gate_fixture *f = *state;

	prepare(f, "b", "begin");
	for (size_t i = 0; i < 2; i++) {
		struct gate_window *w;

		prepare(f, "", "begin");
		w = shut(f);
		bind_to(f, names[i]);
		execute(f);
		sync_cycle(f);
		assert_passed(f, "BES");
		answers(f, "2\0\0\0\4C\0\0\0\6X\0", 12);
		answer_ready(f, 'T');
		query(f, "table a");
		assert_waits(f);
		reopen(f, w);
		assert_passed(f, "Q");
		answer_query(f, 'T');
		run(f, "commit", 'I');
	}
}

/* Its text is not kept. */
static void
gate_stops_the_unnamed_statement_whatever_it_is_about(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	prepare(f, "", "table b");
	w = shut(f);
	bind_to(f, "");
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "B");
}

static void
gate_stops_a_function_call(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	call_function(f);
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "F");
	answers(f, "V\0\0\0\x8\xff\xff\xff\xff", 9);
	answer_ready(f, 'I');
}

static void
gate_stops_no_message_that_touches_nothing(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	sends_frame(f, FRONTEND_CLOSE, "Sa\0", 3);
	sends_frame(f, FRONTEND_DESCRIBE, "Pa\0", 3);
	sends_frame(f, FRONTEND_EXECUTE, "a\0\0\0\0\0", 6);
	sends_frame(f, FRONTEND_FLUSH, "", 0);
	sync_cycle(f);
	sends_frame(f, FRONTEND_TERMINATE, "", 0);
	assert_passed(f, "CDEHSX");
	reopen(f, w);
}

/* What has not come as a whole may name anything. */
static void
gate_stops_a_message_that_streams(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	f->config.query_limit_bytes = 10;
	sends(f, "Q\0\0\0\x20table b where ", 20);
	assert_waits(f);
	reopen(f, w);
	assert_int_equal(gate_fixture_read(f).len, 20);
}

static void
gate_stops_nothing_while_copy_data_comes(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	query(f, "copy b from stdin");
	assert_passed(f, "Q");
	answers(f, "G\0\0\0\7\0\0\0", 8);
	w = shut(f);
	sends_frame(f, FRONTEND_COPY_DATA, "table a", 7);
	sends_frame(f, FRONTEND_COPY_DONE, "", 0);
	assert_passed(f, "dc");
	answer_query(f, 'I');
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "Q");
}

/* It is an error; the server says so. */
static void
gate_stops_no_query_while_copy_data_is_due(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	query(f, "copy b from stdin");
	answers(f, "G\0\0\0\7\0\0\0", 8);
	w = shut(f);
	query(f, "table a");
	assert_passed(f, "QQ");
	reopen(f, w);
}

static void
gate_stops_nothing_that_the_server_skips(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	parse(f, "", "begin nonsense");
	assert_passed(f, "P");
	answers(f,
		"E\0\0\0\x0d"
		"C42601\0\0",
		14);
	parse(f, "", "table a");
	bind_to(f, "a");
	sync_cycle(f);
	assert_passed(f, "PBS");
	answer_ready(f, 'I');
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
}

/* As after a guarded statement: its pieces are sent past this. */
static void
gate_stops_the_transaction_behind_a_guarded_statement(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	pipeline_sent(&f->players[0].pair.pipeline, FRONTEND_QUERY,
		      PIPELINE_CLIENT);
	gate_watch_note_touch(&f->players[0].watch, true);
	answer_query(f, 'I');
	w = shut(f);
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "Q");
}

static void
gate_stops_nothing_behind_a_guarded_statement_in_a_block(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;

	run(f, "begin", 'T');
	pipeline_sent(&f->players[0].pair.pipeline, FRONTEND_QUERY,
		      PIPELINE_CLIENT);
	gate_watch_note_touch(&f->players[0].watch, true);
	answer_query(f, 'T');
	w = shut(f);
	query(f, "table a");
	assert_passed(f, "Q");
	reopen(f, w);
}

/* A cancel of what waits is the proxy's to answer. */
static void
gate_tells_that_it_holds_a_session(void **state)
{
	struct gate_fixture *f = *state;
	struct pair *p = &f->players[0].pair;
	struct span secret = bytes("1234", 4);
	struct cancel_target target = {.session = 1};
	struct gate_window *w = shut(f);

	f->daemon.cancels = cancel_registry_new();
	p->cancel_entry =
	    cancel_remember(f->daemon.cancels, 7, secret, &target);
	query(f, "table b");
	assert_true(cancel_find(f->daemon.cancels, 7, secret, &target));
	assert_false(target.is_held);
	answer_query(f, 'I');
	query(f, "table a");
	assert_true(cancel_find(f->daemon.cancels, 7, secret, &target));
	assert_true(target.is_held);
	reopen(f, w);
	assert_true(cancel_find(f->daemon.cancels, 7, secret, &target));
	assert_false(target.is_held);
	assert_passed(f, "QQ");
	cancel_forget(f->daemon.cancels, p->cancel_entry);
	cancel_registry_free(f->daemon.cancels);
	p->cancel_entry = NULL;
}

static void
gate_tells_the_history_whom_it_has_delayed(void **state)
{
	struct gate_fixture *f = *state;
	struct pair *p = &f->players[0].pair;
	struct history *h = f->daemon.history = history_new();
	const struct history_entry first = {.statement = "DROP TABLE",
					    .who.session = 99};
	struct history_note *n = history_begin(h, &first);
	struct gate_window *w = shut(f);
	struct history_entry e;

	p->server_pid = 7;
	run(f, "table b", 'I');
	query(f, "table a");
	assert_waits(f);
	reopen(f, w);
	assert_passed(f, "QQ");
	assert_true(history_find(h, history_id(n), &e));
	assert_int_equal(e.delayed_count, 1);
	assert_int_equal(e.delayed[0].who.pid, 7);
	assert_string_equal(e.delayed[0].who.database, "db");
	answer_query(f, 'I');
	run(f, "table a", 'I');
	assert_true(history_find(h, history_id(n), &e));
	assert_int_equal(e.delayed_count, 1);
	history_drop(h, n);
	history_free(h);
	f->daemon.history = NULL;
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, gate_fixture_setup,              \
					gate_fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(gate_stops_a_query_about_its_table),
	    TEST(gate_stops_a_transaction_that_has_touched_nothing),
	    TEST(gate_stops_no_transaction_that_has_touched_a_table),
	    TEST(gate_stops_nothing_in_a_failed_transaction),
	    TEST(gate_keeps_back_what_follows_an_unanswered_query),
	    TEST(gate_keeps_back_what_follows_an_unanswered_cycle),
	    TEST(gate_stops_no_transaction_that_has_bound_or_called),
	    TEST(gate_stops_an_extended_cycle_at_its_first_message),
	    TEST(gate_stops_a_prepared_statement_at_its_bind),
	    TEST(gate_stops_behind_a_prepared_begin),
	    TEST(gate_stops_the_unnamed_statement_whatever_it_is_about),
	    TEST(gate_stops_a_function_call),
	    TEST(gate_stops_no_message_that_touches_nothing),
	    TEST(gate_stops_a_message_that_streams),
	    TEST(gate_stops_nothing_while_copy_data_comes),
	    TEST(gate_stops_no_query_while_copy_data_is_due),
	    TEST(gate_stops_nothing_that_the_server_skips),
	    TEST(gate_stops_the_transaction_behind_a_guarded_statement),
	    TEST(gate_stops_nothing_behind_a_guarded_statement_in_a_block),
	    TEST(gate_tells_that_it_holds_a_session),
	    TEST(gate_tells_the_history_whom_it_has_delayed),
	};

	return cmocka_run_group_tests_name("proxy/gate/gate_watch", tests, NULL,
					   NULL);
}

#include "proxy/guard/batch.h"

#include "tests/support/allocation.h"
#include "tests/support/batch.h"

/* A command is closed before it is executed; see inject.c. */
static void
batch_send_asks_for_answers(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "PBCECS");
	assert_false(pipeline_is_quiet(&f->guarded.pair.pair.pipeline));
	answer_begin(f);
	answer_end(f);
	answer_ready(f);
	assert_int_equal(f->batch.done, 1);
	assert_false(batch_has_error(&f->batch));
	assert_false(f->batch.is_odd);
}

static void
batch_send_may_leave_the_cycle_open(void **state)
{
	struct batch_fixture *f = *state;
	struct pipeline *p = &f->guarded.pair.pair.pipeline;

	batch_add_command(&f->batch, "select 1");
	batch_add_command(&f->batch, "select 2");
	assert_sends(f, false, "PBCECPBCECH");
	answer_begin(f);
	answer_end(f);
	assert_false(pipeline_is_quiet(p));
	answer_begin(f);
	answer_end(f);
	assert_true(pipeline_is_quiet(p));
	assert_false(pipeline_is_settled(p));
	assert_int_equal(f->batch.done, 2);
}

static void
batch_answer_reads_the_facts(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_facts(&f->batch, true);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, facts_row, SESSION_FACTS_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_true(f->batch.has_facts);
	assert_false(f->batch.is_odd);
	assert_int_equal(f->batch.facts.statement_timeout_ms, 30000);
	assert_true(f->batch.facts.wants_notices);
	assert_true(f->batch.facts.can_attempt);
}

static void
batch_answer_reads_the_overrides(void **state)
{
	static const char *const row[OVERRIDES_COLUMNS] = {
	    "", "hold", "a, b", "",   "", "", "", "",
	    "", "",     "",     "on", "", "", "", "psql",
	};
	struct batch_fixture *f = *state;
	const struct overrides *o = &f->batch.overrides;

	batch_add_overrides(&f->batch);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, row, OVERRIDES_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_false(f->batch.is_odd);
	assert_string_equal(overrides_text(o, GUARD_SETTING_GUARD), "");
	assert_string_equal(overrides_text(o, GUARD_SETTING_POLICY), "hold");
	assert_string_equal(overrides_text(o, GUARD_SETTING_LOCK_ORDER),
			    "a, b");
	assert_string_equal(o->application_name, "psql");
}

static void
batch_answer_reads_the_plan(void **state)
{
	static const char sql[] = "drop table a";
	struct batch_fixture *f = *state;
	struct statement_list list = {0};

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	batch_add_plan(&f->batch, list.items, list.count, true);
	statement_list_clear(&list);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, lock_row, LOCK_SET_COLUMNS);
	answer_row(f, lock_row, LOCK_SET_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_false(f->batch.is_odd);
	assert_int_equal(f->batch.planned.count, 2);
	assert_int_equal(f->batch.planned.items[0].relid, 100);
}

static void
batch_answer_reads_the_holders(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_look(&f->batch, NULL);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, holders_row, HOLDERS_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_false(f->batch.is_odd);
	assert_int_equal(f->batch.holders.count, 1);
	assert_int_equal(f->batch.holders.shown[0].pid, 4711);
}

static void
batch_answer_reads_the_names(void **state)
{
	struct gate_visitor visitor = {.role = 1};
	struct batch_fixture *f = *state;

	batch_add_names(&f->batch);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, names_row, GATE_NAMES_COLUMNS);
	answer_row(f, names_row, GATE_NAMES_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_false(f->batch.is_odd);
	assert_int_equal(f->batch.names.count, 2);
	gate_names_seal(&f->batch.names);
	assert_true(
	    gate_names_match_text(&f->batch.names, &visitor, "table a", 7));
	assert_false(
	    gate_names_match_text(&f->batch.names, &visitor, "table b", 7));
}

static void
batch_answer_notes_names_of_another_shape(void **state)
{
	static const char *const odd[][GATE_NAMES_COLUMNS] = {
	    {"a", "public", "", ""}, {"a", "public", "yes", ""}};
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	for (size_t i = 0; i < 2; i++) {
		batch_begin(&f->batch, g, &f->set);
		batch_add_names(&f->batch);
		assert_sends(f, true, "PBCECS");
		answer_begin(f);
		answer_row(f, odd[i], GATE_NAMES_COLUMNS);
		answer_end(f);
		answer_ready(f);
		assert_true(f->batch.is_odd);
		assert_int_equal(f->batch.names.count, 0);
	}
}

/* A row that there was no room for is not passed over. */
static void
batch_answer_notes_names_that_memory_was_out_for(void **state)
{
	struct batch_fixture *f = *state;
	struct row_value row[GATE_NAMES_COLUMNS] = {
	    {"a", 1}, {"public", 6}, {"a", 1}, {"", 0}};
	struct frame frame = {
	    .type = BACKEND_DATA_ROW,
	    .body = bytes("\0\4\0\0\0\1b\0\0\0\1s\0\0\0\1a\0\0\0\0", 21),
	};
	struct pipeline_event event;

	batch_add_names(&f->batch);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	/* As many as there is room for at first. */
	for (size_t i = 0; i < 8; i++)
		assert_true(gate_names_add_row(&f->batch.names, row));
	event =
	    pipeline_received(&f->guarded.pair.pair.pipeline, frame.type, 0);
	allocation_fail_after(0);
	assert_true(batch_answer(&f->batch, &event, frame, frame.body));
	assert_true(allocation_restore());
	assert_true(f->batch.is_odd);
	assert_int_equal(f->batch.names.count, 8);
}

/* It reports as an attempt does, and the report says nothing. */
static void
batch_answer_takes_what_a_coaxing_reports(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_coax(&f->batch, 0, 1200);
	assert_sends(f, false, "PBCECH");
	answer_begin(f);
	assert_true(server_notes(f, ATTEMPT_SQLSTATE, "0"));
	answer_end(f);
	assert_true(f->batch.has_attempt);
	assert_false(f->batch.is_odd);
	assert_int_equal(f->batch.done, 1);
}

/* Each answer is read as what was asked for at its place. */
static void
batch_answer_keeps_the_statements_apart(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_command(&f->batch, "savepoint s");
	batch_add_facts(&f->batch, true);
	batch_add_look(&f->batch, NULL);
	batch_add_names(&f->batch);
	assert_sends(f, true, "PBCECPBCECPBCECPBCECS");
	answer_begin(f);
	answer_end(f);
	answer_begin(f);
	answer_row(f, facts_row, SESSION_FACTS_COLUMNS);
	answer_end(f);
	answer_begin(f);
	answer_row(f, holders_row, HOLDERS_COLUMNS);
	answer_end(f);
	answer_begin(f);
	answer_row(f, names_row, GATE_NAMES_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_false(f->batch.is_odd);
	assert_true(f->batch.has_facts);
	assert_int_equal(f->batch.holders.count, 1);
	assert_int_equal(f->batch.names.count, 1);
	assert_int_equal(f->batch.done, 4);
}

static void
batch_answer_reads_the_result_of_an_attempt(void **state)
{
	struct batch_fixture *f = *state;

	add_attempt(f);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	assert_true(server_notes(f, ATTEMPT_SQLSTATE, "1"));
	answer_end(f);
	answer_ready(f);
	assert_true(f->batch.has_attempt);
	assert_int_equal(f->batch.attempt_index, 1);
}

static void
batch_answer_believes_no_attempt_that_makes_no_sense(void **state)
{
	static const char *const messages[] = {
	    "",
	    "3",
	    "-1",
	    "1x",
	    "99999999999999999999",
	    "relation \"1\" does not exist", /* SQLERRM */
	};
	struct batch_fixture *f = *state;
	size_t i;

	add_attempt(f);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		assert_true(server_notes(f, ATTEMPT_SQLSTATE, messages[i]));
		assert_false(f->batch.has_attempt);
	}
	assert_false(f->batch.is_odd);
}

static void
batch_answer_reads_that_the_turn_is_anothers(void **state)
{
	struct batch_fixture *f = *state;
	const struct attempt a = {.set = &f->set,
				  .manner = ATTEMPT_AT_ONCE,
				  .takes_turn = true,
				  .lock_timeout = "0"};

	batch_add_attempt(&f->batch, &a);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	assert_true(server_notes(f, ATTEMPT_SQLSTATE, "2"));
	assert_true(f->batch.has_attempt);
	assert_int_equal(f->batch.attempt_index, f->set.count + 1);
}

/* A notice tells of the statement that runs, and that one is ours. */
static void
batch_answer_takes_every_notice(void **state)
{
	struct batch_fixture *f = *state;

	add_attempt(f);
	assert_sends(f, true, "PBCECS");
	assert_true(server_notes(f, "00000", "1"));
	assert_true(server_notes(f, "01000", "0"));
	assert_true(server_says(f, BACKEND_NOTICE_RESPONSE, bytes("", 0)));
	assert_true(server_says(f, BACKEND_NOTICE_RESPONSE, bytes("C", 1)));
	assert_false(f->batch.has_attempt);
	answer_begin(f);
	assert_true(server_notes(f, ATTEMPT_SQLSTATE, "1"));
	assert_true(server_notes(f, "00000", "0"));
	answer_end(f);
	answer_ready(f);
	assert_true(f->batch.has_attempt);
	assert_int_equal(f->batch.attempt_index, 1);
	assert_false(f->batch.is_odd);
	assert_false(batch_has_error(&f->batch));
}

static void
batch_answer_leaves_to_the_client_what_only_came_meanwhile(void **state)
{
	struct batch_fixture *f = *state;

	add_attempt(f);
	assert_sends(f, true, "PBCECS");
	assert_false(
	    server_says(f, BACKEND_PARAMETER_STATUS, bytes("a\0b\0", 4)));
	assert_false(server_says(f, BACKEND_NOTIFICATION_RESPONSE,
				 bytes("\0\0\0\1a\0\0", 7)));
	assert_false(f->batch.has_attempt);
}

static void
batch_answer_keeps_the_first_error(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_command(&f->batch, "savepoint s");
	batch_add_facts(&f->batch, true);
	assert_sends(f, true, "PBCECPBCECS");
	answer_begin(f);
	answer_error(f, "57014");
	answer_error(f, "25P02");
	answer_ready(f);
	assert_true(batch_has_error(&f->batch));
	assert_string_equal(f->batch.sqlstate, "57014");
	assert_span_equal(span_of(f->batch.error.data, f->batch.error.len),
			  bytes("E\0\0\0\x0c"
				"C57014\0\0",
				13));
	assert_false(f->batch.has_facts);
	assert_int_equal(f->guarded.guarded.stray_statement, 0);
}

static void
batch_answer_takes_an_odd_error_for_one(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "PBCECS");
	assert_takes(f, BACKEND_ERROR_RESPONSE, "C4", 2);
	assert_true(batch_has_error(&f->batch));
	assert_string_equal(f->batch.sqlstate, "XX000");
}

/* So has the one that an EXECUTE of ours ran. */
static void
batch_answer_remembers_both_that_an_execute_leaves(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	batch_add_plain(&f->batch, false);
	assert_sends(f, true, "PPBCECCS");
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	answer_error(f, "57014");
	answer_ready(f);
	assert_int_equal(g->stray_prepared, g->injected - 1);
	assert_int_equal(g->stray_statement, g->injected);

	batch_begin(&f->batch, g, &f->set);
	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "CCPBCECS");
	assert_int_equal(g->stray_prepared, 0);
	assert_int_equal(g->stray_statement, 0);
}

/* Its Close was skipped: the next injection begins with that. */
static void
batch_answer_remembers_the_statement_that_an_error_leaves(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "PBCECS");
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	answer_error(f, "57014");
	answer_ready(f);
	assert_int_equal(g->stray_statement, g->injected);

	batch_begin(&f->batch, g, &f->set);
	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "CPBCECS");
	assert_int_equal(g->stray_statement, 0);
}

static void
batch_add_plain_sets_settings_aside_and_back(void **state)
{
	static const char *const row[PLAIN_SETTINGS_COLUMNS] = {
	    "2", "work_mem=64kB,geqo_threshold=2"};
	struct batch_fixture *f = *state;

	batch_add_plain(&f->batch, true);
	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "PPBCECCPBCECPBCECS");
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	answer_begin(f);
	answer_row(f, row, PLAIN_SETTINGS_COLUMNS);
	answer_end(f);
	assert_takes(f, BACKEND_CLOSE_COMPLETE, "", 0);
	answer_begin(f);
	answer_end(f);
	answer_begin(f);
	answer_row(f, row, PLAIN_SETTINGS_COLUMNS);
	answer_end(f);
	answer_ready(f);
	assert_true(f->batch.has_own_settings);
	assert_false(f->batch.is_odd);
}

static void
batch_add_plain_leaves_it_to_the_end_of_the_transaction(void **state)
{
	static const char *const row[PLAIN_SETTINGS_COLUMNS] = {"0", ""};
	struct batch_fixture *f = *state;

	batch_add_plain(&f->batch, false);
	assert_sends(f, true, "PPBCECCS");
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	answer_begin(f);
	answer_row(f, row, PLAIN_SETTINGS_COLUMNS);
	answer_end(f);
	assert_takes(f, BACKEND_CLOSE_COMPLETE, "", 0);
	answer_ready(f);
	assert_false(f->batch.has_own_settings);
}

/* An error skips the Close of what was prepared for it. */
static void
batch_add_plain_that_fails_leaves_no_statement(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	batch_add_plain(&f->batch, false);
	assert_sends(f, true, "PPBCECCS");
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	answer_begin(f);
	answer_error(f, "57014");
	answer_ready(f);
	assert_int_equal(g->stray_prepared, g->injected - 1);
	assert_int_equal(g->stray_statement, 0);
}

static void
batch_answer_notes_rows_of_another_shape(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;
	const char *words[SESSION_FACTS_COLUMNS + 1];
	size_t count;

	for (count = 0; count <= SESSION_FACTS_COLUMNS; count++)
		words[count] = "a";
	for (count = 0; count <= SESSION_FACTS_COLUMNS + 1; count++) {
		batch_begin(&f->batch, g, &f->set);
		batch_add_facts(&f->batch, false);
		assert_sends(f, true, "PBCECS");
		answer_begin(f);
		answer_row(f, words, count);
		answer_end(f);
		answer_ready(f);
		assert_true(f->batch.is_odd);
		assert_false(f->batch.has_facts);
	}
}

static void
batch_answer_notes_rows_where_none_belong(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	batch_add_command(&f->batch, "select 1");
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, facts_row, SESSION_FACTS_COLUMNS);
	assert_true(f->batch.is_odd);
	answer_end(f);
	answer_ready(f);

	batch_begin(&f->batch, g, &f->set);
	assert_false(f->batch.is_odd);
	add_attempt(f);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	assert_takes(f, BACKEND_DATA_ROW, "\0", 1);
	assert_true(f->batch.is_odd);
}

static void
batch_begin_forgets_what_was(void **state)
{
	struct batch_fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	batch_add_facts(&f->batch, false);
	assert_sends(f, true, "PBCECS");
	answer_begin(f);
	answer_row(f, facts_row, SESSION_FACTS_COLUMNS);
	answer_error(f, "57014");
	answer_ready(f);
	batch_begin(&f->batch, g, NULL);
	assert_false(batch_has_error(&f->batch));
	assert_false(f->batch.has_facts);
	assert_int_equal(f->batch.count, 0);
	assert_int_equal(f->batch.error.len, 0);
}

static void
batch_send_to_a_closing_pair_fails(void **state)
{
	struct batch_fixture *f = *state;

	batch_add_command(&f->batch, "select 1");
	pair_close(&f->guarded.pair.pair, CLOSE_CLIENT_LEFT, NULL);
	assert_false(batch_send(&f->batch, true));
}

static bool
send_everything(struct batch_fixture *f)
{
	batch_add_overrides(&f->batch);
	batch_add_look(&f->batch, NULL);
	add_attempt(f);
	batch_add_coax(&f->batch, 0, 1200);
	batch_add_plan(&f->batch, NULL, 0, false);
	batch_add_names(&f->batch);
	return batch_send(&f->batch, true);
}

static void
batch_send_without_memory_closes_the_pair(void **state)
{
	bool failed = true;
	unsigned int n;

	(void)state;
	for (n = 0; failed; n++) {
		struct batch_fixture *f;
		void *fresh;
		bool sent;

		batch_fixture_setup(&fresh);
		f = fresh;
		allocation_fail_after(n);
		sent = send_everything(f);
		failed = allocation_restore();
		/* go_on() of session.c looks at the pipeline's memory. */
		assert_int_equal(sent && !f->guarded.pair.pair.pipeline.failed,
				 !failed);
		if (!sent)
			assert_pair_closes(&f->guarded.pair.pair, CLOSE_MEMORY);
		batch_fixture_teardown(&fresh);
	}
	assert_true(n > 5);
}

/* The error may be the answer to the client's statement. */
static void
batch_answer_without_memory_for_an_error_closes_the_pair(void **state)
{
	struct batch_fixture *f = *state;
	struct pipeline_event event = {.verdict = PIPELINE_ANSWER,
				       .owner = PIPELINE_PROXY,
				       .entry = FRONTEND_EXECUTE};
	struct frame frame = {.type = BACKEND_ERROR_RESPONSE,
			      .body = span_of("C57014\0", 8)};

	allocation_fail_after(0);
	(void)batch_answer(&f->batch, &event, frame,
			   span_of("E\0\0\0\014C57014\0\0", 13));
	assert_true(allocation_restore());
	assert_pair_closes(&f->guarded.pair.pair, CLOSE_MEMORY);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, batch_fixture_setup,             \
					batch_fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(batch_send_asks_for_answers),
	    TEST(batch_send_may_leave_the_cycle_open),
	    TEST(batch_answer_reads_the_facts),
	    TEST(batch_answer_reads_the_overrides),
	    TEST(batch_answer_reads_the_plan),
	    TEST(batch_answer_reads_the_holders),
	    TEST(batch_answer_reads_the_names),
	    TEST(batch_answer_notes_names_of_another_shape),
	    TEST(batch_answer_notes_names_that_memory_was_out_for),
	    TEST(batch_answer_takes_what_a_coaxing_reports),
	    TEST(batch_answer_keeps_the_statements_apart),
	    TEST(batch_answer_reads_the_result_of_an_attempt),
	    TEST(batch_answer_believes_no_attempt_that_makes_no_sense),
	    TEST(batch_answer_reads_that_the_turn_is_anothers),
	    TEST(batch_answer_takes_every_notice),
	    TEST(batch_answer_leaves_to_the_client_what_only_came_meanwhile),
	    TEST(batch_answer_keeps_the_first_error),
	    TEST(batch_answer_takes_an_odd_error_for_one),
	    TEST(batch_answer_without_memory_for_an_error_closes_the_pair),
	    TEST(batch_answer_remembers_the_statement_that_an_error_leaves),
	    TEST(batch_answer_remembers_both_that_an_execute_leaves),
	    TEST(batch_add_plain_sets_settings_aside_and_back),
	    TEST(batch_add_plain_leaves_it_to_the_end_of_the_transaction),
	    TEST(batch_add_plain_that_fails_leaves_no_statement),
	    TEST(batch_answer_notes_rows_of_another_shape),
	    TEST(batch_answer_notes_rows_where_none_belong),
	    TEST(batch_begin_forgets_what_was),
	    TEST(batch_send_to_a_closing_pair_fails),
	    cmocka_unit_test(batch_send_without_memory_closes_the_pair),
	};

	return cmocka_run_group_tests_name("proxy/guard/batch", tests, NULL,
					   NULL);
}

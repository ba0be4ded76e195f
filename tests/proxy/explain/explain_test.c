#include "proxy/explain/explain.h"

#include <stdio.h>

#include "tests/support/capture.h"
#include "tests/support/catalog_server.h"
#include "tests/support/config.h"

struct fixture {
	struct catalog_server server;
	struct config *config;
	char conninfo[256];
	bool is_json;
	int status;
	char *out; /* owned, as errors */
	char *errors;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->config = assert_accepted(config_load_from(NULL, NULL, NULL, 0));
	catalog_server_begin(&f->server);
	catalog_server_conninfo(&f->server, f->conninfo, sizeof(f->conninfo));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	catalog_server_end(&f->server);
	config_free(f->config);
	free(f->out);
	free(f->errors);
	free(f);
	return 0;
}

static void
explain(struct fixture *f, const char *sql)
{
	const struct explain_options options = {
	    .conninfo = f->conninfo, .sql = sql, .is_json = f->is_json};
	struct capture errors = capture_begin();
	struct capture out;

	fflush(stdout);
	out = capture_begin_of(STDOUT_FILENO);
	f->status = explain_run(f->config, &options);
	f->out = capture_end(&out);
	f->errors = capture_end(&errors);
}

/* Standard input is this text. */
static void
explain_lines(struct fixture *f, const char *text)
{
	int saved = dup(STDIN_FILENO);
	int fd = memfd_create("lines", MFD_CLOEXEC);

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	explain(f, "-");
	dup2(saved, STDIN_FILENO);
	clearerr(stdin);
	close(saved);
	close(fd);
}

static void
assert_out(const struct fixture *f, const char *words)
{
	if (strstr(f->out, words) == NULL)
		fail_msg("\"%s\" is not in:\n%s%s", words, f->out, f->errors);
}

/* The one statement has this error. */
static void
assert_error(const struct fixture *f, const char *words)
{
	assert_int_equal(f->status, EXPLAIN_EXIT_ERROR);
	assert_out(f, words);
	assert_string_equal(f->errors, "");
}

static void
assert_lost(const struct fixture *f, const char *words)
{
	assert_int_equal(f->status, EXPLAIN_EXIT_LOST);
	if (strstr(f->errors, words) == NULL)
		fail_msg("\"%s\" is not in %s", words, f->errors);
}

/* Reports */

static void
drop_tells_what_it_locks_and_that_nobody_is_there(void **state)
{
	struct fixture *f = *state;

	explain(f, "drop table t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_string_equal(f->errors, "");
	assert_out(f, "drop table t, u\n");
	assert_out(f, "public.t");
	assert_out(f, "public.u");
	assert_out(f, "lock these 2 tables at once");
}

static void
questions_stand_in_short_transactions_of_their_own(void **state)
{
	struct fixture *f = *state;

	explain(f, "drop table t, u");
	assert_string_equal(f->server.trace,
			    "facts settings BEGIN missing missing small "
			    "ROLLBACK BEGIN holders ROLLBACK BEGIN users "
			    "ROLLBACK BEGIN recollection DEALLOCATE ROLLBACK");
}

static void
holder_is_named_once_with_its_strongest_lock(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_HOLDERS].rows =
	    "4711|11|AccessShareLock|app|shop|active|12345\n"
	    "4711|11|RowExclusiveLock|app|shop|active|12345\n"
	    "4712|99|AccessShareLock|app|elsewhere|active|1\n";
	explain(f, "drop table t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "would hold:\n    pid 4711 (shop, app) in a transaction "
		      "for 12.3 s holds ROW EXCLUSIVE on public.u\n");
	assert_null(strstr(f->out, "ACCESS SHARE"));
	assert_null(strstr(f->out, "elsewhere"));
}

static void
sessions_past_it_are_counted(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_USERS].rows = "3|1|0|cron\n";
	explain(f, "drop table t, u");
	assert_out(f, "  3 sessions use these relations now");
	assert_out(f, "cron");
}

static void
what_is_not_simple_is_asked_at_large(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_SMALL_SET].rows =
	    "10|r|public.t|8|t|{}|1||f\n";
	explain(f, "drop table t, u");
	assert_out(f, "public.w");
	assert_non_null(strstr(f->server.trace, "small large ROLLBACK"));
}

static void
keys_that_can_go_first_are_told_of_a_larger_set(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_SMALL_SET].rows =
	    "10|r|public.t|8|t|{}|1||f\n";
	f->server.answers[CATALOG_KEYS].rows =
	    "public.w|w_t_fkey|ALTER TABLE public.w ADD ...\n";
	explain(f, "drop table t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "1 foreign key");
	assert_non_null(strstr(f->server.trace, "BEGIN keys ROLLBACK"));
}

static void
memory_of_a_lockstep_on_the_way_is_told(void **state)
{
	struct fixture *f = *state;

	f->server.remembers = "public.later";
	explain(f, "drop table t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "public.later");
	assert_out(f, "flyway");
	assert_non_null(
	    strstr(f->server.trace, "BEGIN recollection DEALLOCATE ROLLBACK"));
}

static void
one_table_is_guarded_in_a_block_alone(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_SMALL_SET].rows =
	    "10|r|public.t|8|t|{}|1||t\n";
	explain(f, "drop table t; begin; drop table t; commit; drop table t");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "not guarded: at most one relation is locked");
	assert_out(f, "lock this table at once");
	assert_out(f, "not guarded: not a kind of statement that is");
}

static void
backslash_is_not_judged_where_it_may_quote(void **state)
{
	struct fixture *f = *state;

	f->server.plain_strings = "off";
	explain(f, "drop table t /* \\ */, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "  not guarded: ");
	assert_null(strstr(f->server.trace, "users"));
}

static void
each_statement_is_a_line_of_json(void **state)
{
	struct fixture *f = *state;

	f->is_json = true;
	explain(f, "drop table t, u; select 1");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_int_equal(f->out[0], '{');
	assert_out(f, "\"statement\":");
	assert_out(f, "}\n{");
}

/* Faults */

static void
relation_that_is_not_there_is_an_error(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_MISSING].rows = "t\n";
	explain(f, "drop table t, u");
	assert_error(f, "does not exist");
	assert_null(strstr(f->server.trace, "small"));
}

static void
if_exists_does_not_ask_for_it(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_MISSING].rows = "t\n";
	explain(f, "drop table if exists t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_null(strstr(f->server.trace, "missing"));
}

/* The command goes on with the next statement behind an error of one. */
static void
refused_question_is_the_statement_s_error(void **state)
{
	static const enum catalog_question asked[] = {
	    CATALOG_MISSING, CATALOG_SMALL_SET, CATALOG_HOLDERS, CATALOG_USERS};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct fixture *f = *state;

		f->server.answers[asked[i]].error = "that is forbidden";
		explain(f, "drop table t, u; select 1");
		assert_error(f, "error: that is forbidden");
		assert_out(f, "not a kind of statement that is");
		teardown(state);
		setup(state);
	}
}

static void
lost_connection_ends_it_at_each_question(void **state)
{
	for (size_t q = CATALOG_FACTS_OF_SESSION; q < CATALOG_KEYS; q++) {
		struct fixture *f = *state;

		f->server.answers[CATALOG_SMALL_SET].rows =
		    "10|r|public.t|8|t|{}|1||f\n";
		f->server.answers[q].hangs_up = true;
		explain(f, "drop table t, u; select 1");
		assert_lost(f, "server closed the connection");
		teardown(state);
		setup(state);
	}
}

static void
set_of_a_strange_shape_has_no_plan(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_SMALL_SET].rows =
	    "10|r|public.t|8|t|{}|1||f\n";
	f->server.answers[CATALOG_LARGE_SET].rows = "ten\n";
	explain(f, "drop table t, u");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "  not guarded: ");
	assert_null(strstr(f->server.trace, "holders"));
}

static void
session_must_be_understood(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_FACTS_OF_SESSION].rows = "";
	explain(f, "drop table t");
	assert_lost(f, "lockstep: the session is not understood\n");
}

static void
conninfo_that_is_none_is_not_shown(void **state)
{
	struct fixture *f = *state;

	snprintf(f->conninfo, sizeof(f->conninfo), "password=secret pasword=x");
	explain(f, "drop table t");
	assert_lost(f, "the upstream is not a CONNINFO of libpq\n");
	assert_null(strstr(f->errors, "secret"));
}

static void
server_must_be_there(void **state)
{
	struct fixture *f = *state;

	snprintf(f->conninfo, sizeof(f->conninfo), "host=127.0.0.1 port=%u",
		 local_free_port());
	explain(f, "drop table t");
	assert_lost(f, "Connection refused");
}

static void
server_has_the_better_message_about_grammar(void **state)
{
	struct fixture *f = *state;

	f->server.answers[CATALOG_PARSE] = (struct catalog_answer){
	    .rows = "scanner_yyerror", .error = "syntax error at \"tabel\""};
	explain(f, "drop tabel t");
	assert_error(f, "error: syntax error at \"tabel\"");
}

static void
grammar_may_be_newer_than_ours(void **state)
{
	struct fixture *f = *state;

	explain(f, "drop table t; commit now");
	assert_error(f, "it does not parse with PostgreSQL 15's grammar");
}

static void
text_may_be_too_large(void **state)
{
	struct fixture *f = *state;

	f->config->parse_limit_bytes = 8;
	explain(f, "drop table t, u");
	assert_error(f, "it is larger than parse_limit allows");
}

static void
standard_input_has_a_text_a_line(void **state)
{
	struct fixture *f = *state;

	explain_lines(f, "drop table t, u\nselect 1\n");
	assert_int_equal(f->status, EXIT_SUCCESS);
	assert_out(f, "drop table t, u\n");
	assert_out(f, "\nselect 1\n");
}

static void
line_may_be_too_large(void **state)
{
	struct fixture *f = *state;

	f->config->query_limit_bytes = 16;
	explain_lines(f, "select 1, 2, 3, 4, 5, 6\nselect 2");
	assert_error(f, "the line is larger than query_limit allows");
	assert_out(f, "\nselect 2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(drop_tells_what_it_locks_and_that_nobody_is_there),
	    TEST(questions_stand_in_short_transactions_of_their_own),
	    TEST(holder_is_named_once_with_its_strongest_lock),
	    TEST(sessions_past_it_are_counted),
	    TEST(what_is_not_simple_is_asked_at_large),
	    TEST(keys_that_can_go_first_are_told_of_a_larger_set),
	    TEST(memory_of_a_lockstep_on_the_way_is_told),
	    TEST(one_table_is_guarded_in_a_block_alone),
	    TEST(backslash_is_not_judged_where_it_may_quote),
	    TEST(each_statement_is_a_line_of_json),
	    TEST(relation_that_is_not_there_is_an_error),
	    TEST(if_exists_does_not_ask_for_it),
	    TEST(refused_question_is_the_statement_s_error),
	    TEST(lost_connection_ends_it_at_each_question),
	    TEST(set_of_a_strange_shape_has_no_plan),
	    TEST(session_must_be_understood),
	    TEST(conninfo_that_is_none_is_not_shown),
	    TEST(server_must_be_there),
	    TEST(server_has_the_better_message_about_grammar),
	    TEST(grammar_may_be_newer_than_ours),
	    TEST(text_may_be_too_large),
	    TEST(standard_input_has_a_text_a_line),
	    TEST(line_may_be_too_large),
	};

	return cmocka_run_group_tests_name("proxy/explain/explain", tests, NULL,
					   NULL);
}

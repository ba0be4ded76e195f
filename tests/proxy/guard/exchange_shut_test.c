#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/* A statement that runs at once in a block, and what asks for the names. */
#define AT_ONCE(sql)                                                           \
	"SAVEPOINT _lockstep SET LOCAL statement_timeout TO 0 SET LOCAL jit "  \
	"TO off glance settings ROLLBACK TO SAVEPOINT _lockstep / SET LOCAL "  \
	"lock_timeout TO '1' | Query(" sql ") SET LOCAL lock_timeout TO '7s' " \
	"RELEASE SAVEPOINT _lockstep / "
#define NEXT_AT_ONCE(sql)                                                      \
	"SAVEPOINT _lockstep as-before | Query(" sql ") SET LOCAL "            \
	"lock_timeout TO '7s' RELEASE SAVEPOINT _lockstep / "
#define ASKS "SAVEPOINT _lockstep names-own RELEASE SAVEPOINT _lockstep / "

static const struct scene_row rows[] = {
    {
	.name = "soon over: nobody asks for names",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 99\n--\nQ commit\n--\n"
		  "~ 500",
	.server_gets = "Query(begin) " AT_ONCE("drop table c") "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "the transaction goes on: the gate is shut",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 100\n--\nQ commit",
	.script = "commit: !kept",
	.server_gets =
	    "Query(begin) " AT_ONCE("drop table c") ASKS "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "once, until another one has run",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 100\n--\n~ 500\n--\n"
		  "Q drop table a\n--\n~ 99\n--\n~ 1\n--\nQ commit",
	.server_gets = "Query(begin) " AT_ONCE("drop table c")
	    ASKS NEXT_AT_ONCE("drop table a") ASKS "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "it is due by the first of several",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 60\n--\n"
		  "Q drop table a\n--\n~ 40\n--\nQ commit",
	.server_gets = "Query(begin) " AT_ONCE("drop table c")
	    NEXT_AT_ONCE("drop table a") ASKS "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "in an open cycle nothing is asked, but behind it",
	.client = "Q begin\n--\nQ drop table c\n--\nP select 1\nB\nE\nH\n--\n"
		  "~ 100\n--\nS\n--\n~ 50\n--\nQ commit",
	.server_gets = "Query(begin) " AT_ONCE(
	    "drop table c") "Parse Bind Execute(select 1) | / " ASKS
			    "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T 1 2 D [SELECT 1] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "what is planned next has the question with it",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table c\n--\n"
		  "Q commit",
	.script = "drop table a:; drop table c: bound; attempt: !kept",
	.server_gets = "Query(begin) " AT_ONCE(
	    "drop table a") "SAVEPOINT _lockstep as-before | "
			    "Query(drop table c) SET LOCAL lock_timeout TO "
			    "'7s' / ROLLBACK TO "
			    "SAVEPOINT _lockstep / facts(t) "
			    "settings plan{c} names-own RELEASE SAVEPOINT "
			    "_lockstep / SAVEPOINT _lockstep names(abc) "
			    "attempt(abc) plan{c} / RELEASE SAVEPOINT "
			    "_lockstep / Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "in a failed transaction nothing is asked",
	.client = "Q begin\n--\nQ drop table c\n--\nQ select 1\n--\n~ 100\n"
		  "--\nQ rollback",
	.script = "select: error 22012",
	.server_gets = "Query(begin) " AT_ONCE(
	    "drop table c") "Query(select 1) Query(rollback)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error 22012 "
		       "ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "the question fails: the transaction goes on",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 100\n--\nQ commit",
	.script = "names: error 57014",
	.server_gets = "Query(begin) " AT_ONCE(
	    "drop table c") "SAVEPOINT _lockstep names-own / ROLLBACK TO "
			    "SAVEPOINT _lockstep RELEASE SAVEPOINT _lockstep / "
			    "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "an odd answer shuts nothing",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 100\n--\nQ commit",
	.script = "names: odd",
	.server_gets =
	    "Query(begin) " AT_ONCE("drop table c") ASKS "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cancel amid the question is for nothing",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 100\n--\nQ commit",
	.script = "names: !cancel",
	.server_gets =
	    "Query(begin) " AT_ONCE("drop table c") ASKS "Query(commit)",
	.client_gets =
	    "[BEGIN] ready-T [DROP TABLE] ready-T cancel [COMMIT] ready-I",
    },
    {
	.name = "the text has our COMMIT behind it",
	.client = "Q drop table c; select 1\n--\n~ 200",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL jit "
		       "TO off glance settings ROLLBACK / BEGIN SET LOCAL "
		       "lock_timeout TO '1' | Query(drop table c; ) SET LOCAL "
		       "lock_timeout TO '7s' / Query(select 1) COMMIT /",
	.client_gets = "[DROP TABLE] D [SELECT 1] ready-I",
    },
    {
	.name = "an error of its own keeps nothing",
	.client = "Q begin\n--\nQ drop table c\n--\n~ 200\n--\nQ rollback",
	.script = "drop: error 42P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep abort / Query(rollback)",
	.client_gets = "[BEGIN] ready-T error 42P01 ready-E [ROLLBACK] ready-I",
    },
};

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
};

static struct scene *
begin_among(unsigned int connections, const char *script, const char *client)
{
	struct scene *s = scene_begin(script, client);

	s->guarded.pair.config.guard.is_optimistic = true;
	atomic_store(&s->guarded.pair.daemon.connections, connections);
	return s;
}

static void
plays_row_in_company(void **state)
{
	const struct scene_row *row = *state;

	scene_play(begin_among(2, row->script, row->client), row);
}

static const char thinks[] = "Q begin\n--\nQ drop table c\n--\n~ 150";

static bool
gate_is_open_behind(struct scene *s)
{
	bool is_open;

	scene_run(s);
	is_open = scene_gate_is_open(s);
	scene_end(s);
	return is_open;
}

static void
exchange_shuts_the_gate_while_the_transaction_lasts(void **state)
{
	(void)state;
	assert_false(gate_is_open_behind(begin_among(2, NULL, thinks)));
	/* Nobody is there to wait; or what was heard is odd, or an error. */
	assert_true(gate_is_open_behind(begin_among(1, NULL, thinks)));
	assert_true(gate_is_open_behind(begin_among(2, "names: odd", thinks)));
	assert_true(
	    gate_is_open_behind(begin_among(2, "names: error 42501", thinks)));
}

static void
exchange_leaves_the_gate_open_where_it_is_not_wanted(void **state)
{
	struct scene *s = begin_among(2, NULL, thinks);

	(void)state;
	s->guarded.pair.config.guard.gate_transaction_ms = 100;
	assert_true(gate_is_open_behind(s));
}

static void
fleet_mail(void *arg, const struct mail *mail)
{
	(void)arg;
	gate_window_drop(mail->data);
}

/* All of a fleet is to wait from the beginning. */
static void
exchange_plans_in_a_block_where_a_fleet_is(void **state)
{
	struct scene *s = begin_among(
	    1, "commit: !kept", "Q begin\n--\nQ drop table c\n--\nQ commit");
	struct mailbox box;

	(void)state;
	assert_true(mailbox_open(&box, s->guarded.pair.base, fleet_mail, NULL));
	s->guarded.pair.daemon.fleet = &box;
	scene_run(s);
	assert_null(strstr(s->server.trace, "glance"));
	assert_non_null(strstr(s->server.trace, "names(abc)"));
	assert_script_is_used(&s->server.script);
	scene_close(s);
	s->guarded.pair.daemon.fleet = NULL;
	mailbox_close(&box);
	scene_end(s);
}

static void
exchange_shuts_the_gate_once_others_have_come(void **state)
{
	struct scene *s = begin_among(1, NULL, thinks);

	(void)state;
	scene_run(s);
	assert_true(scene_gate_is_open(s));
	atomic_store(&s->guarded.pair.daemon.connections, 2);
	s->lines = "~ 50";
	scene_run(s);
	assert_false(scene_gate_is_open(s));
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_plans_in_a_block_where_a_fleet_is),
	    cmocka_unit_test(
		exchange_shuts_the_gate_while_the_transaction_lasts),
	    cmocka_unit_test(
		exchange_leaves_the_gate_open_where_it_is_not_wanted),
	    cmocka_unit_test(exchange_shuts_the_gate_once_others_have_come),
	};

	return scene_run_rows("proxy/guard/exchange_shut", rows, ROWS,
			      plays_row_in_company, tests,
			      sizeof(tests) / sizeof(tests[0]));
}

#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * What no attempt can lock, here a view, the statement itself takes, on trial.
 * Policy lock spares these scenes the gate.
 */
#define VIEW "settings: policy=lock; plan: set=aB; plan: set=aB; "
#define AGAIN "plan: set=aB; "

static const struct scene_row rows[] = {
    {
	.name = "what has run is seen when the settings are back",
	.client = "Q drop table c",
	.script = VIEW "drop: notice",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) SET LOCAL lock_timeout TO "
		       "'0' COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "what our bound has ended is undone, and not seen",
	.client = "Q drop table c",
	.script = VIEW AGAIN "drop: notice bound; drop: notice",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) ROLLBACK / look(ab) / BEGIN "
		       "attempt(,turn) plan{c} / SET LOCAL lock_timeout "
		       "TO '100' | Query(*drop table c) SET LOCAL "
		       "lock_timeout TO '0' COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "answers too large to be held are not seen, and it runs again",
	.client = "Q drop table c",
	.script = VIEW AGAIN "drop: notice huge bound; drop: huge",
	.server_gets =
	    "facts(f) settings plan{c} / BEGIN attempt(,turn) "
	    "plan{c} / SET LOCAL lock_timeout TO '100' | "
	    "Query(*drop table c) ROLLBACK / look(ab) / BEGIN "
	    "attempt(a,waits,turn) plan{c} / Query(*drop table c) COMMIT /",
	.client_gets = "notice 54000 [DROP TABLE] ready-I",
    },
    {
	.name = "so is a run that came to its end, in a cycle",
	.client = "P:n drop table c\nB:n\nD\nE\nS",
	.script = VIEW AGAIN "drop: huge; drop: huge",
	.server_gets =
	    "facts(f) settings plan{c} / attempt(,turn) plan{c} "
	    "| set_config('lock_timeout', '100', true) | Parse "
	    "Bind Describe Execute(*drop table c) | ROLLBACK Close / "
	    "look(ab) / attempt(a,waits,turn) plan{c} | "
	    "Parse Bind Describe Execute(*drop table c) /",
	.client_gets = "1 2 n notice 54000 [DROP TABLE] ready-I",
    },
    {
	.name = "or to an error of its own, which comes again",
	.client = "P drop table c\nB\nE\nS",
	.script = VIEW AGAIN "drop: huge error 42P01; drop: error 42P01",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) plan{c} "
		       "| set_config('lock_timeout', '100', true) | Parse "
		       "Bind Execute(*drop table c) / "
		       "look(ab) / attempt(a,waits,turn) plan{c} | "
		       "Parse Bind Execute(*drop table c) /",
	.client_gets = "1 2 error 42P01 ready-I",
    },
    {
	.name = "an error of its own is its answer",
	.client = "Q drop table c",
	.script = VIEW "drop: notice error 55P03",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) ROLLBACK /",
	.client_gets = "notice 00000 error 55P03 ready-I",
    },
    {
	.name = "only the statements that can be undone run on trial",
	.client = "Q drop table c; insert into d values (1); select 1",
	.script = VIEW AGAIN "drop: bound",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c; ) ROLLBACK / look(ab) / "
		       "BEGIN attempt(,turn) plan{c} / SET LOCAL "
		       "lock_timeout TO '100' | Query(*drop table c; ) "
		       "SET LOCAL lock_timeout TO '0' / Query(*insert "
		       "into d values (1); select 1) COMMIT /",
	.client_gets = "[DROP TABLE] [INSERT INTO] D [SELECT 1] ready-I",
    },
    {
	.name = "a text with more before them runs once",
	.client = "Q set x = 1; drop table c",
	.script = "settings: policy=lock; plan: set=aB; plan: set=aB",
	.server_gets = "BEGIN / Query(set x = 1; ) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) SET LOCAL lock_timeout TO "
		       "'0' COMMIT /",
	.client_gets = "[SET X] [DROP TABLE] ready-I",
    },
    {
	.name = "a savepoint takes it back, and is released behind it",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = VIEW AGAIN "drop: bound",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / SET "
		       "LOCAL lock_timeout TO '100' | Query(*drop table "
		       "c) ROLLBACK TO SAVEPOINT _lockstep / look(ab) / "
		       "attempt(,turn) plan{c} / SET LOCAL lock_timeout "
		       "TO '100' | Query(*drop table c) SET LOCAL "
		       "lock_timeout TO '0' RELEASE SAVEPOINT _lockstep "
		       "/ Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an error of its own fails the client's block",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = VIEW "drop: error 42P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / SET "
		       "LOCAL lock_timeout TO '100' | Query(*drop table "
		       "c) ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep abort / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 42P01 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "a cycle is sent again, its named statement closed before",
	.client = "P:n drop table c\nB:n\nD\nE\nS",
	.script = VIEW AGAIN "drop: notice bound; drop: notice",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) plan{c} "
		       "| set_config('lock_timeout', '100', true) | Parse "
		       "Bind Describe Execute(*drop table c) / Close / "
		       "look(ab) / attempt(,turn) plan{c} | "
		       "set_config('lock_timeout', '100', true) | Parse "
		       "Bind Describe Execute(*drop table c) | "
		       "set_config('lock_timeout', '0', true) | /",
	.client_gets = "1 2 n notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "a cycle in a block is left before the savepoint is used",
	.client = "Q begin\n--\nP drop table c\nB\nE\nS\n--\nQ commit",
	.script = VIEW AGAIN "drop: bound",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / "
		       "SET LOCAL lock_timeout TO '100' | Parse Bind "
		       "Execute(*drop table c) / ROLLBACK TO SAVEPOINT "
		       "_lockstep / look(ab) / attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Parse Bind Execute(*drop table c) | SET LOCAL "
		       "lock_timeout TO '0' RELEASE SAVEPOINT _lockstep "
		       "| / Query(*commit)",
	.client_gets = "[BEGIN] ready-T 1 2 [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an error of its own leaves the cycle to the client's Sync",
	.client = "P drop table c\nB\nE\nS",
	.script = VIEW "drop: error 42P01",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) plan{c} "
		       "| set_config('lock_timeout', '100', true) | Parse "
		       "Bind Execute(*drop table c) /",
	.client_gets = "1 2 error 42P01 ready-I",
    },
    {
	.name = "a cycle that has begun cannot be undone",
	.client = "P select 1\nB\nE\nP drop table c\nB\nE\nS",
	.script = "settings: policy=lock; plan: set=aB",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | facts(t) "
		       "settings plan{c} | look(ab) | attempt(a,turn) | "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "an event trigger that runs first is to run once",
	.client = "Q drop table c",
	.script = "settings: policy=lock; facts: start_trigger=t; "
		  "plan: set=aB; plan: set=aB",
	.server_gets = "facts(f) settings plan{c} / look(ab) / BEGIN "
		       "attempt(a,turn) plan{c} / Query(*drop table c) "
		       "COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a cycle that cannot be seen leaves no named statement",
	.client = "P:n drop table c\nB:n\nE\nS",
	.script = VIEW "set_config: ; set_config: error 57014",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) "
		       "plan{c} | set_config('lock_timeout', '100', true) "
		       "| Parse Bind Execute(*drop table c) | "
		       "set_config('lock_timeout', '0', true) / Close / /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "its name is free then for another one",
	.client = "P:n drop table c\nB:n\nE\nS\n--\nP:n drop table a\nB:n\n"
		  "E\nS",
	.script = VIEW "set_config: ; set_config: error 57014; plan:",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) "
		       "plan{c} | set_config('lock_timeout', '100', "
		       "true) | Parse Bind Execute(*drop table c) | "
		       "set_config('lock_timeout', '0', true) / Close / "
		       "/ facts(f) settings plan{a} / attempt(abc) "
		       "plan{a} | Parse Bind Execute(*drop table a) /",
	.client_gets = "error 57014 ready-I 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "nor in a block does it",
	.client = "Q begin\n--\nP:n drop table c\nB:n\nE\nS",
	.script = VIEW "SET LOCAL: ; SET LOCAL: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / "
		       "SET LOCAL lock_timeout TO '100' | Parse Bind "
		       "Execute(*drop table c) | SET LOCAL lock_timeout "
		       "TO '0' / Close ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse / /",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E",
    },
    {
	.name = "an undo that failed is made up for, with its Close",
	.client = "Q begin\n--\nP:n drop table c\nB:n\nE\nS",
	.script = VIEW "drop: bound; ROLLBACK TO: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / "
		       "SET LOCAL lock_timeout TO '100' | Parse Bind "
		       "Execute(*drop table c) / ROLLBACK TO SAVEPOINT "
		       "_lockstep / Close ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse / /",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E",
    },
    {
	.name = "a cancel that comes amid a run goes to the server, too",
	.client = "Q drop table c",
	.script = VIEW "drop: !cancel bound",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) ROLLBACK /",
	.client_gets = "cancel-passes error 57014 ready-I",
    },
    {
	.name = "a cancel that is too late for the run is none",
	.client = "Q drop table c",
	.script = VIEW "drop: !cancel",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) SET LOCAL lock_timeout TO "
		       "'0' COMMIT /",
	.client_gets = "cancel-passes [DROP TABLE] ready-I",
    },
    {
	.name = "a run in a transaction that a cancel has ended is not seen",
	.client = "Q drop table c",
	.script = VIEW "SET LOCAL: error 57014",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' / "
		       "ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the settings cannot be set back: nothing has run",
	.client = "Q drop table c",
	.script = VIEW "SET LOCAL: ; SET LOCAL: error 57014; drop: notice",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) SET LOCAL lock_timeout TO "
		       "'0' / ROLLBACK /",
	.client_gets = "notice 00000 error 57014 ready-I",
    },
    {
	.name = "nor in a cycle",
	.client = "P drop table c\nB\nE\nS",
	.script = VIEW "set_config: ; set_config: error 57014; "
		       "drop: notice",
	.server_gets = "facts(f) settings plan{c} / attempt(,turn) plan{c} "
		       "| set_config('lock_timeout', '100', true) | Parse "
		       "Bind Execute(*drop table c) | "
		       "set_config('lock_timeout', '0', true) / /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "nor in a block",
	.client = "Q begin\n--\nP drop table c\nB\nE\nS",
	.script = VIEW "SET LOCAL: ; SET LOCAL: error 57014; drop: notice",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(,turn) plan{c} / "
		       "SET LOCAL lock_timeout TO '100' | Parse Bind "
		       "Execute(*drop table c) | SET LOCAL lock_timeout "
		       "TO '0' / ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / /",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E",
    },
    {
	.name = "what comes amid a run and answers nothing passes",
	.client = "Q drop table c",
	.script = VIEW AGAIN "drop: notification parameter bound",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c) ROLLBACK / look(ab) / BEGIN "
		       "attempt(,turn) plan{c} / SET LOCAL lock_timeout "
		       "TO '100' | Query(*drop table c) SET LOCAL "
		       "lock_timeout TO '0' COMMIT /",
	.client_gets = "notification parameter [DROP TABLE] ready-I",
    },
    {
	.name = "the end of the session is told at once",
	.client = "Q drop table c",
	.script = VIEW "drop: notice fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '100' | "
		       "Query(*drop table c)",
	.client_gets = "notice 00000 fatal 57P01",
    },
    {
	.name = "the gate stays shut from one run to the next",
	.client = "Q drop table c",
	.script = AGAIN AGAIN AGAIN AGAIN AGAIN
	"attempt: 0; attempt: 0; "
	"drop: !shut !turn bound; drop: !shut !turn",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(,turn) "
		       "plan{c} / ROLLBACK / look(ab) / BEGIN "
		       "attempt(,turn) plan{c} / ROLLBACK / look(ab) / "
		       "names(ab) / look(ab) / BEGIN attempt(,turn) "
		       "plan{c} / SET LOCAL lock_timeout TO '10' | "
		       "Query(*drop table c) ROLLBACK / look(ab) / BEGIN "
		       "attempt(,turn) plan{c} / SET LOCAL lock_timeout "
		       "TO '10' | Query(*drop table c) SET LOCAL "
		       "lock_timeout TO '0' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

/* Its transaction goes on as if it had not been: it may end well. */
static void
exchange_undoes_a_run_without_a_trace_in_the_trail(void **state)
{
	struct scene *s =
	    scene_begin(VIEW AGAIN "drop: bound",
			"Q begin\n--\nP drop table c\nB\nE\nS\n--\nQ select 1");
	const struct trail *t = &s->guarded.guarded.trail;

	(void)state;
	scene_run(s);
	assert_non_null(t->key);
	assert_false(t->is_lost);
	scene_end(s);
}

static void
exchange_tells_the_trail_of_an_error_of_the_statement(void **state)
{
	struct scene *s =
	    scene_begin(VIEW "drop: error 42P01",
			"Q begin\n--\nQ drop table c\n--\nQ select 1");

	(void)state;
	scene_run(s);
	assert_true(s->guarded.guarded.trail.is_lost);
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		exchange_undoes_a_run_without_a_trace_in_the_trail),
	    cmocka_unit_test(
		exchange_tells_the_trail_of_an_error_of_the_statement),
	};

	return scene_run_tests("proxy/guard/exchange_trial", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

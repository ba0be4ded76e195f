#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * The statement is to end: by a cancel that comes to the proxy, or by one that
 * the server answers a question of ours with.
 */
static const struct scene_row rows[] = {
    {
	.name = "a cancel while it is planned",
	.client = "Q drop table c",
	.script = "plan: !cancel",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel before the facts are answered",
	.client = "Q drop table c",
	.script = "facts: !cancel",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while it looks",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: !cancel old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while it waits",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: "
		  "!cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while the gate's names are asked for",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; names: "
		  "!cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while it waits in a window",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: "
		  "!shut young; wait: !cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while an attempt is granted gives "
		"back the locks",
	.client = "Q drop table c",
	.script = "attempt: !cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while an attempt is busy",
	.client = "Q drop table c",
	.script = "attempt: !cancel 1",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while an attempt is undone",
	.client = "Q drop table c",
	.script = "attempt: 1; ROLLBACK: !cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel while an autovacuum is made to give "
		"way is the server's",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: autovacuum; "
		  "coax: !cancel error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "coax(a) /",
	.client_gets = "cancel-passes error 57014 ready-I",
    },
    {
	.name = "an operator ends it while an autovacuum is made to "
		"give way: behind that",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: autovacuum; "
		  "coax: !abort",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "coax(a) /",
	.client_gets = "abort error 57014 ready-I",
    },
    {
	.name = "an operator ends it while it waits",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !abort",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) /",
	.client_gets = "abort error 57014 ready-I",
    },
    {
	.name = "an operator cannot end what runs",
	.client = "Q drop table c",
	.script = "drop: !abort",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "abort-fails [DROP TABLE] ready-I",
    },
    {
	.name = "a cancel while it runs is the server's",
	.client = "Q drop table c",
	.script = "drop: !cancel error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) ROLLBACK /",
	.client_gets = "cancel-passes error 57014 ready-I",
    },
    {
	.name = "a cancel while it is committed is the server's",
	.client = "Q drop table c",
	.script = "COMMIT: !cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "cancel-passes [DROP TABLE] ready-I",
    },
    {
	.name = "a cancel while it looks for a notice",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !late "
		  "1001; look: !cancel old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "cancel notice 00000 error 57014 ready-I",
    },
    {
	.name = "a cancel in a block fails that",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: old; wait: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / ROLLBACK TO "
		       "SAVEPOINT _lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T cancel error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cancel while a block is planned fails that",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "plan: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T cancel error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cancel behind a granted attempt in a block "
		"gives back the locks",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "attempt: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / ROLLBACK TO SAVEPOINT _lockstep / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T cancel error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cancel while the savepoint is released "
		"fails the block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "RELEASE: !open ; RELEASE: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T cancel error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cancel while the block is made to fail",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=reject; refuse: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T cancel error 42501 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cancel in a cycle skips its rest",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: old; wait: "
		  "!cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "/",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel behind a granted attempt in a cycle "
		"gives back the locks",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "attempt: !cancel",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | / "
		       "/",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel in a cycle that has begun fails that",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: old; wait: !cancel",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "refuse /",
	.client_gets = "1 2 D [SELECT 1] 1 2 cancel error 57014 "
		       "ready-I",
    },
    {
	.name = "a cancel while the Execute runs is the "
		"server's",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "drop: !cancel error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) /",
	.client_gets = "cancel-passes 1 2 error 57014 ready-I",
    },
    {
	.name = "the server's cancel while it is planned",
	.client = "Q drop table c",
	.script = "plan: error 57014",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel while it looks",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel while names are asked for",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; names: "
		  "error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel during an attempt rolls "
		"back our block",
	.client = "Q drop table c",
	.script = "attempt: error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) / "
		       "ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel in a block fails that",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "plan: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "the server's cancel during an attempt fails "
		"the block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "attempt: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "the server's cancel in a cycle",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "plan: error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "/",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel during an attempt for a "
		"cycle",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "attempt: error 57014",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) / "
		       "/",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the server's cancel in a cycle that has begun",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: error 57014",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 57014 ready-I",
    },
    {
	.name = "names that fail lose a cycle that has begun",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: young; names: error 42501",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "names(abc) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42501 ready-I",
    },
    {
	.name = "an autovacuum made to give way in error loses "
		"such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: autovacuum; coax: error 42501",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "coax(a) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42501 ready-I",
    },
};

/* As session.c has it for a session whose next message waits at the gate. */
static void
assert_ends_at_gate(const char *before, const char *script, uint8_t type,
		    const char *after, const char *server_gets,
		    const char *client_gets)
{
	struct scene *s = scene_begin(script, before);

	scene_run(s);
	assert_true(exchange_begin_cancel(&s->guarded.guarded, type));
	s->lines = after;
	scene_run(s);
	assert_trace("at the gate", "server", s->server.trace, server_gets);
	assert_trace("at the gate", "client", s->sees, client_gets);
	assert_null(scene_exchange(s));
	scene_end(s);
}

static void
exchange_begin_cancel_stands_for_a_query(void **state)
{
	(void)state;
	assert_ends_at_gate("", NULL, FRONTEND_QUERY, "Q select 1",
			    "Query(select 1)",
			    "error 57014 ready-I D [SELECT 1] ready-I");
	assert_ends_at_gate("", NULL, FRONTEND_FUNCTION_CALL, "Q select 1",
			    "Query(select 1)",
			    "error 57014 ready-I D [SELECT 1] ready-I");
}

static void
exchange_begin_cancel_stands_for_a_cycle(void **state)
{
	(void)state;
	assert_ends_at_gate("", NULL, FRONTEND_PARSE, "B\nE\nS", "/",
			    "error 57014 ready-I");
}

static void
exchange_begin_cancel_fails_a_block(void **state)
{
	(void)state;
	assert_ends_at_gate("Q begin", NULL, FRONTEND_QUERY, "Q commit",
			    "Query(begin) refuse / Query(commit)",
			    "[BEGIN] ready-T error 57014 ready-E [ROLLBACK] "
			    "ready-I");
}

static void
exchange_begin_cancel_settles_what_a_query_would(void **state)
{
	(void)state;
	assert_ends_at_gate("P:s select 1", NULL, FRONTEND_QUERY, "Q select 1",
			    "Parse | / Query(select 1)",
			    "1 error 57014 ready-I D [SELECT 1] ready-I");
}

static void
exchange_begin_cancel_fails_a_cycle_that_has_begun(void **state)
{
	(void)state;
	assert_ends_at_gate("P select 1\nB\nE", NULL, FRONTEND_PARSE, "B\nE\nS",
			    "Parse Bind Execute(select 1) | refuse /",
			    "1 2 D [SELECT 1] error 57014 ready-I");
}

/* The server would not have looked at it. */
static void
exchange_begin_cancel_is_skipped_behind_an_error(void **state)
{
	(void)state;
	assert_ends_at_gate(
	    "P select 1\nB\nE", "select 1: error 22012", FRONTEND_QUERY, "S",
	    "Parse Bind Execute(select 1) /", "1 2 error 22012 ready-I");
}

static void
exchange_begin_without_memory_takes_nothing(void **state)
{
	struct scene *s = scene_begin(NULL, "");
	struct guarded *g = &s->guarded.guarded;
	unsigned int n;

	(void)state;
	for (n = 0; n < 2; n++) {
		allocation_fail_after(n);
		assert_false(exchange_begin_cancel(g, FRONTEND_QUERY));
		assert_true(allocation_restore());
		assert_null(g->exchange);
	}
	allocation_fail_after(0);
	assert_false(exchange_begin_execute(g, NULL));
	assert_true(allocation_restore());
	assert_null(g->exchange);
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_begin_cancel_stands_for_a_query),
	    cmocka_unit_test(exchange_begin_cancel_stands_for_a_cycle),
	    cmocka_unit_test(exchange_begin_cancel_fails_a_block),
	    cmocka_unit_test(exchange_begin_cancel_settles_what_a_query_would),
	    cmocka_unit_test(
		exchange_begin_cancel_fails_a_cycle_that_has_begun),
	    cmocka_unit_test(exchange_begin_cancel_is_skipped_behind_an_error),
	    cmocka_unit_test(exchange_begin_without_memory_takes_nothing),
	};

	return scene_run_tests("proxy/guard/exchange_cancel", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

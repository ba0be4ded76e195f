#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

static const struct scene_row rows[] = {
    {
	.name = "nobody is in the way: no plan is made",
	.client = "Q drop table c",
	.script = "drop: notice",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "somebody is: what our bound has ended is undone, and planned",
	.client = "Q drop table c",
	.script = "drop: notice bound; drop: notice",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "ROLLBACK / facts(f) settings plan{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) "
		       "COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "an error of its own is its answer",
	.client = "Q drop table c",
	.script = "drop: error 42P01",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "ROLLBACK /",
	.client_gets = "error 42P01 ready-I",
    },
    {
	.name = "the lock_timeout is the session's behind it, in a text",
	.client = "Q drop table c; select 1",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c; ) "
		       "SET LOCAL lock_timeout TO '7s' / Query(select 1) "
		       "COMMIT /",
	.client_gets = "[DROP TABLE] D [SELECT 1] ready-I",
    },
    {
	.name = "in a block, with nobody else there",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = NULL,
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep / "
		       "SET LOCAL lock_timeout TO '1' | Query(drop table "
		       "c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a block somebody is in the way",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = "drop: notice bound",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' / "
		       "ROLLBACK TO SAVEPOINT _lockstep / facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "the transaction can be started over behind it",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "drop table a:; drop table c: bound; attempt: 1; "
		  "look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table a) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before | Query(drop table c) SET LOCAL "
		       "lock_timeout TO '7s' / ROLLBACK TO SAVEPOINT "
		       "_lockstep / facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / look(bac) / "
		       "look(bac) / repeatable / ROLLBACK / Query(begin) "
		       "SAVEPOINT _lockstep facts(t) settings plan{a,c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{a,c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "a) SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cycle in a block can be started over, too",
	.client = "Q begin\n--\nP drop table a\nB\nE\nS\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "drop table a:; drop table c: bound; attempt: 1; "
		  "look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Parse Bind "
		       "Execute(drop table a) | SET LOCAL lock_timeout "
		       "TO '7s' RELEASE SAVEPOINT _lockstep | / "
		       "SAVEPOINT _lockstep as-before | Query(drop table "
		       "c) SET LOCAL lock_timeout TO '7s' / ROLLBACK TO "
		       "SAVEPOINT _lockstep / facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK / "
		       "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a,c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a,c} / RELEASE SAVEPOINT _lockstep / Parse "
		       "Bind Execute(*drop table a) / SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T 1 2 [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "an extended cycle",
	.client = "P drop table c\nB\nE\nS",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "set_config('lock_timeout', '1', true) | Parse "
		       "Bind Execute(drop table c) | "
		       "set_config('lock_timeout', '7s', true) | /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "an extended cycle is sent again, its statement closed before",
	.client = "P:n drop table c\nB:n\nD\nE\nS",
	.script = "drop: notice bound; drop: notice",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "set_config('lock_timeout', '1', true) | Parse "
		       "Bind Describe Execute(drop table c) / Close / "
		       "facts(f) settings plan{c} / attempt(abc) plan{c} "
		       "| Parse Bind Describe Execute(*drop table c) /",
	.client_gets = "1 2 n notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "a function of a user's may run in it",
	.client = "Q drop table c",
	.script = "glance: f",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / facts(f) "
		       "settings plan{c} / BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a statement that is not brief is planned",
	.client = "Q drop schema s",
	.script = NULL,
	.server_gets = "facts(f) settings plan{s} / BEGIN attempt(abc) "
		       "plan{s} / Query(*drop schema s) COMMIT /",
	.client_gets = "[DROP SCHEMA] ready-I",
    },
    {
	.name = "the session does not want it",
	.client = "Q drop table c",
	.script = "settings: optimistic=off; settings: optimistic=off",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / facts(f) "
		       "settings plan{c} / BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the session's policy is another",
	.client = "Q drop table c",
	.script = "settings: policy=reject; settings: policy=reject",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / facts(f) "
		       "settings plan{c} /",
	.client_gets = "error 42501 ready-I",
    },
    {
	.name = "the client is warned once of a value that is none",
	.client = "Q drop table c",
	.script = "settings: policy=nix; drop: bound; settings: policy=nix",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "ROLLBACK / facts(f) settings plan{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) "
		       "COMMIT /",
	.client_gets = "warning 22023 [DROP TABLE] ready-I",
    },
    {
	.name = "the question fails: a plan is made",
	.client = "Q drop table c",
	.script = "glance: error 42501",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance / ROLLBACK / facts(f) settings "
		       "plan{c} / BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the question fails in a cycle: a plan is made",
	.client = "P drop table c\nB\nE\nS",
	.script = "glance: error 42501",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance / ROLLBACK / facts(f) settings "
		       "plan{c} / attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "the question fails in a block: a plan is made",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = "glance: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance / ROLLBACK TO SAVEPOINT _lockstep / "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a cancel amid the question ends the statement",
	.client = "Q drop table c",
	.script = "glance: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance / ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "a cancel amid the question that comes too late counts",
	.client = "Q drop table c",
	.script = "glance: !cancel",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK /",
	.client_gets = "cancel error 57014 ready-I",
    },
    {
	.name = "a cancel amid the run is the server's",
	.client = "Q drop table c",
	.script = "drop: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "the settings cannot be set back: nothing has run",
	.client = "Q drop table c",
	.script = "SET LOCAL lock_timeout TO '7s': error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' / ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "our COMMIT fails: so has the statement",
	.client = "Q drop table c",
	.script = "COMMIT: error 23505",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT /",
	.client_gets = "error 23505 ready-I",
    },
    {
	.name = "our BEGIN fails: the statement was skipped, and is planned",
	.client = "Q drop table c",
	.script = "BEGIN:; BEGIN: error 42P05",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN / "
		       "ROLLBACK / facts(f) settings plan{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) "
		       "COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a cancel has struck our BEGIN: nothing has run",
	.client = "Q drop table c",
	.script = "BEGIN:; BEGIN: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN / "
		       "ROLLBACK /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "our bound cannot be set in a cycle: it is planned",
	.client = "P drop table c\nB\nE\nS",
	.script = "set_config: error 42501",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "set_config('lock_timeout', '1', true) / facts(f) "
		       "settings plan{c} / attempt(abc) plan{c} | Parse "
		       "Bind Execute(*drop table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "our bound cannot be set in a block: it is planned",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = "SET LOCAL lock_timeout TO '1': error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep / "
		       "SET LOCAL lock_timeout TO '1' / ROLLBACK TO "
		       "SAVEPOINT _lockstep / facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an odd answer is none",
	.client = "Q drop table c",
	.script = "glance: odd",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / facts(f) "
		       "settings plan{c} / BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
};

static void
plays_row_alone(void **state)
{
	const struct scene_row *row = *state;
	struct scene *s = scene_begin(row->script, row->client);

	s->guarded.pair.config.guard.is_optimistic = true;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	atomic_store(&s->guarded.pair.daemon.connections, 1);
	scene_play(s, row);
}

/* A rule that looks at tables must see them. */
static void
exchange_plans_where_a_rule_asks_for_tables(void **state)
{
	static char table[] = "a";
	static char *tables[] = {table};
	static const struct scene_row row = {
	    .name = "a rule asks for tables",
	    .server_gets = "facts(f) settings plan{c} / BEGIN attempt(abc) "
			   "plan{c} / Query(*drop table c) COMMIT /",
	    .client_gets = "[DROP TABLE] ready-I",
	};
	struct rule rule = {
	    .matches[RULE_TABLE] = {.values = tables, .count = 1},
	};
	struct scene *s = scene_begin(NULL, "Q drop table c");
	struct config *c = &s->guarded.pair.config;

	(void)state;
	c->guard.is_optimistic = true;
	c->rules = &rule;
	c->rule_count = 1;
	scene_play(s, &row);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_plans_where_a_rule_asks_for_tables),
	};

	return scene_run_rows("proxy/guard/exchange_glance", rows, ROWS,
			      plays_row_alone, tests,
			      sizeof(tests) / sizeof(tests[0]));
}

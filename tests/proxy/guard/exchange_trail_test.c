#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * The later locks of a transaction come into the set of its first guarded
 * statement, the next time that one begins so.  No gate is shut here.
 */
#define FIRST_TRY                                                              \
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "  \
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep attempt(c) plan{c} / "      \
	"RELEASE SAVEPOINT _lockstep / "                                       \
	"Query(*drop table c) SAVEPOINT _lockstep facts(t) settings plan{d} "  \
	"RELEASE SAVEPOINT _lockstep / SAVEPOINT _lockstep attempt(d) "        \
	"plan{d} / RELEASE SAVEPOINT _lockstep / "                             \
	"Query(*drop table d) Query(*rollback) "
#define TRY                                                                    \
	"Q begin\n--\nQ drop table c\n--\nQ drop table d\n--\nQ "              \
	"rollback\n--\n"
#define TRIED                                                                  \
	"[BEGIN] ready-T [DROP TABLE] ready-T [DROP TABLE] ready-T "           \
	"[ROLLBACK] ready-I "
#define PLANS                                                                  \
	"facts: ; facts: strong_locks=t; "                                     \
	"plan: set=c; plan: set=c; plan: set=d; plan: set=d; "

static const struct scene_row rows[] = {
    {
	.name = "the first statement takes what was wanted behind it",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q DROP TABLE  c -- again\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=d; plan: set=c",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep plan{d} / "
	"attempt(cd) plan{c} / RELEASE SAVEPOINT _lockstep / "
	"Query(*DROP TABLE  c -- again) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T notice 00000 [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "prepared, it is the same statement",
	.client = TRY "Q begin\n"
		      "--\n"
		      "P drop table c\n"
		      "B\n"
		      "E\n"
		      "S\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=d; plan: set=c",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep plan{d} / "
	"attempt(cd) plan{c} / RELEASE SAVEPOINT _lockstep / "
	"Parse Bind Execute(*drop table c) / Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T notice 00000 1 2 [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "what does not exist any more does not count",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=; plan: set=c",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep plan{d} / "
	"attempt(c) plan{c} / RELEASE SAVEPOINT _lockstep / "
	"Query(*drop table c) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "without the right to lock it, it does not count either",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=D; plan: set=c",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep plan{d} / "
	"attempt(c) plan{c} / RELEASE SAVEPOINT _lockstep / "
	"Query(*drop table c) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "a transaction that begins otherwise is another one",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q select 1\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=c",
	.server_gets =
	    FIRST_TRY "Query(begin) Query(select 1) "
		      "SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
		      "SAVEPOINT _lockstep / SAVEPOINT _lockstep attempt(c) "
		      "plan{c} / RELEASE SAVEPOINT _lockstep / "
		      "Query(*drop table c) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T D [SELECT 1] ready-T "
			     "[DROP TABLE] ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "a statement without a transaction has nothing behind it",
	.client = TRY "Q drop table c",
	.script = PLANS "plan: set=bc; plan: set=bc",
	.server_gets = FIRST_TRY "facts(f) settings plan{c} / "
				 "BEGIN attempt(bc) plan{c} / "
				 "Query(*drop table c) COMMIT /",
	.client_gets = TRIED "[DROP TABLE] ready-I",
    },
    {
	.name = "with memory off nothing is taken",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=c; settings: ; settings: ; "
			"settings: memory=off",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep attempt(c) plan{c} / "
	"RELEASE SAVEPOINT _lockstep / "
	"Query(*drop table c) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "with memory off nothing is learned",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: set=c; settings: ; "
			"settings: memory=off",
	.server_gets = FIRST_TRY
	"Query(begin) SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE "
	"SAVEPOINT _lockstep / SAVEPOINT _lockstep attempt(c) plan{c} / "
	"RELEASE SAVEPOINT _lockstep / "
	"Query(*drop table c) Query(*rollback)",
	.client_gets = TRIED "[BEGIN] ready-T [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
    {
	.name = "an error in the question leaves the statement to the server",
	.client = TRY "Q begin\n"
		      "--\n"
		      "Q drop table c\n"
		      "--\n"
		      "Q rollback",
	.script = PLANS "plan: set=c; plan: error 22021",
	.server_gets =
	    FIRST_TRY "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		      "plan{c} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		      "_lockstep plan{d} / ROLLBACK TO SAVEPOINT _lockstep / "
		      "RELEASE SAVEPOINT _lockstep / "
		      "Query(drop table c) Query(rollback)",
	.client_gets = TRIED "[BEGIN] ready-T [DROP TABLE] "
			     "ready-T [ROLLBACK] ready-I",
    },
};

static void
play(void **state)
{
	const struct scene_row *row = *state;
	struct scene *s = scene_begin(row->script, row->client);

	s->guarded.pair.config.guard.gate_transaction_ms = 0;
	scene_run(s);
	assert_trace(row->name, "server", s->server.trace, row->server_gets);
	assert_trace(row->name, "client", s->sees, row->client_gets);
	assert_script_is_used(&s->server.script);
	scene_end(s);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[i] = (struct CMUnitTest){
		    .name = rows[i].name,
		    .test_func = play,
		    .initial_state = (void *)&rows[i],
		};
	return cmocka_run_group_tests_name("proxy/guard/exchange_trail", tests,
					   NULL, NULL);
}

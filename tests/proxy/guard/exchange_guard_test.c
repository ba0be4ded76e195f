#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/* The small question comes first; where it cannot tell, the large one does. */
static const struct scene_row rows[] = {
    {
	.name = "the small question does",
	.client = "Q drop table a",
	.server_gets = "facts(f) settings plan{a} / BEGIN attempt(abc) "
		       "plan{a} / Query(*drop table a) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the small question cannot tell",
	.client = "Q drop table a",
	.script = "plan: large",
	.server_gets = "facts(f) settings plan{a} / plan{a} / BEGIN "
		       "attempt(abc) plan{a} / Query(*drop table a) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "nor can it in a block, where a savepoint shields each",
	.client = "Q begin\n--\nQ drop table a\n--\nQ commit",
	.script = "plan: large",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{a} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) plan{a} "
		       "/ RELEASE SAVEPOINT _lockstep / Query(*drop table a) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "nor in an extended cycle",
	.client = "P drop table a\nB\nE\nS",
	.script = "plan: large",
	.server_gets = "facts(f) settings plan{a} / plan{a} / attempt(abc) "
		       "plan{a} | Parse Bind Execute(*drop table a) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "nor under the locks, once others have committed",
	.client = "Q drop table a",
	.script = "facts: snapshot=7:7:; snapshot: 7:9:8; plan:; "
		  "plan: large",
	.server_gets = "facts(f) settings plan{a} / BEGIN attempt(abc) "
		       "snapshot / snapshot plan{a} / snapshot plan{a} / "
		       "Query(*drop table a) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "nor under the locks at REPEATABLE READ",
	.client = "Q begin\n--\nQ drop table a\n--\nQ commit",
	.script = "facts: isolation=serializable; plan:; plan: large",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{a} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{a} / snapshot "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / Query(*drop "
		       "table a) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "the large one fails",
	.client = "Q drop table a",
	.script = "plan: large; plan: error XX000",
	.server_gets = "facts(f) settings plan{a} / plan{a} / Query(drop "
		       "table a)",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_guard", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Settings of the session are set aside for each batch of questions, and set
 * back where its transaction goes on.  In the other tests there are none, and
 * the server does not trace what finds that out.
 */
static const struct scene_row rows[] = {
    {
	.name = "where no block is open, the Sync sets them back",
	.client = "Q drop table c",
	.script = "plain: ; attempt: 1",
	.server_gets = "plain facts(f) settings plan{c} / "
		       "BEGIN plain attempt(abc) plan{c} restore / "
		       "ROLLBACK / "
		       "plain look(bac) / "
		       "BEGIN plain attempt(bac,waits) plan{c} restore / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the transaction of a cycle goes on behind its attempt",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "plain: ",
	.server_gets = "plain facts(f) settings plan{c} / "
		       "plain attempt(abc) plan{c} restore | "
		       "Parse Bind Execute(*drop table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "in a block each batch sets them back",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "plain: ",
	.server_gets = "Query(begin) SAVEPOINT _lockstep plain facts(t) "
		       "settings plan{c} restore RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep plain names(abc) "
		       "attempt(abc) plan{c} restore / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a cycle that has begun each batch does",
	.client = "P insert\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "plain: ",
	.server_gets = "Parse Bind Execute(insert) Parse Bind | plain "
		       "facts(t) settings plan{c} restore | plain "
		       "names(abc) attempt(abc) restore | Execute(*drop "
		       "table c) /",
	.client_gets = "1 2 [INSERT] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name =
	    "a failure to set them aside leaves the statement to the server",
	.client = "Q drop table c",
	.script = "plain: error 53200",
	.server_gets = "plain / Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_settings", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

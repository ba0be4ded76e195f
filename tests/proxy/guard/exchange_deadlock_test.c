#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Somebody in the way waits for the client's transaction: two looks see that,
 * and it ends, wherever the statement stands.  That each look in a block sees
 * the sessions as they are is checked by scripted_server.h.
 */
static const struct scene_row rows[] = {
    {
	.name = "a cycle fails the client's transaction",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / look(abc) / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse-deadlock / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T error 40P01 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cycle in a window opens the gate again",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: young; look: cycle; look: "
		  "cycle; refuse: !open "
		  "!free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / names(abc) / "
		       "look(abc) / look(abc) / ROLLBACK TO SAVEPOINT "
		       "_lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse-deadlock / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 40P01 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a cycle outside of a block fails the statement",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: cycle; look: cycle",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "error 40P01 ready-I",
    },
    {
	.name = "a cycle fails what is pipelined behind",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=hold; look: cycle; look: cycle",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "look(abc) | refuse-deadlock /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 40P01 ready-I",
    },
    {
	.name = "policy lock looks in a block before it attempts again",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=lock; attempt: 1; look: cycle; look: "
		  "cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / ROLLBACK TO SAVEPOINT "
		       "_lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse-deadlock / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 40P01 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "others who wait for the transaction shorten its budget",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold in_transaction_timeout=10ms; "
		  "look: old; look: waiter; attempt: !late 20 1",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / look(abc) / "
		       "names(abc) attempt(abc) plan{c} / look(bac) / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 55P03 ready-E "
		       "[ROLLBACK] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_deadlock", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

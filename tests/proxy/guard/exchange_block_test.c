#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Guarded statements in a transaction block of the client's: a savepoint
 * shields each attempt, and the locks stay until the block ends.
 */
static const struct scene_row rows[] = {
    {
	.name = "what comes behind a guarded one counts without the gate, too",
	.client = "Q begin\n--\nQ drop table c\n--\n"
		  "Q comment on table a is null\n--\nQ commit\n--\n"
		  "Q comment on table a is null",
	.script = "settings: policy=lock; settings: policy=lock; plan: ; "
		  "plan: ; plan: set=a; plan: set=a",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} / attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table c) "
		       "SAVEPOINT _lockstep facts(t) settings plan{a} / "
		       "attempt(a) plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*comment on table a is null) Query(*commit) "
		       "Query(comment on table a is null)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMENT ON] "
		       "ready-T [COMMIT] ready-I [COMMENT ON] ready-I",
    },
    {
	.name = "in a block a savepoint shields the attempt",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "look: !open ; look: !shut ; attempt: !shut "
		  "!turn; drop: !shut !turn; commit: !shut !free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a block an Execute is shielded as well",
	.client = "Q begin\n"
		  "--\n"
		  "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Parse Bind Describe Execute(*drop table c) / "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T 1 2 n [DROP TABLE] ready-T "
		       "[COMMIT] ready-I",
    },
    {
	.name = "a set of one table is guarded in a block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "plan: set=c; plan: set=c",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(c) / "
		       "names(c) / "
		       "look(c) / "
		       "attempt(c) plan{c} names(c) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "with gate_transaction off no window is needed",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: gate_transaction=0",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a block that holds strong locks no attempt "
		"waits",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "facts: strong_locks=t; settings: "
		  "gate_transaction=0; look: young; attempt: 1",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "attempt(abc) plan{c} / "
		       "look(bac) / "
		       "attempt(bac) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a set that grew in a block is let go",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: gate_transaction=0; plan: set=ab; "
		  "plan: set=abc",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "attempt(ab) plan{c} / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "look(abc) / "
		       "attempt(abc,waits) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "two guarded statements share the block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q drop table b\n"
		  "--\n"
		  "Q commit",
	.script = "drop table c: !shut; drop table b: !shut; "
		  "commit: !shut",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) SAVEPOINT _lockstep "
		       "facts(t) settings plan{b} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{b} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table b) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a block that is rolled back keeps nothing",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q rollback",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*rollback)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "policy pass releases the savepoint first",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=pass",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "begin in the same packet is answered first",
	.client = "P begin\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Parse Bind Execute(begin) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "names(abc) | look(abc) | attempt(abc) "
		       "names(abc) | Execute(*drop table c) / "
		       "Query(*commit)",
	.client_gets = "1 2 [BEGIN] 1 2 [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a statement prepared long before is guarded "
		"when it runs",
	.client = "P:s drop table c\n"
		  "S\n"
		  "--\n"
		  "Q begin\n"
		  "--\n"
		  "B:s\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Parse / "
		       "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Bind Execute(*drop table c) / "
		       "Query(*commit)",
	.client_gets = "1 ready-I [BEGIN] ready-T 2 [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "a named statement of a block runs twice, "
		"guarded twice",
	.client = "Q begin\n"
		  "--\n"
		  "P:s drop table c\n"
		  "B:s\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "B:s\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Parse Bind Execute(*drop table c) / "
		       "| SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Bind Execute(*drop table c) / "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T 1 2 [DROP TABLE] ready-T 2 "
		       "[DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "what the transaction holds already needs no attempt",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "facts: held=100:8,101:8,102:8; drop: !free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "only the rest of the set is locked, and found again",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "facts: held=100:8,102:3; settings: policy=lock",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "attempt(bc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "own temporary tables need none either",
	.client = "Q drop table c",
	.script = "facts: held=101:8,102:8",
	.server_gets = "facts(f) settings plan{c} / Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the gate is kept as long as "
		"gate_transaction says",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "commit: !kept !free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_block", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

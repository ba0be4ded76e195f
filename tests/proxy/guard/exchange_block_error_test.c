#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Failures in a transaction block of the client's: errors that answer
 * questions of ours, and errors in place of the statement.
 */
static const struct scene_row rows[] = {
    {
	.name = "an attempt that fails in a block gives back "
		"what it took",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: gate_transaction=0; attempt: 1; "
		  "attempt: 2",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(abc) plan{c} / "
		       "look(bac) / attempt(bac,waits) plan{c} / "
		       "look(cba) / names(cba) / look(cba) / "
		       "attempt(cba) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "policy reject fails the client's transaction",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=reject",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 42501 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "policy reject fails it for an Execute too",
	.client = "Q begin\n"
		  "--\n"
		  "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=reject",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse / / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 42501 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "facts that fail are taken back to the "
		"savepoint",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "facts: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a plan that fails is taken back to the "
		"savepoint",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "plan: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "names that fail are taken back to the "
		"savepoint",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: young; names: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / names(abc) / "
		       "ROLLBACK TO SAVEPOINT _lockstep / RELEASE "
		       "SAVEPOINT _lockstep / Query(drop table c) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a look that fails is taken back to the "
		"savepoint",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / ROLLBACK TO "
		       "SAVEPOINT _lockstep / RELEASE SAVEPOINT "
		       "_lockstep / Query(drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "looks of an odd shape leave it unplanned",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: odd",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / RELEASE "
		       "SAVEPOINT _lockstep / Query(drop table c) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "names of an odd shape leave it unplanned",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: young; names: odd",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / names(abc) / "
		       "RELEASE SAVEPOINT _lockstep / Query(drop table "
		       "c) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a savepoint that fails is the statement's "
		"error",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "SAVEPOINT: error 53200",
	.server_gets = "Query(begin) SAVEPOINT _lockstep / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T error 3B001 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a release that fails is the statement's error",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "RELEASE: !open ; RELEASE: error 53200",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T error 53200 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a release behind the plan that fails is undone",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "RELEASE: error 53200",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "ROLLBACK TO SAVEPOINT _lockstep / RELEASE "
		       "SAVEPOINT _lockstep / Query(drop table c) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an undo that fails is the statement's error",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "facts: error 42501; ROLLBACK TO: error 53200",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) / "
		       "ROLLBACK TO SAVEPOINT _lockstep / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T error 53200 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "an attempt in error is undone and planned "
		"again",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: gate_transaction=0; attempt: error "
		  "42501; settings: gate_transaction=0",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep attempt(abc) / ROLLBACK TO "
		       "SAVEPOINT _lockstep / facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep look(abc) / attempt(abc,waits) plan{c} "
		       "/ RELEASE SAVEPOINT _lockstep / Query(*drop "
		       "table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an error of its own fails the client's "
		"transaction",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "drop: error 42P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T error 42P01 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a deferred constraint fails the client's own "
		"COMMIT",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "commit: error 23503",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "23503 ready-I",
    },
    {
	.name = "in a failed block it is the server's to refuse",
	.client = "Q begin\n"
		  "--\n"
		  "Q select 0\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q rollback",
	.script = "select 0: error 22012",
	.server_gets = "Query(begin) Query(select 0) Query(drop table "
		       "c) Query(rollback)",
	.client_gets = "[BEGIN] ready-T error 22012 ready-E error "
		       "25P02 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "an Execute in a failed block is, too",
	.client = "Q begin\n"
		  "--\n"
		  "Q select 0\n"
		  "--\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "Q rollback",
	.script = "select 0: error 22012",
	.server_gets = "Query(begin) Query(select 0) Parse Bind "
		       "Execute(drop table c) / "
		       "Query(rollback)",
	.client_gets = "[BEGIN] ready-T error 22012 ready-E 1 2 error "
		       "25P02 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a later statement that is refused ends what "
		"the first one kept",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q drop table b\n"
		  "--\n"
		  "Q rollback",
	.script = "settings: ; drop table c: !shut; settings: "
		  "policy=reject; rollback: !open !free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) SAVEPOINT _lockstep "
		       "facts(t) settings plan{b} RELEASE SAVEPOINT "
		       "_lockstep / refuse / Query(rollback)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "42501 ready-E [ROLLBACK] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_block_error", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

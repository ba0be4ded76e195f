#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * One guarded statement in a simple Query, outside of a transaction.
 */
static const struct scene_row rows[] = {
    {
	.name = "an idle session is protected in a block of "
		"ours",
	.client = "Q drop table c",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set of one table is not",
	.client = "Q drop table c",
	.script = "plan: set=c",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set of none is not",
	.client = "Q drop table c",
	.script = "plan: set=",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set that grew is let go and tried anew",
	.client = "Q drop table c",
	.script = "plan: set=ab; plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(ab) plan{c} / "
		       "ROLLBACK / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set that grew still more is tried anew twice",
	.client = "Q drop table c",
	.script = "plan: set=ab; plan: set=abc; plan: set=abcd; "
		  "plan: set=abcd",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(ab) plan{c} / "
		       "ROLLBACK / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "ROLLBACK / "
		       "look(abcd) / "
		       "names(abcd) / "
		       "look(abcd) / "
		       "BEGIN attempt(abcd) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set that shrank is locked as it was",
	.client = "Q drop table c",
	.script = "plan: set=abc; plan: set=ab",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "policy pass runs it as it is",
	.client = "Q drop table c",
	.script = "settings: policy=pass",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "policy reject gives an error in its place",
	.client = "Q drop table c",
	.script = "settings: policy=reject",
	.server_gets = "facts(f) settings plan{c} /",
	.client_gets = "error 42501 ready-I",
    },
    {
	.name = "a session whose guard is off runs it as it is",
	.client = "Q drop table c",
	.script = "settings: guard=off",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a read-only session gets the server's own "
		"error",
	.client = "Q drop table c",
	.script = "facts: read_only=on; drop: error 25006",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "error 25006 ready-I",
    },
    {
	.name = "a standby as well",
	.client = "Q drop table c",
	.script = "facts: in_recovery=t; drop: error 25006",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "error 25006 ready-I",
    },
    {
	.name = "a server without PL/pgSQL runs it unplanned",
	.client = "Q drop table c",
	.script = "facts: can_attempt=f",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a setting that makes no sense is warned of",
	.client = "Q drop table c",
	.script = "settings: policy=perhaps",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "warning 22023 [DROP TABLE] ready-I",
    },
    {
	.name = "such a warning obeys client_min_messages",
	.client = "Q drop table c",
	.script = "facts: min_messages=error; settings: "
		  "policy=perhaps",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "such a warning is given once for all plans",
	.client = "Q drop table c",
	.script = "settings: policy=perhaps; attempt: silent; "
		  "settings: policy=perhaps",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "warning 22023 [DROP TABLE] ready-I",
    },
    {
	.name = "facts that fail leave it unplanned",
	.client = "Q drop table c",
	.script = "facts: error 42501",
	.server_gets = "facts(f) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "settings that fail leave it unplanned",
	.client = "Q drop table c",
	.script = "settings: error 42501",
	.server_gets = "facts(f) settings / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a plan that fails leaves it unplanned",
	.client = "Q drop table c",
	.script = "plan: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "facts of an odd shape leave it unplanned",
	.client = "Q drop table c",
	.script = "facts: odd",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a plan of an odd shape leaves it unplanned",
	.client = "Q drop table c",
	.script = "plan: odd",
	.server_gets = "facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an attempt in error is planned again",
	.client = "Q drop table c",
	.script = "attempt: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an attempt that says nothing is planned again",
	.client = "Q drop table c",
	.script = "attempt: silent",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an attempt that says what is not ours is "
		"planned again",
	.client = "Q drop table c",
	.script = "attempt: 77",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "three attempts in error leave it unplanned",
	.client = "Q drop table c",
	.script = "attempt: error 42501; attempt: error 42501; "
		  "attempt: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) / "
		       "ROLLBACK / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a plan under the locks that fails is planned "
		"again",
	.client = "Q drop table c",
	.script = "plan: set=abc; plan: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a BEGIN that fails is planned again",
	.client = "Q drop table c",
	.script = "BEGIN: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN / "
		       "ROLLBACK / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an error of its own is delivered, and our "
		"block rolled back",
	.client = "Q drop table c",
	.script = "drop: error 42P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) ROLLBACK /",
	.client_gets = "error 42P01 ready-I",
    },
    {
	.name = "an error behind rows of its own comes behind "
		"them",
	.client = "Q select 1; drop table c; select 2",
	.script = "select 2: error 22012",
	.server_gets = "BEGIN / Query(select 1; ) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c; select 2) "
		       "ROLLBACK /",
	.client_gets = "D [SELECT 1] [DROP TABLE] error 22012 ready-I",
    },
    {
	.name = "a COMMIT that fails takes the place of the tag",
	.client = "Q drop table c",
	.script = "COMMIT: error 23503",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "error 23503 ready-I",
    },
    {
	.name = "a COMMIT that fails late does not take "
		"earlier tags",
	.client = "Q select 1; drop table c",
	.script = "COMMIT: error 23503",
	.server_gets = "BEGIN / Query(select 1; ) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c) COMMIT /",
	.client_gets = "D [SELECT 1] error 23503 ready-I",
    },
    {
	.name = "an undo that fails ends the statement with "
		"that error",
	.client = "Q drop table c",
	.script = "attempt: 1; ROLLBACK: error XX000",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "ROLLBACK /",
	.client_gets = "error XX000 ready-I",
    },
    {
	.name = "asynchronous messages pass at once",
	.client = "Q drop table c",
	.script = "facts: notification parameter; attempt: "
		  "notification 3; drop: notice notification "
		  "parameter",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "notification parameter notification notice "
		       "00000 notification parameter [DROP TABLE] "
		       "ready-I",
    },
    {
	.name = "asynchronous messages behind the tag stay "
		"behind it",
	.client = "Q drop table c",
	.script = "COMMIT: notification parameter",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] notification parameter ready-I",
    },
    {
	.name = "notices of its own deferred triggers pass "
		"during COMMIT",
	.client = "Q drop table c",
	.script = "COMMIT: notice",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "notices for our statements do not",
	.client = "Q drop table c",
	.script = "facts: notice; plan: notice log; attempt: "
		  "notice 3; BEGIN: log; COMMIT: log",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "several statements in one message are one "
		"transaction",
	.client = "Q insert into t values (1); drop table c; "
		  "insert into t values (1)",
	.server_gets =
	    "BEGIN / Query(insert into t values (1); ) "
	    "SAVEPOINT _lockstep facts(t) settings plan{c} RELEASE SAVEPOINT "
	    "_lockstep / SAVEPOINT _lockstep names(abc) attempt(abc) plan{c} / "
	    "RELEASE SAVEPOINT _lockstep / "
	    "Query(*drop table c; insert into t values (1)) COMMIT /",
	.client_gets = "[INSERT INTO] [DROP TABLE] [INSERT INTO] "
		       "ready-I",
    },
    {
	.name = "an empty tail has no answer",
	.client = "Q drop table c;",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c;) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "what is not guarded is not touched",
	.client = "Q select 1\n"
		  "--\n"
		  "Q insert into t values (1)",
	.server_gets = "Query(select 1) Query(insert into t values "
		       "(1))",
	.client_gets = "D [SELECT 1] ready-I [INSERT INTO] ready-I",
    },
    {
	.name = "the next statement of an idle session is "
		"guarded anew",
	.client = "Q drop table c\n"
		  "--\n"
		  "Q drop table b",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT / "
		       "facts(f) settings plan{b} / "
		       "BEGIN attempt(abc) plan{b} / "
		       "Query(*drop table b) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I",
    },
    {
	.name = "statements sent at once are guarded one after "
		"the other",
	.client = "Q drop table c\n"
		  "Q select 1\n"
		  "Q drop table b",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT / "
		       "Query(select 1) facts(f) settings plan{b} / "
		       "BEGIN attempt(abc) plan{b} / "
		       "Query(*drop table b) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I D [SELECT 1] ready-I "
		       "[DROP TABLE] ready-I",
    },
    {
	.name = "one behind an ordinary one waits for its "
		"answer",
	.client = "Q select 1\n"
		  "Q drop table c",
	.server_gets = "Query(select 1) facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "D [SELECT 1] ready-I [DROP TABLE] ready-I",
    },
    {
	.name = "one behind a cycle that was left open settles "
		"that first",
	.client = "P:s select 1\n"
		  "Q drop table c",
	.server_gets = "Parse | / "
		       "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "1 [DROP TABLE] ready-I",
    },
    {
	.name = "one behind a cycle that has begun is the "
		"server's to end",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "Q drop table c",
	.server_gets = "Parse Bind Execute(select 1) | Query(drop "
		       "table c)",
	.client_gets = "1 2 D [SELECT 1] [DROP TABLE] ready-I",
    },
    {
	.name = "one behind an error in a cycle is skipped as "
		"the server does",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "Q drop table c\n"
		  "S",
	.script = "select 1: error 22012",
	.server_gets = "Parse Bind Execute(select 1) /",
	.client_gets = "1 2 error 22012 ready-I",
    },
    {
	.name = "one behind a COPY that wants data breaks it "
		"as without us",
	.client = "Q copy t from stdin\n"
		  "Q drop table c",
	.server_gets = "Query(copy t from stdin)",
	.client_gets = "G error 08P01 ready-I",
    },
    {
	.name = "a COPY in its own text reads from the client",
	.client = "Q drop table c; copy t from stdin\n"
		  "--\n"
		  "d 1\n"
		  "c",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c; copy t from stdin) "
		       "COMMIT /",
	.client_gets = "[DROP TABLE] G [COPY 1] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

/*
 * A session's glance is assumed to hold for its next statements: the question
 * goes ahead of the statement, on the same way.
 */
#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

static const struct scene_row rows[] = {
    {
	.name = "the next one is asked about on the way",
	.client = "Q drop table c\n--\nQ drop table a",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "as-before | Query(drop table a) SET LOCAL "
		       "lock_timeout TO '7s' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I",
    },
    {
	.name = "in an extended cycle, too",
	.client = "P drop table c\nB\nE\nS\n--\nP drop table a\nB\nE\nS",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "set_config('lock_timeout', '1', true) | Parse "
		       "Bind Execute(drop table c) | "
		       "set_config('lock_timeout', '7s', true) | / "
		       "as-before | Parse Bind Execute(drop table a) | "
		       "set_config('lock_timeout', '7s', true) | /",
	.client_gets = "1 2 [DROP TABLE] ready-I 1 2 [DROP TABLE] "
		       "ready-I",
    },
    {
	.name = "in a block, too",
	.client =
	    "Q begin\n--\nQ drop table c\n--\nQ drop table a\n--\nQ commit",
	.script = NULL,
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before | Query(drop table a) SET LOCAL "
		       "lock_timeout TO '7s' RELEASE SAVEPOINT _lockstep "
		       "/ Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "in a cycle in a block, too",
	.client = "Q begin\n--\nQ drop table c\n--\nP drop table "
		  "a\nB\nE\nS\n--\nQ commit",
	.script = NULL,
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before | Parse Bind Execute(drop table a) | "
		       "SET LOCAL lock_timeout TO '7s' RELEASE SAVEPOINT "
		       "_lockstep | / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T 1 2 [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "it holds beyond a transaction",
	.client = "Q drop table c\n--\nQ begin\n--\nQ drop table a\n--\nQ "
		  "commit\n--\nQ drop table b",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / "
		       "Query(begin) SAVEPOINT _lockstep as-before | "
		       "Query(drop table a) SET LOCAL lock_timeout TO "
		       "'7s' RELEASE SAVEPOINT _lockstep / Query(commit) "
		       "BEGIN as-before | Query(drop table b) SET LOCAL "
		       "lock_timeout TO '7s' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [BEGIN] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I [DROP TABLE] "
		       "ready-I",
    },
    {
	.name = "somebody is in the way: it is planned, and holds for the next",
	.client = "Q drop table c\n--\nQ drop table a\n--\nQ drop table b",
	.script = "drop table c:; drop table a: bound; drop table a:",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "as-before | Query(drop table a) ROLLBACK / "
		       "facts(f) settings plan{a} / BEGIN attempt(abc) "
		       "plan{a} / Query(*drop table a) COMMIT / BEGIN "
		       "as-before | Query(drop table b) SET LOCAL "
		       "lock_timeout TO '7s' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I [DROP "
		       "TABLE] ready-I",
    },
    {
	.name = "it does not hold: the statement is planned, and the next is "
		"asked about before it",
	.client = "Q drop table c\n--\nQ drop table a\n--\nQ drop table b",
	.script = "as-before: error 22P02",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "as-before / ROLLBACK / facts(f) "
		       "settings plan{a} / BEGIN attempt(abc) plan{a} / "
		       "Query(*drop table a) COMMIT / BEGIN SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK / BEGIN SET LOCAL "
		       "lock_timeout TO '1' | Query(drop table b) SET "
		       "LOCAL lock_timeout TO '7s' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I [DROP "
		       "TABLE] ready-I",
    },
    {
	.name = "where relations have children the names are asked about, too",
	.client = "Q drop table c\n--\nQ drop table a\n--\nQ drop table b",
	.script = "glance: children; plain-names:; plain-names: error 22P02",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "SET LOCAL jit TO off plain-names ROLLBACK BEGIN "
		       "as-before | Query(drop table a) SET LOCAL "
		       "lock_timeout TO '7s' COMMIT / BEGIN SET LOCAL "
		       "jit TO off plain-names / ROLLBACK / facts(f) "
		       "settings plan{b} / BEGIN attempt(abc) plan{b} / "
		       "Query(*drop table b) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I [DROP "
		       "TABLE] ready-I",
    },
    {
	.name = "so are those of a TRUNCATE",
	.client = "Q truncate c, b\n--\nP truncate a\nB\nE\nS",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(truncate c, b) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "SET LOCAL jit TO off plain-names ROLLBACK "
		       "as-before | Parse Bind Execute(truncate a) | "
		       "set_config('lock_timeout', '7s', true) | /",
	.client_gets = "[TRUNCATE C,] ready-I 1 2 [TRUNCATE A] ready-I",
    },
    {
	.name = "it does not hold in a cycle",
	.client = "Q drop table c\n--\nP drop table a\nB\nE\nS",
	.script = "as-before: error 22P02",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / "
		       "as-before / facts(f) settings plan{a} / "
		       "attempt(abc) plan{a} | Parse Bind Execute(*drop "
		       "table a) /",
	.client_gets = "[DROP TABLE] ready-I 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "a cancel amid the question ends the cycle",
	.client = "Q drop table c\n--\nP drop table a\nB\nE\nS\n--\nQ select 1",
	.script = "as-before: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / "
		       "as-before / / Query(select 1)",
	.client_gets = "[DROP TABLE] ready-I error 57014 ready-I D "
		       "[SELECT 1] ready-I",
    },
    {
	.name = "it does not hold in a block",
	.client =
	    "Q begin\n--\nQ drop table c\n--\nQ drop table a\n--\nQ commit",
	.script = "as-before: error 22P02",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before / ROLLBACK TO SAVEPOINT _lockstep / "
		       "facts(t) settings plan{a} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{a} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table a) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "it does not hold in a cycle in a block",
	.client = "Q begin\n--\nQ drop table c\n--\nP drop table "
		  "a\nB\nE\nS\n--\nQ commit",
	.script = "as-before: error 22P02",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before / ROLLBACK TO SAVEPOINT _lockstep / "
		       "facts(t) settings plan{a} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{a} / RELEASE SAVEPOINT "
		       "_lockstep / Parse Bind Execute(*drop table a) / "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T 1 2 [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a setting is another",
	.client = "Q drop table c\n--\nQ drop table a",
	.script = "settings:; as-before: error 22P02; settings: policy=reject",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "as-before / ROLLBACK / facts(f) settings plan{a} "
		       "/",
	.client_gets = "[DROP TABLE] ready-I error 42501 ready-I",
    },
    {
	.name = "a cancel amid the question ends the statement",
	.client = "Q drop table c\n--\nQ drop table a",
	.script = "as-before: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "as-before / ROLLBACK /",
	.client_gets = "[DROP TABLE] ready-I error 57014 ready-I",
    },
    {
	.name = "a cancel amid the question ends the block's statement",
	.client =
	    "Q begin\n--\nQ drop table c\n--\nQ drop table a\n--\nQ commit",
	.script = "as-before: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error 57014 "
		       "ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "an error of the statement's own is its answer",
	.client =
	    "Q begin\n--\nQ drop table c\n--\nQ drop table a\n--\nQ commit",
	.script = "drop table c:; drop table a: error 42P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ SET LOCAL lock_timeout TO '1' | Query(drop "
		       "table c) SET LOCAL lock_timeout TO '7s' RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "as-before | Query(drop table a) SET LOCAL "
		       "lock_timeout TO '7s' / ROLLBACK TO SAVEPOINT "
		       "_lockstep RELEASE SAVEPOINT _lockstep abort / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error 42P01 "
		       "ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a session with settings of its own is asked each time",
	.client = "Q drop table c\n--\nQ drop table a",
	.script = "settings: policy=auto; settings: policy=auto",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table c) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT / BEGIN "
		       "SET LOCAL statement_timeout TO 0 SET LOCAL jit "
		       "TO off glance settings ROLLBACK / BEGIN SET "
		       "LOCAL lock_timeout TO '1' | Query(drop table a) "
		       "SET LOCAL lock_timeout TO '7s' COMMIT /",
	.client_gets = "[DROP TABLE] ready-I [DROP TABLE] ready-I",
    },
    {
	.name = "what is spared is asked about on the way",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset "
		       "ROLLBACK | Query(alter table a add x int)",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] ready-I",
    },
    {
	.name = "what is spared in a block",
	.client = "Q begin\n--\nQ alter table c add x int\n--\nQ alter table a "
		  "add x int\n--\nQ commit",
	.script = NULL,
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep / Query(alter table "
		       "c add x int) SAVEPOINT _lockstep unset RELEASE "
		       "SAVEPOINT _lockstep | Query(alter table a add x "
		       "int) Query(commit)",
	.client_gets = "[BEGIN] ready-T [ALTER TABLE] ready-T [ALTER "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "what was spared is not any more: it is planned",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = "settings:; unset: error 22P02; settings: guard=ddl",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset / "
		       "ROLLBACK / facts(f) settings plan{a} / BEGIN "
		       "attempt(abc) plan{a} / Query(*alter table a add "
		       "x int) COMMIT /",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] ready-I",
    },
    {
	.name = "what was spared in a block is not any more",
	.client = "Q begin\n--\nQ alter table c add x int\n--\nQ alter table a "
		  "add x int\n--\nQ commit",
	.script = "settings:; unset: error 22P02; settings: guard=ddl",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep / Query(alter table "
		       "c add x int) SAVEPOINT _lockstep unset / "
		       "ROLLBACK TO SAVEPOINT _lockstep / facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*alter table a add x int) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [ALTER TABLE] ready-T [ALTER "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cancel amid the question ends what is spared",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = "unset: error 57014",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset / "
		       "ROLLBACK /",
	.client_gets = "[ALTER TABLE] ready-I error 57014 ready-I",
    },
    {
	.name = "an error of its own is the answer of what is spared",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = "alter table c:; alter table a: error 42P01",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset "
		       "ROLLBACK | Query(alter table a add x int)",
	.client_gets = "[ALTER TABLE] ready-I error 42P01 ready-I",
    },
    {
	.name = "what is spared in a cycle is asked about before it",
	.client = "P alter table c add x int\nB\nE\nS\n--\nP alter table a add "
		  "x int\nB\nE\nS",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / Parse Bind "
		       "Execute(alter table c add x int) / BEGIN SET "
		       "LOCAL statement_timeout TO 0 SET LOCAL jit TO "
		       "off glance settings ROLLBACK / Parse Bind "
		       "Execute(alter table a add x int) /",
	.client_gets = "1 2 [ALTER TABLE] ready-I 1 2 [ALTER TABLE] "
		       "ready-I",
    },
    {
	.name = "a cancel amid a question that fails counts",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = "settings:; unset: !cancel error 22P02",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset / "
		       "ROLLBACK /",
	.client_gets = "[ALTER TABLE] ready-I cancel-passes error 57014 "
		       "ready-I",
    },
    {
	.name = "a wait behind a question that failed can be canceled",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int",
	.script = "settings:; unset: error 22P02; settings: guard=ddl; plan:; "
		  "attempt: 0; attempt: 0; look: old !cancel",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset / "
		       "ROLLBACK / facts(f) settings plan{a} / BEGIN "
		       "attempt(abc) plan{a} / ROLLBACK / look(abc) / "
		       "look(abc) / BEGIN attempt(abc,waits) plan{a} / "
		       "ROLLBACK / look(abc) / names(abc) / look(abc) / "
		       "BEGIN attempt(abc) plan{a} / Query(*alter table "
		       "a add x int) COMMIT /",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] ready-I",
    },
    {
	.name = "a transaction that begins with what is spared is recorded",
	.client = "Q alter table c add x int\n--\nQ begin\n--\n"
		  "Q alter table c add y int\n--\nQ drop table c\n--\n"
		  "Q commit",
	.script = "drop table c: bound; attempt: 1; look: cycle; look: cycle",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) Query(begin) "
		       "SAVEPOINT _lockstep unset RELEASE SAVEPOINT "
		       "_lockstep | Query(alter table c add y int) "
		       "SAVEPOINT _lockstep as-before | Query(drop table "
		       "c) SET LOCAL lock_timeout TO '7s' / ROLLBACK TO "
		       "SAVEPOINT _lockstep / facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK / "
		       "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c,c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c,c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*alter table c add y int) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[ALTER TABLE] ready-I [BEGIN] ready-T [ALTER "
		       "TABLE] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a setting that is none is told of where it is asked about",
	.client = "P alter table c add x int\nB\nE\nS\n--\n"
		  "P alter table a add x int\nB\nE\nS",
	.script = "settings:; settings: policy=nix",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / Parse Bind "
		       "Execute(alter table c add x int) / BEGIN SET "
		       "LOCAL statement_timeout TO 0 SET LOCAL jit TO "
		       "off glance settings ROLLBACK / Parse Bind "
		       "Execute(alter table a add x int) /",
	.client_gets = "1 2 [ALTER TABLE] ready-I warning 22023 1 2 "
		       "[ALTER TABLE] ready-I",
    },
    {
	.name = "several that are spared are asked about as one",
	.client = "Q alter table c disable trigger all; alter table b disable "
		  "trigger all\n--\n"
		  "Q alter table a disable trigger all; alter table b enable "
		  "trigger all",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c disable trigger all; alter "
		       "table b disable trigger all) BEGIN as-before "
		       "ROLLBACK | Query(alter table a disable trigger "
		       "all; alter table b enable trigger all)",
	.client_gets = "[ALTER TABLE] [ALTER TABLE] ready-I [ALTER "
		       "TABLE] [ALTER TABLE] ready-I",
    },
    {
	.name = "several in a block that are not spared any more",
	.client = "Q begin\n--\nQ alter table c disable trigger all\n--\n"
		  "Q alter table a disable trigger all; alter table b enable "
		  "trigger all\n--\n"
		  "Q commit",
	.script = "settings:; as-before: error 22P02; "
		  "settings: guard=ddl; settings: guard=ddl",
	.server_gets = "Query(begin) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ RELEASE SAVEPOINT _lockstep / Query(alter "
		       "table c disable trigger all) SAVEPOINT _lockstep "
		       "as-before / ROLLBACK TO SAVEPOINT _lockstep / "
		       "facts(t) settings plan{a,a,b,b} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,a,b,b} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*alter table a "
		       "disable trigger all; ) SAVEPOINT _lockstep SET "
		       "LOCAL statement_timeout TO 0 SET LOCAL jit TO "
		       "off glance settings ROLLBACK TO SAVEPOINT "
		       "_lockstep / SET LOCAL lock_timeout TO '1' | "
		       "Query(*alter table b enable trigger all) SET "
		       "LOCAL lock_timeout TO '7s' RELEASE SAVEPOINT "
		       "_lockstep / Query(*commit)",
	.client_gets = "[BEGIN] ready-T [ALTER TABLE] ready-T [ALTER "
		       "TABLE] [ALTER TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "several that are not spared any more",
	.client = "Q alter table c disable trigger all\n--\n"
		  "Q alter table a disable trigger all; alter table b enable "
		  "trigger all",
	.script = "settings:; as-before: error 22P02; "
		  "settings: guard=ddl; settings: guard=ddl",
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c disable trigger all) BEGIN "
		       "as-before / ROLLBACK / facts(f) settings "
		       "plan{a,a,b,b} / BEGIN attempt(abc) plan{a,a,b,b} "
		       "/ Query(*alter table a disable trigger all; ) "
		       "SAVEPOINT _lockstep SET LOCAL statement_timeout "
		       "TO 0 SET LOCAL jit TO off glance settings "
		       "ROLLBACK TO SAVEPOINT _lockstep / SET LOCAL "
		       "lock_timeout TO '1' | Query(*alter table b "
		       "enable trigger all) SET LOCAL lock_timeout TO "
		       "'7s' COMMIT /",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] [ALTER "
		       "TABLE] ready-I",
    },
    {
	.name = "a rule may not spare several of more than one kind",
	.client = "Q alter table a disable trigger all; create trigger t after "
		  "insert on b execute function f()",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / BEGIN / "
		       "Query(alter table a disable trigger all; ) "
		       "SAVEPOINT _lockstep SET LOCAL statement_timeout "
		       "TO 0 SET LOCAL jit TO off glance settings "
		       "ROLLBACK TO SAVEPOINT _lockstep / RELEASE "
		       "SAVEPOINT _lockstep / Query(create trigger t "
		       "after insert on b execute function f()) COMMIT /",
	.client_gets = "[ALTER TABLE] [CREATE TRIGGER] ready-I",
    },
    {
	.name = "one of several may set what spares the next",
	.client = "Q alter table c disable trigger all\n--\nQ alter table a "
		  "disable trigger all; "
		  "select f(); alter table b enable trigger all",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c disable trigger all) BEGIN "
		       "SET LOCAL statement_timeout TO 0 SET LOCAL jit "
		       "TO off glance settings ROLLBACK / BEGIN / "
		       "Query(alter table a disable trigger all; select "
		       "f(); ) SAVEPOINT _lockstep SET LOCAL "
		       "statement_timeout TO 0 SET LOCAL jit TO off "
		       "glance settings ROLLBACK TO SAVEPOINT _lockstep "
		       "/ RELEASE SAVEPOINT _lockstep / Query(alter "
		       "table b enable trigger all) COMMIT /",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] D [SELECT 1] "
		       "[ALTER TABLE] ready-I",
    },
    {
	.name = "a text of several, of which none is guarded",
	.client = "Q alter table c add x int\n--\nQ alter table a add x int; "
		  "select 1",
	.script = NULL,
	.server_gets = "BEGIN SET LOCAL statement_timeout TO 0 SET LOCAL "
		       "jit TO off glance settings ROLLBACK / "
		       "Query(alter table c add x int) BEGIN unset "
		       "ROLLBACK | Query(alter table a add x int; select "
		       "1)",
	.client_gets = "[ALTER TABLE] ready-I [ALTER TABLE] D [SELECT 1] "
		       "ready-I",
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

int
main(void)
{
	return scene_run_rows("proxy/guard/exchange_assumed", rows, ROWS,
			      plays_row_alone, NULL, 0);
}

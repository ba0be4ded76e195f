#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

static const struct scene_row rows[] = {
    {
	.name = "a cycle behind a guarded statement starts it over",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "what the catalogs tell against is refused",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: a trigger",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse-deadlock / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a question that fails is as good as that",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse-deadlock / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "an answer that is odd is as good as that",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: odd",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse-deadlock / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a snapshot does not matter where no row was shown",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: snapshot",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a snapshot matters where a row was",
	.client = "Q begin\n--\nQ select 1 from pg_class\n--\nQ "
		  "drop table a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: snapshot",
	.server_gets = "Query(begin) Query(select 1 from pg_class) "
		       "SAVEPOINT _lockstep facts(t) settings plan{a} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{a} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "a) SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK TO "
		       "SAVEPOINT _lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse-deadlock / Query(commit)",
	.client_gets = "[BEGIN] ready-T D [SELECT 1] ready-T [DROP "
		       "TABLE] ready-T error 40P01 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "another answer than before fails the transaction",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; drop "
		  "table a:; drop table a: notice",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "ROLLBACK BEGIN refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "an error that was not there before does, too",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; drop "
		  "table a:; drop table a: error 23505",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "ROLLBACK BEGIN refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a cancel while it is repeated is the server's",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; drop "
		  "table a:; drop table a: !cancel error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "ROLLBACK BEGIN refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T "
		       "cancel-passes error 57014 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "a cancel before the rollback is ours",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "repeatable: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T cancel "
		       "error 57014 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a cancel amid the rollback is told in a failed block",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "ROLLBACK: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) ROLLBACK "
		       "BEGIN refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T cancel "
		       "error 57014 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "extended messages are repeated as they came",
	.client = "Q begin\n--\nP drop table a\nB\nE\nS\n--\nP "
		  "drop table c\nB\nD\nE\nS\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / Parse "
		       "Bind Execute(*drop table a) / SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / look(bac) / "
		       "look(bac) / repeatable / ROLLBACK / Query(begin) "
		       "SAVEPOINT _lockstep facts(t) settings plan{a,c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{a,c} / "
		       "RELEASE SAVEPOINT _lockstep / Parse Bind "
		       "Execute(*drop table a) / SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Parse Bind Describe Execute(*drop "
		       "table c) / Query(*commit)",
	.client_gets = "[BEGIN] ready-T 1 2 [DROP TABLE] ready-T 1 2 "
		       "n [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "BEGIN in the same cycle comes before the locks",
	.client = "P begin\nB\nE\nP create table "
		  "d()\nB\nE\nS\n--\nQ drop table a\n--\nQ drop "
		  "table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Parse Bind Execute(begin) Parse Bind "
		       "Execute(create table d()) / SAVEPOINT _lockstep "
		       "facts(t) settings plan{a} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{a} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table a) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / look(bac) / "
		       "look(bac) / repeatable / ROLLBACK / Parse Bind "
		       "Execute(begin) / SAVEPOINT _lockstep facts(t) "
		       "settings plan{a,c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a,c} / RELEASE SAVEPOINT _lockstep / Parse "
		       "Bind Execute(*create table d()) / Query(*drop "
		       "table a) SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "1 2 [BEGIN] 1 2 [CREATE TABLE] ready-T [DROP "
		       "TABLE] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name =
	    "SET comes before the locks, and what it reports in neither run",
	.client = "Q begin\n--\nQ set local x = y\n--\nQ drop "
		  "table a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) Query(set local x = y) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK / "
		       "Query(begin) Query(set local x = y) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [SET LOCAL] ready-T [DROP "
		       "TABLE] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "rows of a table end the recording",
	.client = "Q begin\n--\nQ select 1 from a\n--\nQ drop "
		  "table a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) Query(select 1 from a) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / ROLLBACK TO SAVEPOINT "
		       "_lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse-deadlock / Query(commit)",
	.client_gets = "[BEGIN] ready-T D [SELECT 1] ready-T [DROP "
		       "TABLE] ready-T error 40P01 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "a statement prepared by a name ends it",
	.client = "Q begin\n--\nP:s create table d\nS\n--\nQ "
		  "drop table a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) Parse / SAVEPOINT _lockstep "
		       "facts(t) settings plan{a} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{a} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table a) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / look(bac) / "
		       "look(bac) / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse-deadlock / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T 1 ready-T [DROP TABLE] "
		       "ready-T error 40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a parameter that is reported ends it",
	.client = "Q begin\n--\nQ create table d()\n--\nQ drop "
		  "table a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "create table d(): parameter",
	.server_gets = "Query(begin) Query(create table d()) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / ROLLBACK TO SAVEPOINT "
		       "_lockstep RELEASE SAVEPOINT _lockstep "
		       "refuse-deadlock / Query(commit)",
	.client_gets = "[BEGIN] ready-T parameter [CREATE TABLE] "
		       "ready-T [DROP TABLE] ready-T error 40P01 "
		       "ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a second cycle starts it over again",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK / "
		       "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a,c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a,c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / RELEASE SAVEPOINT "
		       "_lockstep / Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a budget that is spent starts it over",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "facts:; attempt:; facts: strong_locks=t; attempt: 1; "
		  "look: !late 200 old",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a text of two is repeated as a whole",
	.client = "Q begin\n--\nQ create table d(); drop table "
		  "a\n--\nQ drop table c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle",
	.server_gets = "Query(begin) Query(create table d(); ) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "look(bac) / look(bac) / repeatable / ROLLBACK / "
		       "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a,c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a,c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*create table d(); drop table a) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [CREATE TABLE] [DROP TABLE] "
		       "ready-T [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cancel that the server misses amid it is ours",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; "
		  "drop table a:; drop table a: !cancel",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T "
		       "cancel-passes error 57014 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "a run that was undone is no part of it",
	.client = "Q begin\n--\nQ create table d()\n--\nQ drop "
		  "table c\n--\nQ commit",
	.script = "settings: policy=lock; plan: set=aB; plan: set=aB; "
		  "drop: bound; look: cycle; look: cycle",
	.server_gets = "Query(begin) Query(create table d()) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "attempt(,turn) plan{c} / SET LOCAL lock_timeout "
		       "TO '100' | Query(*drop table c) ROLLBACK TO "
		       "SAVEPOINT _lockstep / look(ab) / look(ab) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*create table d()) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [CREATE TABLE] ready-T [DROP "
		       "TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cancel that strikes its end comes too late",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; drop "
		  "table a:; drop table a: error 23505; ROLLBACK:; "
		  "ROLLBACK: error 57014",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a) "
		       "ROLLBACK / ROLLBACK BEGIN refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T error "
		       "40P01 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "the server's end amid it is the client's",
	.client = "Q begin\n--\nQ drop table a\n--\nQ drop table "
		  "c\n--\nQ commit",
	.script = "attempt:; attempt: 1; look: cycle; look: cycle; drop "
		  "table a:; drop table a: fatal 57P01",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{a} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{a} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table a) SAVEPOINT _lockstep "
		       "facts(t) settings plan{c} RELEASE SAVEPOINT "
		       "_lockstep / SAVEPOINT _lockstep names(abc) "
		       "attempt(abc) plan{c} / look(bac) / look(bac) / "
		       "repeatable / ROLLBACK / Query(begin) SAVEPOINT "
		       "_lockstep facts(t) settings plan{a,c} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{a,c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table a)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T fatal "
		       "57P01",
    },
};

static void
replay_plays_row(void **state)
{
	const struct scene_row *row = *state;
	struct scene *s = scene_begin(row->script, row->client);

	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	scene_play(s, row);
}

/* The statement is not recorded; its Sync would be. */
static void
replay_is_none_behind_a_refused_statement(void **state)
{
	struct scene *s = scene_begin(
	    "attempt:; attempt: 1; look: cycle; look: cycle; repeatable: odd",
	    "Q begin\n--\nQ drop table a\n--\nP drop table c\nB\nE\nS");

	(void)state;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	scene_run(s);
	assert_non_null(strstr(s->sees, "error 40P01 ready-E"));
	assert_int_equal(s->guarded.guarded.recording.state, RECORDING_ENDED);
	scene_end(s);
}

/* By a ParameterStatus, say, while the guard waits for the locks of all. */
static void
replay_fails_whose_recording_ends_amid_it(void **state)
{
	struct scene *s = scene_begin(
	    "attempt:; attempt: 1; look: cycle; look: cycle",
	    "Q begin\n--\nQ drop table a\n--\nQ drop table c\n--\nQ commit");

	(void)state;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	while (strstr(s->server.trace, "plan{a,c}") == NULL)
		assert_true(scene_step(s));
	recording_end(&s->guarded.guarded.recording,
		      "a parameter was reported");
	scene_run(s);
	assert_non_null(strstr(s->server.trace, "ROLLBACK BEGIN refuse"));
	assert_non_null(strstr(s->sees, "error 40P01 ready-E [ROLLBACK]"));
	scene_end(s);
}

/* Eight statements as long as one may be are planned together. */
static void
replay_that_cannot_be_planned_is_declined_before_the_rollback(void **state)
{
	static const char create[] = "Q create table d()\n--\n";
	char lines[600] = "Q begin\n--\n";
	struct scene *s;

	(void)state;
	for (size_t i = 0; i < 9; i++)
		strcat(lines, create);
	strcat(lines, "Q drop table c\n--\nQ commit");
	s = scene_begin("attempt: 1; look: cycle; look: cycle", lines);
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	s->guarded.pair.config.parse_limit_bytes = strlen("create table d()");
	scene_run(s);
	assert_non_null(strstr(s->server.trace, "repeatable / ROLLBACK TO "));
	assert_non_null(strstr(s->sees, "error 40P01 ready-E"));
	scene_end(s);
}

static size_t
occurrences(const char *text, const char *of)
{
	size_t count = 0;

	while ((text = strstr(text, of)) != NULL) {
		text++;
		count++;
	}
	return count;
}

/* Each time all is taken, and yet the last statement meets a cycle. */
static void
replay_is_done_three_times_at_most(void **state)
{
	struct scene *s = scene_begin(
	    "attempt:; attempt: 1; look: cycle; look: cycle; "
	    "attempt:; attempt: 1; look: cycle; look: cycle; "
	    "attempt:; attempt: 1; look: cycle; look: cycle; "
	    "attempt:; attempt: 1; look: cycle; look: cycle",
	    "Q begin\n--\nQ drop table a\n--\nQ drop table c\n--\nQ commit");

	(void)state;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	scene_run(s);
	assert_int_equal(occurrences(s->server.trace, "repeatable"), 3);
	assert_int_equal(occurrences(s->server.trace, "Query(*drop table a)"),
			 4);
	assert_null(strstr(s->server.trace, "Query(*drop table c)"));
	assert_non_null(strstr(s->sees, "error 40P01 ready-E [ROLLBACK]"));
	scene_end(s);
}

int
main(void)
{
	enum { COUNT = sizeof(rows) / sizeof(rows[0]) };
	struct CMUnitTest tests[COUNT + 4] = {{0}};

	for (size_t i = 0; i < COUNT; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = replay_plays_row;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	tests[COUNT] = (struct CMUnitTest)cmocka_unit_test(
	    replay_that_cannot_be_planned_is_declined_before_the_rollback);
	tests[COUNT + 1] = (struct CMUnitTest)cmocka_unit_test(
	    replay_is_none_behind_a_refused_statement);
	tests[COUNT + 2] = (struct CMUnitTest)cmocka_unit_test(
	    replay_fails_whose_recording_ends_amid_it);
	tests[COUNT + 3] = (struct CMUnitTest)cmocka_unit_test(
	    replay_is_done_three_times_at_most);
	return _cmocka_run_group_tests("proxy/guard/exchange_replay", tests,
				       COUNT + 4, NULL, NULL);
}

#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Texts of several statements with blocks of their own, sent in pieces.
 */
static const struct scene_row rows[] = {
    {
	.name = "a text with a block of its own is cut before "
		"the guarded one",
	.client = "Q begin; drop table c; commit",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; commit)",
	.client_gets = "[BEGIN] [DROP TABLE] [COMMIT] ready-I",
    },
    {
	.name = "what stands around the guarded one goes along",
	.client = "Q begin; insert into t values (1); drop table "
		  "c; select 1; commit; select 2",
	.server_gets = "Query(begin; insert into t values (1); ) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c; select 1; commit; select 2)",
	.client_gets = "[BEGIN] [INSERT INTO] [DROP TABLE] D [SELECT "
		       "1] [COMMIT] D [SELECT 1] ready-I",
    },
    {
	.name = "a block that an implicit transaction turns "
		"into is cut as well",
	.client = "Q select 1; begin; insert into t values (1); "
		  "drop table c; commit; select 2",
	.server_gets = "Query(select 1; begin; insert into t values (1); "
		       ") SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c; commit; select 2)",
	.client_gets = "D [SELECT 1] [BEGIN] [INSERT INTO] [DROP "
		       "TABLE] [COMMIT] D [SELECT 1] ready-I",
    },
    {
	.name = "two blocks in one text",
	.client = "Q begin; drop table c; commit; begin; drop "
		  "table b; commit",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; commit; begin; ) SAVEPOINT "
		       "_lockstep facts(t) settings plan{b} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{b} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table b; "
		       "commit)",
	.client_gets = "[BEGIN] [DROP TABLE] [COMMIT] [BEGIN] [DROP "
		       "TABLE] [COMMIT] ready-I",
    },
    {
	.name = "two guarded ones of a block are prepared for "
		"together",
	.client = "Q begin; drop table c; drop table b; commit",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c,b} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c,b} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; drop table b; commit)",
	.client_gets = "[BEGIN] [DROP TABLE] [DROP TABLE] [COMMIT] "
		       "ready-I",
    },
    {
	.name = "an error in a block ends the text",
	.client = "Q begin; drop table c; select 0; commit",
	.script = "select 0: error 22012",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; select 0; commit)",
	.client_gets = "[BEGIN] [DROP TABLE] error 22012 ready-E",
    },
    {
	.name = "an error before the guarded one ends the text",
	.client = "Q begin; select 0; drop table c; commit",
	.script = "select 0: error 22012",
	.server_gets = "Query(begin; select 0; )",
	.client_gets = "[BEGIN] error 22012 ready-E",
    },
    {
	.name = "a block left open by the text",
	.client = "Q begin; drop table c\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit)",
	.client_gets = "[BEGIN] [DROP TABLE] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a text that ends the client's block and drops "
		"behind it",
	.client = "Q begin\n"
		  "--\n"
		  "Q insert into t values (1); commit; drop table c",
	.server_gets = "Query(begin) Query(insert into t values (1); "
		       "commit; ) facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[BEGIN] ready-T [INSERT INTO] [COMMIT] [DROP "
		       "TABLE] ready-I",
    },
    {
	.name = "a text within the client's block",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c; drop table b\n"
		  "--\n"
		  "Q commit",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c,b} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c,b} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; drop table b) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] [DROP TABLE] "
		       "ready-T [COMMIT] ready-I",
    },
    {
	.name = "policy reject in a block of the text fails "
		"that",
	.client = "Q begin; drop table c; commit\n"
		  "--\n"
		  "Q rollback",
	.script = "settings: policy=reject",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "refuse / Query(rollback)",
	.client_gets = "[BEGIN] error 42501 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "policy pass sends the pieces unprotected",
	.client = "Q begin; drop table c; commit",
	.script = "settings: policy=pass",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c; commit)",
	.client_gets = "[BEGIN] [DROP TABLE] [COMMIT] ready-I",
    },
    {
	.name = "what stands before such a block is not guarded",
	.client = "Q insert into t values (1); drop table c; "
		  "begin; select 1; commit",
	.server_gets = "Query(insert into t values (1); drop table c; "
		       "begin; select 1; commit)",
	.client_gets = "[INSERT INTO] [DROP TABLE] [BEGIN] D [SELECT "
		       "1] [COMMIT] ready-I",
    },
    {
	.name = "a COMMIT of the text that fails",
	.client = "Q begin; drop table c; commit; select 1",
	.script = "commit: error 23503",
	.server_gets = "Query(begin; ) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep names(abc) attempt(abc) "
		       "plan{c} / RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c; commit; select 1)",
	.client_gets = "[BEGIN] [DROP TABLE] error 23503 ready-I",
    },
    {
	.name = "what stands before the guarded one runs before its plan",
	.client = "Q insert into t values (1); drop table c; select 1",
	.server_gets = "BEGIN / Query(insert into t values (1); ) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c; select 1) COMMIT /",
	.client_gets = "[INSERT INTO] [DROP TABLE] D [SELECT 1] ready-I",
    },
    {
	.name = "an error before the guarded one ends our block",
	.client = "Q select 0; drop table c",
	.script = "select 0: error 22012",
	.server_gets = "BEGIN / Query(select 0; ) ROLLBACK /",
	.client_gets = "error 22012 ready-I",
    },
    {
	.name = "a COMMIT of ours that fails behind pieces",
	.client = "Q insert into t values (1); drop table c",
	.script = "COMMIT: error 23503",
	.server_gets = "BEGIN / Query(insert into t values (1); ) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) COMMIT /",
	.client_gets = "[INSERT INTO] error 23503 ready-I",
    },
    {
	.name = "a refusal behind a piece rolls our block back",
	.client = "Q insert into t values (1); drop table c; select 1",
	.script = "settings: policy=reject",
	.server_gets = "BEGIN / Query(insert into t values (1); ) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / ROLLBACK /",
	.client_gets = "[INSERT INTO] error 42501 ready-I",
    },
    {
	.name = "a cancel that strikes the end of our block strikes it once",
	.client = "Q insert into t values (1); drop table c; select 1",
	.script = "settings: policy=reject; ROLLBACK: error 57014",
	.server_gets = "BEGIN / Query(insert into t values (1); ) "
		       "SAVEPOINT _lockstep facts(t) settings plan{c} "
		       "RELEASE SAVEPOINT _lockstep / ROLLBACK / ROLLBACK /",
	.client_gets = "[INSERT INTO] error 42501 ready-I",
    },
    {
	.name = "a block of ours is begun where the first plan needs none",
	.client = "Q drop table c; insert into t values (1); drop table b",
	.script = "settings: policy=pass",
	.server_gets = "facts(f) settings plan{c} / BEGIN / Query(drop "
		       "table c; insert into t values (1); ) SAVEPOINT "
		       "_lockstep facts(t) settings plan{b} RELEASE "
		       "SAVEPOINT _lockstep / SAVEPOINT _lockstep "
		       "names(abc) attempt(abc) plan{b} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table b) "
		       "COMMIT /",
	.client_gets = "[DROP TABLE] [INSERT INTO] [DROP TABLE] ready-I",
    },
    {
	.name = "a BEGIN of ours that fails is the text's answer",
	.client = "Q insert into t values (1); drop table c",
	.script = "BEGIN: error 57014",
	.server_gets = "BEGIN /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "a text with a syntax error is sent whole",
	.client = "Q begin; drop table c; insert into; commit",
	.script = "insert into: error 42601",
	.server_gets = "Query(begin; drop table c; insert into; commit)",
	.client_gets = "[BEGIN] [DROP TABLE] error 42601 ready-E",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_script", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

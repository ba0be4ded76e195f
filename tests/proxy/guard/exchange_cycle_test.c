#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Guarded statements in cycles of extended messages: kept back up to their
 * Execute, or, where a cycle has begun, with nothing of ours that ends it.
 */
static const struct scene_row rows[] = {
    {
	.name = "a cycle is kept back, and runs in the "
		"attempt's transaction",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind Describe "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 n [DROP TABLE] ready-I",
    },
    {
	.name = "a cycle without a Sync yet is guarded, and "
		"asked for by a Flush",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "H\n"
		  "--\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) | /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "a set of one table is not guarded in a cycle",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "plan: set=c",
	.server_gets = "facts(f) settings plan{c} / "
		       "Parse Bind Describe Execute(drop table c) /",
	.client_gets = "1 2 n [DROP TABLE] ready-I",
    },
    {
	.name = "an attempt that fails in a cycle is ended by "
		"a Sync",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "attempt: 1",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | / "
		       "look(bac) / "
		       "attempt(bac,waits) plan{c} | Parse Bind "
		       "Describe Execute(*drop table c) /",
	.client_gets = "1 2 n [DROP TABLE] ready-I",
    },
    {
	.name = "an attempt in error is settled by a Sync",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "attempt: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) / "
		       "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "attempt(abc,waits) plan{c} | Parse Bind "
		       "Describe Execute(*drop table c) /",
	.client_gets = "1 2 n [DROP TABLE] ready-I",
    },
    {
	.name = "policy reject skips the rest of the cycle",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "settings: policy=reject",
	.server_gets = "facts(f) settings plan{c} / "
		       "/",
	.client_gets = "error 42501 ready-I",
    },
    {
	.name = "a plan that fails lets the cycle run",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "plan: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "Parse Bind Describe Execute(drop table c) /",
	.client_gets = "1 2 n [DROP TABLE] ready-I",
    },
    {
	.name = "an error of its own makes the server skip",
	.client = "P drop table c\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.script = "drop: error 42P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind Describe "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 n error 42P01 ready-I",
    },
    {
	.name = "the locks last until a Sync that comes late",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "--\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "a named statement is guarded each time it runs",
	.client = "P:s drop table c\n"
		  "B:s\n"
		  "E\n"
		  "S\n"
		  "--\n"
		  "B:s\n"
		  "E\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) / "
		       "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Bind Execute(*drop "
		       "table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I 2 [DROP TABLE] "
		       "ready-I",
    },
    {
	.name = "a closed statement is forgotten",
	.client = "P:s drop table c\n"
		  "C:s\n"
		  "S\n"
		  "--\n"
		  "P:s select 1\n"
		  "B:s\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Close / "
		       "Parse Bind Execute(select 1) /",
	.client_gets = "1 3 ready-I 1 2 D [SELECT 1] ready-I",
    },
    {
	.name = "a cycle that only prepares is released by its "
		"Sync",
	.client = "P:s drop table c\n"
		  "D\n"
		  "S",
	.server_gets = "Parse Describe /",
	.client_gets = "1 n ready-I",
    },
    {
	.name = "a cycle that runs something else is released "
		"by that",
	.client = "P:s drop table c\n"
		  "P select 1\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Parse Bind Execute(select 1) /",
	.client_gets = "1 1 2 D [SELECT 1] ready-I",
    },
    {
	.name = "in a cycle that has begun nothing of ours "
		"ends it",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | names(abc) attempt(abc) | "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "a set of one table is guarded in such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "plan: set=c",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | names(c) attempt(c) | "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "an attempt fails in such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "attempt: 1",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | names(abc) "
		       "attempt(abc) | look(bac) | names(bac) | "
		       "look(bac) | names(bac) attempt(bac) | "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "an attempt in error loses such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "attempt: error 42501",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | names(abc) "
		       "attempt(abc) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42501 ready-I",
    },
    {
	.name = "a plan in error loses such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "plan: error 42501",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42501 ready-I",
    },
    {
	.name = "policy reject fails such a cycle in the server",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: policy=reject",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | refuse /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42501 ready-I",
    },
    {
	.name = "an error of its own fails such a cycle",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "drop: error 42P01",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | names(abc) attempt(abc) | "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 42P01 ready-I",
    },
    {
	.name = "an error before it makes the server skip it",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "select 1: error 22012",
	.server_gets = "Parse Bind Execute(select 1) /",
	.client_gets = "1 2 error 22012 ready-I",
    },
    {
	.name = "two guarded statements in one pipeline go one "
		"after the other",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "P drop table b\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) Parse Bind | facts(t) "
		       "settings plan{b} | names(abc) attempt(abc) | "
		       "Execute(*drop table b) /",
	.client_gets = "1 2 [DROP TABLE] 1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "three do",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "P drop table b\n"
		  "B\n"
		  "E\n"
		  "P drop table a\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) Parse Bind | facts(t) "
		       "settings plan{b} | names(abc) attempt(abc) | "
		       "Execute(*drop table b) Parse Bind | facts(t) "
		       "settings plan{a} | names(abc) attempt(abc) | "
		       "Execute(*drop table a) /",
	.client_gets = "1 2 [DROP TABLE] 1 2 [DROP TABLE] 1 2 [DROP "
		       "TABLE] ready-I",
    },
    {
	.name = "the second is skipped if the first fails",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "P drop table b\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "drop: error 42P01",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) /",
	.client_gets = "1 2 error 42P01 ready-I",
    },
    {
	.name = "two cycles in one packet are two transactions",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S\n"
		  "P drop table b\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "facts(f) settings plan{c} / "
		       "attempt(abc) plan{c} | Parse Bind "
		       "Execute(*drop table c) / "
		       "| facts(f) settings plan{b} / "
		       "attempt(abc) plan{b} | Parse Bind "
		       "Execute(*drop table b) /",
	.client_gets = "1 2 [DROP TABLE] ready-I 1 2 [DROP TABLE] "
		       "ready-I",
    },
    {
	.name = "a COPY before it that wants data meets it as "
		"without us",
	.client = "P copy t from stdin\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Bind Execute(copy t from stdin) /",
	.client_gets = "1 2 G error 08P01 ready-I",
    },
    {
	.name = "an ordinary cycle is not touched",
	.client = "P select 1\n"
		  "B\n"
		  "D\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Bind Describe Execute(select 1) /",
	.client_gets = "1 2 n D [SELECT 1] ready-I",
    },
    {
	.name = "an unnamed statement that was replaced is not "
		"guarded",
	.client = "P drop table c\n"
		  "P select 1\n"
		  "B\n"
		  "E\n"
		  "S",
	.server_gets = "Parse Parse Bind Execute(select 1) /",
	.client_gets = "1 1 2 D [SELECT 1] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_cycle", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/* Each plan is of table a alone. */
#define A "plan: set=a"

static const struct scene_row rows[] = {
    {
	.name = "what only the server knows runs in no block of ours",
	.client = "Q repack a",
	.script = A,
	.server_gets =
	    "probe(repack a) / facts(f) settings plan{a} / look(a) / "
	    "names(a) / look(a) / Query(repack a)",
	.client_gets = "[REPACK A] ready-I",
    },
    {
	.name = "it is held while somebody old is in the way",
	.client = "Q repack a",
	.script = A "; look: old; look: old",
	.server_gets =
	    "probe(repack a) / facts(f) settings plan{a} / look(a) / "
	    "look(a) / look(a) / names(a) / look(a) / Query(repack a)",
	.client_gets = "[REPACK A] ready-I",
    },
    {
	.name = "in an extended cycle no Execute of ours comes before it",
	.client = "P repack a\nB\nE\nS",
	.script = A,
	.server_gets =
	    "probe(repack a) / facts(f) settings plan{a} / look(a) / "
	    "names(a) / look(a) / Parse Bind Execute(repack a) /",
	.client_gets = "1 2 [REPACK A] ready-I",
    },
    {
	.name = "in a block it has no lock ahead, and the gate behind it",
	.client = "Q begin\n--\nQ repack a\n--\nQ commit",
	.script = A "; " A,
	.server_gets =
	    "Query(begin) SAVEPOINT _lockstep probe(repack a) RELEASE"
	    " SAVEPOINT _lockstep / SAVEPOINT _lockstep facts(t) "
	    "settings plan{a} RELEASE SAVEPOINT _lockstep / SAVEPOINT"
	    " _lockstep look(a) / names(a) / look(a) / names(a) "
	    "attempt(,turn) plan{a} / RELEASE SAVEPOINT _lockstep / "
	    "Query(*repack a) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [REPACK A] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a text is cut around it",
	.client = "Q begin; repack a; drop table d; commit",
	.script = A "; " A "; plan: set=d; plan: set=d",
	.server_gets =
	    "probe(repack a) / Query(begin; ) SAVEPOINT _lockstep "
	    "facts(t) settings plan{a} RELEASE SAVEPOINT _lockstep / "
	    "SAVEPOINT _lockstep look(a) / names(a) / look(a) / "
	    "names(a) attempt(,turn) plan{a} / RELEASE SAVEPOINT "
	    "_lockstep / Query(*repack a; ) SAVEPOINT _lockstep "
	    "facts(t) settings plan{d} RELEASE SAVEPOINT _lockstep / "
	    "SAVEPOINT _lockstep names(d) attempt(d) plan{d} / "
	    "RELEASE SAVEPOINT _lockstep / Query(*drop table d; "
	    "commit)",
	.client_gets = "[BEGIN] [REPACK A] [DROP TABLE] [COMMIT] ready-I",
    },
    {
	.name = "what the server does not know either goes to it at once",
	.client = "Q repack a",
	.script = "probe: error 42601; repack a: error 42601",
	.server_gets = "probe(repack a) / Query(repack a)",
	.client_gets = "error 42601 ready-I",
    },
    {
	.name = "a fault in a block leaves no savepoint",
	.client = "Q begin\n--\nQ repack a\n--\nQ rollback",
	.script = "probe: error 42601; repack a: error 42601",
	.server_gets = "Query(begin) SAVEPOINT _lockstep probe(repack a) / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE SAVEPOINT "
		       "_lockstep / Query(repack a) Query(rollback)",
	.client_gets = "[BEGIN] ready-T error 42601 ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a text with a fault runs whole, and not in part",
	.client = "Q begin; drop table c; commit; repack a",
	.script = "probe: error 42601; begin: error 42601",
	.server_gets = "probe(repack a) / Query(begin; drop table c; commit; "
		       "repack a)",
	.client_gets = "error 42601 ready-I",
    },
    {
	.name = "in a cycle that has begun the server has been asked",
	.client = "P begin\nB\nE\nP repack a\nB\nE\nS",
	.script = A,
	.server_gets =
	    "Parse Bind Execute(begin) Parse Bind | facts(t) settings"
	    " plan{a} | look(a) | names(a) | look(a) | names(a) "
	    "attempt(,turn) | Execute(*repack a) /",
	.client_gets = "1 2 [BEGIN] 1 2 [REPACK A] ready-T",
    },
    {
	.name = "in a failed block the server is not asked",
	.client = "Q begin\n--\nQ select 1\n--\nQ repack a\n--\nQ rollback",
	.script = "select 1: error 22012; repack a: error 25P02",
	.server_gets = "Query(begin) Query(select 1) Query(repack a) "
		       "Query(rollback)",
	.client_gets =
	    "[BEGIN] ready-T error 22012 ready-E error 25P02 ready-E "
	    "[ROLLBACK] ready-I",
    },
    {
	.name = "it passes if a session wants that",
	.client = "Q repack a",
	.script = "settings: unparsed=pass; " A,
	.server_gets = "probe(repack a) / facts(f) settings plan{a} / "
		       "Query(repack a)",
	.client_gets = "[REPACK A] ready-I",
    },
    {
	.name = "it is refused if a session wants that",
	.client = "Q repack a",
	.script = "settings: unparsed=reject; " A,
	.server_gets = "probe(repack a) / facts(f) settings plan{a} /",
	.client_gets = "error 42501 ready-I",
    },
    {
	.name = "it is sent when its time is over",
	.client = "Q repack a",
	.script = "settings: hold_timeout=10ms; " A "; look: !late 20 old",
	.server_gets =
	    "probe(repack a) / facts(f) settings plan{a} / look(a) / "
	    "Query(repack a)",
	.client_gets = "[REPACK A] ready-I",
    },
    {
	.name = "no error comes of the session's own timeout either",
	.client = "Q repack a",
	.script = "facts: lock_timeout=10; " A "; look: !late 20 old",
	.server_gets =
	    "probe(repack a) / facts(f) settings plan{a} / look(a) / "
	    "Query(repack a)",
	.client_gets = "[REPACK A] ready-I",
    },
    {
	.name = "nor of a cycle: the server ends that",
	.client = "Q begin\n--\nQ repack a\n--\nQ commit",
	.script = A "; look: cycle; look: cycle",
	.server_gets =
	    "Query(begin) SAVEPOINT _lockstep probe(repack a) RELEASE"
	    " SAVEPOINT _lockstep / SAVEPOINT _lockstep facts(t) "
	    "settings plan{a} RELEASE SAVEPOINT _lockstep / SAVEPOINT"
	    " _lockstep look(a) / look(a) / RELEASE SAVEPOINT "
	    "_lockstep / Query(repack a) Query(commit)",
	.client_gets = "[BEGIN] ready-T [REPACK A] ready-T [COMMIT] ready-I",
    },
    {
	.name = "a cancel that strikes the question is the answer",
	.client = "Q repack a",
	.script = "probe: error 57014",
	.server_gets = "probe(repack a) /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "a cancel meanwhile refuses it",
	.client = "Q repack a",
	.script = "probe: !cancel",
	.server_gets = "probe(repack a) /",
	.client_gets = "cancel error 57014 ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_probe", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

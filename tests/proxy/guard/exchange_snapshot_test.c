#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/* LOCK TABLE may come before its transaction's snapshot, and then our plan may
 * not either. */
static const struct scene_row rows[] = {
    {
	.name = "READ COMMITTED keeps no snapshot",
	.client = "Q begin\n--\nQ lock table a, b\n--\nQ commit",
	.server_gets = "Query(begin) isolation / SAVEPOINT _lockstep "
		       "facts(t) settings plan{a,b} RELEASE SAVEPOINT "
		       "_lockstep / Query(lock table a, b) Query(commit)",
	.client_gets = "[BEGIN] ready-T [LOCK TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "REPEATABLE READ does, and the statement passes",
	.client = "Q begin\n--\nQ lock table a, b\n--\nQ commit",
	.script = "isolation: repeatable read",
	.server_gets = "Query(begin) isolation / Query(lock table a, b) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [LOCK TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "so does SERIALIZABLE, in an extended cycle",
	.client = "Q begin\n--\nP lock table a, b\nB\nE\nS\n--\nQ commit",
	.script = "isolation: serializable",
	.server_gets = "Query(begin) isolation / Parse Bind Execute(lock "
		       "table a, b) / Query(commit)",
	.client_gets = "[BEGIN] ready-T 1 2 [LOCK TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a cycle that has begun nothing is ended by the question",
	.client = "Q begin\n--\nP select 1\nB\nE\nP lock table a, b\nB\nE\nS",
	.script = "isolation: repeatable read",
	.server_gets = "Query(begin) Parse Bind Execute(select 1) Parse "
		       "Bind | isolation | Execute(lock table a, b) /",
	.client_gets = "[BEGIN] ready-T 1 2 D [SELECT 1] 1 2 [LOCK TABLE] "
		       "ready-T",
    },
    {
	.name = "in a text the block comes before the question",
	.client = "Q begin; lock table a, b; select 1; commit",
	.script = "isolation: repeatable read",
	.server_gets = "Query(begin; ) isolation / Query(lock table a, b; "
		       "select 1; commit)",
	.client_gets = "[BEGIN] [LOCK TABLE] D [SELECT 1] [COMMIT] ready-I",
    },
    {
	.name = "nor without BEGIN is a block of ours begun for the locks",
	.client = "Q lock table a, b; insert into c select 1",
	.script = "isolation: repeatable read",
	.server_gets = "isolation / Query(lock table a, b; insert into c "
		       "select 1)",
	.client_gets = "[LOCK TABLE] [INSERT INTO] ready-I",
    },
    {
	.name = "an error of the question's is the statement's answer",
	.client = "Q begin\n--\nQ lock table a, b\n--\nQ rollback",
	.script = "isolation: error 57014",
	.server_gets = "Query(begin) isolation / refuse / Query(rollback)",
	.client_gets = "[BEGIN] ready-T error 57014 ready-E [ROLLBACK] "
		       "ready-I",
    },
    {
	.name = "a cancel amid the question",
	.client = "Q begin\n--\nQ lock table a, b\n--\nQ rollback",
	.script = "isolation: !cancel repeatable read",
	.server_gets = "Query(begin) isolation / refuse / Query(rollback)",
	.client_gets = "[BEGIN] ready-T cancel error 57014 ready-E "
		       "[ROLLBACK] ready-I",
    },
};

int
main(void)
{
	return scene_run_tests("proxy/guard/exchange_snapshot", rows,
			       sizeof(rows) / sizeof(rows[0]), NULL, 0);
}

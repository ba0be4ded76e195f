#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * A statement that cannot have its locks at once: looks, waits, windows,
 * notices, and the end of its budget.
 */
static const struct scene_row rows[] = {
    {
	.name = "policy auto attempts twice, then shuts the "
		"gate",
	.client = "Q drop table c",
	.script = "attempt: !open !turn 1; attempt: 0; look: "
		  "young; look: !open young; look: !shut young; "
		  "look: !shut ; attempt: !shut; drop: !shut "
		  "!turn; COMMIT: !shut !turn",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "look(bac) / "
		       "BEGIN attempt(bac,waits) plan{c} / "
		       "ROLLBACK / "
		       "look(bac) / "
		       "names(bac) / "
		       "look(bac) / "
		       "look(bac) / "
		       "BEGIN attempt(bac) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "policy lock attempts until it is granted",
	.client = "Q drop table c",
	.script = "settings: policy=lock; attempt: 2; attempt: "
		  "1; attempt: 0",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "look(cab) / "
		       "BEGIN attempt(cab,waits) plan{c} / "
		       "ROLLBACK / "
		       "look(acb) / "
		       "BEGIN attempt(acb,waits) plan{c} / "
		       "ROLLBACK / "
		       "look(acb) / "
		       "BEGIN attempt(acb,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "policy lock looks at what it cannot lock",
	.client = "Q do $$ begin drop table c $$",
	.script = "settings: policy=lock; plan: set=abC; plan: "
		  "set=abC",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(ab,turn) plan{c} / "
		       "Query(*do $$ begin drop table c $$) COMMIT /",
	.client_gets = "[DO $$] ready-I",
    },
    {
	.name = "policy hold looks until nobody is in the way",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; look: old; "
		  "look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "what is released while it waits goes at once",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !release",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "release [DROP TABLE] ready-I",
    },
    {
	.name = "what is released while it looks goes when it would wait",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: !release old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "release [DROP TABLE] ready-I",
    },
    {
	.name = "what is released and finds nobody is protected",
	.client = "Q drop table c",
	.script = "plan: !release",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "release [DROP TABLE] ready-I",
    },
    {
	.name = "what is released in a window opens it",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: "
		  "!shut young; wait: !release; drop: !open !free",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "release [DROP TABLE] ready-I",
    },
    {
	.name = "what is released in a block goes within it",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = "settings: policy=hold; look: old; wait: !release",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(drop table c) Query(commit)",
	.client_gets = "[BEGIN] ready-T release [DROP TABLE] ready-T "
		       "[COMMIT] ready-I",
    },
    {
	.name = "what has been sent is not released",
	.client = "Q drop table c",
	.script = "drop: !release",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "release-fails [DROP TABLE] ready-I",
    },
    {
	.name = "an old transaction is waited for, and no gate "
		"shut",
	.client = "Q drop table c",
	.script = "attempt: 1; look: old; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "look(bac) / "
		       "look(bac) / "
		       "look(bac) / "
		       "BEGIN attempt(bac,waits) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a view in the set needs the gate",
	.client = "Q do $$ begin drop table c $$",
	.script = "plan: set=abC; plan: set=abC",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(ab,turn) plan{c} / "
		       "Query(*do $$ begin drop table c $$) COMMIT /",
	.client_gets = "[DO $$] ready-I",
    },
    {
	.name = "a window that nobody leaves opens again",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: "
		  "!shut young; wait: !late 400; look: young; "
		  "look: !open",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an attempt in a window that is busy looks on",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; look: ; "
		  "attempt: 1",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "look(bac) / "
		       "BEGIN attempt(bac) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the turn of another proxy is waited for",
	.client = "Q drop table c",
	.script = "attempt: 4; attempt: 4",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a turn that stays away for long is done "
		"without",
	.client = "Q drop table c",
	.script = "attempt: 4; wait: !late 6000; attempt: 4",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "an autovacuum is made to give way",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: autovacuum",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "coax(a) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an autovacuum that stays is waited for",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: autovacuum; "
		  "look: autovacuum",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "coax(a) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "making an autovacuum give way that fails "
		"leaves it unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: autovacuum; "
		  "coax: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "coax(a) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a look that fails leaves it unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a look of an odd shape leaves it unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: odd",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a look while it waits that fails leaves it "
		"unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; look: error "
		  "42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "names that fail leave it unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; names: "
		  "error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "names of an odd shape leave it unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; names: odd",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "in a block an autovacuum is made to give way",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: autovacuum",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / coax(a) / "
		       "look(abc) / names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / Query(*drop table "
		       "c) Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "in a block making it give way that fails is "
		"undone",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; look: autovacuum; coax: error 42501",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / coax(a) / "
		       "ROLLBACK TO SAVEPOINT _lockstep / RELEASE "
		       "SAVEPOINT _lockstep / Query(drop table c) "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a notice tells of the first second",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !late "
		  "1001; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "a notice obeys client_min_messages",
	.client = "Q drop table c",
	.script = "facts: min_messages=warning; settings: "
		  "policy=hold; look: old; wait: !late 1001; "
		  "look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the next notice comes ten seconds later",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !late "
		  "1001; look: old; wait: !late 9000; look: old; "
		  "look: old; wait: !late 1100; look: old; look: "
		  "old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "notice 00000 notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "a look for a notice that fails leaves it "
		"unplanned",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !late "
		  "1001; look: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a budget that is spent is a lock timeout",
	.client = "Q drop table c",
	.script = "settings: hold_timeout=10ms policy=hold; "
		  "look: old; wait: !late 20; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "error 55P03 ready-I",
    },
    {
	.name = "a spent budget of on_timeout pass lets it run",
	.client = "Q drop table c",
	.script = "settings: hold_timeout=10ms policy=hold "
		  "on_timeout=pass; look: old; wait: !late 20",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the session's own lock_timeout is a budget",
	.client = "Q drop table c",
	.script = "facts: lock_timeout=10ms; settings: "
		  "policy=hold on_timeout=pass; look: old; wait: "
		  "!late 20; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "error 55P03 ready-I",
    },
    {
	.name = "the session's own statement_timeout is a "
		"budget",
	.client = "Q drop table c",
	.script = "facts: statement_timeout=10ms; settings: "
		  "policy=hold; look: old; wait: !late 20; look: "
		  "old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "error 57014 ready-I",
    },
    {
	.name = "a last look that fails still is a lock timeout",
	.client = "Q drop table c",
	.script = "settings: hold_timeout=10ms policy=hold; "
		  "look: old; wait: !late 20; look: error 42501",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) /",
	.client_gets = "error 55P03 ready-I",
    },
    {
	.name = "a budget spent in a block fails that",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold hold_timeout=10ms; look: old; wait: "
		  "!late 20; look: old",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / look(abc) / "
		       "ROLLBACK TO SAVEPOINT _lockstep RELEASE "
		       "SAVEPOINT _lockstep refuse / Query(commit)",
	.client_gets = "[BEGIN] ready-T error 55P03 ready-E "
		       "[ROLLBACK] ready-I",
    },
    {
	.name = "a budget spent in a block that holds strong "
		"locks is shorter",
	.client = "Q begin\n"
		  "--\n"
		  "Q drop table c\n"
		  "--\n"
		  "Q commit",
	.script = "settings: policy=hold; facts: strong_locks=t; look: old; "
		  "wait: !late "
		  "2001; look: old",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) "
		       "settings plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / look(abc) / "
		       "look(abc) / ROLLBACK TO SAVEPOINT _lockstep "
		       "RELEASE SAVEPOINT _lockstep refuse / "
		       "Query(commit)",
	.client_gets = "[BEGIN] ready-T notice 00000 error 55P03 "
		       "ready-E [ROLLBACK] ready-I",
    },
    {
	.name = "a budget spent in a cycle skips the rest",
	.client = "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: hold_timeout=10ms policy=hold; "
		  "look: old; wait: !late 20; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "look(abc) / "
		       "/",
	.client_gets = "error 55P03 ready-I",
    },
    {
	.name = "a budget spent in a cycle that has begun "
		"fails that",
	.client = "P select 1\n"
		  "B\n"
		  "E\n"
		  "P drop table c\n"
		  "B\n"
		  "E\n"
		  "S",
	.script = "settings: hold_timeout=10ms policy=hold; "
		  "look: old; wait: !late 20; look: old",
	.server_gets = "Parse Bind Execute(select 1) Parse Bind | "
		       "facts(t) settings plan{c} | look(abc) | "
		       "look(abc) | refuse /",
	.client_gets = "1 2 D [SELECT 1] 1 2 error 55P03 ready-I",
    },
};

#define BLOCKER                                                                \
	"pid 4711 (user \"joe\", application_name \"shop\", state "            \
	"\"active\", transaction age 100.0 s) holds AccessShareLock on "       \
	"public.a."

/* The error that the client gets, a field a line. */
static void
assert_reports(const char *script, const char *fields)
{
	struct scene *s = scene_begin(script, "Q drop table c");

	scene_run(s);
	assert_string_equal(s->report, fields);
	scene_end(s);
}

static void
exchange_refuses_with_what_was_in_the_way(void **state)
{
	(void)state;
	assert_reports(
	    "settings: hold_timeout=10ms policy=hold; look: old; "
	    "wait: !late 20; look: old",
	    "SERROR\nVERROR\nC55P03\n"
	    "Mcanceling statement due to lock timeout: DROP TABLE was held "
	    "for 20 ms\n"
	    "DLock set in order: public.a (AccessExclusiveLock), public.b "
	    "(AccessExclusiveLock), public.c (AccessExclusiveLock). "
	    "0 attempts in 20 ms. Blockers: " BLOCKER "\n"
	    "HEnd the transactions named above, or raise Lockstep's "
	    "hold_timeout. Lockstep's drop_in_steps would drop its foreign "
	    "keys one by one before.\n");
}

static void
exchange_notifies_who_is_in_the_way(void **state)
{
	(void)state;
	assert_reports("settings: policy=hold; look: old; wait: !late 1001; "
		       "look: old",
		       "SNOTICE\nVNOTICE\nC00000\n"
		       "MDROP TABLE is held by Lockstep for 1.0 s\n"
		       "DLock set in order: public.a, public.b, public.c. "
		       "In its way: " BLOCKER "\n");
}

static void
exchange_warns_of_a_setting(void **state)
{
	(void)state;
	assert_reports("settings: policy=perhaps",
		       "SWARNING\nVWARNING\nC22023\n"
		       "Minvalid value for parameter \"lockstep.policy\": "
		       "\"perhaps\" is not one of: auto, lock, hold, pass, "
		       "reject\n");
}

static void
exchange_rejects_with_a_reason(void **state)
{
	(void)state;
	assert_reports("settings: policy=reject",
		       "SERROR\nVERROR\nC42501\n"
		       "MDROP TABLE is refused by Lockstep: it locks several "
		       "tables\n"
		       "DLock set: public.a (AccessExclusiveLock), public.b "
		       "(AccessExclusiveLock), public.c "
		       "(AccessExclusiveLock).\n"
		       "HThe setting \"policy\" is \"reject\".\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_refuses_with_what_was_in_the_way),
	    cmocka_unit_test(exchange_notifies_who_is_in_the_way),
	    cmocka_unit_test(exchange_warns_of_a_setting),
	    cmocka_unit_test(exchange_rejects_with_a_reason),
	};

	return scene_run_tests("proxy/guard/exchange_wait", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

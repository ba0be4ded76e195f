#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

/*
 * Table c references a and b.  Each plan is made once more under the locks.
 */
#define ON "settings: drop_in_steps=on; plan: set=abc; "
#define STEP_A "plan: set=ac; plan: set=ac; "
#define STEP_B "plan: set=bc; plan: set=bc; "
#define WHOLE "plan: set=c; plan: set=c"

static const struct scene_row rows[] = {
    {
	.name = "each key goes first, then the statement as it came",
	.client = "Q drop table c",
	.script = ON "keys: ab; " STEP_A STEP_B WHOLE,
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a COMMIT / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b COMMIT / facts(f) settings "
		       "plan{c} / BEGIN attempt(c) plan{c} / Query(*drop "
		       "table c) COMMIT /",
	.client_gets = "notice 00000 notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "columns have steps, too",
	.client = "Q alter table c drop column a, drop column b",
	.script = ON "keys: ab; " STEP_A STEP_B WHOLE,
	.server_gets = "facts(f) settings plan{c,c,c} / keys{c,c,c} / "
		       "facts(f) settings plan{public.c,public.c} / BEGIN "
		       "attempt(ac) plan{public.c,public.c} / ALTER TABLE "
		       "ONLY public.c DROP CONSTRAINT c_a COMMIT / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(bc)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_b COMMIT / facts(f) settings "
		       "plan{c,c,c} / BEGIN attempt(c) plan{c,c,c} / "
		       "Query(*alter table c drop column a, drop column b) "
		       "COMMIT /",
	.client_gets = "notice 00000 notice 00000 [ALTER TABLE] ready-I",
    },
    {
	.name = "where there are none it goes whole",
	.client = "Q drop table c",
	.script = ON "plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / keys{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an odd answer about the keys is none",
	.client = "Q drop table c",
	.script = ON "keys: odd",
	.server_gets = "facts(f) settings plan{c} / keys{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a step whose gate has an odd name is left out",
	.client = "Q drop table c",
	.script = ON "keys: ab; plan: set=ac; attempt: 1; look: young; "
		     "names: odd; " STEP_B "plan: set=c",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac) "
		       "plan{public.c,public.c} / ROLLBACK / look(ca) / BEGIN "
		       "attempt(ca,waits) plan{public.c,public.c} / ROLLBACK / "
		       "look(bc) / names(bc) / facts(f) settings plan{c} / "
		       "Query(drop table c)",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "an error about the keys is none",
	.client = "Q drop table c",
	.script = ON "keys: error 42P01",
	.server_gets = "facts(f) settings plan{c} / keys{c} / BEGIN "
		       "attempt(abc) plan{c} / Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a set of two tables has no steps",
	.client = "Q drop table c",
	.script = "settings: drop_in_steps=on; plan: set=ac; plan: set=ac",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(ac) "
		       "plan{c} / Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a block has no steps",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit",
	.script = ON "plan: set=abc",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / RELEASE "
		       "SAVEPOINT _lockstep / Query(*drop table c) "
		       "Query(*commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] "
		       "ready-I",
    },
    {
	.name = "a text of two has no steps",
	.client = "Q drop table c; select 1",
	.script = ON "plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / BEGIN attempt(abc) "
		       "plan{c} / Query(*drop table c; select 1) COMMIT /",
	.client_gets = "[DROP TABLE] D [SELECT 1] ready-I",
    },
    {
	.name = "a clause of another kind has no steps",
	.client = "Q alter table c drop column a, add d int",
	.script = ON "plan: set=abc",
	.server_gets = "facts(f) settings plan{c,c} / BEGIN attempt(abc) "
		       "plan{c,c} / Query(*alter table c drop column a, add "
		       "d int) COMMIT /",
	.client_gets = "[ALTER TABLE] ready-I",
    },
    {
	.name = "a cycle whose Sync is not there has no steps",
	.client = "P drop table c\nB\nE\n--\nS",
	.script = ON "plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / attempt(abc) plan{c} | "
		       "Parse Bind Execute(*drop table c) /",
	.client_gets = "1 2 [DROP TABLE] ready-I",
    },
    {
	.name = "a key that is gone already is passed over",
	.client = "Q drop table c",
	.script = ON "keys: ab; plan: set=c; " STEP_B WHOLE,
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / facts(f) settings"
		       " plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b COMMIT / facts(f) settings "
		       "plan{c} / BEGIN attempt(c) plan{c} / Query(*drop "
		       "table c) COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "a key that goes meanwhile is passed over",
	.client = "Q drop table c",
	.script = ON "keys: ab; " STEP_A "ALTER: error 42704; " STEP_B WHOLE,
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a / ROLLBACK / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b COMMIT / facts(f) settings "
		       "plan{c} / BEGIN attempt(c) plan{c} / Query(*drop "
		       "table c) COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "an error ends the steps, and the statement meets its own",
	.client = "Q drop table c",
	.script =
	    ON "keys: ab; " STEP_A STEP_B "ALTER: ; ALTER: error 42501; " WHOLE
	       "; drop: error 42501",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a COMMIT / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b / ROLLBACK / facts(f) settings "
		       "plan{c} / BEGIN attempt(c) plan{c} / Query(*drop "
		       "table c) ROLLBACK /",
	.client_gets = "notice 00000 error 42501 ready-I",
    },
    {
	.name = "a cancel within the server ends all",
	.client = "Q drop table c",
	.script = ON "keys: ab; " STEP_A "ALTER: !cancel error 57014",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a / ROLLBACK /",
	.client_gets = "cancel-passes error 57014 ready-I",
    },
    {
	.name = "a cancel that strikes too late ends what is left",
	.client = "Q drop table c",
	.script = ON "keys: ab; " STEP_A "COMMIT: !cancel",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a COMMIT /",
	.client_gets = "cancel-passes notice 00000 error 57014 ready-I",
    },
    {
	.name = "a COMMIT that fails leaves its key",
	.client = "Q drop table c",
	.script = ON "keys: a; " STEP_A "COMMIT: error 40001; "
		     "plan: set=abc; plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a COMMIT / facts(f) settings "
		       "plan{c} / BEGIN attempt(abc) plan{c} / Query(*drop "
		       "table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "what no attempt can lock is dropped on trial",
	.client = "Q drop table c",
	.script = ON "keys: a; plan: set=Ac; plan: set=Ac; ALTER: bound; plan: "
		     "set=Ac; " WHOLE,
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN "
		       "attempt(,turn) plan{public.c,public.c} / SET LOCAL "
		       "lock_timeout TO '10' ALTER TABLE ONLY public.c DROP "
		       "CONSTRAINT c_a / ROLLBACK / look(ac) / BEGIN "
		       "attempt(,turn) plan{public.c,public.c} / SET LOCAL "
		       "lock_timeout TO '10' ALTER TABLE ONLY public.c DROP "
		       "CONSTRAINT c_a COMMIT / facts(f) settings plan{c} / "
		       "BEGIN attempt(c) plan{c} / Query(*drop table c) "
		       "COMMIT /",
	.client_gets = "notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "the end of the session amid a step",
	.client = "Q drop table c",
	.script = ON "keys: ab; " STEP_A STEP_B "ALTER: ; ALTER: fatal 57P01",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{public.c,public.c} / BEGIN attempt(ac)"
		       " plan{public.c,public.c} / ALTER TABLE ONLY public.c"
		       " DROP CONSTRAINT c_a COMMIT / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b",
	.client_gets = "notice 00000 fatal 57P01",
    },
    {
	.name = "keys that are saved go when the time would be over",
	.client = "Q drop table c",
	.script = "settings: drop_in_steps=last hold_timeout=1s; plan: "
		  "set=abc; keys: ab; settings: drop_in_steps=last "
		  "hold_timeout=1s policy=lock; plan: set=abc; plan: set=abc; "
		  "attempt: 0; "
		  "wait: !late 800; look: old; " STEP_A STEP_B WHOLE,
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{c} / BEGIN attempt(abc) plan{c} / "
		       "ROLLBACK / look(abc) / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(ac) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_a COMMIT / facts(f) settings "
		       "plan{public.c,public.c} / BEGIN attempt(bc) "
		       "plan{public.c,public.c} / ALTER TABLE ONLY public.c "
		       "DROP CONSTRAINT c_b COMMIT / facts(f) settings "
		       "plan{c} / BEGIN attempt(c) plan{c} / Query(*drop "
		       "table c) COMMIT /",
	.client_gets = "notice 00000 notice 00000 [DROP TABLE] ready-I",
    },
    {
	.name = "keys that are saved stay where there is time",
	.client = "Q drop table c",
	.script = "settings: drop_in_steps=last; plan: set=abc; keys: ab; "
		  "settings: drop_in_steps=last; plan: set=abc; plan: set=abc",
	.server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
		       "settings plan{c} / BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

/* What stands behind the Execute is there, as a relay has it. */
static struct scene *
begin_with_sync(const char *script)
{
	struct scene *s = scene_begin(script, "P drop table c\nB\nE\nS");

	assert_true(
	    buffer_append(&scene_pair(s)->from_client.buffer, "S\0\0\0\4", 5));
	return s;
}

static void
a_cycle_whose_sync_is_there_has_steps(void **state)
{
	static const struct scene_row row = {
	    .name = "cycle",
	    .server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
			   "settings plan{public.c,public.c} / attempt(ac) "
			   "plan{public.c,public.c} | ALTER "
			   "TABLE ONLY public.c DROP CONSTRAINT c_a / facts(f) "
			   "settings plan{c} / attempt(c) plan{c} | Parse Bind "
			   "Execute(*drop table c) /",
	    .client_gets = "notice 00000 1 2 [DROP TABLE] ready-I",
	};

	(void)state;
	scene_play(begin_with_sync(ON "keys: a; " STEP_A WHOLE), &row);
}

static void
a_cycle_whose_step_fails_is_over_before_the_statement(void **state)
{
	static const struct scene_row row = {
	    .name = "cycle",
	    .server_gets = "facts(f) settings plan{c} / keys{c} / facts(f) "
			   "settings plan{public.c,public.c} / attempt(ac) "
			   "plan{public.c,public.c} | ALTER "
			   "TABLE ONLY public.c DROP CONSTRAINT c_a / facts(f) "
			   "settings plan{c} / attempt(abc) plan{c} | Parse "
			   "Bind Execute(*drop table c) /",
	    .client_gets = "1 2 [DROP TABLE] ready-I",
	};

	(void)state;
	scene_play(begin_with_sync(ON "keys: a; " STEP_A "ALTER: error 42501; "
				      "plan: set=abc; plan: set=abc"),
		   &row);
}

/* Run the scene; its last error has the words, and none of the others. */
static void
assert_error_has(const char *script, const char *words, const char *others)
{
	struct scene *s = scene_begin(script, "Q drop table c");

	scene_run(s);
	if (strstr(s->report, words) == NULL ||
	    (others != NULL && strstr(s->report, others) != NULL))
		fail_msg("%s", s->report);
	assert_script_is_used(&s->server.script);
	scene_end(s);
}

static void
every_error_behind_a_step_says_what_is_gone(void **state)
{
	static const char gone[] =
	    "1 foreign key has gone before the statement, and not back. This "
	    "brings it back:\nADD c_a;\n";

	(void)state;
	/* Ours; the server's own, to a step and to the statement; at COMMIT. */
	assert_error_has(ON "keys: ab; " STEP_A "COMMIT: !cancel", gone, "c_b");
	assert_error_has(ON "keys: ab; " STEP_A STEP_B
			    "ALTER: ; ALTER: !cancel error 57014",
			 gone, "c_b");
	assert_error_has(ON "keys: a; " STEP_A WHOLE "; drop: error 42501",
			 gone, NULL);
	assert_error_has(ON "keys: a; " STEP_A WHOLE
			    "; COMMIT: ; COMMIT: error 40001",
			 gone, NULL);
}

static void
an_error_without_a_step_says_nothing_of_keys(void **state)
{
	(void)state;
	assert_error_has(ON "keys: a; " STEP_A "ALTER: !cancel error 57014",
			 "C57014", "foreign key");
	assert_error_has("plan: set=abc; plan: set=abc; drop: error 42501",
			 "C42501", "foreign key");
}

static void
the_end_of_the_session_amid_a_step_says_what_may_be_gone(void **state)
{
	(void)state;
	assert_error_has(ON "keys: ab; " STEP_A STEP_B
			    "ALTER: ; ALTER: fatal 57P01",
			 "This brings it back:\nADD c_a;\nThe session ended "
			 "while one was dropped, which may be gone or not. "
			 "This would bring it back:\nADD c_b;\n",
			 NULL);
}

static void
a_timeout_says_what_would_have_helped(void **state)
{
	static const char off[] =
	    "settings: policy=lock hold_timeout=1s; plan: set=abc; "
	    "plan: set=abc; attempt: 0; wait: !late 1000; look: old";
	static const char two[] =
	    "settings: policy=lock hold_timeout=1s; plan: set=ac; "
	    "plan: set=ac; attempt: 0; wait: !late 1000; look: old";

	(void)state;
	assert_error_has(off, "drop_in_steps", NULL);
	assert_error_has(two, "C55P03", "drop_in_steps");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cycle_whose_sync_is_there_has_steps),
	    cmocka_unit_test(
		a_cycle_whose_step_fails_is_over_before_the_statement),
	    cmocka_unit_test(every_error_behind_a_step_says_what_is_gone),
	    cmocka_unit_test(an_error_without_a_step_says_nothing_of_keys),
	    cmocka_unit_test(
		the_end_of_the_session_amid_a_step_says_what_may_be_gone),
	    cmocka_unit_test(a_timeout_says_what_would_have_helped),
	};

	return scene_run_tests("proxy/guard/exchange_steps", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

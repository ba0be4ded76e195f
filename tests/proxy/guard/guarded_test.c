#include "proxy/guard/guarded.h"

#include "tests/support/exchange.h"

/* The notebook of a session is kept by the answers to its client's statements.
 */
static const struct scene_row rows[] = {
    {
	.name = "DISCARD ALL forgets what was prepared",
	.client = "P:s drop table c\nS\n--\nQ discard all\n--\n"
		  "P:s select 1\nS\n--\nB:s\nE\nS",
	.server_gets = "Parse / Query(discard all) Parse / "
		       "Bind Execute(select 1) /",
	.client_gets = "1 ready-I [DISCARD ALL] ready-I 1 ready-I "
		       "2 D [SELECT 1] ready-I",
    },
    {
	.name = "DEALLOCATE ALL forgets it as well",
	.client = "P:s drop table c\nS\n--\nQ deallocate all\n--\n"
		  "P:s select 1\nS\n--\nB:s\nE\nS",
	.server_gets = "Parse / Query(deallocate all) Parse / "
		       "Bind Execute(select 1) /",
	.client_gets = "1 ready-I [DEALLOCATE ALL] ready-I 1 ready-I "
		       "2 D [SELECT 1] ready-I",
    },
    {
	.name = "a DEALLOCATE that failed forgets nothing",
	.client = "P:s drop table c\nS\n--\nQ deallocate all\n--\n"
		  "B:s\nE\nS",
	.script = "deallocate: error 25P02; plan: set=c",
	.server_gets = "Parse / Query(deallocate all) "
		       "facts(f) settings plan{c} / "
		       "Bind Execute(drop table c) /",
	.client_gets = "1 ready-I error 25P02 ready-I "
		       "2 [DROP TABLE] ready-I",
    },
    {
	.name = "COMMIT AND CHAIN ends what the transaction kept",
	.client = "Q begin\n--\nQ drop table c\n--\nQ commit and chain\n--\n"
		  "Q select 1\n--\nQ commit",
	.script = "settings: gate_transaction=4s; commit and chain: !shut; "
		  "select 1: !open !free",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} RELEASE SAVEPOINT _lockstep / SAVEPOINT "
		       "_lockstep names(abc) attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c) Query(*commit and chain) "
		       "Query(select 1) Query(commit)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T "
		       "[COMMIT] ready-T D [SELECT 1] ready-T "
		       "[COMMIT] ready-I",
    },
};

/* Play the scene up to its first wait, or its end, and describe. */
static void
assert_describes(const char *script, const char *client, const char *expected)
{
	struct scene *s = scene_begin(script, client);
	struct log_event e;

	s->never_waits = true;
	scene_run(s);
	log_begin(&e, LOG_ERROR, "it");
	guarded_describe(&s->guarded.guarded, &e);
	if (strstr(e.line, expected) == NULL)
		fail_msg("%s has no %s", e.line, expected);
	scene_end(s);
}

static void
guarded_describe_tells_what_is_kept(void **state)
{
	(void)state;
	assert_describes(NULL, "P drop table c\nB", "it kept_messages=2");
	assert_describes("settings: policy=hold; look: young; look: young",
			 "Q drop table c",
			 "it injected=8 keeps_turn=yes "
			 "keeps_gate=\"for a statement\"");
	assert_describes("settings: gate_transaction=0",
			 "Q begin\n--\nQ drop table c", "it injected=12");
}

static void
answer_idle(struct guarded *g, enum pipeline_owner owner)
{
	struct frame f = {BACKEND_READY_FOR_QUERY, span_of("I", 1)};

	guarded_note_answer(g, &f, owner);
}

static void
guarded_note_answer_ends_a_transaction_by_the_clients_alone(void **state)
{
	struct scene *s = scene_begin(NULL, "");
	struct guarded *g = &s->guarded.guarded;

	(void)state;
	g->trail.shape = 4711;
	answer_idle(g, PIPELINE_PROXY);
	assert_true(g->trail.shape == 4711);
	answer_idle(g, PIPELINE_CLIENT);
	assert_true(g->trail.shape == 0);
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guarded_describe_tells_what_is_kept),
	    cmocka_unit_test(
		guarded_note_answer_ends_a_transaction_by_the_clients_alone),
	};

	return scene_run_tests("proxy/guard/guarded", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

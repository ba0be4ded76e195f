#include "proxy/guard/exchange_state.h"

#include "protocol/frontend.h"
#include "tests/support/exchange.h"

/*
 * A server that does not answer our questions for long, or never; and one whose
 * idle clock runs while the client's statement waits here.
 */
static const struct scene_row rows[] = {
    {
	.name = "an attempt that is late gives the turn back, and goes on",
	.client = "Q drop table c",
	.script = "attempt: !turn !timer !free; COMMIT: !free",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a look that is late opens the gate, and goes on",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: young; "
		  "look: !shut !turn !timer !open !free; attempt: !open",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "names(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "each question has its own time",
	.client = "Q drop table c",
	.script = "plan: !timer; attempt: !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "the client's statement and our COMMIT may take theirs",
	.client = "Q drop table c",
	.script = "drop: !timer !timer; COMMIT: !timer !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "a wait for the turn stirs the server before it is idle too "
		"long",
	.client = "Q drop table c",
	.script = "facts: idle_timeout=0 block_idle_timeout=1s; "
		  "plan: !taken; wait: !late 300; wait: !late 300; "
		  "look: !given",
	.server_gets = "facts(f) settings plan{c} / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

#define SILENCE "!note !timer !timer"
#define DROP "Q drop table c"
#define HOLD "settings: policy=hold; "
#define IN_A_BLOCK "Q begin\n--\nQ drop table c"
#define VIEW "settings: policy=lock; plan: set=aB; plan: set=aB; "
#define TWO "Q begin\n--\nQ drop table a\n--\nQ drop table c"
#define REMEMBERED                                                             \
	"facts: ; facts: strong_locks=t; plan: set=a; plan: set=a; "           \
	"plan: set=c; plan: set=c; plan: set=a; "
#define CYCLE "attempt:; attempt: 1; look: cycle; look: cycle; "

/* The second time that its timer runs out, at a question of ours: by phases. */
static const struct silence {
	const char *client;
	const char *script;
	bool is_optimistic;
	bool asks; /* a message of the client's waits at the gate, behind all */
} silences[EXCHANGE_PHASE_COUNT] = {
    [EXCHANGE_OPENING] = {.client = "Q set x = 1; drop table c",
			  .script = "BEGIN: " SILENCE},
    [EXCHANGE_PROBING] = {.client = "Q alter table c frobnicate",
			  .script = "probe: " SILENCE},
    [EXCHANGE_ISOLATING] = {.client = "Q begin\n--\nQ lock table a, b",
			    .script = "isolation: " SILENCE},
    [EXCHANGE_GLANCING] = {.client = DROP,
			   .script = "glance: " SILENCE,
			   .is_optimistic = true},
    [EXCHANGE_PLANNING] = {.client = DROP, .script = "plan: " SILENCE},
    [EXCHANGE_RECALLING] = {.client = TWO "\n--\nQ rollback\n--\n" TWO,
			    .script = REMEMBERED "plan: " SILENCE},
    [EXCHANGE_LISTING] = {.client = DROP,
			  .script = "settings: drop_in_steps=on; "
				    "plan: set=abc; keys: " SILENCE},
    [EXCHANGE_LOOKING] = {.client = DROP, .script = HOLD "look: " SILENCE},
    [EXCHANGE_NAMING] = {.client = DROP,
			 .script = HOLD "look: young; names: " SILENCE},
    [EXCHANGE_ATTEMPTING] = {.client = DROP, .script = "attempt: " SILENCE},
    [EXCHANGE_CHECKING] = {.client = DROP,
			   .script = "facts: snapshot=7:7:; snapshot: 7:9:8; "
				     "plan: ; plan: " SILENCE},
    [EXCHANGE_COAXING] = {.client = DROP,
			  .script = HOLD "look: autovacuum; coax: " SILENCE},
    [EXCHANGE_UNDOING] = {.client = DROP,
			  .script = "attempt: 0; ROLLBACK: " SILENCE},
    [EXCHANGE_JUDGING] = {.client = TWO,
			  .script = CYCLE "repeatable: " SILENCE},
    [EXCHANGE_RESTARTING] = {.client = TWO,
			     .script = CYCLE "ROLLBACK: " SILENCE},
    [EXCHANGE_ASKING] = {.client = "Q begin",
			 .script = "SHOW lock_timeout: " SILENCE,
			 .asks = true},
    [EXCHANGE_SHUTTING] = {.client = IN_A_BLOCK "\n--\n~ 100",
			   .script = "names: " SILENCE,
			   .is_optimistic = true},
    [EXCHANGE_RESTORING] = {.client = IN_A_BLOCK,
			    .script = VIEW "SET LOCAL: ; SET LOCAL: " SILENCE},
    [EXCHANGE_REFUSING] = {.client = IN_A_BLOCK,
			   .script = "settings: policy=reject; "
				     "refuse: " SILENCE},
};

/* Phases in which the server is at work for the client, or for nobody. */
static const unsigned int may_last =
    1u << EXCHANGE_FENCE | 1u << EXCHANGE_STEPPING | 1u << EXCHANGE_REPEATING |
    1u << EXCHANGE_WAITING | 1u << EXCHANGE_TRYING | 1u << EXCHANGE_RUNNING |
    1u << EXCHANGE_COMMITTING | 1u << EXCHANGE_OBSERVING | 1u << EXCHANGE_DONE;

static void
assert_lost(const struct silence *silence, enum exchange_phase phase)
{
	struct scene *s = scene_begin(silence->script, silence->client);
	const struct pair *p = scene_pair(s);

	s->guarded.pair.config.guard.is_optimistic = silence->is_optimistic;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	/* Else nobody is there for whom a gate would be shut late. */
	atomic_store(&s->guarded.pair.daemon.connections, 2);
	scene_run(s);
	if (silence->asks) {
		assert_true(
		    exchange_begin_ask(&s->guarded.guarded, FRONTEND_QUERY));
		scene_run(s);
	}
	assert_true(pair_is_closing(p));
	assert_int_equal(p->farewell.reason, CLOSE_SERVER_SILENT);
	assert_true(p->farewell.message.len > 0);
	assert_int_equal(scene_exchange(s)->phase, phase);
	assert_in_range(s->timer_ms, 9000, 30000);
	scene_end(s);
}

static void
exchange_leaves_a_server_that_is_silent(void **state)
{
	static const struct silence facts = {.client = DROP,
					     .script = "facts: " SILENCE};

	(void)state;
	assert_lost(&facts, EXCHANGE_PLANNING);
	for (unsigned int i = 0; i < EXCHANGE_PHASE_COUNT; i++) {
		print_message("%u %s\n", i, silences[i].script);
		assert_int_equal(silences[i].script == NULL,
				 may_last >> i & 1u);
		if (silences[i].script != NULL)
			assert_lost(&silences[i], (enum exchange_phase)i);
	}
}

/* Nobody is there any more who would wait for it. */
static void
exchange_leaves_a_late_server_when_the_client_has_left(void **state)
{
	struct scene *s = scene_begin("attempt: !eof !timer", "Q drop table c");

	(void)state;
	scene_run(s);
	assert_int_equal(scene_pair(s)->farewell.reason, CLOSE_SERVER_SILENT);
	scene_end(s);
}

/* The log tells the operator, and the session gets its time. */
static void
exchange_gives_a_late_server_the_time_of_the_statement(void **state)
{
	static const struct {
		const char *script;
		int64_t ms;
	} cases[] = {
	    {"attempt: !timer !note", 300000},
	    {"facts: lock_timeout=1s; attempt: !timer !note", 10000},
	    {"facts: statement_timeout=1min; attempt: !timer !note", 60000},
	    {"plan: !timer !note", 300000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene *s =
		    scene_begin(cases[i].script, "Q drop table c");

		scene_run(s);
		assert_in_range(s->timer_ms, cases[i].ms - 5000,
				cases[i].ms + 100);
		scene_end(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_leaves_a_server_that_is_silent),
	    cmocka_unit_test(
		exchange_leaves_a_late_server_when_the_client_has_left),
	    cmocka_unit_test(
		exchange_gives_a_late_server_the_time_of_the_statement),
	};

	return scene_run_tests("proxy/guard/exchange_patience", rows,
			       sizeof(rows) / sizeof(rows[0]), tests,
			       sizeof(tests) / sizeof(tests[0]));
}

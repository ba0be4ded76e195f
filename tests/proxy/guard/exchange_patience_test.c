#include "proxy/guard/exchange.h"

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

/* The second time that its timer runs out, at this question. */
static void
assert_lost(const char *client, const char *script)
{
	struct scene *s = scene_begin(script, client);
	const struct pair *p = scene_pair(s);

	scene_run(s);
	assert_true(pair_is_closing(p));
	assert_int_equal(p->farewell.reason, CLOSE_SERVER_SILENT);
	assert_true(p->farewell.message.len > 0);
	scene_end(s);
}

static void
exchange_leaves_a_server_that_is_silent(void **state)
{
	(void)state;
	assert_lost("Q drop table c", "facts: !timer !timer");
	assert_lost("Q drop table c", "plan: !timer !timer");
	assert_lost("Q drop table c", "attempt: !timer !timer");
	assert_lost("Q drop table c",
		    "settings: policy=hold; look: !timer !timer");
	assert_lost("Q drop table c",
		    "settings: policy=hold; look: young; names: !timer !timer");
	assert_lost("Q drop table c", "settings: policy=hold; look: "
				      "autovacuum; coax: !timer !timer");
	assert_lost("Q drop table c", "attempt: 0; ROLLBACK: !timer !timer");
	assert_lost("Q begin\n--\nQ drop table c",
		    "settings: policy=reject; refuse: !timer !timer");
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

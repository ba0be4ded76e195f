/*
 * Looks that are shared: one other guarded statement is under way, in this
 * worker, and it may be the one that asks.
 */
#include "tests/support/exchange.h"

static const struct scene_row rows[] = {
    {
	.name = "what another one has seen is as good as a look",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !asks !sees !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "who asks is waited for, beyond the time for a look",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !asks !late 300 "
		  "!timer !sees !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "who asks and falls silent is not waited for long",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !asks !late 600 "
		  "!timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "nor one that gives up",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !asks !late 300 "
		  "!timer !quits !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "nor beyond the end of its time",
	.client = "Q drop table c",
	.script = "settings: policy=hold hold_timeout=400ms; look: old; wait: "
		  "!asks !late 400 !timer; look: old",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "look(abc) /",
	.client_gets = "error 55P03 ready-I",
    },
    {
	.name = "a session that keeps locks looks for itself",
	.client = "Q drop table c",
	.script = "settings: policy=hold; keeps: t; look: old; wait: !asks "
		  "!sees; keeps: t",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "keeps look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
    {
	.name = "so does one in a transaction",
	.client = "Q begin\n--\nQ drop table c",
	.script = "settings: policy=hold gate_transaction=0; look: old; wait: "
		  "!asks !sees",
	.server_gets = "Query(begin) SAVEPOINT _lockstep facts(t) settings "
		       "plan{c} RELEASE SAVEPOINT _lockstep / "
		       "SAVEPOINT _lockstep look(abc) / "
		       "look(abc) / "
		       "attempt(abc) plan{c} / "
		       "RELEASE SAVEPOINT _lockstep / "
		       "Query(*drop table c)",
	.client_gets = "[BEGIN] ready-T [DROP TABLE] ready-T",
    },
    {
	.name = "the end of who was in the way is the time for a look",
	.client = "Q drop table c",
	.script = "settings: policy=hold; look: old; wait: !done !timer",
	.server_gets = "facts(f) settings plan{c} / "
		       "keeps look(abc) / "
		       "look(abc) / "
		       "BEGIN attempt(abc) plan{c} / "
		       "Query(*drop table c) COMMIT /",
	.client_gets = "[DROP TABLE] ready-I",
    },
};

/* A test of its own for each row: *state is the row. */
static void
exchange_plays_row_in_company(void **state)
{
	const struct scene_row *row = *state;
	struct scene *s = scene_begin(row->script, row->client);

	s->company = 1;
	atomic_fetch_add(&s->guarded.pair.daemon.exchanges, 1);
	scene_play(s, row);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])] = {{0}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = exchange_plays_row_in_company;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

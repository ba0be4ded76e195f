#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

#define CYCLE "P select 1\nB\nE\nH"

/* A message of this type waits at the gate, behind these lines. */
static void
ask(struct scene *s, uint8_t type)
{
	scene_run(s);
	assert_true(exchange_begin_ask(&s->guarded.guarded, type));
	scene_run(s);
}

/* The server skips to a Sync that the client will not send. */
static void
exchange_ask_that_fails_ends_the_cycle_before_a_query(void **state)
{
	struct scene *s = scene_begin("SHOW lock_timeout: error 57014", CYCLE);

	(void)state;
	ask(s, FRONTEND_QUERY);
	assert_string_equal(s->sees, "1 2 D [SELECT 1] error 57014 ready-I");
	s->lines = "Q select 2";
	scene_run(s);
	assert_string_equal(s->sees, "1 2 D [SELECT 1] error 57014 ready-I "
				     "D [SELECT 1] ready-I");
	assert_string_equal(s->server.trace,
			    "Parse Bind Execute(select 1) | "
			    "SHOW lock_timeout / Query(select 2)");
	scene_end(s);
}

/* There the client's own Sync ends it. */
static void
exchange_ask_that_fails_leaves_a_cycle_to_its_sync(void **state)
{
	struct scene *s = scene_begin("SHOW lock_timeout: error 57014", CYCLE);

	(void)state;
	ask(s, FRONTEND_BIND);
	assert_string_equal(s->sees, "1 2 D [SELECT 1] error 57014");
	s->lines = "E\nS";
	scene_run(s);
	assert_string_equal(s->sees, "1 2 D [SELECT 1] error 57014 ready-I");
	scene_end(s);
}

static void
exchange_ask_that_fails_in_a_block_fails_it(void **state)
{
	struct scene *s =
	    scene_begin("SHOW lock_timeout: error 57014", "Q begin");

	(void)state;
	ask(s, FRONTEND_QUERY);
	assert_string_equal(s->sees, "[BEGIN] ready-T error 57014 ready-E");
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		exchange_ask_that_fails_ends_the_cycle_before_a_query),
	    cmocka_unit_test(
		exchange_ask_that_fails_leaves_a_cycle_to_its_sync),
	    cmocka_unit_test(exchange_ask_that_fails_in_a_block_fails_it),
	};

	return cmocka_run_group_tests_name("proxy/guard/exchange_gate", tests,
					   NULL, NULL);
}

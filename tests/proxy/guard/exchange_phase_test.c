#include "proxy/guard/exchange_state.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/support/exchange.h"

/* True: entering that phase from this one ends the process. */
static bool
dies_entering(struct scene *s, enum exchange_phase from,
	      enum exchange_phase next)
{
	struct exchange x = {.pair = scene_pair(s), .phase = from};
	const struct rlimit no_core = {0};
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		exchange_enter(&x, next);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
exchange_enter_takes_no_other_way(void **state)
{
	static const struct {
		enum exchange_phase from;
		enum exchange_phase next;
		bool dies;
	} rows[] = {
	    {EXCHANGE_FENCE, EXCHANGE_PLANNING, false},
	    {EXCHANGE_FENCE, EXCHANGE_ATTEMPTING, true},
	    {EXCHANGE_FENCE, EXCHANGE_COMMITTING, true},
	    {EXCHANGE_PLANNING, EXCHANGE_CHECKING, true},
	    {EXCHANGE_PLANNING, EXCHANGE_PLANNING, false},
	    {EXCHANGE_PLANNING, EXCHANGE_STEPPING, true},
	    {EXCHANGE_LISTING, EXCHANGE_STEPPING, true},
	    {EXCHANGE_STEPPING, EXCHANGE_PLANNING, false},
	    {EXCHANGE_STEPPING, EXCHANGE_STEPPING, true},
	    {EXCHANGE_NAMING, EXCHANGE_ATTEMPTING, true},
	    {EXCHANGE_WAITING, EXCHANGE_WAITING, false},
	    {EXCHANGE_WAITING, EXCHANGE_PLANNING, false},
	    {EXCHANGE_WAITING, EXCHANGE_CHECKING, true},
	    {EXCHANGE_RUNNING, EXCHANGE_COMMITTING, false},
	    {EXCHANGE_RUNNING, EXCHANGE_ATTEMPTING, true},
	    {EXCHANGE_COMMITTING, EXCHANGE_RUNNING, true},
	    {EXCHANGE_REFUSING, EXCHANGE_RUNNING, true},
	    {EXCHANGE_OBSERVING, EXCHANGE_RUNNING, true},
	    {EXCHANGE_DONE, EXCHANGE_RUNNING, true},
	    {EXCHANGE_DONE, EXCHANGE_DONE, true},
	};
	struct scene *s = scene_begin(NULL, "");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dies_entering(s, rows[i].from, rows[i].next) !=
		    rows[i].dies)
			fail_msg("row %zu", i);
	scene_end(s);
}

static void
exchange_enter_waits_for_all_answers(void **state)
{
	struct scene *s = scene_begin(NULL, "");
	struct pipeline *p = &scene_pair(s)->pipeline;

	(void)state;
	pipeline_sent(p, FRONTEND_QUERY, PIPELINE_CLIENT);
	assert_true(dies_entering(s, EXCHANGE_FENCE, EXCHANGE_PLANNING));
	assert_true(dies_entering(s, EXCHANGE_RUNNING, EXCHANGE_DONE));
	assert_false(dies_entering(s, EXCHANGE_WAITING, EXCHANGE_LOOKING));
	assert_false(dies_entering(s, EXCHANGE_OBSERVING, EXCHANGE_DONE));
	p->in_copy = true;
	assert_false(dies_entering(s, EXCHANGE_FENCE, EXCHANGE_RUNNING));
	assert_true(dies_entering(s, EXCHANGE_RUNNING, EXCHANGE_DONE));
	scene_end(s);
}

static void
exchange_describe_tells_what_it_does(void **state)
{
	struct scene *s = scene_begin("settings: policy=hold; look: old; "
				      "wait: !late 500",
				      "Q drop table c");
	struct log_event e;

	(void)state;
	s->never_waits = true;
	scene_run(s);
	assert_true(exchange_blocks_client(scene_exchange(s)));
	assert_false(exchange_is_running(scene_exchange(s)));
	clock_advance(400);
	log_begin(&e, LOG_ERROR, "it");
	exchange_describe(scene_exchange(s), &e);
	assert_non_null(strstr(e.line, "phase=waiting phase_ms=400 "
				       "context=idle statement=\"DROP TABLE\" "
				       "statement_ms=400 guard=wait"));
	scene_end(s);
}

static void
exchange_is_held_where_it_waits_for_long(void **state)
{
	struct scene *s =
	    scene_begin("settings: policy=hold; look: old", "Q drop table c");

	(void)state;
	s->never_waits = true;
	scene_run(s);
	assert_true(exchange_is_held(scene_exchange(s)));
	assert_true(exchange_cancel(scene_exchange(s)));
	scene_run(s);
	assert_null(scene_exchange(s));
	assert_false(scene_is_held(s));
	scene_end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_enter_takes_no_other_way),
	    cmocka_unit_test(exchange_enter_waits_for_all_answers),
	    cmocka_unit_test(exchange_describe_tells_what_it_does),
	    cmocka_unit_test(exchange_is_held_where_it_waits_for_long),
	};

	return cmocka_run_group_tests_name("proxy/guard/exchange_phase", tests,
					   NULL, NULL);
}

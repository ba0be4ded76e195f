/*
 * A fleet that reaches no server: it takes what it is told, says how it is, and
 * ends.  With a server it is e2e/fleet.
 */
#include "proxy/fleet/fleet.h"

#include <netdb.h>
#include <semaphore.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "tests/support/fleet.h"
#include "tests/support/gate.h"

enum {
	BOUND_MS = 10000,
};

static sem_t looked_up; /* a look-up has begun */
static sem_t may_end;   /* it may end */

/* In place of libc's, for libpq too: a resolver that does not answer. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)out;
	sem_post(&looked_up);
	while (sem_wait(&may_end) != 0)
		;
	return EAI_AGAIN;
}

struct fixture {
	struct gate_fixture *gate;
	struct fleet *fleet;
};

static struct fleet_key *
new_key(void)
{
	struct fleet_key *key = malloc(sizeof(*key));

	assert_non_null(key);
	*key = fleet_fixture_key("a key of this fleet");
	return key;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	log_init(LOG_ERROR, LOG_TEXT);
	gate_fixture_setup((void **)&f->gate);
	f->gate->config.fleet = (char *)(uintptr_t) "host=/nowhere dbname=f";
	f->fleet = fleet_new(&f->gate->daemon, new_key());
	assert_non_null(f->fleet);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	assert_true(fleet_stop(f->fleet));
	assert_null(f->gate->daemon.fleet);
	gate_fixture_teardown((void **)&f->gate);
	free(f);
	return 0;
}

/* The report, once the state is this one. */
static struct fleet_report
wait_state(struct fleet *fleet, enum fleet_link_state state)
{
	struct fleet_report r;
	int ms;

	for (ms = 0; ms < BOUND_MS; ms++) {
		fleet_get_report(fleet, &r);
		if (r.state == state)
			break;
		usleep(1000);
	}
	assert_int_equal(r.state, state);
	return r;
}

static void
shut_and_end(struct fixture *f)
{
	struct lease *lease = &f->gate->players[0].lease;
	struct gate_names names = gate_fixture_names("a");

	lease_shut(lease, &names, clock_now_ms() + BOUND_MS);
	lease_end(lease);
	loop_for(f->gate->base, 0);
}

static void
fleet_stop_frees_one_that_never_started(void **state)
{
	struct fixture *f = *state;
	struct fleet_report r;

	fleet_get_report(f->fleet, &r);
	assert_int_equal(r.state, FLEET_LINK_IDLE);
	fleet_replace_key(f->fleet, new_key());
	shut_and_end(f); /* mail that nobody reads */
	assert_true(fleet_stop(NULL));
}

static void
fleet_new_takes_what_is_libpqs_out_of_the_environment(void **state)
{
	struct fixture f = {0};

	(void)state;
	setenv("PGOPTIONS", "-c search_path=elsewhere", 1);
	setenv("PGHOST", "elsewhere", 1);
	setenv("NOTPG", "stays", 1);
	gate_fixture_setup((void **)&f.gate);
	f.fleet = fleet_new(&f.gate->daemon, new_key());
	assert_non_null(f.fleet);
	assert_null(getenv("PGOPTIONS"));
	assert_null(getenv("PGHOST"));
	assert_non_null(getenv("NOTPG"));
	assert_true(fleet_stop(f.fleet));
	gate_fixture_teardown((void **)&f.gate);
}

static void
fleet_connects_when_somebody_has_logged_in(void **state)
{
	struct fixture *f = *state;
	struct fleet_report r;

	assert_true(fleet_start(f->fleet));
	shut_and_end(f);
	fleet_get_report(f->fleet, &r);
	assert_int_equal(r.state, FLEET_LINK_IDLE);
	daemon_want_fleet(&f->gate->daemon);
	r = wait_state(f->fleet, FLEET_LINK_PAUSED);
	assert_int_equal(r.sent, 0);
	assert_true(r.since_ms > 0);
	shut_and_end(f);
	fleet_replace_key(f->fleet, new_key());
	fleet_describe(f->fleet);
}

static void
fleet_stop_frees_nothing_where_a_look_up_does_not_end(void **state)
{
	struct fixture *f = *state;

	sem_init(&looked_up, 0, 0);
	sem_init(&may_end, 0, 0);
	assert_true(fleet_stop(f->fleet));
	f->gate->config.fleet = (char *)(uintptr_t) "host=slow dbname=f";
	f->fleet = fleet_new(&f->gate->daemon, new_key());
	assert_non_null(f->fleet);
	assert_true(fleet_start(f->fleet));
	daemon_want_fleet(&f->gate->daemon);
	sem_wait(&looked_up);
	assert_false(fleet_stop(f->fleet));
	assert_non_null(f->gate->daemon.fleet);
	sem_post(&may_end);
	/* teardown stops it, now that it can be */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		fleet_stop_frees_one_that_never_started, setup, teardown),
	    cmocka_unit_test(
		fleet_new_takes_what_is_libpqs_out_of_the_environment),
	    cmocka_unit_test_setup_teardown(
		fleet_connects_when_somebody_has_logged_in, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		fleet_stop_frees_nothing_where_a_look_up_does_not_end, setup,
		teardown),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet", tests, NULL,
					   NULL);
}

#include "proxy/http/http_metrics.h"

#include <stdlib.h>

#include "proxy/pair/counts.h"
#include "tests/support/test.h"

enum {
	WORKERS = 2,
};

struct fixture {
	struct counts *counts;
	char *page; /* owned; NULL: none was written */
};

static int
setup(void **state)
{
	size_t bytes = WORKERS * sizeof(struct counts);
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->counts = aligned_alloc(_Alignof(struct counts), bytes);
	assert_non_null(f->counts);
	memset(f->counts, 0, bytes);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	free(f->page);
	free(f->counts);
	free(f);
	return 0;
}

static void
write_page(struct fixture *f, const char *fleet)
{
	struct http_facts facts = {
	    .counts = f->counts,
	    .workers = WORKERS,
	    .is_listening = true,
	    .connections = 3,
	    .max_connections = 10,
	    .unjudged = 4,
	    .unplanned = 5,
	    .reached_ms = 1000,
	    .now_ms = 2500,
	    .fleet = fleet,
	};
	size_t len;
	FILE *out = open_memstream(&f->page, &len);

	assert_non_null(out);
	http_metrics_write(out, &facts);
	assert_int_equal(fclose(out), 0);
}

/* The page has this line, whole and once. */
static void
assert_line(const struct fixture *f, const char *line)
{
	char text[256];
	const char *found;

	snprintf(text, sizeof(text), "\n%s\n", line);
	found = strstr(f->page, text);
	if (found == NULL)
		fail_msg("there is no line %s", line);
	assert_null(strstr(found + 1, text));
}

static void
counts_of_all_workers_are_added_up(void **state)
{
	struct fixture *f = *state;

	counts_add(&f->counts[0], COUNT_LOGINS, 2);
	counts_add(&f->counts[1], COUNT_LOGINS, 3);
	counts_add(&f->counts[0], COUNT_STATES + SESSION_READY, 1);
	counts_add(&f->counts[1], COUNT_STATES + SESSION_READY, 1);
	counts_add(&f->counts[1], COUNT_STATES + SESSION_READY, -1);
	counts_add_error(&f->counts[0], span_of("40P01", 5));
	counts_add_error(&f->counts[1], span_of("40P01", 5));
	counts_add_error(&f->counts[1], span_of("ZZZZZ", 5));
	counts_add_error(&f->counts[1], span_of(NULL, 0));
	write_page(f, NULL);
	assert_line(f, "lockstep_logins_total 5");
	assert_line(f, "lockstep_sessions{state=\"ready\"} 1");
	assert_line(f, "lockstep_deadlocks_seen_total 2");
	assert_line(f, "lockstep_errors_seen_total{sqlstate=\"40P01\"} 2");
	assert_line(f, "lockstep_errors_seen_total{sqlstate=\"other\"} 2");
}

static void
statements_of_one_kind_are_one_series(void **state)
{
	struct fixture *f = *state;

	counts_add_guarded(&f->counts[1], "DROP TABLE", GUARD_POLICY_AUTO,
			   GUARD_PROTECTED);
	counts_add_guarded(&f->counts[0], "TRUNCATE TABLE", GUARD_POLICY_AUTO,
			   GUARD_PROTECTED);
	counts_add_guarded(&f->counts[0], "DROP TABLE", GUARD_POLICY_AUTO,
			   GUARD_PROTECTED);
	counts_add_guarded(&f->counts[0], "DROP TABLE", GUARD_POLICY_AUTO,
			   GUARD_PROTECTED);
	counts_add_guarded(&f->counts[0], "DROP TABLE", GUARD_POLICY_HOLD,
			   GUARD_TIMED_OUT);
	write_page(f, NULL);
	assert_line(f, "lockstep_guarded_statements_total{kind=\"DROP TABLE\","
		       "policy=\"auto\",outcome=\"protected\"} 3");
	assert_line(f, "lockstep_guarded_statements_total{kind=\"DROP TABLE\","
		       "policy=\"hold\",outcome=\"timed-out\"} 1");
	assert_line(f, "lockstep_guarded_statements_total{kind=\"TRUNCATE "
		       "TABLE\",policy=\"auto\",outcome=\"protected\"} 1");
	assert_line(f, "lockstep_guarded_outcomes_total{outcome="
		       "\"protected\"} 4");
	assert_line(f, "lockstep_guarded_outcomes_total{outcome="
		       "\"timed-out\"} 1");
	assert_line(f, "lockstep_guarded_outcomes_total{outcome="
		       "\"deadlock\"} 0");
}

static void
buckets_are_cumulative_and_in_seconds(void **state)
{
	struct fixture *f = *state;

	counts_observe(&f->counts[0], COUNT_GATE_WAIT_MS, 0);
	counts_observe(&f->counts[0], COUNT_GATE_WAIT_MS, 5);
	counts_observe(&f->counts[1], COUNT_GATE_WAIT_MS, 300);
	counts_observe(&f->counts[1], COUNT_GATE_WAIT_MS, 301);
	counts_observe(&f->counts[1], COUNT_ATTEMPTS, 2);
	write_page(f, NULL);
	assert_line(f, "lockstep_gate_wait_seconds_bucket{le=\"0.001\"} 1");
	assert_line(f, "lockstep_gate_wait_seconds_bucket{le=\"0.005\"} 2");
	assert_line(f, "lockstep_gate_wait_seconds_bucket{le=\"0.3\"} 3");
	assert_line(f, "lockstep_gate_wait_seconds_bucket{le=\"+Inf\"} 4");
	assert_line(f, "lockstep_gate_wait_seconds_sum 0.606");
	assert_line(f, "lockstep_gate_wait_seconds_count 4");
	assert_line(f, "lockstep_attempts_bucket{le=\"1\"} 0");
	assert_line(f, "lockstep_attempts_bucket{le=\"2\"} 1");
}

static void
process_tells_how_it_stands(void **state)
{
	struct fixture *f = *state;

	write_page(f, NULL);
	assert_non_null(strstr(f->page, "lockstep_build_info{version=\""));
	assert_line(f, "lockstep_ready 1");
	assert_line(f, "lockstep_connections 3");
	assert_line(f, "lockstep_upstream_reached_age_seconds 1.500");
	assert_line(f, "lockstep_fleet_state{state=\"none\"} 1");
	assert_line(f, "lockstep_unparsed_statements_total 4");
	assert_line(f, "lockstep_unplanned_statements_total 5");
}

static void
fleet_is_in_one_state(void **state)
{
	struct fixture *f = *state;

	write_page(f, "ready");
	assert_line(f, "lockstep_fleet_state{state=\"none\"} 0");
	assert_line(f, "lockstep_fleet_state{state=\"ready\"} 1");
	assert_line(f, "lockstep_fleet_state{state=\"paused\"} 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(counts_of_all_workers_are_added_up),
	    TEST(statements_of_one_kind_are_one_series),
	    TEST(buckets_are_cumulative_and_in_seconds),
	    TEST(process_tells_how_it_stands),
	    TEST(fleet_is_in_one_state),
	};

	return cmocka_run_group_tests_name("proxy/http/http_metrics", tests,
					   NULL, NULL);
}

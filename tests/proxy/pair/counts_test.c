#include "proxy/pair/counts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/test.h"

enum {
	ROUNDS = 20000,
};

static int
setup(void **state)
{
	struct counts *c =
	    aligned_alloc(_Alignof(struct counts), sizeof(struct counts));

	assert_non_null(c);
	memset(c, 0, sizeof(*c));
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

/* A pair of a test has no worker. */
static void
nobody_s_counts_take_everything(void **state)
{
	(void)state;
	counts_add(NULL, COUNT_LOGINS, 1);
	counts_observe(NULL, COUNT_HOLD_MS, 1);
	counts_add_error(NULL, span_of("40P01", 5));
	counts_add_guarded(NULL, "DROP TABLE", GUARD_POLICY_AUTO,
			   GUARD_PROTECTED);
	counts_note_reached(NULL, 1);
}

static void
bounds_ascend_and_leave_a_bucket_for_the_rest(void **state)
{
	size_t h;
	size_t i;

	(void)state;
	for (h = 0; h < COUNT_HISTOGRAMS; h++) {
		const struct count_bounds *b = &count_bounds[h];

		assert_in_range(b->count, 1, COUNTS_BUCKETS_MAX - 1);
		for (i = 1; i < b->count; i++)
			assert_true(b->bounds[i - 1] < b->bounds[i]);
	}
}

static void
sqlstates_have_names_of_their_own(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	assert_string_equal(count_sqlstates[0], "40P01"); /* the deadlocks */
	assert_string_equal(count_sqlstates[COUNTS_SQLSTATES - 1], "other");
	for (i = 0; i < COUNTS_SQLSTATES; i++) {
		assert_non_null(count_sqlstates[i]);
		for (j = 0; j < i; j++)
			assert_string_not_equal(count_sqlstates[i],
						count_sqlstates[j]);
	}
}

/* Labels are of a closed set, but a worker's room is bounded whatever comes. */
static void
kinds_beyond_the_room_are_left_out(void **state)
{
	static char kinds[COUNTS_GUARDED_MAX + 1][8];
	struct counts *c = *state;
	size_t i;

	for (i = 0; i <= COUNTS_GUARDED_MAX; i++) {
		snprintf(kinds[i], sizeof(kinds[i]), "K%zu", i);
		counts_add_guarded(c, kinds[i], GUARD_POLICY_AUTO,
				   GUARD_PROTECTED);
	}
	assert_int_equal(atomic_load(&c->guarded_count), COUNTS_GUARDED_MAX);
	assert_non_null(
	    counts_find_guarded(c, "K0", GUARD_POLICY_AUTO, GUARD_PROTECTED));
	assert_null(counts_find_guarded(c, kinds[COUNTS_GUARDED_MAX],
					GUARD_POLICY_AUTO, GUARD_PROTECTED));
}

static void
upstream_was_reached_when_the_last_worker_did(void **state)
{
	struct counts *c = *state;

	assert_int_equal(counts_reached_ms(c, 1), 0);
	counts_note_reached(c, 7);
	assert_int_equal(counts_reached_ms(c, 1), 7);
}

static void *
write_counts(void *arg)
{
	struct counts *c = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		counts_add(c, COUNT_LOGINS, 1);
		counts_observe(c, COUNT_HOLD_MS, (uint64_t)i);
		counts_add_guarded(c, i % 2 == 0 ? "DROP TABLE" : "DROP VIEW",
				   GUARD_POLICY_AUTO, GUARD_PROTECTED);
	}
	return NULL;
}

/* A reader sees no count go down, and needs no lock: TSan looks on. */
static void
counts_are_read_while_they_are_written(void **state)
{
	struct counts *c = *state;
	struct counts_sum sum;
	uint64_t last = 0;
	pthread_t writer;

	assert_int_equal(pthread_create(&writer, NULL, write_counts, c), 0);
	while (last < ROUNDS) {
		counts_sum(&sum, c, 1);
		assert_true(sum.cells[COUNT_LOGINS] >= last);
		last = sum.cells[COUNT_LOGINS];
		(void)counts_find_guarded(c, "DROP VIEW", GUARD_POLICY_AUTO,
					  GUARD_PROTECTED);
	}
	pthread_join(writer, NULL);
	assert_int_equal(counts_find_guarded(c, "DROP VIEW", GUARD_POLICY_AUTO,
					     GUARD_PROTECTED)
			     ->count,
			 ROUNDS / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_s_counts_take_everything),
	    TEST(bounds_ascend_and_leave_a_bucket_for_the_rest),
	    TEST(sqlstates_have_names_of_their_own),
	    TEST(kinds_beyond_the_room_are_left_out),
	    TEST(upstream_was_reached_when_the_last_worker_did),
	    TEST(counts_are_read_while_they_are_written),
	};

	return cmocka_run_group_tests_name("proxy/pair/counts", tests, NULL,
					   NULL);
}

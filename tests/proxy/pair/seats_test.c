#include "proxy/pair/seats.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	THREADS = 4,
	ROUNDS_OF_THREAD = 1000,
	MANY = 5000,
};

static const struct seats_limits none;

static int
new_seats(void **state)
{
	*state = seats_new();
	return *state != NULL ? 0 : -1;
}

static int
free_seats(void **state)
{
	seats_free(*state);
	return 0;
}

static void
seats_take_stops_at_the_limit_of_a_database(void **state)
{
	const struct seats_limits two = {.of_database = 2};

	assert_int_equal(seats_take(*state, "db", "ada", &two), SEATS_TAKEN);
	assert_int_equal(seats_take(*state, "db", "bob", &two), SEATS_TAKEN);
	assert_int_equal(seats_take(*state, "db", "eve", &two),
			 SEATS_DATABASE_FULL);
	assert_int_equal(seats_take(*state, "other", "eve", &two), SEATS_TAKEN);
	seats_give(*state, "db", "ada");
	assert_int_equal(seats_take(*state, "db", "eve", &two), SEATS_TAKEN);
}

static void
seats_take_stops_at_the_limit_of_a_role(void **state)
{
	const struct seats_limits one = {.of_user = 1};

	assert_int_equal(seats_take(*state, "db", "ada", &one), SEATS_TAKEN);
	assert_int_equal(seats_take(*state, "other", "ada", &one),
			 SEATS_USER_FULL);
	assert_int_equal(seats_take(*state, "db", "bob", &one), SEATS_TAKEN);
	seats_give(*state, "db", "ada");
	assert_int_equal(seats_take(*state, "other", "ada", &one), SEATS_TAKEN);
}

/* A database's name says nothing of a role's. */
static void
seats_of_the_same_name_are_two(void **state)
{
	const struct seats_limits one = {1, 1};

	assert_int_equal(seats_take(*state, "ada", "bob", &one), SEATS_TAKEN);
	assert_int_equal(seats_take(*state, "bob", "ada", &one), SEATS_TAKEN);
}

static void
seats_that_are_not_limited_are_counted(void **state)
{
	const struct seats_limits many = {.of_database = MANY};
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "role %d", i);
		assert_int_equal(seats_take(*state, "db", name, &none),
				 SEATS_TAKEN);
	}
	assert_int_equal(seats_take(*state, "db", "ada", &many),
			 SEATS_DATABASE_FULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "role %d", i);
		seats_give(*state, "db", name);
	}
	assert_int_equal(seats_take(*state, "db", "ada", &many), SEATS_TAKEN);
}

static void
seats_take_leaves_none_where_memory_is_out(void **state)
{
	const struct seats_limits one = {1, 1};

	for (unsigned int i = 0; i < 2; i++) {
		allocation_fail_after(i);
		assert_int_equal(seats_take(*state, "db", "ada", &one),
				 SEATS_NO_MEMORY);
		assert_true(allocation_restore());
	}
	assert_int_equal(seats_take(*state, "db", "ada", &one), SEATS_TAKEN);
}

static void *
come_and_go(void *seats)
{
	const struct seats_limits half = {.of_database = THREADS / 2};

	for (int i = 0; i < ROUNDS_OF_THREAD; i++)
		if (seats_take(seats, "db", "ada", &half) == SEATS_TAKEN)
			seats_give(seats, "db", "ada");
	return NULL;
}

static void
seats_are_the_process_s(void **state)
{
	const struct seats_limits one = {1, 1};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, come_and_go, *state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seats_take(*state, "db", "ada", &one), SEATS_TAKEN);
}

#define SEATS(test) cmocka_unit_test_setup_teardown(test, new_seats, free_seats)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SEATS(seats_take_stops_at_the_limit_of_a_database),
	    SEATS(seats_take_stops_at_the_limit_of_a_role),
	    SEATS(seats_of_the_same_name_are_two),
	    SEATS(seats_that_are_not_limited_are_counted),
	    SEATS(seats_take_leaves_none_where_memory_is_out),
	    SEATS(seats_are_the_process_s),
	};

	return cmocka_run_group_tests_name("proxy/pair/seats", tests, NULL,
					   NULL);
}

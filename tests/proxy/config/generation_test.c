#include "proxy/config/generation.h"

#include <pthread.h>

#include "tests/support/allocation.h"
#include "tests/support/config.h"

enum {
	USERS = 4,
	REPLACEMENTS = 200,
};

static struct generation *
generation_of(uint64_t number)
{
	struct config *c =
	    assert_accepted(config_load_from(NULL, NULL, NULL, 0));
	struct generation *g = generation_new(c, number);

	assert_non_null(g);
	return g;
}

static void
generation_lives_as_long_as_somebody_uses_it(void **state)
{
	struct generation *first = generation_of(1);
	struct generation_store *s = generation_store_new(first);
	struct generation *used = generation_store_use(s);

	(void)state;
	assert_ptr_equal(used, first);
	generation_store_replace(s, generation_of(2));
	/* One that has begun goes on by what it has. */
	assert_int_equal(used->number, 1);
	assert_int_equal(used->config->max_connections, 10000);
	generation_release(used);
	used = generation_store_use(s);
	assert_int_equal(used->number, 2);
	generation_store_free(s);
	assert_int_equal(used->config->max_connections, 10000);
	assert_ptr_equal(generation_use(used), used);
	generation_release(used);
	generation_release(used);
}

static void
generation_release_and_free_accept_null(void **state)
{
	(void)state;
	generation_release(NULL);
	generation_store_free(NULL);
}

/* The configuration is freed all the same. */
static void
generation_new_without_memory_is_null(void **state)
{
	struct config *c =
	    assert_accepted(config_load_from(NULL, NULL, NULL, 0));
	struct generation *g = generation_of(1);

	(void)state;
	allocation_fail_after(0);
	assert_null(generation_new(c, 1));
	assert_null(generation_store_new(g));
	assert_true(allocation_restore());
}

struct race {
	struct generation_store *store;
	atomic_bool is_over;
};

/* One that comes and goes; numbers never run back. */
static void *
go_by_it(void *arg)
{
	struct race *r = arg;
	uint64_t last = 0;

	while (!atomic_load(&r->is_over)) {
		struct generation *g = generation_store_use(r->store);

		if (g->number < last || g->config->max_connections != 10000)
			abort();
		last = g->number;
		generation_release(g);
	}
	return NULL;
}

static void
generation_store_replace_while_others_come_and_go(void **state)
{
	struct race r = {.store = generation_store_new(generation_of(1))};
	pthread_t threads[USERS];

	(void)state;
	for (int i = 0; i < USERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, go_by_it, &r), 0);
	for (uint64_t n = 2; n < REPLACEMENTS; n++)
		generation_store_replace(r.store, generation_of(n));
	atomic_store(&r.is_over, true);
	for (int i = 0; i < USERS; i++)
		pthread_join(threads[i], NULL);
	generation_store_free(r.store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(generation_lives_as_long_as_somebody_uses_it),
	    cmocka_unit_test(generation_release_and_free_accept_null),
	    cmocka_unit_test(generation_new_without_memory_is_null),
	    cmocka_unit_test(generation_store_replace_while_others_come_and_go),
	};

	return cmocka_run_group_tests_name("proxy/config/generation", tests,
					   NULL, NULL);
}

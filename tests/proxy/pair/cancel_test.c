#include "proxy/pair/cancel.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	THREADS = 4,
	ROUNDS_OF_THREAD = 500,
};

static const struct cancel_target target = {
    .worker = 3,
    .session = 42,
    .server = {.address = {.ss_family = AF_UNIX}, .len = 10},
};

static struct span
secret(const char *text)
{
	return span_of(text, strlen(text));
}

static int
new_registry(void **state)
{
	*state = cancel_registry_new();
	return *state != NULL ? 0 : -1;
}

static int
free_registry(void **state)
{
	cancel_registry_free(*state);
	return 0;
}

static void
cancel_find_tells_what_was_remembered(void **state)
{
	struct cancel_registry *r = *state;
	struct cancel_entry *e = cancel_remember(r, 7, secret("1234"), &target);
	struct cancel_target found;

	assert_non_null(e);
	assert_true(cancel_find(r, 7, secret("1234"), &found));
	assert_int_equal(found.worker, 3);
	assert_int_equal(found.session, 42);
	assert_int_equal(found.server.len, 10);
	assert_int_equal(found.server.address.ss_family, AF_UNIX);
	assert_false(found.is_held);
	cancel_forget(r, e);
	assert_false(cancel_find(r, 7, secret("1234"), &found));
}

static void
cancel_find_wants_the_whole_key(void **state)
{
	struct cancel_registry *r = *state;
	struct cancel_entry *e = cancel_remember(r, 7, secret("1234"), &target);
	struct cancel_target found;

	assert_false(cancel_find(r, 8, secret("1234"), &found));
	assert_false(cancel_find(r, 7, secret("1235"), &found));
	assert_false(cancel_find(r, 7, secret("123"), &found));
	assert_false(cancel_find(r, 7, secret("12345"), &found));
	assert_false(cancel_find(r, 7, secret(""), &found));
	cancel_forget(r, e);
}

static void
cancel_find_pid_wants_the_server(void **state)
{
	struct cancel_registry *r = *state;
	struct cancel_entry *e = cancel_remember(r, 7, secret("1234"), &target);
	struct address other = target.server;
	struct cancel_target found;

	assert_true(cancel_find_pid(r, 7, &target.server, &found));
	assert_int_equal(found.session, 42);
	assert_false(cancel_find_pid(r, 8, &target.server, &found));
	other.address.ss_family = AF_INET;
	assert_false(cancel_find_pid(r, 7, &other, &found));
	other = target.server;
	other.len = 9;
	assert_false(cancel_find_pid(r, 7, &other, &found));
	cancel_forget(r, e);
}

/* Two servers may give the same process id; and two ids share a bucket. */
static void
cancel_find_tells_sessions_of_one_bucket_apart(void **state)
{
	struct cancel_registry *r = *state;
	struct cancel_entry *entries[5000];
	struct cancel_target t = target;
	struct cancel_target found;
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		t.session = i;
		entries[i] = cancel_remember(
		    r, i / 2, secret(i % 2 ? "oddd" : "even"), &t);
		assert_non_null(entries[i]);
	}
	for (i = 0; i < 5000; i++) {
		assert_true(cancel_find(
		    r, i / 2, secret(i % 2 ? "oddd" : "even"), &found));
		assert_int_equal(found.session, i);
		cancel_forget(r, entries[i]);
		assert_false(cancel_find(
		    r, i / 2, secret(i % 2 ? "oddd" : "even"), &found));
	}
}

static void
cancel_set_held_is_seen_by_find(void **state)
{
	struct cancel_registry *r = *state;
	struct cancel_entry *e = cancel_remember(r, 7, secret("1234"), &target);
	struct cancel_target found;

	cancel_set_held(r, e, true);
	assert_true(cancel_find(r, 7, secret("1234"), &found));
	assert_true(found.is_held);
	cancel_set_held(r, e, false);
	assert_true(cancel_find(r, 7, secret("1234"), &found));
	assert_false(found.is_held);
	cancel_forget(r, e);
}

static void
cancel_remember_takes_the_longest_secret_and_no_longer_one(void **state)
{
	struct cancel_registry *r = *state;
	uint8_t bytes_of[CANCEL_SECRET_MAX + 1] = {0};
	struct cancel_target found;
	struct cancel_entry *e;

	assert_null(cancel_remember(
	    r, 1, span_of(bytes_of, CANCEL_SECRET_MAX + 1), &target));
	e = cancel_remember(r, 1, span_of(bytes_of, CANCEL_SECRET_MAX),
			    &target);
	assert_non_null(e);
	assert_true(
	    cancel_find(r, 1, span_of(bytes_of, CANCEL_SECRET_MAX), &found));
	bytes_of[CANCEL_SECRET_MAX - 1] = 1;
	assert_false(
	    cancel_find(r, 1, span_of(bytes_of, CANCEL_SECRET_MAX), &found));
	cancel_forget(r, e);
}

static void
cancel_remember_without_memory_is_null(void **state)
{
	struct cancel_registry *r = *state;

	allocation_fail_after(0);
	assert_null(cancel_remember(r, 1, secret("1234"), &target));
	assert_true(allocation_restore());
	allocation_fail_after(0);
	assert_null(cancel_registry_new());
	assert_true(allocation_restore());
	cancel_registry_free(NULL);
}

/* What a thread does: its own sessions, and requests for everybody's. */
struct visitor {
	struct cancel_registry *registry;
	uint32_t number;
	atomic_uint *mistakes;
};

static void *
visit(void *arg)
{
	struct visitor *v = arg;
	struct cancel_target t = target;
	struct cancel_target found;
	uint32_t i;

	t.worker = v->number;
	for (i = 0; i < ROUNDS_OF_THREAD; i++) {
		struct cancel_entry *e;

		t.session = i;
		e = cancel_remember(v->registry, i % 8, span_of(&v->number, 4),
				    &t);
		cancel_set_held(v->registry, e, i % 2);
		if (!cancel_find(v->registry, i % 8, span_of(&v->number, 4),
				 &found) ||
		    found.worker != v->number || found.session != i ||
		    found.is_held != i % 2)
			atomic_fetch_add(v->mistakes, 1);
		(void)cancel_find(v->registry, i % 8,
				  span_of(&(uint32_t){i % THREADS}, 4), &found);
		cancel_forget(v->registry, e);
	}
	return NULL;
}

static void
cancel_registry_serves_several_threads(void **state)
{
	struct visitor visitors[THREADS];
	pthread_t threads[THREADS];
	atomic_uint mistakes = 0;
	uint32_t i;

	for (i = 0; i < THREADS; i++) {
		visitors[i] = (struct visitor){*state, i, &mistakes};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(mistakes, 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, new_registry, free_registry)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(cancel_find_tells_what_was_remembered),
	    TEST(cancel_find_wants_the_whole_key),
	    TEST(cancel_find_pid_wants_the_server),
	    TEST(cancel_find_tells_sessions_of_one_bucket_apart),
	    TEST(cancel_set_held_is_seen_by_find),
	    TEST(cancel_remember_takes_the_longest_secret_and_no_longer_one),
	    TEST(cancel_remember_without_memory_is_null),
	    TEST(cancel_registry_serves_several_threads),
	};

	return cmocka_run_group_tests_name("proxy/pair/cancel", tests, NULL,
					   NULL);
}

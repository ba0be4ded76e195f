#include "proxy/history/history.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/moved_clock.h"
#include "tests/support/test.h"

enum {
	THREADS = 4,
	ROUNDS_OF_THREAD = 300,
};

static int
setup(void **state)
{
	clock_reset();
	*state = history_new();
	assert_non_null(*state);
	return 0;
}

static int
teardown(void **state)
{
	history_free(*state);
	return 0;
}

static struct history_note *
begin(struct history *h, uint64_t session)
{
	struct history_entry first = {
	    .statement = "DROP TABLE",
	    .text = "drop table a",
	    .who = {.session = session, .user = "alice"},
	};
	struct history_note *n = history_begin(h, &first);

	assert_non_null(n);
	return n;
}

static void
add(struct history *h, struct history_note *n, enum history_step_kind kind,
    uint32_t pid, const char *what)
{
	struct history_step s = {.kind = kind, .pid = pid, .number = pid};

	snprintf(s.what, sizeof(s.what), "%s", what);
	history_add(h, n, &s);
}

static struct history_entry
find(struct history *h, uint64_t id)
{
	struct history_entry e;

	assert_true(history_find(h, id, &e));
	return e;
}

static void
history_find_tells_of_one_under_way_and_over(void **state)
{
	struct history_note *n = begin(*state, 7);
	uint64_t id = history_id(n);
	struct history_entry e;

	clock_advance(30);
	e = find(*state, id);
	assert_int_equal(e.state, HISTORY_HELD);
	assert_int_equal(e.held_ms, 30);
	assert_string_equal(e.who.user, "alice");
	add(*state, n, HISTORY_RAN, 0, "");
	clock_advance(5);
	e = find(*state, id);
	assert_int_equal(e.state, HISTORY_RUNNING);
	assert_int_equal(e.run_ms, 5);
	history_end(*state, n, "DROP TABLE");
	clock_advance(100);
	e = find(*state, id);
	assert_int_equal(e.state, HISTORY_OVER);
	assert_int_equal(e.held_ms, 30);
	assert_int_equal(e.run_ms, 5);
	assert_string_equal(e.result, "DROP TABLE");
	assert_string_equal(e.text, "drop table a");
	assert_string_equal(e.statement, "DROP TABLE");
}

static void
history_tell_keeps_what_is_known(void **state)
{
	struct history_facts f = {
	    .policy = "auto", .tables = "a, b", .attempts = 3};
	struct history_note *n = begin(*state, 7);
	struct history_entry e;

	history_tell(*state, n, &f);
	e = find(*state, history_id(n));
	assert_string_equal(e.facts.policy, "auto");
	assert_string_equal(e.facts.tables, "a, b");
	assert_int_equal(e.facts.attempts, 3);
	history_drop(*state, n);
	assert_false(history_find(*state, e.id, &e));
}

static void
history_add_joins_steps_that_come_in_turn(void **state)
{
	struct history_note *n = begin(*state, 7);
	struct history_entry e;

	for (int i = 0; i < 100; i++) {
		clock_advance(10);
		add(*state, n, HISTORY_IN_THE_WAY, 4711,
		    i < 50 ? "active" : "idle in transaction");
		add(*state, n, HISTORY_ATTEMPT_LOST, 0, "a was in use");
	}
	e = find(*state, history_id(n));
	assert_int_equal(e.step_count, 2);
	assert_int_equal(e.steps[0].times, 100);
	assert_int_equal(e.steps[0].at_ms, 10);
	assert_int_equal(e.steps[0].last_ms, 1000);
	assert_string_equal(e.steps[0].what, "idle in transaction");
	assert_int_equal(e.steps[1].kind, HISTORY_ATTEMPT_LOST);
	history_drop(*state, n);
}

static void
history_add_joins_no_step_that_is_one_of_a_kind(void **state)
{
	struct history_note *n = begin(*state, 7);

	add(*state, n, HISTORY_RAN, 0, "");
	add(*state, n, HISTORY_PLANNED, 0, "");
	assert_int_equal(find(*state, history_id(n)).state, HISTORY_HELD);
	add(*state, n, HISTORY_RAN, 0, "");
	assert_int_equal(find(*state, history_id(n)).step_count, 3);
	history_drop(*state, n);
}

static void
history_add_leaves_out_the_middle(void **state)
{
	struct history_note *n = begin(*state, 7);
	struct history_entry e;

	for (uint32_t i = 1; i <= 100; i++)
		add(*state, n, HISTORY_KEY_DROPPED, i, "");
	e = find(*state, history_id(n));
	assert_int_equal(e.step_count, HISTORY_STEPS_MAX);
	assert_int_equal(e.steps_left_out, 100 - HISTORY_STEPS_MAX);
	assert_int_equal(e.steps[HISTORY_STEPS_FIRST - 1].pid,
			 HISTORY_STEPS_FIRST);
	assert_int_equal(e.steps[HISTORY_STEPS_MAX - 1].pid, 100);
	assert_int_equal(e.steps[HISTORY_STEPS_FIRST].pid,
			 101 - (HISTORY_STEPS_MAX - HISTORY_STEPS_FIRST));
	history_drop(*state, n);
}

static void
history_next_comes_newest_first(void **state)
{
	struct history_note *old = begin(*state, 1);
	struct history_note *dropped = begin(*state, 2);
	struct history_note *over = begin(*state, 3);
	struct history_note *fresh = begin(*state, 4);
	struct history_entry e = {.id = UINT64_MAX};

	history_drop(*state, dropped);
	history_end(*state, over, "");
	assert_true(history_next(*state, e.id, &e));
	assert_int_equal(e.who.session, 4);
	assert_true(history_next(*state, e.id, &e));
	assert_int_equal(e.who.session, 3);
	assert_true(history_next(*state, e.id, &e));
	assert_int_equal(e.who.session, 1);
	assert_false(history_next(*state, e.id, &e));
	assert_true(history_find_session(*state, 4, &e));
	assert_int_equal(e.id, history_id(fresh));
	assert_false(history_find_session(*state, 3, &e));
	history_end(*state, old, "");
	history_end(*state, fresh, "");
}

static void
history_keeps_the_last_only(void **state)
{
	struct history_entry e = {.id = UINT64_MAX};
	size_t count = 0;

	for (int i = 0; i < 2 * HISTORY_MAX + 3; i++)
		history_end(*state, begin(*state, 1), "");
	while (history_next(*state, e.id, &e))
		count++;
	assert_int_equal(count, HISTORY_MAX);
	assert_int_equal(e.id, HISTORY_MAX + 4);
	assert_false(history_find(*state, e.id - 1, &e));
	assert_false(history_find(*state, 0, &e));
	assert_false(history_find(*state, UINT64_MAX, &e));
}

static void
delay(struct history *h, uint64_t maker, uint64_t shut_ms, uint32_t ms)
{
	struct history_delayed d = {.who.pid = ms, .ms = ms};

	history_delay(h, maker, shut_ms, false, &d);
}

static void
history_delay_keeps_the_longest(void **state)
{
	struct history_note *n = begin(*state, 7);
	uint64_t begun_ms = find(*state, history_id(n)).begun_ms;
	struct history_entry e;

	for (uint32_t ms = 1; ms <= 10; ms++)
		delay(*state, 7, begun_ms, ms % 2 == 0 ? ms : 20 - ms);
	delay(*state, 8, begun_ms, 99); /* another one's */
	e = find(*state, history_id(n));
	assert_int_equal(e.delayed_count, 10);
	assert_int_equal(e.delayed_ms,
			 2 + 4 + 6 + 8 + 10 + 19 + 17 + 15 + 13 + 11);
	assert_int_equal(e.delayed[0].ms, 19);
	assert_int_equal(e.delayed[1].ms, 17);
	assert_int_equal(e.delayed[HISTORY_DELAYED_SHOWN - 1].ms, 11);
	history_drop(*state, n);
}

static void
history_delay_knows_whose_window_it_was(void **state)
{
	struct history_note *n = begin(*state, 7);
	uint64_t id = history_id(n);
	uint64_t begun_ms = find(*state, id).begun_ms;
	struct history_delayed d = {.ms = 5};

	clock_advance(10);
	history_end(*state, n, "");
	history_end(*state, begin(*state, 8), "");
	delay(*state, 7, begun_ms + 3, 5);  /* over meanwhile */
	delay(*state, 7, begun_ms + 50, 5); /* a rescue's, perhaps */
	delay(*state, 7, begun_ms - 1, 5);
	assert_int_equal(find(*state, id).delayed_count, 1);
	history_delay(*state, 7, begun_ms + 50, true, &d);
	assert_int_equal(find(*state, id).delayed_count, 2);
}

static void
history_next_under_way_goes_from_the_oldest_on(void **state)
{
	struct history_note *a = begin(*state, 7);
	struct history_note *b = begin(*state, 8);
	struct history_note *c = begin(*state, 9);
	struct history_entry e;

	history_end(*state, b, "");
	assert_true(history_next_under_way(*state, 0, &e));
	assert_int_equal(e.id, history_id(a));
	clock_advance(30);
	assert_true(history_next_under_way(*state, e.id, &e));
	assert_int_equal(e.id, history_id(c));
	assert_int_equal(e.held_ms, 30);
	assert_false(history_next_under_way(*state, e.id, &e));
	assert_int_equal(history_count(*state).under_way, 2);
	assert_int_equal(history_count(*state).over, 1);
	history_drop(*state, a);
	history_drop(*state, c);
	assert_int_equal(history_count(*state).under_way, 0);
	assert_int_equal(history_count(*state).over, 1);
}

static void
history_tell_side_tells_of_who_has_the_pid(void **state)
{
	struct history_deadlock d = {
	    .side_count = 2,
	    .sides = {{.who.pid = 1, .waits_for = "a lock"}, {.who.pid = 2}},
	    .detail = "the server's",
	};
	struct history_side known = {
	    .who = {.pid = 2, .session = 9, .user = "bob"},
	    .guarded = 4,
	    .text = "drop table a",
	    .tables = "a",
	};
	uint64_t id = history_add_deadlock(*state, &d);

	history_tell_side(*state, id, &known);
	known.who.pid = 3;
	history_tell_side(*state, id, &known);
	history_tell_side(*state, id + 1, &known);
	assert_true(history_find_deadlock(*state, id, &d));
	assert_string_equal(d.sides[0].waits_for, "a lock");
	assert_int_equal(d.sides[0].who.session, 0);
	assert_string_equal(d.sides[1].who.user, "bob");
	assert_string_equal(d.sides[1].text, "drop table a");
	assert_int_equal(d.sides[1].guarded, 4);
	assert_true(d.at_ms > 0);
}

static void
history_keeps_the_last_deadlocks_only(void **state)
{
	struct history_deadlock d = {.side_count = 1};
	struct history_note *n = begin(*state, 1);
	size_t count = 0;

	for (int i = 0; i < 3 * HISTORY_DEADLOCKS_MAX; i++)
		assert_true(history_add_deadlock(*state, &d) >
			    history_id(n)); /* of the same numbers */
	d.id = UINT64_MAX;
	while (history_next_deadlock(*state, d.id, &d))
		count++;
	assert_int_equal(count, HISTORY_DEADLOCKS_MAX);
	assert_false(history_find_deadlock(*state, d.id - 1, &d));
	assert_false(history_find_deadlock(*state, history_id(n), &d));
	history_end(*state, n, "");
}

static void
without_a_history_there_is_none(void **state)
{
	struct history_entry e = {.statement = "DROP TABLE"};
	struct history_deadlock d = {.side_count = 0};
	struct history_side s = {.blocker = 0};
	struct history_delayed delayed = {.ms = 1};

	(void)state;
	assert_null(history_begin(NULL, &e));
	assert_int_equal(history_id(NULL), 0);
	history_add(NULL, NULL, &(struct history_step){.kind = HISTORY_RAN});
	history_tell(NULL, NULL, &e.facts);
	history_end(NULL, NULL, "");
	history_drop(NULL, NULL);
	history_delay(NULL, 1, 1, false, &delayed);
	assert_int_equal(history_add_deadlock(NULL, &d), 0);
	history_tell_side(NULL, 1, &s);
	assert_false(history_next(NULL, UINT64_MAX, &e));
	assert_false(history_find(NULL, 1, &e));
	assert_false(history_find_session(NULL, 1, &e));
	assert_false(history_next_under_way(NULL, 0, &e));
	assert_int_equal(history_count(NULL).over, 0);
	assert_false(history_next_deadlock(NULL, UINT64_MAX, &d));
	assert_false(history_find_deadlock(NULL, 1, &d));
	history_free(NULL);
}

static void
without_memory_a_statement_is_not_kept(void **state)
{
	struct history_entry e = {.statement = "DROP TABLE"};

	allocation_fail_after(0);
	assert_null(history_begin(*state, &e));
	assert_null(history_new());
	assert_true(allocation_restore());
	assert_false(history_next(*state, UINT64_MAX, &e));
}

static atomic_uint ended;

static void *
write_and_read(void *arg)
{
	struct history *h = arg;
	struct history_entry e = {.id = UINT64_MAX};

	for (int i = 0; i < ROUNDS_OF_THREAD; i++) {
		struct history_note *n = begin(h, (uint64_t)i);

		add(h, n, HISTORY_IN_THE_WAY, 1, "a");
		delay(h, (uint64_t)i, e.begun_ms, 1);
		history_end(h, n, "");
		(void)history_next(h, UINT64_MAX, &e);
	}
	atomic_fetch_add(&ended, 1);
	return NULL;
}

static void
history_is_shared_by_threads(void **state)
{
	pthread_t threads[THREADS];
	struct history_entry e = {.id = UINT64_MAX};
	size_t count = 0;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, write_and_read, *state),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&ended), THREADS);
	while (history_next(*state, e.id, &e))
		count++;
	assert_int_equal(count, HISTORY_MAX);
}

int
main(void)
{
#define KEPT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    KEPT(history_find_tells_of_one_under_way_and_over),
	    KEPT(history_tell_keeps_what_is_known),
	    KEPT(history_add_joins_steps_that_come_in_turn),
	    KEPT(history_add_joins_no_step_that_is_one_of_a_kind),
	    KEPT(history_add_leaves_out_the_middle),
	    KEPT(history_next_comes_newest_first),
	    KEPT(history_keeps_the_last_only),
	    KEPT(history_next_under_way_goes_from_the_oldest_on),
	    KEPT(history_delay_keeps_the_longest),
	    KEPT(history_delay_knows_whose_window_it_was),
	    KEPT(history_tell_side_tells_of_who_has_the_pid),
	    KEPT(history_keeps_the_last_deadlocks_only),
	    KEPT(without_a_history_there_is_none),
	    KEPT(without_memory_a_statement_is_not_kept),
	    KEPT(history_is_shared_by_threads),
	};

	return cmocka_run_group_tests_name("proxy/history/history", tests, NULL,
					   NULL);
}

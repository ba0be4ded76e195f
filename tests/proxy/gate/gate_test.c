#include "proxy/base/clock.h"
#include "proxy/gate/gate.h"
#include "proxy/history/history.h"

#include "tests/support/allocation.h"
#include "tests/support/gate.h"

enum {
	LONG_MS = 60000,
	SHORT_MS = 300, /* a busy machine stands still for less */
};

/* About this table, for session 6, until so long from now. */
static struct gate_window *
window(struct gate_fixture *f, const char *table, uint64_t length_ms)
{
	struct gate_names names = gate_fixture_names(table);
	uint64_t now_ms = clock_now_ms();
	struct gate_window *w = gate_window_new(&f->players[5].pair, &names,
						now_ms, now_ms + length_ms);

	assert_non_null(w);
	assert_null(names.items);
	return w;
}

/* Shut on this worker; the use that is returned is the caller's. */
static struct gate_window *
shut(struct gate_fixture *f, const char *table, uint64_t length_ms)
{
	struct gate_window *w = window(f, table, length_ms);

	gate_window_shut(&f->daemon, w);
	loop_for(f->base, 0);
	return w;
}

/* Takes the use. */
static void
reopen(struct gate_fixture *f, struct gate_window *w)
{
	gate_window_open(&f->daemon, w);
	gate_window_drop(w);
	loop_for(f->base, 0);
}

static bool
is_open(void *arg)
{
	struct gate_fixture *f = arg;

	return gate_is_open(&f->gate);
}

/* Windows */

static void
gate_window_new_takes_the_names(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = window(f, "a", 300);
	struct gate_visitor visitor = {.role = 1};

	assert_int_equal(w->maker, 6);
	assert_string_equal(w->database, "db");
	assert_int_equal(w->until_ms - w->shut_ms, 300);
	assert_true(gate_names_match_text(&w->names, &visitor, "table a", 7));
	gate_window_drop(w);
	gate_window_drop(NULL);
}

static void
gate_window_is_told_to_the_history(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w;
	struct history_window told;

	f->daemon.history = history_new();
	w = shut(f, "a", LONG_MS);
	assert_true(history_next_window(f->daemon.history, UINT64_MAX, &told));
	assert_int_equal(told.maker, 6);
	assert_int_equal(told.until_ms - told.shut_ms, LONG_MS);
	assert_int_equal(told.open_ms, 0);
	assert_string_equal(told.database, "db");
	assert_false(told.is_elsewhere);
	reopen(f, w);
	assert_true(history_next_window(f->daemon.history, UINT64_MAX, &told));
	assert_true(told.open_ms > 0);
	history_free(f->daemon.history);
	f->daemon.history = NULL;
}

static void
gate_window_new_without_memory_leaves_the_names(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");

	allocation_fail_after(0);
	assert_null(gate_window_new(&f->players[0].pair, &names, 0, 300));
	assert_true(allocation_restore());
	assert_int_equal(names.count, 1);
	gate_names_clear(&names);
}

static void
gate_window_shut_tells_every_worker(void **state)
{
	struct gate_fixture *f = *state;
	struct mailbox boxes[3];
	struct mailbox *mailboxes[3] = {&boxes[0], &boxes[1], &boxes[2]};
	struct daemon d = {.mailboxes = mailboxes, .worker_count = 3};
	struct gate_window *w = window(f, "a", 300);

	for (size_t i = 0; i < 3; i++)
		assert_true(
		    mailbox_open(&boxes[i], f->base, gate_fixture_mail, f));
	gate_window_shut(&d, w);
	gate_window_open(&d, w);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(boxes[i].count, 2);
		assert_int_equal(boxes[i].mails[0].kind, MAIL_SHUT);
		assert_int_equal(boxes[i].mails[1].kind, MAIL_OPEN);
		assert_ptr_equal(boxes[i].mails[1].data, w);
	}
	assert_int_equal(atomic_load(&w->users), 7);
	/* Mail that nobody reads any more gives its use back, too. */
	for (size_t i = 0; i < 3; i++)
		mailbox_close(&boxes[i]);
	assert_int_equal(atomic_load(&w->users), 1);
	gate_window_drop(w);
}

static void
gate_window_shut_without_memory_tells_nobody(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = window(f, "a", 300);

	allocation_fail_after(0);
	gate_window_shut(&f->daemon, w);
	assert_true(allocation_restore());
	assert_int_equal(atomic_load(&w->users), 1);
	/* What opens it finds nothing to forget. */
	reopen(f, w);
	assert_true(gate_is_open(&f->gate));
}

/* A worker's list */

static void
gate_add_shuts_it_until_remove(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *a;
	struct gate_window *b;

	assert_true(gate_is_open(&f->gate));
	a = shut(f, "a", LONG_MS);
	assert_false(gate_is_open(&f->gate));
	b = shut(f, "b", LONG_MS);
	reopen(f, a);
	assert_false(gate_is_open(&f->gate));
	reopen(f, b);
	assert_true(gate_is_open(&f->gate));
}

static void
gate_add_without_memory_leaves_it_open(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = window(f, "a", 300);

	atomic_fetch_add(&w->users, 1);
	allocation_fail_after(0);
	gate_add(&f->gate, w);
	assert_true(allocation_restore());
	assert_true(gate_is_open(&f->gate));
	assert_int_equal(atomic_load(&w->users), 1);
	gate_window_drop(w);
}

/* Whatever has become of who shut it. */
static void
gate_opens_by_itself_when_the_time_is_over(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", SHORT_MS);

	gate_fixture_query(f, 0, "table a");
	assert_server_got(f, "");
	loop_until(f->base, is_open, f);
	assert_true(clock_now_ms() >= w->until_ms);
	assert_server_got(f, "table a|");
	assert_int_equal(atomic_load(&w->users), 1);
	reopen(f, w); /* too late, and no matter */
	assert_true(gate_is_open(&f->gate));
}

static void
gate_opens_window_after_window(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *late = shut(f, "b", 4 * SHORT_MS);
	struct gate_window *soon = shut(f, "a", SHORT_MS);

	gate_fixture_query(f, 0, "table b");
	gate_fixture_query(f, 1, "table a");
	while (!TAILQ_EMPTY(&f->gate.waiting) && f->players[1].watch.is_waiting)
		loop_for(f->base, 1);
	assert_false(gate_is_open(&f->gate));
	assert_server_got(f, "table a|");
	loop_until(f->base, is_open, f);
	assert_server_got(f, "table b|");
	assert_true(clock_now_ms() >= late->until_ms);
	gate_window_drop(late);
	gate_window_drop(soon);
}

/* Its end has come before the mail that shuts it. */
static void
gate_add_of_what_is_over_opens_at_once(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", 0);

	loop_until(f->base, is_open, f);
	gate_fixture_query(f, 0, "table a");
	assert_server_got(f, "table a|");
	gate_window_drop(w);
}

static void
gate_clear_forgets_what_is_shut(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *a = shut(f, "a", LONG_MS);
	struct gate_window *b = shut(f, "b", LONG_MS);

	gate_clear(&f->gate);
	assert_true(gate_is_open(&f->gate));
	assert_int_equal(atomic_load(&a->users), 1);
	assert_int_equal(atomic_load(&b->users), 1);
	gate_window_drop(a);
	gate_window_drop(b);
}

/* Those that wait */

static void
gate_lets_them_go_in_the_order_in_which_they_came(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", LONG_MS);

	gate_fixture_query(f, 3, "table a, 3");
	gate_fixture_query(f, 0, "table a, 0");
	gate_fixture_query(f, 4, "table a, 4");
	gate_fixture_query(f, 1, "table a, 1");
	gate_fixture_query(f, 2, "table b, 2");
	assert_server_got(f, "table b, 2|");
	assert_int_equal(atomic_load(&w->delayed), 4);
	reopen(f, w);
	assert_server_got(f, "table a, 3|table a, 0|table a, 4|table a, 1|");
	assert_true(TAILQ_EMPTY(&f->gate.waiting));
}

static void
gate_lets_only_those_go_whom_no_other_window_stops(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *a = shut(f, "a", LONG_MS);
	struct gate_window *b;

	usleep(2000); /* no two at a time */
	b = shut(f, "b", LONG_MS);
	gate_fixture_query(f, 0, "table b, 0");
	gate_fixture_query(f, 1, "table a, 1");
	gate_fixture_query(f, 2, "select 2 from a, b");
	gate_fixture_query(f, 3, "table b, 3");
	gate_fixture_query(f, 4, "table a, 4");
	reopen(f, a);
	assert_server_got(f, "table a, 1|table a, 4|");
	assert_true(f->players[0].watch.is_waiting);
	assert_false(f->players[1].watch.is_waiting);
	assert_true(f->players[2].watch.is_waiting);
	assert_true(f->players[3].watch.is_waiting);
	assert_int_equal(atomic_load(&b->delayed), 3);
	reopen(f, b);
	assert_server_got(f, "table b, 0|select 2 from a, b|table b, 3|");
}

/* Its time is not over yet: nobody loses a place, or counts twice. */
static void
gate_counts_a_session_once(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *a = shut(f, "a", LONG_MS);
	struct gate_window *b;

	gate_fixture_query(f, 0, "table a, 0");
	gate_fixture_query(f, 1, "table a, 1");
	for (int i = 0; i < 5; i++) {
		b = shut(f, "b", LONG_MS);
		gate_player_go(&f->players[1]);
		reopen(f, b);
	}
	assert_int_equal(atomic_load(&a->delayed), 2);
	event_active(&f->gate.timer, EV_TIMEOUT, 1);
	loop_for(f->base, 0);
	assert_int_equal(atomic_load(&a->delayed), 2);
	reopen(f, a);
	assert_server_got(f, "table a, 0|table a, 1|");
	/* The next window delays them anew. */
	usleep(2000);
	a = shut(f, "c", LONG_MS);
	gate_fixture_query(f, 2, "table c");
	assert_int_equal(atomic_load(&a->delayed), 1);
	reopen(f, a);
}

static void
gate_forgets_a_session_that_ends(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", LONG_MS);

	gate_fixture_query(f, 0, "table a, 0");
	gate_fixture_query(f, 1, "table a, 1");
	gate_fixture_query(f, 2, "table a, 2");
	gate_player_leave(&f->players[1]);
	assert_false(f->players[1].watch.is_waiting);
	gate_watch_leave(&f->players[1].watch);
	reopen(f, w);
	assert_server_got(f, "table a, 0|table a, 2|");
}

static void
gate_stops_neither_its_maker_nor_other_databases(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", LONG_MS);

	memcpy(f->players[0].pair.database, "d", 2);
	memcpy(f->players[1].pair.database, "db2", 4);
	gate_fixture_query(f, 0, "table a, 0");
	gate_fixture_query(f, 1, "table a, 1");
	gate_fixture_query(f, 5, "table a, 5");
	assert_server_got(f, "table a, 0|table a, 1|table a, 5|");
	assert_int_equal(atomic_load(&w->delayed), 0);
	reopen(f, w);
}

/* What stands behind it in the same session waits as well. */
static void
gate_keeps_the_order_within_a_session(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f, "a", LONG_MS);

	gate_fixture_query(f, 0, "table a");
	gate_fixture_query(f, 0, "table b");
	assert_server_got(f, "");
	reopen(f, w);
	assert_server_got(f, "table a|table b|");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, gate_fixture_setup,              \
					gate_fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(gate_window_new_takes_the_names),
	    TEST(gate_window_is_told_to_the_history),
	    TEST(gate_window_new_without_memory_leaves_the_names),
	    TEST(gate_window_shut_tells_every_worker),
	    TEST(gate_window_shut_without_memory_tells_nobody),
	    TEST(gate_add_shuts_it_until_remove),
	    TEST(gate_add_without_memory_leaves_it_open),
	    TEST(gate_opens_by_itself_when_the_time_is_over),
	    TEST(gate_opens_window_after_window),
	    TEST(gate_add_of_what_is_over_opens_at_once),
	    TEST(gate_clear_forgets_what_is_shut),
	    TEST(gate_lets_them_go_in_the_order_in_which_they_came),
	    TEST(gate_lets_only_those_go_whom_no_other_window_stops),
	    TEST(gate_counts_a_session_once),
	    TEST(gate_forgets_a_session_that_ends),
	    TEST(gate_stops_neither_its_maker_nor_other_databases),
	    TEST(gate_keeps_the_order_within_a_session),
	};

	return cmocka_run_group_tests_name("proxy/gate/gate", tests, NULL,
					   NULL);
}

/*
 * What the console has paused, and what of one session's messages waits for a
 * RESUME then.
 */
#include "proxy/gate/pause.h"
#include "tests/support/allocation.h"
#include "tests/support/gate_watch.h"

enum {
	MAKER = 99,
};

static int
setup(void **state)
{
	struct gate_fixture *f;
	int result = gate_fixture_setup(state);

	f = *state;
	f->daemon.pauses = pauses_new();
	assert_non_null(f->daemon.pauses);
	return result;
}

static int
teardown(void **state)
{
	struct gate_fixture *f = *state;

	pauses_free(f->daemon.pauses);
	return gate_fixture_teardown(state);
}

static void
pause_on(struct gate_fixture *f, const char *database)
{
	assert_int_equal(pause_begin(&f->daemon, MAKER, database), PAUSE_BEGUN);
	loop_for(f->base, 0);
}

static void
resume(struct gate_fixture *f, const char *database)
{
	assert_true(pause_end(&f->daemon, database));
	loop_for(f->base, 0);
}

static void
assert_paused(struct gate_fixture *f)
{
	assert_waits(f);
	assert_true(f->players[0].watch.is_paused);
}

/* The list */

static void
pause_begin_refuses_what_is_paused(void **state)
{
	struct gate_fixture *f = *state;
	struct daemon *d = &f->daemon;

	pause_on(f, "a");
	assert_int_equal(pause_begin(d, MAKER, "a"), PAUSE_WAITS);
	pause_settle(d, MAKER + 1, "a");
	assert_int_equal(pause_begin(d, MAKER, "a"), PAUSE_WAITS);
	pause_settle(d, MAKER, "a");
	assert_int_equal(pause_begin(d, MAKER, "a"), PAUSE_ALREADY);
	pause_on(f, "b");
	pause_on(f, "");
	assert_int_equal(pause_begin(d, MAKER, ""), PAUSE_WAITS);
	pause_settle(d, MAKER, "");
	assert_int_equal(pause_begin(d, MAKER, ""), PAUSE_ALREADY);
	assert_int_equal(pause_begin(d, MAKER, "c"), PAUSE_ALREADY);
	assert_int_equal(pause_count(d->pauses), 3);
	assert_true(pause_is_of(d, MAKER, "a"));
	assert_false(pause_is_of(d, MAKER + 1, "a"));
	assert_false(pause_is_of(d, MAKER, "c"));
}

static void
pause_end_ends_one_or_all(void **state)
{
	struct gate_fixture *f = *state;
	struct daemon *d = &f->daemon;

	assert_false(pause_end(d, ""));
	assert_false(pause_end(d, "a"));
	pause_on(f, "a");
	pause_on(f, "b");
	resume(f, "a");
	assert_false(pause_end(d, "a"));
	pause_on(f, "");
	assert_false(pause_end(d, "a"));
	resume(f, "");
	assert_int_equal(pause_count(d->pauses), 0);
	assert_true(gate_is_open(&f->gate));
}

static void
pause_give_up_ends_its_own(void **state)
{
	struct gate_fixture *f = *state;
	struct daemon *d = &f->daemon;

	pause_on(f, "");
	pause_give_up(d, MAKER + 1, "");
	pause_give_up(d, MAKER, "a");
	assert_true(pause_is_on(d->pauses, ""));
	pause_give_up(d, MAKER, "");
	assert_false(pause_is_on(d->pauses, ""));
}

static void
pause_name_lists_databases(void **state)
{
	struct gate_fixture *f = *state;
	char name[PAIR_NAME_BYTES];

	pause_on(f, "a");
	pause_on(f, "b");
	pause_on(f, "");
	assert_true(pause_name(f->daemon.pauses, 1, name));
	assert_string_equal(name, "b");
	assert_false(pause_name(f->daemon.pauses, 2, name));
	assert_true(pause_is_on(f->daemon.pauses, "a"));
	assert_false(pause_is_on(f->daemon.pauses, "c"));
}

static void
pauses_are_none_where_there_is_no_list(void **state)
{
	char name[PAIR_NAME_BYTES];

	(void)state;
	assert_int_equal(pause_count(NULL), 0);
	assert_false(pause_is_on(NULL, ""));
	assert_false(pause_name(NULL, 0, name));
	pauses_free(NULL);
}

static void
pause_begin_survives_a_lack_of_memory(void **state)
{
	struct gate_fixture *f = *state;
	enum pause_answer answer = PAUSE_NO_MEMORY;

	for (unsigned n = 0; answer == PAUSE_NO_MEMORY; n++) {
		allocation_fail_after(n);
		answer = pause_begin(&f->daemon, MAKER, "a");
		(void)allocation_restore();
	}
	assert_int_equal(pause_count(f->daemon.pauses), 1);
}

/* Where a worker has no memory for the note, it can tell so. */
static void
gate_has_pause_tells_of_exactly_that(void **state)
{
	struct gate_fixture *f = *state;

	pause_on(f, "a");
	assert_true(gate_has_pause(&f->gate, MAKER, "a"));
	assert_false(gate_has_pause(&f->gate, MAKER, ""));
	assert_false(gate_has_pause(&f->gate, MAKER + 1, "a"));
	assert_non_null(gate_find_pause(&f->gate, "a"));
	assert_null(gate_find_pause(&f->gate, "b"));
	pause_on(f, "");
	assert_non_null(gate_find_pause(&f->gate, "b"));
}

/* A session */

static void
pause_keeps_back_whatever_begins_something(void **state)
{
	static const char types[] = "QPBDECF";
	struct gate_fixture *f = *state;

	for (const char *t = types; *t != '\0'; t++) {
		pause_on(f, "");
		sends_frame(f, *t, "\0\0\0\0\0\0\0\0\0\0", 10);
		assert_paused(f);
		/* As a cancel request has it. */
		gate_watch_leave(&f->players[0].watch);
		assert_false(f->players[0].watch.is_paused);
		buffer_clear(&f->players[0].pair.from_client.buffer);
		resume(f, "");
	}
}

static void
pause_lets_pass_what_ends_something(void **state)
{
	struct gate_fixture *f = *state;

	pause_on(f, "");
	sync_cycle(f);
	sends_frame(f, FRONTEND_COPY_DATA, "x", 1);
	sends_frame(f, FRONTEND_COPY_FAIL, "x", 2);
	sends_frame(f, FRONTEND_TERMINATE, "", 0);
	assert_passed(f, "SdfX");
}

static void
pause_is_of_its_database(void **state)
{
	struct gate_fixture *f = *state;

	pause_on(f, "another");
	run(f, "select 1", 'I');
	pause_on(f, "db");
	query(f, "select 2");
	assert_paused(f);
	resume(f, "another");
	assert_paused(f);
	resume(f, "db");
	assert_passed(f, "Q");
	assert_false(f->players[0].watch.is_waiting);
}

static void
pause_stops_no_transaction(void **state)
{
	static const char *const begun[] = {"begin", "begin; table b"};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		run(f, begun[i], 'T');
		pause_on(f, "");
		run(f, "table a", 'T');
		run(f, "nothing", 'E');
		run(f, "savepoint", 'E');
		run(f, "rollback", 'I');
		query(f, "begin");
		assert_paused(f);
		resume(f, "");
		assert_passed(f, "Q");
		answer_query(f, 'I');
	}
}

static void
pause_stops_no_cycle_that_is_under_way(void **state)
{
	struct gate_fixture *f = *state;

	parse(f, "", "table a");
	pause_on(f, "");
	bind_to(f, "");
	execute(f);
	sync_cycle(f);
	parse(f, "", "table a");
	assert_passed(f, "PBES");
	answers(f,
		"1\0\0\0\4"
		"2\0\0\0\4"
		"C\0\0\0\6X\0",
		17);
	assert_passed(f, "");
	answer_ready(f, 'I');
	assert_paused(f);
	resume(f, "");
	assert_passed(f, "P");
}

/* Their answers tell whether a transaction is open. */
static void
pause_waits_for_answers(void **state)
{
	struct gate_fixture *f = *state;

	query(f, "begin");
	query(f, "select 1");
	assert_passed(f, "QQ");
	pause_on(f, "");
	query(f, "commit");
	assert_passed(f, "");
	assert_false(f->players[0].watch.is_waiting);
	answer_query(f, 'T');
	answer_query(f, 'T');
	assert_passed(f, "Q");
	query(f, "select 2");
	answer_query(f, 'I');
	assert_paused(f);
	resume(f, "");
	assert_passed(f, "Q");
}

static void
pause_stops_nothing_of_a_cycle_that_is_kept_back(void **state)
{
	struct gate_fixture *f = *state;

	pause_on(f, "");
	f->players[0].is_cut = true;
	query(f, "select 1");
	assert_passed(f, "Q");
}

/* Who waits at a window waits for the RESUME from then on: no clock lets it
 * pass, and the window's end does not. */
static void
pause_takes_over_who_waits_at_a_window(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_window *w = shut(f);

	query(f, "table a");
	assert_waits(f);
	assert_false(f->players[0].watch.is_paused);
	pause_on(f, "");
	assert_paused(f);
	assert_false(gate_watch_wants_clocks(&f->players[0].watch));
	reopen(f, w);
	assert_paused(f);
	w = shut(f);
	resume(f, "");
	assert_waits(f);
	assert_false(f->players[0].watch.is_paused);
	reopen(f, w);
	assert_passed(f, "Q");
}

static void
gate_watch_pause_waits_for_a_resume(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_watch *watch = &f->players[0].watch;

	pause_on(f, "");
	gate_watch_pause(watch);
	assert_true(watch->is_waiting && watch->is_paused);
	resume(f, "");
	assert_false(watch->is_waiting || watch->is_paused);
}

static bool
is_open(void *arg)
{
	struct gate_fixture *f = arg;

	return gate_is_open(&f->gate);
}

/* As where a worker's mailbox had no memory for it. */
static void
pause_ends_though_the_mail_is_lost(void **state)
{
	struct gate_fixture *f = *state;

	pause_on(f, "");
	query(f, "select 1");
	assert_paused(f);
	atomic_store(&gate_find_pause(&f->gate, "db")->is_over, true);
	loop_until(f->base, is_open, f);
	assert_passed(f, "Q");
	resume(f, "");
}

#define PAUSED(function)                                                       \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PAUSED(pause_begin_refuses_what_is_paused),
	    PAUSED(pause_end_ends_one_or_all),
	    PAUSED(pause_give_up_ends_its_own),
	    PAUSED(pause_name_lists_databases),
	    PAUSED(pauses_are_none_where_there_is_no_list),
	    PAUSED(pause_begin_survives_a_lack_of_memory),
	    PAUSED(gate_has_pause_tells_of_exactly_that),
	    PAUSED(pause_keeps_back_whatever_begins_something),
	    PAUSED(pause_lets_pass_what_ends_something),
	    PAUSED(pause_is_of_its_database),
	    PAUSED(pause_stops_no_transaction),
	    PAUSED(pause_stops_no_cycle_that_is_under_way),
	    PAUSED(pause_waits_for_answers),
	    PAUSED(pause_stops_nothing_of_a_cycle_that_is_kept_back),
	    PAUSED(pause_takes_over_who_waits_at_a_window),
	    PAUSED(gate_watch_pause_waits_for_a_resume),
	    PAUSED(pause_ends_though_the_mail_is_lost),
	};

	return cmocka_run_group_tests_name("proxy/gate/pause", tests, NULL,
					   NULL);
}

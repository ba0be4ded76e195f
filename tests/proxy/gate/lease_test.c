#include "proxy/base/clock.h"
#include "proxy/gate/lease.h"

#include "tests/support/allocation.h"
#include "tests/support/gate.h"

enum {
	LONG_MS = 60000,
	BRIEF_MS = 300, /* a busy machine stands still for less */
	SLACK_MS = 90,
};

static struct lease *
lease(struct gate_fixture *f, size_t n)
{
	return &f->players[n].lease;
}

/* For one relation, always the same. */
static bool
ask_turn(struct gate_fixture *f, size_t n, uint32_t *allowance_ms,
	 struct rival *rival)
{
	static struct lock_item item = {.relid = 4711,
					.mode = LOCK_ACCESS_EXCLUSIVE};
	static const struct lock_set set = {&item, 1};
	const struct turn_claim claim = {.who.application_name = "loader",
					 .set = &set};

	return lease_take_turn(lease(f, n), &claim, allowance_ms, rival);
}

static bool
take_turn(struct gate_fixture *f, size_t n)
{
	uint32_t allowance_ms;
	struct rival rival;

	return ask_turn(f, n, &allowance_ms, &rival);
}

/* How long the gate may be shut now. */
static uint32_t
allowance(struct gate_fixture *f, size_t n)
{
	uint32_t allowance_ms = 0;
	struct rival rival;

	assert_true(ask_turn(f, n, &allowance_ms, &rival));
	return allowance_ms;
}

static void
shut(struct gate_fixture *f, size_t n, const char *table, uint64_t length_ms)
{
	struct gate_names names = gate_fixture_names(table);

	lease_shut(lease(f, n), &names, clock_now_ms() + length_ms);
	loop_for(f->base, 0);
}

static void
keep(struct gate_fixture *f, size_t n, const char *table, uint32_t length_ms)
{
	struct gate_names names = gate_fixture_names(table);

	lease_keep(lease(f, n), &names, length_ms);
	loop_for(f->base, 0);
}

static void
end(struct gate_fixture *f, size_t n)
{
	lease_end(lease(f, n));
	loop_for(f->base, 0);
}

static size_t
windows(const struct gate_fixture *f)
{
	const struct gate_note *note;
	size_t count = 0;

	TAILQ_FOREACH(note, &f->gate.notes, link)
		count++;
	return count;
}

/* The turn */

static void
lease_take_turn_is_for_one_session_of_a_database(void **state)
{
	struct gate_fixture *f = *state;

	memcpy(f->players[2].pair.database, "other", 6);
	assert_true(take_turn(f, 0));
	assert_true(take_turn(f, 0));
	assert_false(take_turn(f, 1));
	assert_true(take_turn(f, 2));
	lease_give_turn(lease(f, 1)); /* which has none */
	assert_false(take_turn(f, 1));
	lease_give_turn(lease(f, 0));
	assert_true(take_turn(f, 1));
	assert_false(take_turn(f, 0));
	end(f, 1);
	assert_true(take_turn(f, 0));
	end(f, 0);
	end(f, 2);
}

static void
lease_take_turn_tells_who_has_it(void **state)
{
	struct gate_fixture *f = *state;
	struct pair *p = &f->players[0].pair;
	uint32_t allowance_ms;
	struct rival rival;

	p->server_pid = 4712;
	memcpy(p->user, "eve", 4);
	assert_true(take_turn(f, 0));
	assert_false(ask_turn(f, 1, &allowance_ms, &rival));
	assert_int_equal(rival.session, p->id);
	assert_int_equal(rival.pid, 4712);
	assert_string_equal(rival.user, "eve");
	assert_string_equal(rival.application_name, "loader");
	assert_in_range(clock_now_ms() - rival.since_ms, 0, 60000);
	end(f, 0);
}

static void
lease_end_of_nothing_is_nothing(void **state)
{
	struct gate_fixture *f = *state;

	end(f, 0);
	end(f, 0);
	lease_open(lease(f, 0));
	assert_int_equal(lease_delayed(lease(f, 0)), 0);
}

/* Windows */

static void
lease_shut_shuts_the_gate_until_open(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	shut(f, 0, "a", LONG_MS);
	assert_int_equal(windows(f), 1);
	gate_fixture_query(f, 1, "table a");
	gate_fixture_query(f, 2, "table b");
	assert_server_got(f, "table b|");
	assert_int_equal(lease_delayed(lease(f, 0)), 1);
	lease_open(lease(f, 0));
	loop_for(f->base, 0);
	assert_server_got(f, "table a|");
	assert_int_equal(windows(f), 0);
	assert_int_equal(lease_delayed(lease(f, 0)), 1);
	assert_false(take_turn(f, 1)); /* that is kept */
	end(f, 0);
}

static void
lease_end_opens_everything(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	keep(f, 0, "a", LONG_MS);
	shut(f, 0, "b", LONG_MS);
	assert_int_equal(windows(f), 2);
	end(f, 0);
	assert_int_equal(windows(f), 0);
	assert_null(lease(f, 0)->window);
	assert_null(lease(f, 0)->transaction);
	assert_true(take_turn(f, 1));
	end(f, 1);
}

/* As when it ended: what is ours must not stay shut. */
static void
lease_end_gives_all_back(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	keep(f, 0, "a", LONG_MS);
	shut(f, 0, "b", LONG_MS);
	gate_fixture_query(f, 1, "table b");
	gate_player_leave(&f->players[0]);
	loop_for(f->base, 0);
	assert_int_equal(windows(f), 0);
	assert_server_got(f, "table b|");
	assert_true(take_turn(f, 1));
	end(f, 1);
}

/* Those who wait for the one that was shut before stay where they are. */
static void
lease_shut_again_leaves_no_gap(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	shut(f, 0, "a", LONG_MS);
	gate_fixture_query(f, 1, "table a");
	usleep(2000);
	shut(f, 0, "a", LONG_MS);
	assert_int_equal(windows(f), 1);
	assert_server_got(f, "");
	assert_true(f->players[1].watch.is_waiting);
	end(f, 0);
	assert_server_got(f, "table a|");
}

/* As if all had been so long ago. */
static void
backdate_unused(struct gate_fixture *f, uint64_t ago_ms)
{
	struct lease *l = lease(f, 0);
	struct gate_window *windows_of[] = {l->window, l->transaction};

	l->paid_from_ms -= ago_ms;
	l->paid_until_ms -= ago_ms;
	if (l->keep_until_ms > 0)
		l->keep_until_ms -= ago_ms;
	for (size_t i = 0; i < 2; i++) {
		if (windows_of[i] == NULL)
			continue;
		windows_of[i]->shut_ms -= ago_ms;
		windows_of[i]->until_ms -= ago_ms;
	}
}

/* And somebody had waited. */
static void
backdate(struct gate_fixture *f, uint64_t ago_ms)
{
	backdate_unused(f, ago_ms);
	lease(f, 0)->is_waited_at = true;
}

/* The allowance of the database, without what the lease has paid for. */
static void
assert_left(struct gate_fixture *f, uint32_t expected_ms)
{
	struct turns *t = f->daemon.turns;
	const char *database = f->players[0].pair.database;
	uint64_t left_ms =
	    turns_reserve(t, database, TURNS_SHUT_BURST_MS, clock_now_ms());

	/* Some of it is there again, and time goes by. */
	assert_in_range(left_ms,
			expected_ms > SLACK_MS ? expected_ms - SLACK_MS : 0,
			expected_ms + SLACK_MS);
	turns_refund(t, database, left_ms);
}

static void
lease_open_pays_for_how_long_it_was_shut(void **state)
{
	static const struct {
		uint64_t ago_ms;
		uint32_t spent_ms;
	} spans[] = {
	    {0, 0},
	    {200, 200},
	    {300, 300},
	    {5000, 300}, /* it has opened by itself long ago */
	};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		char name[2] = {(char)('p' + (char)i), '\0'};

		memcpy(f->players[0].pair.database, name, 2);
		assert_int_equal(allowance(f, 0), TURNS_SHUT_BURST_MS);
		shut(f, 0, "a", 300);
		assert_left(f, 700);
		backdate(f, spans[i].ago_ms);
		lease_open(lease(f, 0));
		assert_left(f, 1000 - spans[i].spent_ms);
		lease_open(lease(f, 0));
		assert_left(f, 1000 - spans[i].spent_ms);
		end(f, 0);
	}
}

/* The window has kept nobody from anything. */
static void
lease_open_pays_nothing_where_nobody_waited(void **state)
{
	static const uint64_t agos_ms[] = {200, 300, 5000};
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		shut(f, 0, "a", 300);
		backdate_unused(f, agos_ms[i]);
		assert_left(f, 700);
		lease_open(lease(f, 0));
		assert_left(f, TURNS_SHUT_BURST_MS);
		end(f, 0);
		assert_left(f, TURNS_SHUT_BURST_MS);
	}
}

static void
lease_open_pays_where_somebody_waited(void **state)
{
	struct gate_fixture *f = *state;

	shut(f, 0, "a", 300);
	gate_fixture_query(f, 1, "table a");
	backdate_unused(f, 200);
	lease_open(lease(f, 0));
	assert_left(f, TURNS_SHUT_BURST_MS - 200);
	end(f, 0);
	assert_server_got(f, "table a|");
}

static void
lease_shut_again_pays_for_the_first_one(void **state)
{
	struct gate_fixture *f = *state;

	shut(f, 0, "a", 400);
	backdate(f, 400);
	shut(f, 0, "a", 100);
	assert_left(f, 500);
	end(f, 0);
	assert_left(f, 600);
}

/* Time that the gate is shut for a transaction counts as any other. */
static void
lease_keep_pays_as_all_windows_do(void **state)
{
	struct gate_fixture *f = *state;

	shut(f, 0, "a", 300);
	keep(f, 0, "a", 400);
	assert_null(lease(f, 0)->window); /* it has taken its place */
	assert_int_equal(windows(f), 1);
	assert_left(f, 600);
	keep(f, 0, "b", 400);
	assert_left(f, 600);
	backdate(f, 100);
	keep(f, 0, "c", 400);
	assert_left(f, 600);
	end(f, 0);
	assert_left(f, 900);
}

static void
lease_keep_ends_where_the_allowance_does(void **state)
{
	struct gate_fixture *f = *state;
	const struct gate_window *w;

	keep(f, 0, "a", LONG_MS);
	w = lease(f, 0)->transaction;
	assert_int_equal(w->until_ms - w->shut_ms, TURNS_SHUT_BURST_MS);
	/* Whoever comes next finds nothing left, until it is given back. */
	keep(f, 1, "a", LONG_MS);
	w = lease(f, 1)->transaction;
	assert_in_range(w->until_ms - w->shut_ms, 0, 50);
	end(f, 0);
	end(f, 1);
	keep(f, 1, "a", LONG_MS);
	w = lease(f, 1)->transaction;
	assert_in_range(w->until_ms - w->shut_ms, TURNS_SHUT_BURST_MS - 100,
			TURNS_SHUT_BURST_MS);
	end(f, 1);
}

/* The second statement of a transaction is not short of time for the first. */
static void
lease_shut_costs_nothing_while_a_transaction_keeps_the_gate(void **state)
{
	struct gate_fixture *f = *state;
	const struct gate_window *w;

	keep(f, 0, "a", LONG_MS);
	assert_left(f, 0);
	assert_in_range(allowance(f, 0), TURNS_SHUT_BURST_MS - 100,
			TURNS_SHUT_BURST_MS + 50);
	shut(f, 0, "b", 300);
	w = lease(f, 0)->window;
	assert_int_equal(w->until_ms - w->shut_ms, 300);
	assert_int_equal(windows(f), 2);
	lease_open(lease(f, 0));
	assert_left(f, 0);
	end(f, 0);
	assert_left(f, TURNS_SHUT_BURST_MS);
}

static void
lease_shut_without_memory_leaves_it_open(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");

	assert_true(take_turn(f, 0));
	allocation_fail_after(0);
	lease_shut(lease(f, 0), &names, clock_now_ms() + LONG_MS);
	assert_true(allocation_restore());
	loop_for(f->base, 0);
	assert_int_equal(windows(f), 0);
	lease_open(lease(f, 0));
	gate_names_clear(&names); /* they are still the caller's */
	end(f, 0);
}

/* What a transaction keeps */

static void
lease_keep_keeps_the_gate_and_not_the_turn(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	shut(f, 0, "a", LONG_MS);
	keep(f, 0, "a", LONG_MS);
	lease_open(lease(f, 0));
	lease_give_turn(lease(f, 0));
	loop_for(f->base, 0);
	assert_int_equal(windows(f), 1);
	assert_true(take_turn(f, 1));
	gate_fixture_query(f, 1, "table a");
	assert_server_got(f, "");
	gate_fixture_query(f, 0, "table a"); /* its own */
	assert_server_got(f, "table a|");
	end(f, 0);
	assert_server_got(f, "table a|");
	assert_true(take_turn(f, 1));
	end(f, 1);
}

static void
lease_keep_again_adds_to_what_it_kept(void **state)
{
	struct gate_fixture *f = *state;
	uint64_t until_ms;

	/* The first is paid for as a whole: no share grows to pay for more. */
	turns_allow_burst(f->daemon.turns, LONG_MS);
	assert_true(take_turn(f, 0));
	keep(f, 0, "a", LONG_MS);
	until_ms = lease(f, 0)->transaction->until_ms;
	usleep(2000);
	keep(f, 0, "b", LONG_MS);
	/* It counts from the first one. */
	assert_true(lease(f, 0)->transaction->until_ms == until_ms);
	assert_int_equal(windows(f), 1);
	gate_fixture_query(f, 1, "table a");
	gate_fixture_query(f, 2, "table b");
	gate_fixture_query(f, 3, "table c");
	assert_server_got(f, "table c|");
	end(f, 0);
	assert_server_got(f, "table a|table b|");
}

/* What workers were not told of ends by itself. */
static void
lease_keep_without_memory_keeps_nothing(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_names more = {0};
	char name[2] = "b";

	assert_true(take_turn(f, 0));
	keep(f, 0, "a", LONG_MS);
	for (; name[0] < 'j'; name[0]++) {
		struct row_value row[GATE_NAMES_COLUMNS] = {
		    {name, 1}, {"public", 6}, {"a", 1}, {"", 0}};

		assert_true(gate_names_add_row(&more, row));
	}
	gate_names_seal(&more);
	assert_int_equal(more.count, 8); /* and no room for a ninth */
	allocation_fail_after(0);
	lease_keep(lease(f, 0), &more, LONG_MS);
	assert_true(allocation_restore());
	assert_int_equal(more.count, 8); /* those of the first are lost */
	gate_names_clear(&more);
	assert_null(lease(f, 0)->transaction);
	lease_give_turn(lease(f, 0));
	assert_true(take_turn(f, 1));
	end(f, 1);
	end(f, 0);
}

static bool
is_over(void *arg)
{
	struct gate_fixture *f = arg;

	return gate_is_open(&f->gate);
}

/* Nothing is due of what would be over by then; else the time is that of the
 * first statement. */
static void
lease_keep_late_counts_from_the_first(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");
	uint64_t now_ms = clock_now_ms();
	struct lease *l = lease(f, 0);

	lease_note_locks(l);
	lease_keep_late(l, now_ms, 100, 100);
	assert_int_equal(l->late_ms, 0);
	lease_end(l);
	lease_note_locks(l);
	lease_keep_late(l, now_ms, 100, BRIEF_MS + 200);
	lease_keep_late(l, now_ms + 60, 100, LONG_MS);
	assert_int_equal(l->late_ms, now_ms + 100);
	lease_keep_rest(l, &names);
	assert_int_equal(l->late_ms, 0);
	assert_non_null(l->transaction);
	assert_int_equal(l->transaction->until_ms, now_ms + BRIEF_MS + 200);
	end(f, 0);
	assert_int_equal(l->keep_until_ms, 0);
}

/* A migration that thinks for long keeps it from nobody. */
static void
lease_keep_ends_at_its_time(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	keep(f, 0, "a", BRIEF_MS);
	lease_give_turn(lease(f, 0));
	gate_fixture_query(f, 1, "table a");
	assert_server_got(f, "");
	loop_until(f->base, is_over, f);
	assert_server_got(f, "table a|");
	end(f, 0);
}

static void
lease_delayed_counts_those_of_all_windows(void **state)
{
	struct gate_fixture *f = *state;

	assert_true(take_turn(f, 0));
	shut(f, 0, "a", LONG_MS);
	gate_fixture_query(f, 1, "table a");
	gate_fixture_query(f, 2, "table a");
	lease_open(lease(f, 0));
	loop_for(f->base, 0);
	usleep(2000);
	shut(f, 0, "b", LONG_MS);
	gate_fixture_query(f, 3, "table b");
	assert_int_equal(lease_delayed(lease(f, 0)), 3);
	end(f, 0);
	assert_int_equal(lease_delayed(lease(f, 0)), 3);
	lease(f, 0)->delayed = 0;
	assert_int_equal(lease_delayed(lease(f, 0)), 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, gate_fixture_setup,              \
					gate_fixture_teardown)

static void
lease_release_leaves_the_statements_window(void **state)
{
	struct gate_fixture *f = *state;

	keep(f, 0, "a", LONG_MS);
	shut(f, 0, "b", LONG_MS);
	assert_int_equal(windows(f), 2);
	lease_release(lease(f, 0));
	loop_for(f->base, 0);
	assert_int_equal(windows(f), 1);
	assert_null(lease(f, 0)->transaction);
	lease_release(lease(f, 0));
	end(f, 0);
	assert_int_equal(windows(f), 0);
}

static void
lease_tells_the_fleet_of_windows(void **state)
{
	struct gate_fixture *f = *state;
	struct gate_names statement = gate_fixture_names("a");
	struct gate_names transaction = gate_fixture_names("a");
	struct mailbox box;
	const struct gate_window *w;

	assert_true(mailbox_open(&box, f->base, NULL, NULL));
	f->daemon.fleet = &box;
	lease_shut(lease(f, 0), &statement, clock_now_ms() + LONG_MS);
	lease_keep(lease(f, 0), &transaction, LONG_MS);
	lease_end(lease(f, 0));
	f->daemon.fleet = NULL;
	assert_int_equal(box.count, 4);
	assert_int_equal(box.mails[0].kind, MAIL_SHUT);
	w = box.mails[0].data;
	assert_false(w->is_of_transaction);
	assert_int_equal(box.mails[1].kind, MAIL_SHUT);
	w = box.mails[1].data;
	assert_true(w->is_of_transaction);
	assert_int_equal(box.mails[2].kind, MAIL_OPEN);
	assert_ptr_equal(box.mails[2].data, box.mails[0].data);
	assert_int_equal(box.mails[3].kind, MAIL_OPEN);
	assert_ptr_equal(box.mails[3].data, w);
	mailbox_close(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(lease_take_turn_is_for_one_session_of_a_database),
	    TEST(lease_take_turn_tells_who_has_it),
	    TEST(lease_end_of_nothing_is_nothing),
	    TEST(lease_shut_shuts_the_gate_until_open),
	    TEST(lease_end_opens_everything),
	    TEST(lease_end_gives_all_back),
	    TEST(lease_shut_again_leaves_no_gap),
	    TEST(lease_open_pays_for_how_long_it_was_shut),
	    TEST(lease_open_pays_nothing_where_nobody_waited),
	    TEST(lease_open_pays_where_somebody_waited),
	    TEST(lease_shut_again_pays_for_the_first_one),
	    TEST(lease_keep_pays_as_all_windows_do),
	    TEST(lease_keep_ends_where_the_allowance_does),
	    TEST(lease_shut_costs_nothing_while_a_transaction_keeps_the_gate),
	    TEST(lease_release_leaves_the_statements_window),
	    TEST(lease_tells_the_fleet_of_windows),
	    TEST(lease_shut_without_memory_leaves_it_open),
	    TEST(lease_keep_keeps_the_gate_and_not_the_turn),
	    TEST(lease_keep_again_adds_to_what_it_kept),
	    TEST(lease_keep_without_memory_keeps_nothing),
	    TEST(lease_keep_late_counts_from_the_first),
	    TEST(lease_keep_ends_at_its_time),
	    TEST(lease_delayed_counts_those_of_all_windows),
	};

	return cmocka_run_group_tests_name("proxy/gate/lease", tests, NULL,
					   NULL);
}

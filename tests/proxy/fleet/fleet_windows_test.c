#include "tests/support/fleet_windows.h"

enum {
	MAKER = 11,
};

static struct fleet_fixture *
fixture(void **state)
{
	return *state;
}

/* The next message of a process, about table "a" where it is about any. */
static bool
hear(struct fleet_fixture *f, enum fleet_kind kind, uint8_t process,
     uint64_t maker, uint32_t length_ms)
{
	static uint64_t sequence;
	struct fleet_message m =
	    fleet_fixture_message(kind, process, maker, ++sequence);

	if (kind == FLEET_SHUT || kind == FLEET_KEEP) {
		m.names = gate_fixture_names("a");
		m.length_ms = length_ms;
	}
	return fleet_fixture_hear(f, &m);
}

static void
fleet_windows_take_shuts_and_opens(void **state)
{
	struct fleet_fixture *f = fixture(state);

	memcpy(f->gate->players[1].pair.database, "shop", 5);
	memcpy(f->gate->players[2].pair.database, "else", 5);
	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
	assert_int_equal(fleet_fixture_count(f), 1);
	gate_fixture_query(f->gate, 1, "table a");
	gate_fixture_query(f->gate, 2, "table a");
	assert_server_got(f->gate, "table a|");
	assert_false(hear(f, FLEET_OPEN, 1, MAKER, 0));
	assert_int_equal(fleet_fixture_count(f), 0);
	assert_server_got(f->gate, "table a|");
	assert_int_equal(f->windows.count, 0);
}

static void
fleet_windows_take_keeps_a_transaction_beside_its_statement(void **state)
{
	struct fleet_fixture *f = fixture(state);

	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
	assert_true(hear(f, FLEET_KEEP, 1, MAKER, 2000));
	(void)hear(f, FLEET_OPEN, 1, MAKER, 0);
	assert_int_equal(fleet_fixture_count(f), 1);
	fleet_fixture_wait(f, 1000);
	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
	assert_int_equal(fleet_fixture_count(f), 2);
	(void)hear(f, FLEET_OPEN, 1, MAKER, 0);
	(void)hear(f, FLEET_RELEASE, 1, MAKER, 0);
	assert_int_equal(fleet_fixture_count(f), 0);
}

static void
fleet_windows_end_by_this_process_whatever_the_message_says(void **state)
{
	struct fleet_fixture *f = fixture(state);

	assert_true(hear(f, FLEET_SHUT, 1, MAKER, UINT32_MAX));
	fleet_fixture_wait(f, FLEET_FIXTURE_WINDOW_MS - 1);
	assert_int_equal(fleet_fixture_count(f), 1);
	fleet_fixture_wait(f, 1);
	assert_int_equal(fleet_fixture_count(f), 0);
	assert_int_equal(f->windows.count, 0);
	fleet_fixture_wait(f, 60000);
	assert_true(hear(f, FLEET_KEEP, 1, MAKER, UINT32_MAX));
	fleet_fixture_wait(f, FLEET_FIXTURE_TRANSACTION_MS - 1);
	assert_int_equal(fleet_fixture_count(f), 1);
	fleet_fixture_wait(f, 1);
	assert_int_equal(fleet_fixture_count(f), 0);
}

static void
fleet_windows_are_not_made_longer_by_repeating_them(void **state)
{
	struct fleet_fixture *f = fixture(state);
	int i;

	for (i = 0; i < 3; i++) {
		(void)hear(f, FLEET_SHUT, 1, MAKER, UINT32_MAX);
		(void)hear(f, FLEET_KEEP, 1, MAKER + 1, UINT32_MAX);
		assert_int_equal(fleet_fixture_count(f), 2);
		fleet_fixture_wait(f, FLEET_FIXTURE_WINDOW_MS / 3);
	}
	assert_int_equal(fleet_fixture_count(f), 1);
	for (i = 0; i < 9; i++) {
		fleet_fixture_wait(f, 470);
		(void)hear(f, FLEET_KEEP, 1, MAKER + 1, UINT32_MAX);
	}
	assert_int_equal(fleet_fixture_count(f), 1);
	fleet_fixture_wait(f, 470);
	assert_int_equal(fleet_fixture_count(f), 0);
}

static void
fleet_windows_are_paid_for_where_nobody_waits(void **state)
{
	struct fleet_fixture *f = fixture(state);

	assert_true(hear(f, FLEET_KEEP, 1, MAKER, UINT32_MAX));
	fleet_fixture_wait(f, 4000);
	(void)hear(f, FLEET_RELEASE, 1, MAKER, 0);
	assert_int_equal(
	    turns_reserve(f->gate->daemon.turns, "shop",
			  FLEET_FIXTURE_TRANSACTION_MS, clock_now_ms()),
	    FLEET_FIXTURE_TRANSACTION_MS - 4000 + 4000 / TURNS_SHUT_SHARE);
}

static void
fleet_windows_take_knows_the_pace_of_a_process(void **state)
{
	struct fleet_fixture *f = fixture(state);
	unsigned shut = 0;
	int i;

	for (i = 0; i < 100; i++)
		shut += hear(f, FLEET_SHUT, 1, MAKER + (uint64_t)i, 20);
	assert_int_equal(shut, FLEET_PACE_BURST);
	assert_true(hear(f, FLEET_SHUT, 2, MAKER, 20)); /* another one */
}

static void
fleet_windows_take_paces_what_takes_the_place_of_another(void **state)
{
	struct fleet_fixture *f = fixture(state);
	unsigned shut = 0;
	int i;

	for (i = 0; i < 50; i++) {
		shut += hear(f, FLEET_SHUT, 1, MAKER, 200);
		shut += hear(f, FLEET_KEEP, 1, MAKER, 2000);
	}
	assert_int_equal(shut, FLEET_PACE_BURST);
}

/* Take all that the allowance of the fixture's database has. */
static void
exhaust(struct fleet_fixture *f)
{
	(void)turns_reserve(f->gate->daemon.turns, "shop", UINT32_MAX,
			    clock_now_ms());
}

static void
fleet_windows_take_tells_no_worker_what_the_allowance_does_not_grant(
    void **state)
{
	struct fleet_fixture *f = fixture(state);
	struct fleet_pace pace = {0};
	struct fleet_message m = fleet_fixture_message(FLEET_SHUT, 1, MAKER, 1);

	m.names = gate_fixture_names("a");
	exhaust(f);
	fleet_fixture_wait(f, FLEET_SHUT_LEAST_MS * TURNS_SHUT_SHARE - 4);
	assert_false(
	    fleet_windows_take(&f->windows, &m, &pace, clock_now_ms()));
	assert_int_equal(f->gate->daemon.mailboxes[0]->count, 0);
	assert_int_equal(f->windows.count, 0);
	fleet_message_clear(&m);
	fleet_fixture_wait(f, 40);
	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
}

static void
fleet_windows_take_knows_so_many_databases(void **state)
{
	struct fleet_fixture *f = fixture(state);
	struct turns *t = f->gate->daemon.turns;
	unsigned shut = 0;
	uint8_t i;

	for (i = 0; i < 2 * TURNS_RESERVED_MAX; i++) {
		struct fleet_message m =
		    fleet_fixture_message(FLEET_SHUT, i, MAKER, 1);

		m.names = gate_fixture_names("a");
		(void)snprintf(m.database, sizeof(m.database), "made_up_%u", i);
		shut += fleet_fixture_hear(f, &m);
	}
	assert_int_equal(shut, TURNS_RESERVED_MAX);
	assert_int_equal(turns_reserve(t, "shop", 1, clock_now_ms()), 0);
	fleet_fixture_wait(f, 60000); /* all of them are over, and paid */
	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
}

static void
fleet_windows_take_refuses_what_is_too_short_or_about_nothing(void **state)
{
	struct fleet_fixture *f = fixture(state);
	struct fleet_message m = fleet_fixture_message(FLEET_SHUT, 1, 1, 900);

	assert_false(hear(f, FLEET_SHUT, 1, MAKER, FLEET_SHUT_LEAST_MS - 1));
	m.database[0] = '\0';
	m.sequence = UINT64_MAX - 1;
	assert_false(fleet_fixture_hear(f, &m));
	assert_false(hear(f, FLEET_OPEN, 3, MAKER, 0));
	assert_false(hear(f, FLEET_RELEASE, 3, MAKER, 0));
	assert_false(hear(f, FLEET_HELLO, 3, MAKER, 0));
	assert_int_equal(f->windows.count, 0);
	assert_int_equal(fleet_fixture_count(f), 0);
}

static void
fleet_windows_follow_a_session_to_another_database(void **state)
{
	struct fleet_fixture *f = fixture(state);
	struct fleet_message m = fleet_fixture_message(FLEET_SHUT, 4, 1, 1);

	m.names = gate_fixture_names("a");
	assert_true(fleet_fixture_hear(f, &m));
	m = fleet_fixture_message(FLEET_SHUT, 4, 1, 2);
	m.names = gate_fixture_names("a");
	memcpy(m.database, "bank", 5);
	assert_true(fleet_fixture_hear(f, &m));
	assert_int_equal(fleet_fixture_count(f), 1);
	assert_string_equal(TAILQ_FIRST(&f->gate->gate.notes)->window->database,
			    "bank");
}

static void
fleet_windows_are_not_told_to_the_fleet(void **state)
{
	struct fleet_fixture *f = fixture(state);
	struct mailbox box;

	assert_true(mailbox_open(&box, f->gate->base, NULL, NULL));
	f->gate->daemon.fleet = &box;
	assert_true(hear(f, FLEET_SHUT, 1, MAKER, 200));
	(void)hear(f, FLEET_OPEN, 1, MAKER, 0);
	assert_int_equal(box.count, 0);
	f->gate->daemon.fleet = NULL;
	mailbox_close(&box);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fleet_fixture_setup,             \
					fleet_fixture_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(fleet_windows_take_shuts_and_opens),
	    TEST(fleet_windows_take_keeps_a_transaction_beside_its_statement),
	    TEST(fleet_windows_end_by_this_process_whatever_the_message_says),
	    TEST(fleet_windows_are_not_made_longer_by_repeating_them),
	    TEST(fleet_windows_are_paid_for_where_nobody_waits),
	    TEST(fleet_windows_take_knows_the_pace_of_a_process),
	    TEST(fleet_windows_take_paces_what_takes_the_place_of_another),
	    TEST(
		fleet_windows_take_tells_no_worker_what_the_allowance_does_not_grant),
	    TEST(fleet_windows_take_knows_so_many_databases),
	    TEST(fleet_windows_take_refuses_what_is_too_short_or_about_nothing),
	    TEST(fleet_windows_follow_a_session_to_another_database),
	    TEST(fleet_windows_are_not_told_to_the_fleet),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_windows", tests,
					   NULL, NULL);
}

#include "proxy/fleet/fleet_peers.h"

#include "tests/support/fleet.h"

enum {
	NOW_MS = 1000000,
};

static struct fleet_peers peers;

static int
forget_all(void **state)
{
	(void)state;
	memset(&peers, 0, sizeof(peers));
	return 0;
}

/* A message of the process by the connection of this server pid. */
static struct fleet_pace *
hear_by(uint32_t pid, uint32_t process, uint64_t sequence)
{
	struct fleet_message m =
	    fleet_fixture_message(FLEET_SHUT, 0, 1, sequence);

	memcpy(m.process, &process, sizeof(process));
	return fleet_peers_hear(&peers, &m, pid);
}

static struct fleet_pace *
hear_of(uint32_t process, uint64_t sequence)
{
	return hear_by(process + 100, process, sequence);
}

static void
fleet_peers_hear_takes_each_message_once(void **state)
{
	(void)state;
	assert_non_null(hear_of(1, 5));
	assert_null(hear_of(1, 5));
	assert_null(hear_of(1, 4));
	assert_null(hear_of(1, 0));
	assert_non_null(hear_of(2, 4)); /* another process counts its own */
	assert_non_null(hear_of(1, 7));
	assert_null(hear_of(1, 6));
	assert_non_null(hear_of(1, UINT64_MAX));
	assert_null(hear_of(1, UINT64_MAX));
}

static void
fleet_peers_hear_takes_a_first_sequence_of_zero_once(void **state)
{
	(void)state;
	assert_non_null(hear_of(0, 0));
	assert_null(hear_of(0, 0));
}

static void
fleet_peers_hear_forgets_whoever_was_heard_longest_ago(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < FLEET_PEERS_MAX; i++)
		assert_non_null(hear_of(i, 10));
	assert_non_null(hear_of(0, 11));
	assert_non_null(hear_of(FLEET_PEERS_MAX, 10)); /* in place of 1 */
	assert_null(hear_of(0, 11));
	assert_null(hear_of(2, 10));
	assert_non_null(hear_of(1, 10));
}

static void
fleet_pace_may_shut_so_often(void **state)
{
	struct fleet_pace pace = {0};
	unsigned count = 0;

	(void)state;
	while (fleet_pace_may_shut(&pace, NOW_MS))
		count++;
	assert_int_equal(count, FLEET_PACE_BURST);
	for (uint64_t ms = 1; ms <= 60000; ms++)
		count += fleet_pace_may_shut(&pace, NOW_MS + ms);
	assert_int_equal(count, FLEET_PACE_BURST + 60000 / FLEET_PACE_MS);
	/* A rest is worth no more than the burst. */
	for (count = 0; fleet_pace_may_shut(&pace, 10 * NOW_MS); count++)
		;
	assert_int_equal(count, FLEET_PACE_BURST);
}

static void
fleet_pace_is_of_the_server_pid_whatever_process_it_says(void **state)
{
	unsigned count = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < 3 * FLEET_PEERS_MAX; i++)
		count += fleet_pace_may_shut(hear_by(7, i, 1), NOW_MS);
	assert_int_equal(count, FLEET_PACE_BURST);
	assert_true(fleet_pace_may_shut(hear_by(8, i, 1), NOW_MS));
}

static void
fleet_peers_forget_the_pace_that_is_worn_off_most(void **state)
{
	uint32_t i;

	(void)state;
	while (fleet_pace_may_shut(hear_by(7, 0, ++peers.heard), NOW_MS))
		;
	for (i = 0; i < 3 * FLEET_PACES_MAX; i++)
		assert_true(
		    fleet_pace_may_shut(hear_by(1000 + i, 1, i + 1), NOW_MS));
	assert_false(fleet_pace_may_shut(hear_by(7, 2, 1), NOW_MS));
}

static unsigned
hear_strangers(uint32_t pid, unsigned most, uint64_t now_ms)
{
	unsigned count = 0;

	for (; count < most && fleet_peers_may_read(&peers, pid, now_ms);
	     pid++) {
		fleet_peers_note_foreign(&peers, pid, now_ms);
		count++;
	}
	return count;
}

static void
fleet_peers_may_read_strangers_so_often_and_peers_always(void **state)
{
	(void)state;
	assert_non_null(hear_by(7, 1, 1));
	assert_int_equal(hear_strangers(1000, UINT32_MAX, NOW_MS),
			 FLEET_FOREIGN_BURST);
	assert_true(fleet_peers_may_read(&peers, 7, NOW_MS));
	assert_false(fleet_peers_may_read(&peers, 8, NOW_MS));
	assert_int_equal(hear_strangers(1000, UINT32_MAX, NOW_MS + 100),
			 100 / FLEET_FOREIGN_MS);
	/* A stranger with the pid of a peer that has gone is none. */
	fleet_peers_note_foreign(&peers, 7, NOW_MS + 100);
	assert_false(fleet_peers_may_read(&peers, 7, NOW_MS + 100));
	assert_true(fleet_peers_may_read(&peers, 8, 2 * NOW_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(fleet_peers_hear_takes_each_message_once,
				   forget_all),
	    cmocka_unit_test_setup(
		fleet_peers_hear_takes_a_first_sequence_of_zero_once,
		forget_all),
	    cmocka_unit_test_setup(
		fleet_peers_hear_forgets_whoever_was_heard_longest_ago,
		forget_all),
	    cmocka_unit_test(fleet_pace_may_shut_so_often),
	    cmocka_unit_test_setup(
		fleet_pace_is_of_the_server_pid_whatever_process_it_says,
		forget_all),
	    cmocka_unit_test_setup(
		fleet_peers_forget_the_pace_that_is_worn_off_most, forget_all),
	    cmocka_unit_test_setup(
		fleet_peers_may_read_strangers_so_often_and_peers_always,
		forget_all),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_peers", tests,
					   NULL, NULL);
}

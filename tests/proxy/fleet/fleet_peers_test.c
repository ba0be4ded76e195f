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

static struct fleet_peer *
hear_of(uint32_t process, uint64_t sequence)
{
	struct fleet_message m =
	    fleet_fixture_message(FLEET_SHUT, 0, 1, sequence);

	memcpy(m.process, &process, sizeof(process));
	return fleet_peers_hear(&peers, &m);
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
fleet_peer_may_shut_once_a_second(void **state)
{
	struct fleet_peer peer = {0};
	unsigned count = 0;

	(void)state;
	while (fleet_peer_may_shut(&peer, NOW_MS))
		count++;
	assert_int_equal(count, FLEET_PACE_BURST);
	for (uint64_t ms = 1; ms <= 60000; ms++)
		count += fleet_peer_may_shut(&peer, NOW_MS + ms);
	assert_int_equal(count, FLEET_PACE_BURST + 60);
	/* A rest is worth no more than the burst. */
	for (count = 0; fleet_peer_may_shut(&peer, 10 * NOW_MS); count++)
		;
	assert_int_equal(count, FLEET_PACE_BURST);
}

static void
fleet_peers_is_stranger_for_a_while(void **state)
{
	(void)state;
	assert_false(fleet_peers_is_stranger(&peers, 0, NOW_MS));
	assert_false(fleet_peers_is_stranger(&peers, 77, NOW_MS));
	fleet_peers_note_stranger(&peers, 77, NOW_MS);
	assert_true(fleet_peers_is_stranger(&peers, 77, NOW_MS));
	assert_false(
	    fleet_peers_is_stranger(&peers, 77 + FLEET_STRANGERS_MAX, NOW_MS));
	assert_false(fleet_peers_is_stranger(&peers, 78, NOW_MS));
	assert_false(
	    fleet_peers_is_stranger(&peers, 77, NOW_MS + FLEET_STRANGER_MS));
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
	    cmocka_unit_test(fleet_peer_may_shut_once_a_second),
	    cmocka_unit_test_setup(fleet_peers_is_stranger_for_a_while,
				   forget_all),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_peers", tests,
					   NULL, NULL);
}

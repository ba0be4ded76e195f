#include "proxy/fleet/fleet_outbox.h"

#include "proxy/gate/gate.h"
#include "tests/support/fleet.h"

enum {
	NOW_MS = 1000000,
	LONG_MS = 300,
};

static struct fleet_outbox outbox;

static int
empty(void **state)
{
	(void)state;
	fleet_outbox_clear(&outbox);
	return 0;
}

/* A window with a use for the test, which its mails add to. */
static struct gate_window *
window(uint64_t maker, bool is_of_transaction)
{
	struct pair pair = {.id = maker, .database = "shop"};
	struct gate_names names = fleet_fixture_names(1);
	struct gate_window *w =
	    gate_window_new(&pair, &names, NOW_MS, NOW_MS + LONG_MS);

	assert_non_null(w);
	w->is_of_transaction = is_of_transaction;
	return w;
}

static void
shut(struct gate_window *w)
{
	atomic_fetch_add(&w->users, 1);
	fleet_outbox_shut(&outbox, w, NOW_MS);
}

static void
open(struct gate_window *w)
{
	atomic_fetch_add(&w->users, 1);
	fleet_outbox_open(&outbox, w);
}

static void
assert_says(enum fleet_kind kind, uint64_t maker)
{
	struct fleet_message m;

	assert_true(fleet_outbox_next(&outbox, &m, NOW_MS + 100));
	assert_int_equal(m.kind, kind);
	assert_int_equal(m.maker, maker);
	if (kind == FLEET_SHUT || kind == FLEET_KEEP) {
		assert_int_equal(m.length_ms, LONG_MS - 100);
		assert_string_equal(m.database, "shop");
		assert_int_equal(m.names.count, 1);
	}
}

static void
assert_silent(void)
{
	struct fleet_message m;

	assert_false(fleet_outbox_next(&outbox, &m, NOW_MS + 100));
}

static void
drop(struct gate_window *w)
{
	assert_int_equal(atomic_load(&w->users), 1);
	gate_window_drop(w);
}

static void
fleet_outbox_next_tells_of_a_window_and_its_end(void **state)
{
	struct gate_window *w = window(1, false);
	struct gate_window *t = window(1, true);

	(void)state;
	shut(w);
	assert_says(FLEET_SHUT, 1);
	assert_silent();
	shut(t);
	open(w);
	assert_says(FLEET_KEEP, 1);
	assert_says(FLEET_OPEN, 1);
	open(t);
	assert_says(FLEET_RELEASE, 1);
	assert_silent();
	assert_int_equal(outbox.count, 0);
	drop(w);
	drop(t);
}

static void
fleet_outbox_next_tells_what_is_shut_before_what_opens(void **state)
{
	struct gate_window *w = window(1, false);
	struct gate_window *t = window(1, true);

	(void)state;
	shut(w);
	assert_says(FLEET_SHUT, 1);
	open(w);
	shut(t);
	assert_says(FLEET_KEEP, 1);
	assert_says(FLEET_OPEN, 1);
	open(t);
	assert_says(FLEET_RELEASE, 1);
	drop(w);
	drop(t);
}

static void
fleet_outbox_next_does_not_tell_what_is_over(void **state)
{
	struct gate_window *w = window(1, false);
	struct gate_window *late = window(2, false);
	struct fleet_message m;

	(void)state;
	shut(w);
	open(w);
	assert_silent();
	shut(late);
	assert_false(fleet_outbox_next(&outbox, &m, NOW_MS + LONG_MS));
	assert_int_equal(outbox.count, 0);
	open(late);
	assert_silent();
	drop(w);
	drop(late);
}

static void
fleet_outbox_shut_takes_the_place_of_another_window(void **state)
{
	struct gate_window *old = window(1, false);
	struct gate_window *new = window(1, false);

	(void)state;
	shut(old);
	assert_says(FLEET_SHUT, 1);
	shut(new);
	open(old);
	assert_says(FLEET_SHUT, 1);
	assert_silent();
	open(new);
	assert_says(FLEET_OPEN, 1);
	assert_silent();
	drop(old);
	drop(new);
}

static void
fleet_outbox_repeat_tells_what_is_still_shut(void **state)
{
	struct gate_window *w = window(1, false);
	struct gate_window *ended = window(2, false);

	(void)state;
	shut(w);
	shut(ended);
	assert_says(FLEET_SHUT, 1);
	assert_says(FLEET_SHUT, 2);
	open(ended);
	assert_says(FLEET_OPEN, 2);
	fleet_outbox_repeat(&outbox);
	assert_says(FLEET_SHUT, 1);
	assert_silent();
	fleet_outbox_clear(&outbox);
	assert_silent();
	drop(w);
	drop(ended);
}

static void
fleet_outbox_is_bounded(void **state)
{
	struct gate_window *windows[FLEET_OUTBOX_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i <= FLEET_OUTBOX_MAX; i++) {
		windows[i] = window(i, false);
		shut(windows[i]);
	}
	for (i = 0; i < FLEET_OUTBOX_MAX; i++)
		assert_says(FLEET_SHUT, i);
	assert_silent();
	open(windows[FLEET_OUTBOX_MAX]);
	assert_silent();
	fleet_outbox_clear(&outbox);
	for (i = 0; i <= FLEET_OUTBOX_MAX; i++)
		drop(windows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		fleet_outbox_next_tells_of_a_window_and_its_end, empty),
	    cmocka_unit_test_setup(
		fleet_outbox_next_tells_what_is_shut_before_what_opens, empty),
	    cmocka_unit_test_setup(fleet_outbox_next_does_not_tell_what_is_over,
				   empty),
	    cmocka_unit_test_setup(
		fleet_outbox_shut_takes_the_place_of_another_window, empty),
	    cmocka_unit_test_setup(fleet_outbox_repeat_tells_what_is_still_shut,
				   empty),
	    cmocka_unit_test_setup(fleet_outbox_is_bounded, empty),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_outbox", tests,
					   NULL, NULL);
}

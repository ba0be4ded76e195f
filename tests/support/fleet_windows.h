/*
 * fleet_windows.h - windows of other processes before the gate of one worker,
 * under a clock that the test moves.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_FLEET_WINDOWS_H
#define LOCKSTEP_TESTS_SUPPORT_FLEET_WINDOWS_H

#include "proxy/base/clock.h"
#include "proxy/fleet/fleet_windows.h"
#include "tests/support/fleet.h"
#include "tests/support/gate.h"
#include "tests/support/moved_clock.h"

enum {
	FLEET_FIXTURE_WINDOW_MS = 300,
	FLEET_FIXTURE_TRANSACTION_MS = 5000,
};

struct fleet_fixture {
	struct gate_fixture *gate;
	struct fleet_peers peers;
	struct fleet_windows windows;
};

static inline int
fleet_fixture_setup(void **state)
{
	struct fleet_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	clock_reset();
	gate_fixture_setup((void **)&f->gate);
	f->gate->config.guard.gate_window_ms = FLEET_FIXTURE_WINDOW_MS;
	f->gate->config.guard.gate_transaction_ms =
	    FLEET_FIXTURE_TRANSACTION_MS;
	turns_allow_burst(f->gate->daemon.turns, FLEET_FIXTURE_TRANSACTION_MS);
	fleet_windows_init(&f->windows, &f->gate->daemon);
	*state = f;
	return 0;
}

static inline int
fleet_fixture_teardown(void **state)
{
	struct fleet_fixture *f = *state;

	fleet_windows_clear(&f->windows);
	loop_for(f->gate->base, 0);
	gate_fixture_teardown((void **)&f->gate);
	free(f);
	return 0;
}

/* Hear a message, which is cleared, as fleet.c does.  True: it shuts. */
static inline bool
fleet_fixture_hear(struct fleet_fixture *f, struct fleet_message *m)
{
	struct fleet_pace *pace =
	    fleet_peers_hear(&f->peers, m, 100u + m->process[0]);
	bool is_shut = pace != NULL &&
		       fleet_windows_take(&f->windows, m, pace, clock_now_ms());

	fleet_message_clear(m);
	loop_for(f->gate->base, 0);
	return is_shut;
}

/* Let time go by; windows end as fleet.c's timer would have them. */
static inline void
fleet_fixture_wait(struct fleet_fixture *f, uint64_t ms)
{
	clock_advance(ms);
	if (fleet_windows_next_ms(&f->windows) <= clock_now_ms())
		fleet_windows_expire(&f->windows, clock_now_ms());
	loop_for(f->gate->base, 0);
}

/* The number of windows that are shut in the worker. */
static inline size_t
fleet_fixture_count(const struct fleet_fixture *f)
{
	const struct gate_note *note;
	size_t count = 0;

	TAILQ_FOREACH(note, &f->gate->gate.notes, link)
		count += note->window->until_ms > clock_now_ms();
	return count;
}

#endif

/*
 * Thousands of random conversations: messages are lost, late and doubled, the
 * makers of windows die amid them or ask for what is too much.  Whatever comes,
 * the gate is shut by a window for no longer than this process's own limits,
 * and of a database for no more than a quarter of the time; and behind the last
 * message it opens.
 */
#include "tests/support/fleet_windows.h"

enum {
	CONVERSATIONS = 40,
	STEPS = 1500,
	PROCESSES = 6,
	MAKERS = 3,
	LATE_MAX = 8, /* messages that are on their way */
};

static uint64_t random_state;

/* xorshift64. */
static uint32_t
any(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16) % below;
}

struct model {
	struct fleet_fixture *f;
	uint64_t sequences[PROCESSES];
	struct fleet_message late[LATE_MAX];
	size_t late_count;
	uint64_t begun_ms;
	uint64_t shut_ms; /* for so long the gate was shut */
};

static void
check_limits(struct model *m)
{
	const struct gate_note *note;

	TAILQ_FOREACH(note, &m->f->gate->gate.notes, link) {
		const struct gate_window *w = note->window;

		assert_true((w->maker & GATE_MAKER_ELSEWHERE) != 0);
		assert_true(w->until_ms <=
			    w->shut_ms + (w->is_of_transaction
					      ? FLEET_FIXTURE_TRANSACTION_MS
					      : FLEET_FIXTURE_WINDOW_MS));
	}
	assert_true(m->f->windows.count <= FLEET_LEASES_MAX);
	assert_true(m->shut_ms <=
		    FLEET_FIXTURE_TRANSACTION_MS +
			(clock_now_ms() - m->begun_ms) / TURNS_SHUT_SHARE);
}

/* Let time go by in steps that see every end of a window. */
static void
wait(struct model *m, uint64_t ms)
{
	while (ms > 0) {
		uint64_t next_ms = fleet_windows_next_ms(&m->f->windows);
		uint64_t step_ms = ms;

		if (next_ms != UINT64_MAX && next_ms - clock_now_ms() < ms)
			step_ms = next_ms - clock_now_ms();
		if (fleet_fixture_count(m->f) > 0)
			m->shut_ms += step_ms;
		fleet_fixture_wait(m->f, step_ms);
		check_limits(m);
		ms -= step_ms;
	}
}

static struct fleet_message
say(struct model *m)
{
	uint8_t process = (uint8_t)any(PROCESSES);
	struct fleet_message said = fleet_fixture_message(
	    (enum fleet_kind)(FLEET_SHUT + any(4)), process, any(MAKERS),
	    ++m->sequences[process]);

	if (said.kind == FLEET_SHUT || said.kind == FLEET_KEEP)
		said.length_ms = any(4) == 0 ? UINT32_MAX : any(6000);
	return said;
}

/* As the same bytes once more: refused as heard before. */
static void
hear_twice(struct model *m, struct fleet_message said)
{
	struct fleet_message again = said;

	said.names = gate_fixture_names("a");
	(void)fleet_fixture_hear(m->f, &said);
	check_limits(m);
	if (any(4) == 0) {
		again.names = gate_fixture_names("a");
		assert_false(fleet_fixture_hear(m->f, &again));
		check_limits(m);
	}
}

static void
step(struct model *m)
{
	uint32_t fate = any(10);

	if (m->late_count > 0 && any(3) == 0)
		hear_twice(m, m->late[--m->late_count]);
	if (fate < 6)
		hear_twice(m, say(m));
	else if (fate < 8 && m->late_count < LATE_MAX)
		m->late[m->late_count++] = say(m);
	else
		(void)say(m); /* it is lost, or its maker has died */
	if (any(3) == 0)
		wait(m, any(400));
	if (any(100) == 0)
		memset(m->sequences, 0, sizeof(m->sequences)); /* unheard */
}

static void
converse(struct model *m)
{
	int i;

	for (i = 0; i < STEPS; i++)
		step(m);
	wait(m, FLEET_FIXTURE_TRANSACTION_MS);
	assert_int_equal(fleet_fixture_count(m->f), 0);
	assert_int_equal(m->f->windows.count, 0);
	assert_true(m->shut_ms > 0);
}

static void
the_gate_keeps_its_limits_whatever_comes(void **state)
{
	int i;

	(void)state;
	for (i = 1; i <= CONVERSATIONS; i++) {
		struct model m = {0};

		random_state = (uint64_t)i * 0x9E3779B97F4A7C15;
		fleet_fixture_setup((void **)&m.f);
		m.begun_ms = clock_now_ms();
		converse(&m);
		fleet_fixture_teardown((void **)&m.f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_gate_keeps_its_limits_whatever_comes),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_model", tests,
					   NULL, NULL);
}

/*
 * guard_press.c - attempts of policy auto that press: against traffic that
 * comes past the gate, and so is there in windows, too.
 *
 * They wait in the server's queue as those of policy lock do: in windows, where
 * the rest of the traffic is away, and between windows.
 *
 * Where applications lock in one order an attempt gets through as soon as it
 * has that order, and the table that was in use goes first in the next one.
 * Where they have several, it gets through if at the moment of its first lock
 * nobody holds another table and will want this one; if not, waiting does not
 * help, but another try may.  How long the others' transactions are nobody
 * knows.  So the bounds are those of Luby, Sinclair and Zuckerman ("Optimal
 * speedup of Las Vegas algorithms", 1993): 1, 1, 2, 1, 1, 2, 4, ... times the
 * shortest.
 *
 * Whoever queues behind an attempt is delayed by it, as new transactions are by
 * a window.  So an attempt is followed by three times as long as it took
 * without another one, and so is a window: all of it together takes a quarter
 * of the time at most.
 */
#include "policy/guard/guard_internal.h"

#include <string.h>

#include "policy/sql/fnv.h"

enum {
	ONLY_BOUND_MS = 20, /* where nobody is known to come past the gate */
	FIRST_BOUND_MS = 30,
	QUEUES_FROM =
	    4, /* times that: for all tables, if traffic leaves no gap */
	LEAST_BOUND_MS =
	    10, /* no press in what is left of a window, if that is less */
	PAUSE_SHARE = 3, /* times what it took */
	PAUSE_LEAST_MS = 10,
	PAUSE_MAX_MS = 1000,
	SOON_MS = 50,         /* no look before the next one that is so near */
	PRESSES_IN_A_ROW = 3, /* then a window, if it is time for one */
};

void
guard_note_past(struct guard *g, uint64_t now_ms)
{
	if (past_note(&g->past, &g->holders, &g->age, &g->window, g->look_ms,
		      now_ms) &&
	    g->settings->policy == GUARD_POLICY_AUTO)
		g->presses = true;
}

/* Nobody waits for us, and all that is in use can be queued for. */
static bool
may_press(const struct guard *g)
{
	return g->settings->policy == GUARD_POLICY_AUTO &&
	       !g->facts.holds_strong_locks && g->holders.waiter_count == 0 &&
	       !guard_sees_watched(g) && !guard_needs_gate(g);
}

bool
guard_press_is_due(const struct guard *g, uint64_t now_ms)
{
	bool is_windows_turn =
	    g->window_is_first || g->presses_since_window >= PRESSES_IN_A_ROW;

	if (!g->presses || !may_press(g) || now_ms < g->press_next_ms)
		return false;
	return !is_windows_turn || now_ms < g->window.next_ms;
}

/*
 * Without traffic that is known to come past the gate it is done once, after
 * half a window, for statements that make no attempt before that waits, or
 * that only their own run gets through traffic.
 */
static bool
is_time_in_window(const struct guard *g, uint64_t now_ms)
{
	if (g->presses)
		return now_ms >= g->window.begun_ms + PAST_MARGIN_MS &&
		       now_ms + LEAST_BOUND_MS <= g->window.until_ms;
	return (guard_gate_lasts(g) || guard_wants_try(g)) && !g->has_pressed &&
	       guard_window_is_half_over(g, now_ms);
}

bool
guard_presses_in_window(const struct guard *g, uint64_t now_ms)
{
	return may_press(g) && is_time_in_window(g, now_ms);
}

/* The factor of the n-th bound, counted from 1. */
static uint32_t
press_factor(uint32_t n)
{
	uint32_t power = 1;

	while (2 * power - 1 < n)
		power *= 2;
	return 2 * power - 1 == n ? power : press_factor(n - power + 1);
}

bool
guard_press_queues(const struct guard *g)
{
	return press_factor(g->presses_ended + 1) >= QUEUES_FROM;
}

uint32_t
guard_press_bound_ms(const struct guard *g, uint32_t bound_ms, uint64_t now_ms)
{
	uint64_t most_ms = ONLY_BOUND_MS;

	if (g->presses)
		most_ms = (uint64_t)FIRST_BOUND_MS *
			  press_factor(g->presses_ended + 1);
	if (guard_in_window(g))
		most_ms = guard_min(most_ms, g->window.until_ms - now_ms);
	return (uint32_t)guard_min(bound_ms, most_ms);
}

/* No press before the time that goes with such a delay for others. */
static void
press_pause(struct guard *g, uint64_t delayed_ms, uint64_t now_ms)
{
	uint64_t pause_ms = guard_max(delayed_ms * PAUSE_SHARE, PAUSE_LEAST_MS);
	uint64_t share_ms = (now_ms - g->begun_ms) / GUARD_DELAY_SHARE;

	pause_ms = guard_max(pause_ms, guard_min(share_ms, PAUSE_MAX_MS));
	g->press_next_ms = guard_max(g->press_next_ms, now_ms + pause_ms);
}

void
guard_press_pause(struct guard *g, uint64_t now_ms)
{
	if (!guard_in_window(g)) /* which as a whole has one */
		press_pause(g, now_ms - g->attempt_begun_ms, now_ms);
}

void
guard_pressed(struct guard *g, uint64_t now_ms)
{
	if (!g->presses)
		return; /* the one of a window */
	g->presses_ended++;
	g->presses_since_window++;
	guard_press_pause(g, now_ms);
}

void
guard_press_behind_window(struct guard *g, uint64_t now_ms)
{
	g->window_is_first = false;
	g->presses_since_window = 0;
	press_pause(g, now_ms - g->window.begun_ms, now_ms);
}

struct guard_step
guard_press_later(struct guard *g, uint64_t now_ms)
{
	uint64_t next_ms =
	    guard_max(g->press_next_ms, now_ms + GUARD_WINDOW_LOOK_MS);

	if (next_ms > now_ms + SOON_MS)
		return guard_hold(g, now_ms);
	return guard_wait_until(g, GUARD_AT_WAIT, next_ms, now_ms);
}

/* The habits */

static uint64_t
hash_of_item(const struct lock_item *item)
{
	uint64_t hash = fnv_hash(item->name, strlen(item->name));

	return fnv_more(hash, &item->mode, sizeof(item->mode));
}

uint64_t
guard_set_hash(const struct guard *g)
{
	uint64_t hash = 0;
	size_t i;

	for (i = 0; i < g->set.count; i++)
		hash += hash_of_item(&g->set.items[i]);
	return hash;
}

static void
promote_first(struct guard *g, uint64_t first)
{
	size_t i;

	for (i = 0; i < g->set.count; i++)
		if (hash_of_item(&g->set.items[i]) == first)
			break;
	if (i < g->set.count)
		lock_order_promote(&g->set, i);
}

struct guard_step
guard_follow(struct guard *g, const struct guard_habit *habit)
{
	bool is_press = habit->help == GUARD_HELP_PRESS ||
			habit->help == GUARD_HELP_PRESS_IN_WINDOW;

	if (!is_press || g->settings->policy != GUARD_POLICY_AUTO)
		return guard_step(g);
	g->presses = true;
	/* A transaction that will keep its locks shuts the gate before it
	 * waits for them. */
	g->window_is_first =
	    habit->help == GUARD_HELP_PRESS_IN_WINDOW || guard_gate_lasts(g);
	promote_first(g, habit->first);
	return guard_step(g);
}

/* Only an attempt that waited is a help of its own. */
static enum guard_help
help_of(const struct guard *g)
{
	bool in_window = guard_in_window(g);

	if (g->is_pressing)
		return in_window ? GUARD_HELP_PRESS_IN_WINDOW
				 : GUARD_HELP_PRESS;
	return in_window ? GUARD_HELP_WINDOW : GUARD_HELP_NONE;
}

struct guard_habit
guard_habit(const struct guard *g)
{
	struct guard_habit habit = {.help = help_of(g)};

	if (g->set.count > 0)
		habit.first = hash_of_item(&g->set.items[0]);
	return habit;
}

#include "proxy/gate/lease.h"

#include "proxy/gate/gate.h"
#include "proxy/base/clock.h"
#include "proxy/session/session.h"
#include "proxy/gate/turns.h"

bool
lease_take_turn(struct session *s, uint32_t *allowance_ms)
{
	/* Given back by lease_end at the latest, which no session misses.  What
	 * a transaction kept may be somebody else's since its time was over. */
	s->lease.has_turn =
	    turns_take(s->worker->daemon->turns, s->database, s->id, UINT64_MAX,
		       clock_now_ms(), allowance_ms);
	return s->lease.has_turn;
}

/* For as long as the gate is shut for it. */
static void
keep_turn(struct session *s)
{
	uint32_t allowance_ms;

	s->lease.has_turn = turns_take(s->worker->daemon->turns, s->database,
				       s->id, s->lease.transaction->until_ms,
				       clock_now_ms(), &allowance_ms);
}

void
lease_give_turn(struct session *s)
{
	if (!s->lease.has_turn)
		return;
	if (s->lease.transaction != NULL) {
		keep_turn(s);
		return;
	}
	s->lease.has_turn = false;
	turns_give(s->worker->daemon->turns, s->database, s->id);
}

static void
open_window(struct session *s, struct gate_window **window)
{
	if (*window == NULL)
		return;
	gate_window_open(s->worker->daemon, *window);
	s->lease.delayed += atomic_load(&(*window)->delayed);
	gate_window_drop(*window);
	*window = NULL;
}

/* The new one is shut before the old one opens. */
static void
replace(struct session *s, struct gate_window **window,
	struct gate_window *fresh)
{
	if (fresh != NULL)
		gate_window_shut(s->worker->daemon, fresh);
	open_window(s, window);
	*window = fresh;
}

/* It opened by itself when its time was over. */
static void
count_window(struct session *s)
{
	const struct gate_window *w = s->lease.window;
	uint64_t end_ms;

	if (w == NULL)
		return;
	end_ms = clock_now_ms();
	if (end_ms > w->until_ms)
		end_ms = w->until_ms;
	if (end_ms > w->shut_ms)
		turns_spend(s->worker->daemon->turns, s->database,
			    end_ms - w->shut_ms);
}

void
lease_shut(struct session *s, struct gate_names *names, uint64_t until_ms)
{
	count_window(s);
	replace(s, &s->lease.window,
		gate_window_new(s, names, clock_now_ms(), until_ms));
}

void
lease_open(struct session *s)
{
	count_window(s);
	open_window(s, &s->lease.window);
}

void
lease_keep(struct session *s, struct gate_names *names,
	   uint32_t gate_transaction_ms)
{
	const struct gate_window *old = s->lease.transaction;
	uint64_t now_ms = clock_now_ms();
	uint64_t until_ms = now_ms + gate_transaction_ms;

	if (old != NULL) {
		until_ms = old->until_ms;
		if (!gate_names_add_all(names, &old->names))
			names->is_everything = true;
	}
	replace(s, &s->lease.transaction,
		gate_window_new(s, names, now_ms, until_ms));
}

bool
lease_is_held(const struct session *s)
{
	const struct lease *l = &s->lease;

	return l->has_turn || l->window != NULL || l->transaction != NULL;
}

uint32_t
lease_delayed(const struct session *s)
{
	const struct gate_window *w = s->lease.window;

	return s->lease.delayed + (w != NULL ? atomic_load(&w->delayed) : 0);
}

void
lease_end(struct session *s)
{
	if (!lease_is_held(s))
		return;
	lease_open(s);
	open_window(s, &s->lease.transaction);
	lease_give_turn(s);
}

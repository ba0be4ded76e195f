#include "proxy/lease.h"

#include "proxy/gate.h"
#include "proxy/session.h"
#include "proxy/turns.h"

bool
lease_take_turn(struct session *s, uint32_t *allowance_ms)
{
	/* Given back by lease_end at the latest, which no session misses. */
	if (turns_take(s->worker->daemon->turns, s->database, s->id, UINT64_MAX,
		       worker_now_ms(), allowance_ms))
		s->lease.has_turn = true;
	return s->lease.has_turn;
}

void
lease_give_turn(struct session *s)
{
	if (!s->lease.has_turn || s->lease.transaction != NULL)
		return;
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

void
lease_shut(struct session *s, struct gate_names *names, uint64_t until_ms)
{
	replace(s, &s->lease.window,
		gate_window_new(s, names, worker_now_ms(), until_ms));
}

void
lease_open(struct session *s)
{
	struct gate_window *w = s->lease.window;

	if (w == NULL)
		return;
	turns_spend(s->worker->daemon->turns, s->database,
		    worker_now_ms() - w->shut_ms);
	open_window(s, &s->lease.window);
}

void
lease_keep(struct session *s, struct gate_names *names,
	   uint32_t gate_transaction_ms)
{
	const struct gate_window *old = s->lease.transaction;
	uint64_t now_ms = worker_now_ms();
	uint64_t until_ms = now_ms + gate_transaction_ms;
	uint32_t allowance_ms;

	if (old != NULL) {
		until_ms = old->until_ms;
		if (!gate_names_add_all(names, &old->names))
			names->is_everything = true;
	}
	replace(s, &s->lease.transaction,
		gate_window_new(s, names, now_ms, until_ms));
	(void)turns_take(s->worker->daemon->turns, s->database, s->id, until_ms,
			 now_ms, &allowance_ms);
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
	lease_open(s);
	open_window(s, &s->lease.transaction);
	lease_give_turn(s);
}

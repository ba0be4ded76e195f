#include "proxy/gate/lease.h"

#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/turns.h"
#include "proxy/pair/pair.h"

_Static_assert(sizeof(((struct rival *)0)->user) ==
		   sizeof(((struct pair *)0)->user),
	       "a name is copied");

bool
lease_take_turn(struct lease *l, const struct turn_claim *claim,
		uint32_t *allowance_ms, struct rival *rival)
{
	const struct pair *p = l->pair;
	uint64_t now_ms = clock_now_ms();
	struct turn_claim own = *claim;

	own.who.session = p->id;
	own.who.pid = p->server_pid;
	own.who.since_ms = now_ms;
	memcpy(own.who.user, p->user, sizeof(own.who.user));
	l->has_turn = turns_take(p->daemon->turns, p->database, &own, now_ms,
				 allowance_ms, rival);
	return l->has_turn;
}

void
lease_give_turn(struct lease *l)
{
	if (!l->has_turn)
		return;
	l->has_turn = false;
	turns_give(l->pair->daemon->turns, l->pair->database, l->pair->id);
}

static void
lease_open_window(struct lease *l, struct gate_window **window)
{
	if (*window == NULL)
		return;
	gate_window_open(l->pair->daemon, *window);
	l->delayed += atomic_load(&(*window)->delayed);
	gate_window_drop(*window);
	*window = NULL;
}

/* Shut the new window before the old one opens.  fresh may be NULL. */
static void
lease_replace_window(struct lease *l, struct gate_window **window,
		     struct gate_window *fresh)
{
	if (fresh != NULL)
		gate_window_shut(l->pair->daemon, fresh);
	lease_open_window(l, window);
	*window = fresh;
}

/* Charge the time of the window, which opened by itself if that was over. */
static void
lease_count_window(struct lease *l)
{
	const struct gate_window *w = l->window;
	uint64_t end_ms;

	if (w == NULL)
		return;
	end_ms = clock_now_ms();
	if (end_ms > w->until_ms)
		end_ms = w->until_ms;
	if (end_ms > w->shut_ms)
		turns_spend(l->pair->daemon->turns, l->pair->database,
			    end_ms - w->shut_ms);
}

void
lease_shut(struct lease *l, struct gate_names *names, uint64_t until_ms)
{
	lease_count_window(l);
	lease_replace_window(
	    l, &l->window,
	    gate_window_new(l->pair, names, clock_now_ms(), until_ms));
}

void
lease_open(struct lease *l)
{
	lease_count_window(l);
	lease_open_window(l, &l->window);
}

void
lease_keep(struct lease *l, struct gate_names *names,
	   uint32_t gate_transaction_ms)
{
	const struct gate_window *old = l->transaction;
	uint64_t now_ms = clock_now_ms();
	uint64_t until_ms = now_ms + gate_transaction_ms;

	if (old != NULL) {
		until_ms = old->until_ms;
		if (!gate_names_add_all(names, &old->names))
			names->is_everything = true;
	}
	lease_replace_window(l, &l->transaction,
			     gate_window_new(l->pair, names, now_ms, until_ms));
}

uint32_t
lease_delayed(const struct lease *l)
{
	const struct gate_window *w = l->window;

	return l->delayed + (w != NULL ? atomic_load(&w->delayed) : 0);
}

void
lease_end(struct lease *l)
{
	if (!lease_is_held(l))
		return;
	lease_open(l);
	lease_open_window(l, &l->transaction);
	lease_give_turn(l);
}

#include "proxy/gate/lease.h"

#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/turns.h"
#include "proxy/pair/pair.h"

_Static_assert(sizeof(((struct rival *)0)->user) ==
		   sizeof(((struct pair *)0)->user),
	       "a name is copied");

/* Add what is paid for already; a window may be so long only. */
static uint32_t
lease_with_paid(const struct lease *l, uint32_t allowance_ms, uint64_t now_ms)
{
	uint64_t sum_ms = allowance_ms;

	if (l->paid_until_ms > now_ms)
		sum_ms += l->paid_until_ms - now_ms;
	return sum_ms < TURNS_SHUT_BURST_MS ? (uint32_t)sum_ms
					    : TURNS_SHUT_BURST_MS;
}

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
	if (l->has_turn)
		*allowance_ms = lease_with_paid(l, *allowance_ms, now_ms);
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

/*
 * Pay for a gate that is shut until until_ms: all windows of the lease share
 * what is paid.  Returns until when it may be.
 */
static uint64_t
lease_pay_until(struct lease *l, uint64_t until_ms)
{
	uint64_t now_ms = clock_now_ms();

	if (l->paid_until_ms < now_ms) {
		l->paid_from_ms = now_ms;
		l->paid_until_ms = now_ms;
		l->is_waited_at = false;
	}
	if (l->paid_until_ms < until_ms)
		l->paid_until_ms +=
		    turns_reserve(l->pair->daemon->turns, l->pair->database,
				  until_ms - l->paid_until_ms, now_ms);
	return until_ms < l->paid_until_ms ? until_ms : l->paid_until_ms;
}

/*
 * True if the time that has gone by is paid for: somebody has waited, or it was
 * another process that shut the gate, of which this one bears a quarter of the
 * time whoever comes by.
 */
static bool
lease_owes(const struct lease *l)
{
	return l->is_waited_at || (l->pair->id & GATE_MAKER_ELSEWHERE) != 0;
}

/* Take back what no window that is left needs; if nothing is owed for the time
 * that has gone by, that is all. */
static void
lease_settle(struct lease *l)
{
	const struct gate_window *windows[] = {l->window, l->transaction};
	bool is_shut = l->window != NULL || l->transaction != NULL;
	uint64_t needed_ms =
	    is_shut || lease_owes(l) ? clock_now_ms() : l->paid_from_ms;
	size_t i;

	for (i = 0; i < 2; i++)
		if (windows[i] != NULL && windows[i]->until_ms > needed_ms)
			needed_ms = windows[i]->until_ms;
	if (l->paid_until_ms <= needed_ms)
		return;
	turns_refund(l->pair->daemon->turns, l->pair->database,
		     l->paid_until_ms - needed_ms);
	l->paid_until_ms = needed_ms;
}

static void
lease_open_window(struct lease *l, struct gate_window **window)
{
	uint32_t delayed;

	if (*window == NULL)
		return;
	gate_window_open(l->pair->daemon, *window);
	delayed = atomic_load(&(*window)->delayed);
	l->delayed += delayed;
	l->is_waited_at |= delayed > 0;
	gate_window_drop(*window);
	*window = NULL;
}

/* A window that nobody has been told of, for as long as is paid.  NULL: out of
 * memory, or that is not long enough. */
static struct gate_window *
lease_make_window(struct lease *l, struct gate_names *names, uint64_t until_ms)
{
	uint64_t now_ms = clock_now_ms();

	until_ms = lease_pay_until(l, until_ms);
	if (until_ms < now_ms + l->least_ms) {
		counts_add(l->pair->counts, COUNT_WINDOWS_REFUSED, 1);
		return NULL;
	}
	return gate_window_new(l->pair, names, now_ms, until_ms);
}

/* Shut the new window before the old one opens. */
static void
lease_replace_window(struct lease *l, struct gate_window **window,
		     struct gate_names *names, uint64_t until_ms)
{
	struct gate_window *fresh = lease_make_window(l, names, until_ms);

	if (fresh != NULL && window == &l->transaction)
		counts_add(l->pair->counts, COUNT_WINDOWS_KEPT, 1);
	if (fresh != NULL) {
		fresh->is_of_transaction = window == &l->transaction;
		gate_window_shut(l->pair->daemon, fresh);
	}
	lease_open_window(l, window);
	*window = fresh;
}

void
lease_shut(struct lease *l, struct gate_names *names, uint64_t until_ms)
{
	lease_replace_window(l, &l->window, names, until_ms);
	lease_settle(l);
}

void
lease_open(struct lease *l)
{
	lease_open_window(l, &l->window);
	lease_settle(l);
}

static void
lease_begin_to_keep(struct lease *l, uint64_t now_ms,
		    uint32_t gate_transaction_ms)
{
	if (l->keep_until_ms == 0)
		l->keep_until_ms = now_ms + gate_transaction_ms;
}

void
lease_keep_rest(struct lease *l, struct gate_names *names)
{
	const struct gate_window *old = l->transaction;

	l->late_ms = 0;
	/* Out of memory: some are missing; the gate may err. */
	if (old != NULL)
		(void)gate_names_add_all(names, &old->names);
	lease_replace_window(l, &l->transaction, names, l->keep_until_ms);
	lease_open(l);
}

void
lease_keep(struct lease *l, struct gate_names *names,
	   uint32_t gate_transaction_ms)
{
	lease_begin_to_keep(l, clock_now_ms(), gate_transaction_ms);
	lease_keep_rest(l, names);
}

void
lease_keep_late(struct lease *l, uint64_t now_ms, uint32_t delay_ms,
		uint32_t gate_transaction_ms)
{
	lease_begin_to_keep(l, now_ms, gate_transaction_ms);
	if (l->late_ms == 0 && now_ms + delay_ms < l->keep_until_ms)
		l->late_ms = now_ms + delay_ms;
}

void
lease_release(struct lease *l)
{
	l->keep_until_ms = 0;
	l->late_ms = 0;
	lease_open_window(l, &l->transaction);
	lease_settle(l);
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
	lease_release(l);
	lease_open(l);
	lease_give_turn(l);
	l->keeps_locks = false;
}

/*
 * exchange_shut.c - the gate, behind a statement that has run at once in a
 * transaction which goes on.
 *
 * Mostly that is soon over, and then nobody has asked for names and nobody has
 * waited at a gate.  Where it is not, who begins now is to wait there, and not
 * in the server, holding what the transaction may want next.  The names are
 * those of all that it keeps from others by then; they are asked for below a
 * savepoint, while the server is idle in the transaction.
 */
#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

enum {
	LATE_MS = 100, /* a transaction this long is to have the gate shut */
	AGAIN_MS = 20, /* the server is at work, or nobody is there to wait */
};

void
exchange_shut_late(struct exchange *x)
{
	const struct guard_settings *s = &x->settings;

	if (x->context == CONTEXT_BLOCK && !x->in_own_block &&
	    guard_uses_gate(s) && s->gate_transaction_ms > LATE_MS)
		lease_keep_late(&x->guarded->lease, clock_now_ms() + LATE_MS,
				s->gate_transaction_ms - LATE_MS);
}

/* True if the server is idle in the client's transaction, and no message of the
 * client's is on its way to it. */
static bool
guarded_can_be_asked(const struct guarded *g)
{
	const struct pipeline *p = &g->pair->pipeline;

	return p->status == TRANSACTION_BLOCK && pipeline_is_settled(p) &&
	       g->kept.count == 0 && !g->skips_to_sync &&
	       g->pair->from_client.pass_left == 0;
}

/* True if somebody could be kept waiting at a gate. */
static bool
guarded_has_company(const struct guarded *g)
{
	const struct daemon *d = g->pair->daemon;

	return d->fleet != NULL || atomic_load(&d->connections) > 1;
}

static bool
exchange_begin_to_shut(struct guarded *g)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	g->lease.late_ms = 0;
	x->is_of_gate = true;
	x->is_shutting = true;
	exchange_begin(x, g);
	return true;
}

void
exchange_begin_shut(struct guarded *g)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t late_ms = g->lease.late_ms;

	if (late_ms == 0)
		return;
	if (late_ms > now_ms)
		pair_set_timer(g->pair, late_ms - now_ms);
	else if (!guarded_has_company(g) || !guarded_can_be_asked(g) ||
		 !exchange_begin_to_shut(g))
		pair_set_timer(g->pair, AGAIN_MS);
}

void
exchange_send_own_names(struct exchange *x)
{
	struct batch *b = &x->batch;

	x->context = CONTEXT_BLOCK;
	exchange_begin_batch(x, EXCHANGE_SHUTTING);
	exchange_add_savepoint(x);
	batch_add_plain(b, true);
	batch_add_own_names(b);
	batch_end_with(b, SAVEPOINT_RELEASE);
	(void)batch_send(b, true);
}

/* The question has failed: the transaction goes on as if it had not been. */
static void
exchange_undo_question(struct exchange *x)
{
	struct batch *b = &x->batch;

	exchange_begin_batch(x, EXCHANGE_UNDOING);
	exchange_end_skipping(x);
	batch_add_command(b, SAVEPOINT_UNDO);
	batch_add_command(b, SAVEPOINT_RELEASE);
	(void)batch_send(b, true);
}

void
exchange_own_named(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct lease *lease = &x->guarded->lease;

	if (batch_has_error(b)) {
		exchange_undo_question(x);
		return;
	}
	gate_names_seal(&b->names);
	if (!b->is_odd)
		lease_keep(lease, &b->names, lease->late_for_ms);
	exchange_enter(x, EXCHANGE_DONE);
}

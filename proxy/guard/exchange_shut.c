/*
 * exchange_shut.c - the gate, behind a statement that has run at once in a
 * transaction which goes on.
 *
 * Mostly that is soon over, and then nobody has asked for names and nobody has
 * waited at a gate.  Where it is not, who begins now is to wait there, and not
 * in the server, holding what the transaction may want next.  The names are
 * those of all that it keeps from readers by then.  They are asked for with the
 * next plan of the transaction, or else below a savepoint of their own, while
 * the server is idle in it.
 */
#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

enum {
	LATE_MS = 100, /* a transaction this long is to have the gate shut */
	AGAIN_MS = 50, /* the server is at work, or nobody is there to wait */
};

void
exchange_shut_late(struct exchange *x)
{
	const struct guard_settings *s = &x->settings;

	if (x->context == CONTEXT_BLOCK && !x->in_own_block &&
	    guard_uses_gate(s))
		lease_keep_late(&x->guarded->lease, clock_now_ms(), LATE_MS,
				s->gate_transaction_ms);
}

/* True if the server is idle in the client's transaction, and no message of the
 * client's is on its way to it. */
static bool
guarded_can_be_asked(const struct guarded *g)
{
	const struct pair *p = g->pair;

	return p->pipeline.status == TRANSACTION_BLOCK &&
	       pipeline_is_settled(&p->pipeline) && g->kept.count == 0 &&
	       !g->skips_to_sync && p->from_client.pass_left == 0 &&
	       !p->from_client.is_eof && !p->is_terminating;
}

/* True if somebody could be kept waiting at the gate. */
static bool
guarded_has_company(const struct guarded *g)
{
	return atomic_load(&g->pair->daemon->connections) > 1;
}

static bool
exchange_begin_to_shut(struct guarded *g)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	g->lease.late_ms = 0;
	x->errand = ERRAND_SHUT;
	exchange_begin(x, g);
	return true;
}

void
exchange_begin_shut(struct guarded *g)
{
	struct lease *l = &g->lease;
	uint64_t now_ms = clock_now_ms();

	if (now_ms >= l->keep_until_ms)
		l->late_ms = 0;
	if (l->late_ms == 0)
		return;
	if (l->late_ms > now_ms)
		pair_set_timer(g->pair, l->late_ms - now_ms);
	else if (!guarded_has_company(g) || !guarded_can_be_asked(g) ||
		 !exchange_begin_to_shut(g))
		pair_set_timer(g->pair, AGAIN_MS);
}

void
exchange_add_own_names(struct exchange *x)
{
	const struct guarded *g = x->guarded;

	if (g->lease.late_ms != 0 && guarded_has_company(g))
		batch_add_own_names(&x->batch);
}

/* A transaction that keeps nothing with a name needs no gate. */
void
exchange_take_own_names(struct exchange *x)
{
	struct gate_names *names = &x->batch.names;

	if (x->batch.is_odd || names->count == 0)
		return;
	gate_names_seal(names);
	lease_keep_rest(&x->guarded->lease, names);
}

void
exchange_send_own_names(struct exchange *x)
{
	struct batch *b = &x->batch;

	x->context = CONTEXT_BLOCK;
	/* A cancel that comes now is for nothing: the server was idle. */
	pair_set_held(x->pair, true);
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

static void
exchange_log_lost(const struct exchange *x)
{
	struct log_event e;

	log_begin(&e, LOG_WARNING,
		  "a transaction has failed by a question for the gate");
	log_number(&e, "session", x->pair->id);
	log_text(&e, "sqlstate", x->batch.sqlstate);
	log_end(&e);
}

void
exchange_end_shut(struct exchange *x)
{
	if (batch_has_error(&x->batch))
		exchange_log_lost(x);
	pair_set_held(x->pair, false);
	exchange_enter(x, EXCHANGE_DONE);
}

void
exchange_own_named(struct exchange *x)
{
	if (batch_has_error(&x->batch)) {
		exchange_undo_question(x);
		return;
	}
	exchange_take_own_names(x);
	exchange_end_shut(x);
}

/*
 * exchange_snapshot.c - the one guarded statement that a plan may come too
 * early for.
 *
 * A transaction at REPEATABLE READ or above reads by its first snapshot, which
 * a LOCK TABLE does not take: who locks first sees all that was committed until
 * then.  Our plan would take that snapshot before, and so would an attempt in
 * the block of ours that a text without BEGIN runs in.  So where such a
 * statement may be the first, the isolation level is asked for by SHOW, which
 * takes none, and at those levels the statement runs as if without us.
 */
#include <string.h>

#include "policy/catalog/session_facts.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

static const char why[] =
    "a plan would take the transaction's snapshot before LOCK TABLE";

bool
exchange_fears_snapshot(const struct exchange *x)
{
	return !x->knows_isolation &&
	       strcmp(x->log.statement, "LOCK TABLE") == 0;
}

void
exchange_ask_isolation(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_ISOLATING);
	batch_add_isolation(&x->batch);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

void
exchange_know_isolation(struct exchange *x)
{
	x->knows_isolation = true;
	if (batch_has_error(&x->batch)) {
		exchange_fail(x);
	} else if (x->batch.keeps_snapshot) {
		guard_log_because(&x->log, why);
		exchange_act(x, guard_plan_failed(&x->guard));
	} else {
		exchange_act(x, guard_step(&x->guard));
	}
}

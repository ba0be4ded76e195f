/*
 * exchange_glance.c - ahead of a plan: whether the statement may run at once.
 *
 * A plan costs the server more than most of the statements that are guarded,
 * and mostly nobody is in their way.  So one that is brief runs on trial first,
 * waits for no lock to speak of, and is planned where that has ended it.  Not
 * so where the plan says more than which locks to take: a rule looks at the
 * tables, the gates of a fleet are to stay shut behind the statement, or the
 * transaction went on to lock more when it last began so.  And one that the
 * setting `guard` spares needs no plan to be told so.  Where the transaction
 * keeps the locks for a while, exchange_shut.c shuts the gate.
 *
 * The question runs in a transaction of ours, or below a savepoint, that is
 * taken back: so are settings by which it costs what it costs by default.
 */
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

enum {
	/* More are long to lock one after the other. */
	TARGETS_MAX = 100,
};

/*
 * True if others are to wait at the gates of a fleet behind the statement, from
 * its beginning: they are many there, and would queue for it in the server with
 * what the transaction wants next.
 */
static bool
exchange_gates_fleet(const struct exchange *x, const struct guard_settings *s)
{
	return x->context == CONTEXT_BLOCK && x->pair->daemon->fleet != NULL &&
	       guard_uses_gate(s) && s->gate_transaction_ms > 0;
}

static bool
exchange_is_brief(const struct exchange *x)
{
	size_t count;
	const struct statement *s = exchange_statements(x, &count);
	size_t targets = 0;

	for (size_t i = 0; i < count; i++) {
		if (s[i].tag != NULL && !s[i].is_brief)
			return false;
		targets += s[i].target_count;
	}
	return targets > 0 && targets <= TARGETS_MAX;
}

/* True if there is a statement, and it is prepared for the first time. */
static bool
exchange_is_fresh(const struct exchange *x)
{
	return x->errand == ERRAND_STATEMENT && !x->is_canceled &&
	       !x->steps.is_under_way && x->steps.begun_ms == 0 &&
	       x->replay.count == 0 && x->replay.why[0] == '\0';
}

/* True if the statement could run at once, as things are. */
static bool
exchange_could_run(const struct exchange *x)
{
	return exchange_is_brief(x) && exchange_can_try(x) &&
	       !exchange_gates_fleet(x, &pair_config(x->pair)->guard);
}

bool
exchange_may_glance(const struct exchange *x)
{
	const struct config *c = pair_config(x->pair);

	return rules_allow_optimism(c->rules, c->rule_count, &c->guard) &&
	       x->context != CONTEXT_TAIL && exchange_is_fresh(x) &&
	       !exchange_fears_snapshot(x) &&
	       (c->guard.scope < exchange_least_scope(x) ||
		exchange_could_run(x));
}

/* Add what takes all of it back.  A savepoint stays for the run. */
static void
exchange_end_glance(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (x->context != CONTEXT_BLOCK) {
		batch_end_with(b, "ROLLBACK");
	} else if (x->may_run_at_once) {
		batch_end_with(b, SAVEPOINT_UNDO);
	} else {
		batch_add_command(b, SAVEPOINT_UNDO);
		batch_end_with(b, SAVEPOINT_RELEASE);
	}
}

void
exchange_send_glance(struct exchange *x)
{
	struct batch *b = &x->batch;
	size_t count;
	const struct statement *s = exchange_statements(x, &count);

	x->may_run_at_once = exchange_could_run(x);
	exchange_begin_batch(x, EXCHANGE_GLANCING);
	if (x->context != CONTEXT_BLOCK)
		batch_add_command(b, "BEGIN");
	exchange_add_savepoint(x);
	batch_add_command(b, "SET LOCAL statement_timeout TO 0");
	batch_add_command(b, "SET LOCAL jit TO off");
	batch_add_glance(b, s, count);
	batch_add_overrides(b);
	exchange_end_glance(x);
	(void)batch_send(b, true);
}

/* True if the settings let the statement run without a plan.  Policy hold
 * queues for nothing, be it for a moment. */
static bool
exchange_is_optimistic(const struct exchange *x)
{
	const struct guard_settings *s = &x->settings;

	return s->steps != GUARD_STEPS_ON &&
	       (s->policy == GUARD_POLICY_AUTO ||
		s->policy == GUARD_POLICY_LOCK) &&
	       !exchange_gates_fleet(x, s);
}

/* A wait that is less than half of deadlock_timeout brings no deadlock. */
static bool
exchange_is_safe(const struct exchange *x)
{
	const struct glance *g = &x->batch.glance;

	return g->is_plain && g->deadlock_timeout_ms > 2 * GUARD_FIRST_BOUND_MS;
}

/* The use of what the batch has found. */
static enum guard_sight
exchange_sight(struct exchange *x)
{
	const struct batch *b = &x->batch;

	if (batch_has_error(b) || b->is_odd || !b->has_glance ||
	    !exchange_choose_settings(x) || !x->settings.is_optimistic)
		return GUARD_SEES_NOTHING;
	if (x->settings.scope < exchange_least_scope(x))
		return GUARD_SEES_SPARED;
	return x->may_run_at_once && exchange_is_safe(x) &&
		       exchange_is_optimistic(x) &&
		       exchange_begin_first_trail(x)
		   ? GUARD_SEES_CLEAR
		   : GUARD_SEES_NOTHING;
}

void
exchange_glanced(struct exchange *x)
{
	bool has_error = batch_has_error(&x->batch);
	struct guard_step step;

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	x->has_savepoint =
	    x->has_savepoint && (has_error || x->may_run_at_once);
	x->glance = x->batch.glance;
	step = guard_glanced(&x->guard, &x->settings, exchange_sight(x));
	if (has_error)
		exchange_send_undo(x);
	else
		exchange_act(x, step);
}

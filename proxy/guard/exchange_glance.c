/*
 * exchange_glance.c - ahead of a plan: whether the statement may run at once.
 *
 * A plan costs the server more than most of the statements that are guarded,
 * and mostly nobody is in their way.  So one that is brief runs on trial first,
 * waits for no lock to speak of, and is planned where that has ended it.  Not
 * so where the plan says more than which locks to take: a rule looks at the
 * tables, the gate is to stay shut behind the statement for others, or the
 * transaction went on to lock more when it last began so.
 *
 * The question runs in a transaction of ours, or below a savepoint, that is
 * taken back: so are settings by which it costs what it costs by default.
 */
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

/* True if nobody else could be kept waiting at a gate. */
static bool
exchange_is_lonely(const struct exchange *x)
{
	const struct daemon *d = x->pair->daemon;

	return d->fleet == NULL && atomic_load(&d->connections) == 1;
}

/* True if the gate would stay shut for others behind the statement. */
static bool
exchange_gates_others(const struct exchange *x, const struct guard_settings *s)
{
	return x->context == CONTEXT_BLOCK && guard_uses_gate(s) &&
	       s->gate_transaction_ms > 0 && !exchange_is_lonely(x);
}

static bool
exchange_is_brief(const struct exchange *x)
{
	size_t count;
	const struct statement *s = exchange_statements(x, &count);

	for (size_t i = 0; i < count; i++)
		if (s[i].tag != NULL && !s[i].is_brief)
			return false;
	return count > 0;
}

/* True if the statement is prepared for the first time. */
static bool
exchange_is_fresh(const struct exchange *x)
{
	return !x->steps.is_under_way && x->steps.begun_ms == 0 &&
	       x->replay.count == 0 && x->replay.why[0] == '\0';
}

bool
exchange_may_glance(const struct exchange *x)
{
	const struct config *c = pair_config(x->pair);

	return rules_allow_optimism(c->rules, c->rule_count, &c->guard) &&
	       x->context != CONTEXT_TAIL && exchange_is_fresh(x) &&
	       exchange_is_brief(x) && exchange_can_try(x) &&
	       !exchange_fears_snapshot(x) &&
	       !exchange_gates_others(x, &c->guard);
}

static bool
exchange_truncates(const struct exchange *x)
{
	size_t count;
	const struct statement *s = exchange_statements(x, &count);

	for (size_t i = 0; i < count; i++)
		if (s[i].target_count > 0 &&
		    s[i].targets[0].kind == TARGET_TRUNCATE)
			return true;
	return false;
}

void
exchange_send_glance(struct exchange *x)
{
	bool in_block = x->context == CONTEXT_BLOCK;
	struct batch *b = &x->batch;

	exchange_begin_batch(x, EXCHANGE_GLANCING);
	if (!in_block)
		batch_add_command(b, "BEGIN");
	exchange_add_savepoint(x);
	batch_add_command(b, "SET LOCAL jit TO off");
	batch_add_command(b, "SET LOCAL statement_timeout TO 0");
	batch_add_glance(b, exchange_truncates(x));
	batch_add_overrides(b);
	batch_end_with(b, in_block ? SAVEPOINT_UNDO : "ROLLBACK");
	(void)batch_send(b, true);
}

/* True if the settings let the statement run without a plan.  Policy hold queues
 * for nothing, be it for a moment. */
static bool
exchange_is_optimistic(const struct exchange *x)
{
	const struct guard_settings *s = &x->settings;

	return s->is_optimistic && s->steps != GUARD_STEPS_ON &&
	       (s->policy == GUARD_POLICY_AUTO ||
		s->policy == GUARD_POLICY_LOCK) &&
	       s->scope >= exchange_least_scope(x) &&
	       !exchange_gates_others(x, s);
}

/* A wait that is less than half of deadlock_timeout brings no deadlock. */
static bool
exchange_is_safe(const struct exchange *x)
{
	const struct glance *g = &x->batch.glance;

	return g->is_plain && g->deadlock_timeout_ms > 2 * GUARD_FIRST_BOUND_MS;
}

void
exchange_glanced(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct guard_step step;
	bool may_run;

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	x->glance = b->glance;
	may_run = b->has_glance && !batch_has_error(b) && !b->is_odd &&
		  exchange_is_safe(x) && exchange_choose_settings(x) &&
		  exchange_is_optimistic(x) && exchange_begin_first_trail(x);
	step = guard_glanced(&x->guard, &x->settings, may_run);
	if (batch_has_error(b))
		exchange_send_undo(x);
	else
		exchange_act(x, step);
}

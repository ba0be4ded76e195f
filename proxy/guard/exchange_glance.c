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
 * Questions that read tables run in a transaction of ours, or below a
 * savepoint, that is taken back: so are their locks on catalogs, and settings
 * by which they cost what they cost by default.
 *
 * A round trip can cost more than the statement.  So a session is asked once,
 * and from then on shorter questions go with the statement: they fail where
 * things are not as they were, and then the server does not come to it.
 */
#include <string.h>

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
exchange_add_shield(struct exchange *x)
{
	if (x->context != CONTEXT_BLOCK)
		batch_add_command(&x->batch, "BEGIN");
	exchange_add_savepoint(x);
}

/* Ask, and wait for the answer. */
static void
exchange_ask_glance(struct exchange *x)
{
	struct batch *b = &x->batch;
	size_t count;
	const struct statement *s = exchange_statements(x, &count);

	exchange_begin_batch(x, EXCHANGE_GLANCING);
	exchange_add_shield(x);
	batch_add_command(b, "SET LOCAL statement_timeout TO 0");
	batch_add_command(b, "SET LOCAL jit TO off");
	batch_add_glance(b, s, count);
	batch_add_overrides(b);
	exchange_end_glance(x);
	(void)batch_send(b, true);
}

/* The use of what the last glance of the session has found. */
static enum guard_sight
exchange_assume(struct exchange *x)
{
	const struct assumption *a = x->guarded->assumption;
	struct batch *b = &x->batch;

	if (a == NULL)
		return GUARD_SEES_NOTHING;
	batch_begin(b, x->guarded, guard_set(&x->guard));
	b->has_glance = true;
	b->glance = a->glance;
	memcpy(b->overrides.application_name, a->application_name,
	       sizeof(b->overrides.application_name));
	x->glance = a->glance;
	return exchange_sight(x);
}

/* True if the rules choose the same settings for each of the statements, and
 * none runs a function of a user's, which could set others for the next one. */
static bool
exchange_is_uniform(const struct statement_list *list, const struct glance *g)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].tag == NULL || !list->items[i].is_brief ||
		    strcmp(list->items[i].tag, list->items[0].tag) != 0)
			return false;
	return g->is_plain &&
	       glance_kind_of(list->items, list->count) == GLANCE_PLAINLY;
}

/* True if a text can be sent whole where the setting `guard` spares its first
 * statement: it then spares all of them. */
static bool
exchange_spares_text(const struct exchange *x)
{
	if (!exchange_is_query(x) || x->query.piece > 0)
		return false;
	return !query_has_more(&x->query) ||
	       exchange_is_uniform(&x->query.list, &x->glance);
}

void
exchange_send_glance(struct exchange *x)
{
	enum guard_sight sight;

	x->may_run_at_once = exchange_could_run(x);
	sight = exchange_assume(x);
	x->is_assumed = sight == GUARD_SEES_CLEAR ||
			(sight == GUARD_SEES_SPARED && exchange_spares_text(x));
	if (!x->is_assumed) {
		x->has_warned = false;
		exchange_ask_glance(x);
	} else if (sight == GUARD_SEES_CLEAR) {
		exchange_act(x, guard_glanced(&x->guard, &x->settings, sight));
	} else {
		exchange_send_piece(x);
	}
}

/* Ask about the names, where they are not known to be plain. */
static void
exchange_add_names(struct exchange *x)
{
	struct batch *b = &x->batch;
	size_t count;
	const struct statement *s = exchange_statements(x, &count);

	if (!glance_asks_names(&x->glance, glance_kind_of(s, count)))
		return;
	x->owes_rollback = x->context == CONTEXT_IDLE;
	exchange_add_shield(x);
	batch_add_command(b, "SET LOCAL jit TO off");
	batch_add_glance_names(b, s, count);
	batch_add_command(b, x->has_savepoint ? SAVEPOINT_UNDO : "ROLLBACK");
}

/* The session's statement_timeout counts, as for the statement itself: no
 * deadline of ours does while that is under way. */
void
exchange_add_assumed(struct exchange *x, char *lock_timeout)
{
	exchange_add_names(x);
	if (x->context == CONTEXT_BLOCK || exchange_is_query(x))
		exchange_add_shield(x);
	batch_add_as_before(&x->batch, x->guarded->assumption, lock_timeout);
}

void
exchange_send_assumed(struct exchange *x)
{
	struct assumption *a = x->guarded->assumption;
	struct batch *b = &x->batch;

	/* A cancel that strikes the question is for the statement, too. */
	pair_set_held(x->pair, true);
	batch_begin(b, x->guarded, NULL);
	exchange_add_shield(x);
	if (query_has_more(&x->query))
		batch_add_as_before(b, a, a->glance.lock_timeout);
	else
		batch_add_unset(b, a);
	batch_add_command(b, x->has_savepoint ? SAVEPOINT_RELEASE : "ROLLBACK");
	(void)batch_send(b, false);
	query_leave_whole(&x->query);
}

void
exchange_end_assumption(struct exchange *x, bool did_hold)
{
	x->owes_rollback = x->owes_rollback && !did_hold;
	if (x->is_assumed && !did_hold) {
		x->has_warned = false;
		assumption_drop(&x->guarded->assumption);
	}
	x->is_assumed = false;
}

bool
exchange_was_as_assumed(struct exchange *x)
{
	bool did_hold = !batch_has_error(&x->batch);

	if (!x->is_assumed)
		return true;
	exchange_end_assumption(x, did_hold);
	(void)guard_glanced(&x->guard, &x->settings,
			    did_hold ? GUARD_SEES_SPARED : GUARD_SEES_NOTHING);
	x->has_savepoint = x->has_savepoint && !did_hold;
	pair_set_held(x->pair, !did_hold);
	if (did_hold)
		return true;
	x->log.run_ms = 0;
	recording_end(&x->guarded->recording, "a statement was not sent");
	/* The query was left whole. */
	if (!query_cut(&x->query, x->context == CONTEXT_BLOCK))
		pair_close(x->pair, CLOSE_MEMORY, NULL);
	else if (exchange_has_lost(x))
		exchange_fail(x);
	else
		exchange_send_undo(x);
	return false;
}

void
exchange_glanced(struct exchange *x)
{
	bool has_error = batch_has_error(&x->batch);
	enum guard_sight sight;
	struct guard_step step;

	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	x->has_savepoint =
	    x->has_savepoint && (has_error || x->may_run_at_once);
	x->glance = x->batch.glance;
	sight = exchange_sight(x);
	step = guard_glanced(&x->guard, &x->settings, sight);
	if (sight != GUARD_SEES_NOTHING)
		assumption_note(&x->guarded->assumption, &x->batch.overrides,
				&x->glance);
	if (sight == GUARD_SEES_SPARED && exchange_spares_text(x))
		query_leave_whole(&x->query);
	if (has_error)
		exchange_send_undo(x);
	else
		exchange_act(x, step);
}

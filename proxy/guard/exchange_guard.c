/*
 * exchange_guard.c - what policy/guard decides, done on the client's own
 * server connection: plan, look, attempt, wait, refuse.
 */
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/gate/turns.h"
#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"
#include "proxy/guard/habits.h"

enum {
	FIRST_NOTICE_MS = 1000,
};

/* All statements of the message, borrowed. */
static const struct statement_list *
exchange_text(const struct exchange *x)
{
	if (x->steps.is_under_way)
		return &x->steps.list;
	return exchange_is_query(x) ? &x->query.list : &x->facts->list;
}

const struct statement *
exchange_statements(const struct exchange *x, size_t *count)
{
	if (x->errand != ERRAND_STATEMENT) {
		*count = 0;
		return NULL;
	}
	if (exchange_is_query(x) && !x->steps.is_under_way)
		return query_statements(&x->query, count);
	*count = exchange_text(x)->count;
	return exchange_text(x)->items;
}

static const char *
exchange_tag(const struct exchange *x)
{
	size_t count;
	const struct statement *s = exchange_statements(x, &count);
	size_t i;

	if (x->steps.is_under_way)
		return x->log.statement;
	for (i = 0; i < count; i++)
		if (s[i].tag != NULL)
			return s[i].tag;
	return "";
}

/* Questions to the server */

void
exchange_add_plan(struct exchange *x)
{
	const struct replay *r = &x->replay;
	size_t count = r->all_count;
	const struct statement *statements =
	    r->all != NULL ? r->all : exchange_statements(x, &count);

	batch_add_plan(&x->batch, statements, count, x->asks_all);
}

bool
exchange_may_sync(const struct exchange *x)
{
	return x->context != CONTEXT_TAIL;
}

void
exchange_add_savepoint(struct exchange *x)
{
	if (x->context != CONTEXT_BLOCK || x->has_savepoint)
		return;
	batch_add_command(&x->batch, SAVEPOINT_SET);
	x->has_savepoint = true;
}

/* In a block the savepoint goes with the batch that it shields: often nothing
 * else is asked. */
static void
exchange_send_plan(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_PLANNING);
	exchange_add_savepoint(x);
	batch_add_plain(&x->batch, x->context != CONTEXT_IDLE);
	batch_add_facts(&x->batch, x->context != CONTEXT_IDLE);
	batch_add_overrides(&x->batch);
	exchange_add_plan(x);
	exchange_add_own_names(x);
	if (x->has_savepoint)
		batch_end_with(&x->batch, SAVEPOINT_RELEASE);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

/* The rest of the answers is there, the lock set is not. */
static void
exchange_ask_all(struct exchange *x)
{
	struct batch *b = &x->batch;

	x->asks_all = true;
	exchange_begin_more(x, EXCHANGE_PLANNING);
	exchange_add_savepoint(x);
	if (b->has_own_settings)
		batch_add_plain(b, x->context != CONTEXT_IDLE);
	exchange_add_plan(x);
	if (x->has_savepoint)
		batch_end_with(b, SAVEPOINT_RELEASE);
	(void)batch_send(b, exchange_may_sync(x));
}

/* As the plan has found them, settings of the session's are set aside. */
void
exchange_begin_question(struct exchange *x, enum exchange_phase phase)
{
	exchange_begin_batch(x, phase);
	exchange_add_savepoint(x);
	if (x->has_own_settings)
		batch_add_plain(&x->batch, x->context != CONTEXT_IDLE);
}

static void
exchange_send_names(struct exchange *x)
{
	exchange_begin_question(x, EXCHANGE_NAMING);
	batch_add_names(&x->batch);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

static void
exchange_send_coax(struct exchange *x, const struct guard_step *step)
{
	exchange_history_coax(x, step->coax_index);
	exchange_begin_question(x, EXCHANGE_COAXING);
	batch_add_coax(&x->batch, step->coax_index, step->coax_bound_ms);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

/* The guard's actions */

static void
exchange_release_savepoint(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_UNDOING);
	batch_add_command(&x->batch, SAVEPOINT_RELEASE);
	x->has_savepoint = false;
	(void)batch_send(&x->batch, true);
}

/* Try first what helped last with these tables. */
static struct guard_step
exchange_follow_habit(struct exchange *x)
{
	struct guard_habit habit;

	x->habit_key = habits_key(x->pair->database, guard_set_hash(&x->guard));
	habit = habits_recall(x->pair->daemon->habits, x->habit_key);
	return guard_follow(&x->guard, &habit);
}

static void
exchange_note_habit(const struct exchange *x)
{
	struct guard_habit habit = guard_habit(&x->guard);

	habits_note(x->pair->daemon->habits, x->habit_key, &habit);
}

void
exchange_keep_gate(struct exchange *x)
{
	enum guard_outcome outcome = guard_step(&x->guard).outcome;

	if (guard_outcome_locks(outcome) && x->context != CONTEXT_IDLE)
		lease_note_locks(&x->guarded->lease);
	if (outcome == GUARD_UNOPPOSED)
		exchange_shut_late(x);
	if (!guard_outcome_holds(outcome))
		return;
	exchange_note_habit(x);
	if (guard_gate_lasts(&x->guard))
		lease_keep(&x->guarded->lease, &x->names,
			   x->settings.gate_transaction_ms);
}

static void
exchange_run_guarded(struct exchange *x)
{
	if (exchange_step_at_last(x))
		return;
	exchange_keep_gate(x);
	if (x->has_savepoint)
		exchange_release_savepoint(x);
	else
		exchange_run(x);
}

static void
exchange_ask_for_turn(struct exchange *x)
{
	struct turn_claim claim = {
	    .set = guard_set(&x->guard),
	    .is_impatient = guard_step(&x->guard).is_impatient,
	};
	uint32_t allowance_ms = 0;
	struct rival rival;
	bool is_taken;

	memcpy(claim.who.application_name, x->application_name,
	       sizeof(x->application_name));
	is_taken =
	    lease_take_turn(&x->guarded->lease, &claim, &allowance_ms, &rival);
	if (!is_taken)
		exchange_history_denied(x, &rival);
	exchange_act(x, guard_turned(&x->guard, is_taken ? NULL : &rival,
				     allowance_ms, clock_now_ms()));
}

/* The lease keeps nothing that the guard does not want kept any longer. */
static void
exchange_give_back(struct exchange *x, enum guard_keeps keeps)
{
	if (keeps != GUARD_KEEPS_GATE) {
		exchange_history_opened(x);
		lease_open(&x->guarded->lease);
	}
	if (keeps == GUARD_KEEPS_NOTHING)
		lease_give_turn(&x->guarded->lease);
}

void
exchange_act(struct exchange *x, struct guard_step step)
{
	/* The client may have broken while it was told something. */
	if (pair_is_closing(x->pair))
		return;
	if (x->is_canceled && step.action != GUARD_REFUSE)
		step = guard_cancel(&x->guard);
	if (x->is_released && step.action == GUARD_WAIT)
		step = guard_release(&x->guard, clock_now_ms());
	if (log_wants(LOG_TRACE))
		exchange_trace_step(x, &step);
	exchange_give_back(x, step.keeps);
	switch (step.action) {
	case GUARD_IDLE:
		break;
	case GUARD_GLANCE:
		exchange_send_glance(x);
		break;
	case GUARD_PLAN:
		if (exchange_fears_snapshot(x))
			exchange_ask_isolation(x);
		else
			exchange_send_plan(x);
		break;
	case GUARD_HOLDERS:
		exchange_look(x);
		break;
	case GUARD_TURN:
		exchange_ask_for_turn(x);
		break;
	case GUARD_SHUT:
		exchange_send_names(x);
		break;
	case GUARD_TRY:
		if (x->steps.is_under_way)
			exchange_try_step(x, &step);
		else
			exchange_send_trial(x, &step);
		break;
	case GUARD_COAX:
		exchange_send_coax(x, &step);
		break;
	case GUARD_ATTEMPT:
		exchange_send_attempt(x, &step);
		break;
	case GUARD_WAIT:
		exchange_wait(x);
		break;
	case GUARD_RUN:
		exchange_run_guarded(x);
		break;
	case GUARD_REFUSE:
		if (!exchange_step_at_last(x) && !exchange_replay(x))
			exchange_refuse(x);
		break;
	}
}

/* When the statement began: it may begin anew, for its keys or a replay. */
static uint64_t
exchange_begun_ms(const struct exchange *x, uint64_t now_ms)
{
	if (x->steps.begun_ms > 0)
		return x->steps.begun_ms;
	return x->replay.count > 0 ? x->replay.begun_ms : now_ms;
}

void
exchange_protect(struct exchange *x, enum exchange_context context)
{
	const struct config *config = pair_config(x->pair);
	uint64_t now_ms = clock_now_ms();
	uint64_t seed = now_ms ^ x->pair->id << 20 ^ (uintptr_t)x;
	bool in_transaction = context != CONTEXT_IDLE;
	struct guard_step step;

	x->context = context;
	x->is_noticing = false;
	x->knows_isolation = false;
	x->asks_all = false;
	x->keeps_nothing = false;
	x->has_warned = false;
	x->looked_ms = 0;
	x->notice_ms = now_ms + FIRST_NOTICE_MS;
	x->log = (struct guard_log){
	    .statement = exchange_tag(x),
	    .trace = exchange_trace(x),
	    .begun_ms = exchange_begun_ms(x, now_ms),
	    .steps = steps_gone(&x->steps),
	};
	exchange_history_begin(x);
	x->guarded->lease.delayed = 0;
	pair_set_held(x->pair, true);
	step = exchange_may_glance(x)
		   ? guard_begin_to_glance(&x->guard, &config->guard,
					   in_transaction, now_ms, seed)
		   : guard_begin(&x->guard, &config->guard, in_transaction,
				 now_ms, seed);
	exchange_act(x, step);
}

/* Answers to the questions */

bool
exchange_has_lost(const struct exchange *x)
{
	return batch_has_error(&x->batch) &&
	       (x->context == CONTEXT_TAIL ||
		strcmp(x->batch.sqlstate, SQLSTATE_CANCELED) == 0);
}

/* A question of ours failed: the statement runs as if without us. */
static void
exchange_give_up(struct exchange *x)
{
	struct guard_step step = guard_plan_failed(&x->guard);

	guard_log_why(&x->log, exchange_error(x));
	if (batch_has_error(&x->batch) && x->context == CONTEXT_BLOCK)
		exchange_send_undo(x);
	else
		exchange_act(x, step);
}

enum guard_scope
exchange_least_scope(const struct exchange *x)
{
	bool is_behind =
	    lease_is_held(&x->guarded->lease) || x->replay.count > 0;
	enum guard_scope least =
	    is_behind ? GUARD_SCOPE_DROPS : GUARD_SCOPE_BEHIND;
	const struct statement_list *list = exchange_text(x);
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->items[i].tag != NULL && list->items[i].scope < least)
			least = list->items[i].scope;
	return least;
}

/* True if the statement's transaction may take locks that no plan tells of: it
 * is not the only one of its message, or is a block of code.  And true if keys
 * that have gone before it are why its set is small. */
static bool
exchange_is_in_company(const struct exchange *x)
{
	return exchange_text(x)->count > 1 || x->log.steps > 0 ||
	       strcmp(x->log.statement, "DO") == 0;
}

bool
exchange_is_cut_short(struct exchange *x)
{
	if (exchange_has_lost(x))
		exchange_fail(x);
	else if (batch_has_error(&x->batch) || x->batch.is_odd)
		exchange_give_up(x);
	else
		return false;
	return true;
}

static void
exchange_planned(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct guard_step step;

	x->has_savepoint = x->has_savepoint && batch_has_error(b);
	if (exchange_is_cut_short(x))
		return;
	exchange_take_own_names(x);
	if (b->is_too_small) {
		exchange_ask_all(x);
		return;
	}
	x->has_own_settings = b->has_own_settings;
	x->snapshot = b->facts.snapshot;
	/* A key goes under those of the statement. */
	if (!b->has_facts ||
	    (!x->steps.is_under_way && !exchange_choose_settings(x))) {
		exchange_give_up(x);
		return;
	}
	exchange_fit_replay(x);
	exchange_fit_steps(x);
	held_clear(&x->held);
	x->held = b->held;
	memset(&b->held, 0, sizeof(b->held));
	held_subtract(&x->held, &b->planned);
	if (exchange_is_in_company(x))
		guard_expect_more(&x->guard);
	if (exchange_is_unknown(x))
		guard_expect_unknown(&x->guard);
	if (exchange_can_try(x) && !b->facts.has_start_trigger)
		guard_allow_trials(&x->guard);
	exchange_learn(x);
	step = guard_planned(&x->guard, &x->settings, exchange_least_scope(x),
			     &b->facts, &b->planned, clock_now_ms());
	exchange_history_planned(x);
	if (step.outcome == GUARD_PENDING)
		step = exchange_follow_habit(x);
	if (!exchange_list_keys(x, &step) && !exchange_recall(x, &step))
		exchange_act(x, step);
}

void
exchange_seal_names(struct exchange *x)
{
	struct gate_names *names = &x->batch.names;

	gate_names_seal(names);
	names->counts_near = guard_counts_near(&x->guard);
}

static void
exchange_named(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct guard_step step;

	if (exchange_is_cut_short(x))
		return;
	step = guard_shut(&x->guard, clock_now_ms());
	exchange_seal_names(x);
	if (step.keeps == GUARD_KEEPS_GATE) {
		exchange_history_shut(x, step.gate_until_ms);
		lease_shut(&x->guarded->lease, &b->names, step.gate_until_ms);
	}
	exchange_act(x, step);
}

static void
exchange_coaxed(struct exchange *x)
{
	if (exchange_has_lost(x))
		exchange_fail(x);
	else if (batch_has_error(&x->batch))
		exchange_give_up(x);
	else
		exchange_act(x, guard_coaxed(&x->guard, clock_now_ms()));
}

static void
exchange_undone(struct exchange *x)
{
	if (x->errand == ERRAND_SHUT) {
		exchange_end_shut(x);
	} else if (x->is_unsound) {
		exchange_leave_alone(x);
	} else if (x->is_failing) {
		exchange_deliver_error(x);
	} else if (batch_has_error(&x->batch)) {
		exchange_fail(x);
	} else if (x->steps.is_to_undo) {
		exchange_step_undone(x);
	} else {
		trial_clear(&x->trial);
		exchange_act(x, guard_step(&x->guard));
	}
}

void
exchange_guard_step(struct exchange *x)
{
	switch (x->phase) {
	case EXCHANGE_ISOLATING:
		exchange_know_isolation(x);
		break;
	case EXCHANGE_GLANCING:
		exchange_glanced(x);
		break;
	case EXCHANGE_PLANNING:
		exchange_planned(x);
		break;
	case EXCHANGE_RECALLING:
		exchange_recalled(x);
		break;
	case EXCHANGE_LISTING:
		exchange_listed(x);
		break;
	case EXCHANGE_STEPPING:
		exchange_stepped(x);
		break;
	case EXCHANGE_LOOKING:
		exchange_looked(x);
		break;
	case EXCHANGE_NAMING:
		exchange_named(x);
		break;
	case EXCHANGE_ATTEMPTING:
		exchange_attempted(x);
		break;
	case EXCHANGE_CHECKING:
		exchange_checked(x);
		break;
	case EXCHANGE_COAXING:
		exchange_coaxed(x);
		break;
	case EXCHANGE_UNDOING:
		exchange_undone(x);
		break;
	case EXCHANGE_REFUSING:
		exchange_failed(x);
		break;
	case EXCHANGE_JUDGING:
	case EXCHANGE_RESTARTING:
	case EXCHANGE_REPEATING:
	case EXCHANGE_ASKING:
	case EXCHANGE_SHUTTING:
	case EXCHANGE_WAITING:
	case EXCHANGE_FENCE:
	case EXCHANGE_PROBING:
	case EXCHANGE_OPENING:
	case EXCHANGE_TRYING:
	case EXCHANGE_RESTORING:
	case EXCHANGE_RUNNING:
	case EXCHANGE_COMMITTING:
	case EXCHANGE_OBSERVING:
	case EXCHANGE_DONE:
		break;
	}
}

void
exchange_guard_cancel(struct exchange *x)
{
	x->is_canceled = true;
	if (x->phase == EXCHANGE_WAITING)
		exchange_act(x, guard_cancel(&x->guard));
}

/*
 * exchange_guard.c - what policy/guard decides, done on the client's own
 * server connection: plan, look, attempt, wait, refuse.
 */
#include <string.h>

#include "proxy/guard/exchange_state.h"
#include "proxy/config/guard_settings.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/guarded.h"

enum {
	FIRST_NOTICE_MS = 1000,
	NEXT_NOTICE_MS = 10000,
};

static void act(struct exchange *x, struct guard_step step);

/* The statements to prepare for. */
static const struct statement *
statements_of(const struct exchange *x, size_t *count)
{
	if (x->is_of_gate) {
		*count = 0;
		return NULL;
	}
	if (exchange_is_query(x))
		return query_statements(&x->query, count);
	*count = x->facts->list.count;
	return x->facts->list.items;
}

static const char *
tag_of(const struct exchange *x)
{
	size_t count;
	const struct statement *s = statements_of(x, &count);
	size_t i;

	for (i = 0; i < count; i++)
		if (s[i].tag != NULL)
			return s[i].tag;
	return "";
}

/* What is asked of the server */

static void
add_plan(struct exchange *x)
{
	size_t count;
	const struct statement *statements = statements_of(x, &count);

	batch_add_plan(&x->batch, statements, count);
}

bool
exchange_may_sync(const struct exchange *x)
{
	return x->context != CONTEXT_TAIL;
}

static void
send_plan(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_PLANNING);
	if (x->context == CONTEXT_BLOCK && !x->has_savepoint) {
		batch_add_command(&x->batch, "SAVEPOINT _lockstep");
		x->has_savepoint = true;
	}
	batch_add_facts(&x->batch, x->context != CONTEXT_IDLE);
	batch_add_overrides(&x->batch);
	add_plan(x);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

static void
send_names(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_NAMING);
	batch_add_names(&x->batch);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

static void
send_coax(struct exchange *x, const struct guard_step *step)
{
	exchange_begin_batch(x, EXCHANGE_COAXING);
	batch_add_coax(&x->batch, step->coax_index, step->coax_bound_ms);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

static void
send_look(struct exchange *x, enum holders_of of)
{
	exchange_begin_batch(x, EXCHANGE_LOOKING);
	batch_add_look(&x->batch, of);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

/* The locks of an extended cycle must last until the client's own Sync. */
static bool
attempt_ends_cycle(const struct exchange *x)
{
	return x->context == CONTEXT_BLOCK ||
	       (x->context == CONTEXT_IDLE && exchange_is_query(x));
}

static void
send_attempt(struct exchange *x, const struct guard_step *step)
{
	struct attempt a = {
	    .set = guard_set(&x->guard),
	    .nowait = step->nowait,
	    .takes_turn = step->takes_turn,
	    .bound_ms = step->attempt_bound_ms,
	    .lock_timeout = guard_facts(&x->guard)->lock_timeout,
	};

	exchange_begin_batch(x, EXCHANGE_ATTEMPTING);
	if (x->context == CONTEXT_IDLE && exchange_is_query(x))
		batch_add_command(&x->batch, "BEGIN");
	batch_add_attempt(&x->batch, &a);
	/* A cycle of the client's cannot be taken back to a savepoint, so
	 * there to learn of a set that grew would help nobody. */
	if (x->context != CONTEXT_TAIL)
		add_plan(x);
	if (guard_gate_lasts(&x->guard))
		batch_add_names(&x->batch);
	(void)batch_send(&x->batch, attempt_ends_cycle(x));
}

void
exchange_send_undo(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_UNDOING);
	if (x->context == CONTEXT_BLOCK)
		batch_add_command(&x->batch, "ROLLBACK TO SAVEPOINT _lockstep");
	else if (exchange_is_query(x))
		batch_add_command(&x->batch, "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
wait(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t until_ms = guard_step(&x->guard).wake_ms;

	exchange_enter(x, EXCHANGE_WAITING);
	if (x->notice_ms < until_ms)
		until_ms = x->notice_ms;
	pair_set_timer(x->pair, until_ms > now_ms ? until_ms - now_ms : 0);
}

/* The guard's actions */

static void
release_savepoint(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_UNDOING);
	batch_add_command(&x->batch, "RELEASE SAVEPOINT _lockstep");
	x->has_savepoint = false;
	(void)batch_send(&x->batch, true);
}

static void
run(struct exchange *x, const struct guard_step *step)
{
	if (step->outcome == GUARD_PROTECTED && guard_gate_lasts(&x->guard))
		lease_keep(&x->guarded->lease, &x->names,
			   x->settings.gate_transaction_ms);
	if (x->has_savepoint)
		release_savepoint(x);
	else
		exchange_run(x);
}

static void
ask_for_turn(struct exchange *x)
{
	uint32_t allowance_ms = 0;
	bool granted = lease_take_turn(&x->guarded->lease, &allowance_ms);

	act(x, guard_turned(&x->guard, granted, allowance_ms, clock_now_ms()));
}

/* The lease keeps nothing that the guard does not want kept any longer. */
static void
give_back(struct exchange *x, enum guard_keeps keeps)
{
	if (keeps != GUARD_KEEPS_GATE)
		lease_open(&x->guarded->lease);
	if (keeps == GUARD_KEEPS_NOTHING)
		lease_give_turn(&x->guarded->lease);
}

static void
act(struct exchange *x, struct guard_step step)
{
	/* The client may have broken while it was told something. */
	if (pair_is_closing(x->pair))
		return;
	if (x->is_canceled && step.action != GUARD_REFUSE)
		step = guard_cancel(&x->guard);
	if (log_wants(LOG_TRACE))
		exchange_trace_step(x, &step);
	give_back(x, step.keeps);
	switch (step.action) {
	case GUARD_IDLE:
		break;
	case GUARD_PLAN:
		send_plan(x);
		break;
	case GUARD_HOLDERS:
		send_look(x, step.look_at);
		break;
	case GUARD_TURN:
		ask_for_turn(x);
		break;
	case GUARD_SHUT:
		send_names(x);
		break;
	case GUARD_COAX:
		send_coax(x, &step);
		break;
	case GUARD_ATTEMPT:
		send_attempt(x, &step);
		break;
	case GUARD_WAIT:
		wait(x);
		break;
	case GUARD_RUN:
		run(x, &step);
		break;
	case GUARD_REFUSE:
		exchange_refuse(x);
		break;
	}
}

void
exchange_protect(struct exchange *x, enum exchange_context context)
{
	const struct config *config = pair_config(x->pair);
	uint64_t now_ms = clock_now_ms();
	uint64_t seed = now_ms ^ x->pair->id << 20 ^ (uintptr_t)x;
	bool in_transaction = context != CONTEXT_IDLE;

	x->context = context;
	x->is_noticing = false;
	x->notice_ms = now_ms + FIRST_NOTICE_MS;
	x->log = (struct guard_log){
	    .statement = tag_of(x),
	    .begun_ms = now_ms,
	};
	x->guarded->lease.delayed = 0;
	pair_set_held(x->pair, true);
	act(x, guard_begin(&x->guard, &config->guard, in_transaction, now_ms,
			   seed));
}

/* Answers to what was asked */

/* The client's transaction is lost, or he (or his timeout) ended it. */
static bool
ends_statement(const struct exchange *x)
{
	return batch_has_error(&x->batch) &&
	       (x->context == CONTEXT_TAIL ||
		strcmp(x->batch.sqlstate, "57014") == 0);
}

/* A question of ours failed: the statement runs as if without us. */
static void
give_up(struct exchange *x)
{
	struct guard_step step = guard_plan_failed(&x->guard);

	if (batch_has_error(&x->batch) && x->context == CONTEXT_BLOCK)
		exchange_send_undo(x);
	else
		act(x, step);
}

/*
 * Of the statements that it is about, that of the one guarded soonest.  What
 * shares a transaction with a guarded statement waits while that one's locks
 * are held, as what shares its message does.
 */
static enum guard_scope
least_scope(const struct exchange *x)
{
	bool is_behind = lease_is_held(&x->guarded->lease);
	enum guard_scope least =
	    is_behind ? GUARD_SCOPE_DROPS : GUARD_SCOPE_DDL;
	size_t count;
	const struct statement *s = statements_of(x, &count);
	size_t i;

	for (i = 0; i < count; i++)
		if (s[i].tag != NULL && s[i].scope < least)
			least = s[i].scope;
	return least;
}

static void
warn(void *arg, const char *text)
{
	const struct exchange *x = arg;

	guard_log_warn(x->pair, text, x->batch.facts.wants_warnings);
}

/* False: out of memory; those of the file are in force then. */
static bool
choose_settings(struct exchange *x)
{
	struct pair *p = x->pair;
	bool is_again = guard_step(&x->guard).is_again;
	struct rule_subject subject = {
	    .database = p->database,
	    .user = p->user,
	    .application_name = x->batch.overrides.application_name,
	    .tag = x->log.statement,
	    .set = &x->batch.planned,
	};

	guard_settings_clear(&x->settings);
	/* Said once, however often it is planned. */
	return guard_settings_choose(&x->settings, pair_config(p), &subject,
				     &x->batch.overrides,
				     is_again ? NULL : warn, x);
}

static void
planned(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (ends_statement(x))
		exchange_fail(x);
	else if (batch_has_error(b) || b->is_odd || !b->has_facts ||
		 !choose_settings(x))
		give_up(x);
	else
		act(x, guard_planned(&x->guard, &x->settings, least_scope(x),
				     &b->facts, &b->planned, clock_now_ms()));
}

static void
resume_waiting(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();

	if (x->is_canceled)
		act(x, guard_cancel(&x->guard));
	else if (now_ms >= guard_step(&x->guard).wake_ms)
		act(x, guard_woken(&x->guard, now_ms));
	else
		wait(x);
}

static void
notify(struct exchange *x)
{
	x->is_noticing = false;
	guard_noticed(&x->guard, &x->batch.holders);
	if (guard_log_notify(&x->log, x->pair, &x->guard, clock_now_ms()))
		resume_waiting(x);
}

static void
looked(struct exchange *x)
{
	struct batch *b = &x->batch;
	uint32_t exchanges;

	if (ends_statement(x))
		exchange_fail(x);
	else if (batch_has_error(b) || b->is_odd)
		give_up(x);
	else if (x->is_noticing)
		notify(x);
	else {
		exchanges = atomic_load(&x->pair->daemon->exchanges);
		act(x, guard_looked(&x->guard, &b->holders, exchanges - 1,
				    clock_now_ms()));
	}
}

static void
named(struct exchange *x)
{
	struct batch *b = &x->batch;
	struct guard_step step;

	if (ends_statement(x)) {
		exchange_fail(x);
		return;
	}
	if (batch_has_error(b) || b->is_odd) {
		give_up(x);
		return;
	}
	step = guard_shut(&x->guard, clock_now_ms());
	gate_names_seal(&b->names);
	b->names.counts_near = guard_counts_near(&x->guard);
	if (step.keeps == GUARD_KEEPS_GATE)
		lease_shut(&x->guarded->lease, &b->names, step.gate_until_ms);
	act(x, step);
}

static void
coaxed(struct exchange *x)
{
	if (ends_statement(x))
		exchange_fail(x);
	else if (batch_has_error(&x->batch))
		give_up(x);
	else
		act(x, guard_coaxed(&x->guard, clock_now_ms()));
}

static enum attempt_result
attempt_result(const struct batch *b, const struct lock_set *set)
{
	if (batch_has_error(b) || b->is_odd || !b->has_attempt)
		return ATTEMPT_FAILED;
	if (b->attempt_index > set->count)
		return ATTEMPT_NO_TURN;
	return b->attempt_index == set->count ? ATTEMPT_GRANTED : ATTEMPT_BUSY;
}

/* A failed attempt has given its locks back; what else it left is undone. */
static bool
needs_undo(const struct exchange *x, enum attempt_result result)
{
	switch (x->context) {
	case CONTEXT_IDLE:
		return true;
	case CONTEXT_BLOCK:
		return result == ATTEMPT_GRANTED || result == ATTEMPT_FAILED;
	case CONTEXT_TAIL:
		break;
	}
	return false;
}

static void
attempted(struct exchange *x)
{
	struct batch *b = &x->batch;
	enum attempt_result result = attempt_result(b, guard_set(&x->guard));
	struct guard_step step;

	if (ends_statement(x)) {
		exchange_fail(x);
		return;
	}
	gate_names_clear(&x->names);
	gate_names_seal(&b->names);
	b->names.counts_near = guard_counts_near(&x->guard);
	x->names = b->names;
	memset(&b->names, 0, sizeof(b->names));
	step = guard_attempted(&x->guard, result, b->attempt_index, &b->planned,
			       clock_now_ms());
	if (x->is_canceled)
		step = guard_cancel(&x->guard);
	if (step.outcome == GUARD_PROTECTED || !needs_undo(x, result))
		act(x, step);
	else
		exchange_send_undo(x);
}

static void
undone(struct exchange *x)
{
	if (x->is_failing)
		exchange_deliver_error(x);
	else if (batch_has_error(&x->batch))
		exchange_fail(x);
	else
		act(x, guard_step(&x->guard));
}

void
exchange_guard_step(struct exchange *x)
{
	switch (x->phase) {
	case EXCHANGE_PLANNING:
		planned(x);
		break;
	case EXCHANGE_LOOKING:
		looked(x);
		break;
	case EXCHANGE_NAMING:
		named(x);
		break;
	case EXCHANGE_ATTEMPTING:
		attempted(x);
		break;
	case EXCHANGE_COAXING:
		coaxed(x);
		break;
	case EXCHANGE_UNDOING:
		undone(x);
		break;
	case EXCHANGE_REFUSING:
		if (x->is_failing)
			exchange_deliver_error(x);
		else
			exchange_refused(x);
		break;
	case EXCHANGE_WAITING:
	case EXCHANGE_FENCE:
	case EXCHANGE_RUNNING:
	case EXCHANGE_COMMITTING:
	case EXCHANGE_OBSERVING:
	case EXCHANGE_DONE:
		break;
	}
}

void
exchange_guard_timer(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();

	if (now_ms < x->notice_ms) {
		resume_waiting(x);
		return;
	}
	x->notice_ms = now_ms + NEXT_NOTICE_MS;
	x->is_noticing = true;
	send_look(x, HOLDERS_OF_ALL);
}

void
exchange_guard_cancel(struct exchange *x)
{
	x->is_canceled = true;
	if (x->phase == EXCHANGE_WAITING)
		act(x, guard_cancel(&x->guard));
}

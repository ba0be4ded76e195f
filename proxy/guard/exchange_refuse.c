/*
 * exchange_refuse.c - what has begun is undone; and an error in place of the
 * client's statement: ours, or the one that the server answered a statement of
 * ours with.
 */
#include <string.h>

#include "policy/catalog/attempt.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

void
exchange_end_skipping(struct exchange *x)
{
	if (x->pair->pipeline.skipping && exchange_may_sync(x))
		inject_sync(&x->batch.injection);
}

void
exchange_send_undo(struct exchange *x)
{
	/* An implicit transaction without an error: a Sync would commit it. */
	bool is_sound = trial_is_void(&x->trial) && !exchange_is_query(x) &&
			!x->pair->pipeline.skipping;
	bool has_block = exchange_is_query(x) || x->owes_rollback;

	exchange_begin_batch(x, EXCHANGE_UNDOING);
	/* Not for the Sync behind all of it alone. */
	if (x->context == CONTEXT_BLOCK || has_block ||
	    exchange_left_statements(x))
		exchange_end_skipping(x);
	if (x->context == CONTEXT_BLOCK)
		batch_add_command(&x->batch, SAVEPOINT_UNDO);
	else if (has_block || is_sound ||
		 exchange_status(x) != TRANSACTION_IDLE)
		batch_add_command(&x->batch, "ROLLBACK");
	x->owes_rollback = false;
	exchange_add_closes(x);
	(void)batch_send(&x->batch, true);
}

static void
exchange_finish_failed(struct exchange *x)
{
	x->guarded->trail.is_lost = true;
	/* Only the Sync of its cycle would be recorded. */
	recording_end(&x->guarded->recording, "a statement was refused");
	/* No guarded statement ends with a gate message, nor with our BEGIN. */
	if (x->errand == ERRAND_STATEMENT &&
	    guard_step(&x->guard).outcome != GUARD_PENDING)
		exchange_log(x);
	if (exchange_is_query(x)) {
		query_finish(&x->query);
	} else {
		guarded_forget_kept(x->guarded);
		x->guarded->skips_to_sync = true;
	}
	exchange_end(x);
}

/* The server's transaction, if one was open, has failed. */
static void
exchange_refused(struct exchange *x)
{
	x->log.left = x->steps.left;
	if (guard_log_refuse(&x->log, x->pair, &x->guard, clock_now_ms()))
		exchange_finish_failed(x);
}

static void
exchange_add_failure(struct exchange *x)
{
	bool is_deadlock = guard_step(&x->guard).outcome == GUARD_DEADLOCK;

	if (x->has_savepoint) {
		batch_add_command(&x->batch, SAVEPOINT_UNDO);
		batch_add_command(&x->batch, SAVEPOINT_RELEASE);
	}
	batch_add_command(&x->batch, x->trial.state == TRIAL_FAILED
					 ? attempt_abort_sql()
					 : attempt_refusal_sql(is_deadlock));
}

/*
 * A replay is cut short: only a part of the transaction is there.  None of its
 * savepoints may stay, for by the same name the client may mean a later one,
 * and go on from it without what was done between them.
 */
static void
exchange_add_empty_block(struct exchange *x)
{
	if (exchange_status(x) != TRANSACTION_IDLE)
		batch_add_command(&x->batch, "ROLLBACK");
	batch_add_command(&x->batch, "BEGIN");
	x->has_savepoint = false;
}

/* The locks of the transaction go, and what follows meets a failed one.  An
 * implicit one, which runs in a block of ours, is over. */
void
exchange_send_failure(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_REFUSING);
	exchange_end_skipping(x);
	exchange_add_closes(x);
	if (x->replay.is_under_way)
		exchange_add_empty_block(x);
	if (x->in_own_block)
		batch_add_command(&x->batch, "ROLLBACK");
	else
		exchange_add_failure(x);
	x->has_savepoint = false;
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

void
exchange_failed(struct exchange *x)
{
	/* A cancel that was under way may have struck our ROLLBACK. */
	if ((x->replay.is_under_way || x->in_own_block) &&
	    strcmp(x->batch.sqlstate, SQLSTATE_CANCELED) == 0)
		exchange_send_failure(x);
	else if (x->is_failing)
		exchange_deliver_error(x);
	else if (x->trial.state == TRIAL_FAILED)
		exchange_end_failed_trial(x);
	else
		exchange_refused(x);
}

void
exchange_refuse(struct exchange *x)
{
	if (x->context == CONTEXT_IDLE)
		exchange_refused(x);
	else
		exchange_send_failure(x);
}

void
exchange_deliver_error(struct exchange *x)
{
	if (pair_to_client(x->pair, x->error.data, x->error.len))
		exchange_finish_failed(x);
}

static void
exchange_note_failure(struct exchange *x)
{
	if (strcmp(x->batch.sqlstate, SQLSTATE_CANCELED) == 0)
		(void)guard_cancel(&x->guard);
	else
		(void)guard_plan_failed(&x->guard);
}

void
exchange_fail_transaction(struct exchange *x)
{
	x->is_failing = true;
	exchange_send_failure(x);
}

/*
 * The server's own error ends the statement: a cancel, its timeout, or in a
 * cycle of the client's any.
 */
void
exchange_fail(struct exchange *x)
{
	struct batch *b = &x->batch;
	bool is_open = !pipeline_is_settled(&x->pair->pipeline) ||
		       exchange_status(x) != TRANSACTION_IDLE;

	guard_log_failed(&x->log, b->sqlstate, strlen(b->sqlstate));
	if (guard_step(&x->guard).action != GUARD_IDLE)
		exchange_note_failure(x);
	x->error = b->error;
	memset(&b->error, 0, sizeof(b->error));
	exchange_note_error(x, BACKEND_ERROR_RESPONSE,
			    span_of(x->error.data, x->error.len));
	exchange_add_left(x, &x->error);
	x->is_failing = true;
	if (x->context == CONTEXT_BLOCK)
		exchange_send_failure(x);
	else if (x->context == CONTEXT_IDLE && is_open)
		exchange_send_undo(x);
	else
		exchange_deliver_error(x);
}

/*
 * exchange_replay.c - the client's transaction is started over for the locks of
 * a statement that cannot get them behind those of an earlier one.
 *
 *   JUDGING     may all that was done be done again, asked of the catalogs
 *   RESTARTING  ROLLBACK: the locks are gone, nobody waits for us
 *   REPEATING   the messages of the recording, one cycle after the other
 *
 * The BEGIN comes first, and each SET behind it.  Then the guard begins anew,
 * for the locks of all statements together, as for the first guarded one of a
 * block.  When it has them the rest is repeated, and at the end the statement
 * in the way is guarded as if nothing had been; mostly it has all its locks
 * then.  An answer that is not what the client has seen before fails the
 * transaction, as a deadlock would.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "protocol/backend.h"
#include "protocol/error_response.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	/* The time for the locks of a statement behind others, where starting
	 * over is the better way to them. */
	PATIENCE_MS = 150,
};

/* True if the transaction could be started over for the statement, as far as
 * its messages tell. */
static bool
exchange_may_replay(struct exchange *x)
{
	if (x->context != CONTEXT_BLOCK || x->in_own_block ||
	    x->errand != ERRAND_STATEMENT ||
	    x->settings.replay == GUARD_REPLAY_OFF || x->replay.is_under_way ||
	    (exchange_is_query(x) && x->query.piece > 0))
		return false;
	if (x->replay.count >= REPLAYS_MAX)
		replay_decline(&x->replay, "it was started over often enough");
	replay_judge(&x->replay, x->guarded, x->settings.replay);
	return x->replay.why[0] == '\0';
}

/* True if the locks are those of others who may wait for ours. */
static bool
exchange_wants_replay(const struct exchange *x)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());

	return a.outcome == GUARD_DEADLOCK ||
	       (a.outcome == GUARD_TIMED_OUT &&
		a.limit == GUARD_LIMIT_IN_TRANSACTION);
}

static uint32_t
replay_less(uint32_t ms, uint64_t gone_ms)
{
	return ms > gone_ms ? (uint32_t)(ms - gone_ms) : 1;
}

void
exchange_shorten_budget(struct exchange *x, uint64_t gone_ms)
{
	struct session_facts *f = &x->batch.facts;
	struct guard_settings *s = &x->settings;

	s->hold_timeout_ms = replay_less(s->hold_timeout_ms, gone_ms);
	if (f->lock_timeout_ms > 0)
		f->lock_timeout_ms = replay_less(f->lock_timeout_ms, gone_ms);
	if (f->statement_timeout_ms > 0)
		f->statement_timeout_ms =
		    replay_less(f->statement_timeout_ms, gone_ms);
}

void
exchange_fit_replay(struct exchange *x)
{
	struct guard_settings *s = &x->settings;

	if (x->replay.count > 0)
		exchange_shorten_budget(x, clock_now_ms() - x->replay.begun_ms);
	if (s->on_timeout == GUARD_TIMEOUT_ERROR &&
	    s->in_transaction_timeout_ms > PATIENCE_MS &&
	    exchange_may_replay(x))
		s->in_transaction_timeout_ms = PATIENCE_MS;
}

bool
exchange_replay(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (!exchange_wants_replay(x))
		return false;
	if (!exchange_may_replay(x)) {
		x->log.no_replay =
		    x->replay.why[0] != '\0' ? x->replay.why : NULL;
		return false;
	}
	exchange_begin_batch(x, EXCHANGE_JUDGING);
	exchange_add_savepoint(x);
	if (x->has_own_settings)
		batch_add_plain(b, true);
	batch_add_repeatable(b, &x->guarded->recording.found,
			     x->settings.replay == GUARD_REPLAY_DDL);
	(void)batch_send(b, true);
	return true;
}

/*
 * There is no replay.  The patience was for one: try once more without, where
 * nothing else is against it.
 */
static void
exchange_decline_replay(struct exchange *x, const char *why)
{
	bool is_spent = guard_step(&x->guard).outcome == GUARD_TIMED_OUT;

	replay_decline(&x->replay, why);
	if (is_spent && !batch_has_error(&x->batch))
		exchange_protect(x, CONTEXT_BLOCK);
	else
		exchange_act(x, guard_step(&x->guard));
}

/* The statements of all are gathered. */
static void
exchange_restart(struct exchange *x)
{
	assert(recording_is_whole(&x->guarded->recording));
	if (x->replay.count == 0)
		x->replay.begun_ms = x->log.begun_ms;
	replay_begin(&x->replay, clock_now_ms());
	exchange_begin_batch(x, EXCHANGE_RESTARTING);
	batch_add_command(&x->batch, "ROLLBACK");
	x->has_savepoint = false;
	(void)batch_send(&x->batch, true);
}

/* True if the locks of all can be asked for together. */
static bool
exchange_gather(struct exchange *x)
{
	size_t count;
	const struct statement *own = exchange_statements(x, &count);

	if (replay_gather(&x->replay, x->guarded, own, count))
		return true;
	replay_end(&x->replay);
	return false;
}

static void
exchange_judged(struct exchange *x)
{
	const struct repeatable *found = &x->batch.repeatable;

	if (x->is_canceled)
		exchange_act(x, guard_cancel(&x->guard));
	else if (batch_has_error(&x->batch) || x->batch.is_odd ||
		 !x->batch.has_repeatable)
		exchange_decline_replay(x, "the catalogs do not tell");
	else if (found->obstacle[0] != '\0')
		exchange_decline_replay(x, found->obstacle);
	else if (found->has_one_snapshot &&
		 x->guarded->recording.found.shows_rows)
		exchange_decline_replay(x, "it has shown rows of a snapshot");
	else if (!exchange_gather(x))
		exchange_decline_replay(x, "it is too much to be planned");
	else
		exchange_restart(x);
}

/* The error in place of the statement. */
static void
exchange_write_difference(struct exchange *x)
{
	struct error_report e = {
	    .severity = "ERROR",
	    .sqlstate = "40P01",
	    .message = "deadlock detected",
	    .hint = "Run the transaction again.",
	};
	struct error_fields f = {0};
	char detail[300];
	struct span error = span_of(x->replay.error.data, x->replay.error.len);

	if (error.len > FRAME_HEADER_BYTES)
		(void)error_fields_decode(
		    &f, span_of(error.data + FRAME_HEADER_BYTES,
				error.len - FRAME_HEADER_BYTES));
	snprintf(detail, sizeof(detail),
		 "Lockstep started the transaction over for the locks of this "
		 "statement, and an earlier one was answered otherwise%s%.*s.",
		 f.message.len > 0 ? ": " : "",
		 (int)(f.message.len < 100 ? f.message.len : 100),
		 f.message.len > 0 ? (const char *)f.message.data : "");
	e.detail = detail;
	if (span_equals(f.sqlstate, SQLSTATE_CANCELED))
		write_bytes(&x->error, error.data, error.len);
	else
		error_response_write(&x->error, &e);
	if (x->error.failed)
		pair_close(x->pair, CLOSE_MEMORY, NULL);
	guard_log_failed(&x->log, e.sqlstate, strlen(e.sqlstate));
}

static void
exchange_differs(struct exchange *x)
{
	exchange_write_difference(x);
	replay_decline(&x->replay, "an answer differed");
	x->log.no_replay = x->replay.why;
	exchange_fail_transaction(x);
}

void
exchange_repeat(struct exchange *x)
{
	/* Something that nobody asked for came while the guard waited. */
	if (!recording_is_whole(&x->guarded->recording)) {
		exchange_differs(x);
		return;
	}
	batch_clear(&x->batch);
	pair_stop_timer(x->pair);
	exchange_enter(x, EXCHANGE_REPEATING);
	replay_send(&x->replay, x->guarded);
}

static void
exchange_restarted(struct exchange *x)
{
	if (batch_has_error(&x->batch)) {
		exchange_fail(x);
		return;
	}
	/* The locks are gone, and with them what was kept for them. */
	lease_end(&x->guarded->lease);
	exchange_repeat(x);
}

/* Begin, BEGIN is behind us, to take the locks of all. */
static void
exchange_take_all(struct exchange *x)
{
	x->replay.is_past_head = true;
	exchange_protect(x, CONTEXT_BLOCK);
}

static void
exchange_repeated(struct exchange *x)
{
	struct replay *r = &x->replay;

	if (pair_is_closing(x->pair))
		return;
	if (!replay_check(r, x->guarded)) {
		exchange_differs(x);
	} else if (replay_is_at_head(r, x->guarded) ||
		   (r->is_past_head && !replay_is_over(r, x->guarded))) {
		exchange_repeat(x);
	} else if (!r->is_past_head) {
		exchange_take_all(x);
	} else {
		guard_log_replay(&x->log, x->guarded, &x->guard, r,
				 clock_now_ms());
		exchange_history_over(x);
		replay_end(r);
		exchange_protect(x, CONTEXT_BLOCK);
	}
}

void
exchange_replay_step(struct exchange *x)
{
	if (x->phase == EXCHANGE_JUDGING)
		exchange_judged(x);
	else if (x->phase == EXCHANGE_RESTARTING)
		exchange_restarted(x);
	else
		exchange_repeated(x);
}

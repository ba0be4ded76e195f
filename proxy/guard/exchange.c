/*
 * exchange.c - one guarded statement, on the wire: where it may begin, how the
 * client's own messages run, and what of the answers he sees.  The states and
 * the invariants stand in exchange_state.h.
 */
#include "proxy/guard/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/backend.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/config/guard_settings.h"
#include "proxy/base/clock.h"
#include "proxy/guard/guarded.h"

enum {
	HELD_MS = 1000, /* whatever it waits for, the turn perhaps */
};

bool
exchange_is_query(const struct exchange *x)
{
	return x->query.text != NULL;
}

enum transaction_status
exchange_status(const struct exchange *x)
{
	return x->pair->pipeline.status;
}

void
exchange_log(const struct exchange *x)
{
	guard_log_outcome(&x->log, x->guarded, &x->guard, clock_now_ms());
}

/* What was kept from others is kept on only where the locks are. */
static void
settle_lease(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;
	struct lease *lease = &x->guarded->lease;

	lease_give_turn(lease);
	/* Until the client's own Sync: a window is soon over without it. */
	if (guard_step(&x->guard).outcome == GUARD_PROTECTED &&
	    !pipeline_is_settled(p))
		return;
	lease_open(lease);
	if (p->status != TRANSACTION_BLOCK)
		lease_end(lease);
}

void
exchange_end(struct exchange *x)
{
	pair_set_held(x->pair, false);
	settle_lease(x);
	exchange_enter(x, EXCHANGE_DONE);
}

void
exchange_begin_batch(struct exchange *x, enum exchange_phase phase)
{
	exchange_enter(x, phase);
	batch_begin(&x->batch, x->guarded, guard_set(&x->guard));
}

/* The client's statement */

static void
begin_run(struct exchange *x, enum exchange_phase phase)
{
	batch_clear(&x->batch);
	exchange_enter(x, phase);
	x->log.run_ms = clock_now_ms();
	pair_set_held(x->pair, false);
}

static void
send_piece(struct exchange *x)
{
	begin_run(x, EXCHANGE_RUNNING);
	query_send_piece(&x->query, x->in_own_block);
}

static void
send_kept(struct exchange *x)
{
	begin_run(x, EXCHANGE_OBSERVING);
	guarded_release_kept(x->guarded);
	x->execute_seq = x->pair->pipeline.sent_seq;
}

void
exchange_run(struct exchange *x)
{
	x->in_own_block = exchange_is_query(x) && x->context == CONTEXT_IDLE &&
			  guard_step(&x->guard).outcome == GUARD_PROTECTED;
	if (exchange_is_query(x))
		send_piece(x);
	else
		send_kept(x);
}

/* What stands in a failed block, or unplanned in none, just runs. */
static void
start_piece(struct exchange *x)
{
	const struct piece *p = query_piece(&x->query);

	x->in_own_block = false;
	if (p->count > 0 && exchange_status(x) == TRANSACTION_BLOCK)
		exchange_protect(x, CONTEXT_BLOCK);
	else if (p->count > 0 && p->needs_block &&
		 exchange_status(x) == TRANSACTION_IDLE)
		exchange_protect(x, CONTEXT_IDLE);
	else
		send_piece(x);
}

/* The server meets it in a state where nothing can be done for it. */
static void
pass_on(struct exchange *x)
{
	if (exchange_is_query(x)) {
		query_leave_whole(&x->query);
		guard_log_unguarded(x->pair, 1);
		send_piece(x);
	} else {
		exchange_end(x);
		guarded_release_kept(x->guarded);
	}
}

static void
fence_query(struct exchange *x)
{
	struct query *q = &x->query;

	if (q->script.unguarded > 0)
		guard_log_unguarded(x->pair, q->script.unguarded);
	start_piece(x);
}

static void
fence_execute(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (p->tail_open)
		exchange_protect(x, CONTEXT_TAIL);
	else if (p->status == TRANSACTION_BLOCK)
		exchange_protect(x, CONTEXT_BLOCK);
	else if (p->status == TRANSACTION_IDLE)
		exchange_protect(x, CONTEXT_IDLE);
	else
		pass_on(x);
}

/* Nothing that the cycle has begun is lost by a Sync: that settles it. */
static void
settle(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	inject_sync(&i);
	(void)inject_send(&i);
}

/* Of one that waited at the gate nothing has been sent. */
static void
fence_canceled(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (p->skipping)
		exchange_end(x); /* the server would not look at it */
	else if (p->tail_open && exchange_is_query(x))
		settle(x); /* as the Query would have */
	else
		fence_execute(x);
}

/* All that was sent before has been answered, or waits for copy data. */
static void
fence(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->is_of_gate)
		fence_canceled(x);
	else if (exchange_is_query(x) &&
		 !query_cut(&x->query, p->status != TRANSACTION_IDLE))
		pair_close(x->pair, CLOSE_MEMORY, NULL);
	else if (p->skipping && exchange_is_query(x))
		exchange_end(x); /* the server would not look at it */
	else if (p->in_copy || p->skipping ||
		 (exchange_is_query(x) && p->tail_began))
		pass_on(x);
	else if (p->tail_open && !p->tail_began)
		settle(x);
	else if (exchange_is_query(x))
		fence_query(x);
	else
		fence_execute(x);
}

/* What came of it */

static void
commit(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_COMMITTING);
	batch_add_command(&x->batch, exchange_status(x) == TRANSACTION_BLOCK
					 ? "COMMIT"
					 : "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
log_piece(const struct exchange *x)
{
	if (guard_step(&x->guard).outcome != GUARD_PENDING)
		exchange_log(x);
}

static void
finish_run(struct exchange *x)
{
	log_piece(x);
	query_finish(&x->query);
	exchange_end(x);
}

static void
committed(struct exchange *x)
{
	const struct batch *b = &x->batch;
	struct delivery *d = &x->query.delivery;

	if (batch_has_error(b)) {
		guard_log_result(&x->log, b->sqlstate, strlen(b->sqlstate));
		delivery_deny(d, span_of(b->error.data, b->error.len));
	} else {
		delivery_confirm(d);
	}
	finish_run(x);
}

static void
ran(struct exchange *x)
{
	if (x->in_own_block) {
		commit(x);
	} else if (query_advance(&x->query)) {
		log_piece(x);
		settle_lease(x);
		guard_clear(&x->guard);
		start_piece(x);
	} else {
		finish_run(x);
	}
}

static void
note_result(struct exchange *x, struct frame frame)
{
	struct error_fields f;
	struct span tag;

	if (x->log.statement == NULL)
		return; /* a piece that nothing was prepared for */
	/* Of a text with several the guarded one's. */
	if (frame.type == BACKEND_COMMAND_COMPLETE &&
	    command_complete_decode(&tag, frame.body) &&
	    (x->log.result[0] == '\0' || span_equals(tag, x->log.statement)))
		guard_log_result(&x->log, tag.data, tag.len);
	if (frame.type == BACKEND_ERROR_RESPONSE &&
	    error_fields_decode(&f, frame.body))
		guard_log_result(&x->log, f.sqlstate.data, f.sqlstate.len);
}

static void
observe(struct exchange *x, struct frame frame)
{
	note_result(x, frame);
	if (x->pair->pipeline.done_seq < x->execute_seq)
		return;
	exchange_log(x);
	exchange_end(x);
}

/* The public side */

/* The server need not answer an open cycle before it is told to. */
static void
exchange_ask_for_answers(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	inject_flush(&i);
	(void)inject_send(&i);
}

/* That one is open can turn out late: a COPY took the Sync behind it. */
static void
ask_before_fence(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->has_asked || !p->tail_open || pipeline_is_quiet(p))
		return;
	x->has_asked = true;
	exchange_ask_for_answers(x);
}

static void
exchange_begin(struct exchange *x, struct guarded *g)
{
	assert(g->exchange == NULL);
	x->guarded = g;
	x->pair = g->pair;
	g->exchange = x;
	atomic_fetch_add(&x->pair->daemon->exchanges, 1);
	ask_before_fence(x);
	if (pipeline_is_quiet(&x->pair->pipeline) && !pair_is_closing(x->pair))
		fence(x);
}

bool
exchange_begin_query(struct guarded *g, struct span sql,
		     struct statement_list *list)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL || !query_take(&x->query, g, sql, list)) {
		free(x);
		return false;
	}
	exchange_begin(x, g);
	return true;
}

bool
exchange_begin_execute(struct guarded *g, struct prepared_facts *facts)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	x->facts = facts;
	prepared_facts_use(facts);
	exchange_begin(x, g);
	return true;
}

bool
exchange_begin_cancel(struct guarded *g, uint8_t type)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct statement_list none = {0};
	bool is_query =
	    type == FRONTEND_QUERY || type == FRONTEND_FUNCTION_CALL;

	if (x == NULL ||
	    (is_query && !query_take(&x->query, g, span_of("", 0), &none))) {
		free(x);
		return false;
	}
	x->is_of_gate = true;
	x->is_canceled = true;
	exchange_begin(x, g);
	return true;
}

void
exchange_hurry(struct exchange *x)
{
	if (x->phase == EXCHANGE_OBSERVING && !x->is_hurried)
		exchange_ask_for_answers(x);
	x->is_hurried = true;
}

/* What log_duration and its like tell of our own COMMIT. */
static bool
is_log_of_ours(struct frame frame)
{
	struct error_fields f;

	return error_fields_decode(&f, frame.body) &&
	       span_equals(f.severity, "LOG") && f.routine.len > 5 &&
	       memcmp(f.routine.data, "exec_", 5) == 0;
}

/*
 * While our COMMIT runs, a notice comes from the client's deferred triggers
 * and passes; the rest belongs behind his last answer.
 */
static bool
answer_commit(struct exchange *x, struct frame frame, struct span raw)
{
	if (frame.type == BACKEND_NOTICE_RESPONSE)
		return is_log_of_ours(frame);
	delivery_hold(&x->query.delivery, raw);
	return true;
}

bool
exchange_answer(struct exchange *x, const struct pipeline_event *event,
		struct frame frame, struct span raw)
{
	if (event->verdict == PIPELINE_FATAL)
		return false;
	if (x->phase == EXCHANGE_COMMITTING && event->verdict == PIPELINE_ASYNC)
		return answer_commit(x, frame, raw);
	if (event->owner == PIPELINE_PROXY)
		return batch_answer(&x->batch, event, frame, raw);
	if (x->phase == EXCHANGE_OBSERVING)
		observe(x, frame);
	if (x->phase != EXCHANGE_RUNNING)
		return false;
	note_result(x, frame);
	return delivery_answer(&x->query.delivery, frame, raw);
}

void
exchange_step(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->phase == EXCHANGE_FENCE)
		ask_before_fence(x);
	if (!pipeline_is_quiet(p) &&
	    (x->phase != EXCHANGE_FENCE || !p->in_copy))
		return;
	switch (x->phase) {
	case EXCHANGE_FENCE:
		fence(x);
		break;
	case EXCHANGE_RUNNING:
		ran(x);
		break;
	case EXCHANGE_COMMITTING:
		committed(x);
		break;
	case EXCHANGE_PLANNING:
	case EXCHANGE_LOOKING:
	case EXCHANGE_NAMING:
	case EXCHANGE_ATTEMPTING:
	case EXCHANGE_COAXING:
	case EXCHANGE_UNDOING:
	case EXCHANGE_REFUSING:
		exchange_guard_step(x);
		break;
	case EXCHANGE_WAITING:
	case EXCHANGE_OBSERVING:
	case EXCHANGE_DONE:
		break;
	}
}

void
exchange_timer(struct exchange *x)
{
	if (x->phase == EXCHANGE_WAITING)
		exchange_guard_timer(x);
}

bool
exchange_cancel(struct exchange *x)
{
	if (exchange_is_running(x) || exchange_is_done(x) ||
	    x->phase == EXCHANGE_COAXING)
		return false;
	exchange_guard_cancel(x);
	return true;
}

bool
exchange_blocks_client(const struct exchange *x)
{
	if (x->phase == EXCHANGE_OBSERVING || x->phase == EXCHANGE_DONE)
		return false;
	/* A piece of a Query may read copy data. */
	return x->phase != EXCHANGE_RUNNING || !x->pair->pipeline.in_copy;
}

bool
exchange_is_held(const struct exchange *x)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());

	return x->phase == EXCHANGE_WAITING &&
	       guard_state_keeps(a.state) != GUARD_KEEPS_GATE &&
	       (a.waits > 0 || a.attempts > 1 || a.held_ms >= HELD_MS);
}

bool
exchange_is_running(const struct exchange *x)
{
	return x->phase == EXCHANGE_RUNNING ||
	       x->phase == EXCHANGE_COMMITTING ||
	       x->phase == EXCHANGE_OBSERVING;
}

bool
exchange_is_done(const struct exchange *x)
{
	return x->phase == EXCHANGE_DONE;
}

struct span
exchange_error(const struct exchange *x)
{
	return span_of(x->batch.error.data, x->batch.error.len);
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	atomic_fetch_sub(&x->pair->daemon->exchanges, 1);
	guard_clear(&x->guard);
	batch_clear(&x->batch);
	query_clear(&x->query);
	gate_names_clear(&x->names);
	guard_settings_clear(&x->settings);
	writer_clear(&x->error);
	prepared_facts_drop(x->facts);
	free(x);
}

void
exchange_reap(struct guarded *g)
{
	if (!exchange_is_done(g->exchange))
		return;
	exchange_free(g->exchange);
	g->exchange = NULL;
	pair_stop_timer(g->pair);
}

/*
 * exchange.c - one guarded statement, on the wire.
 *
 * policy/guard.c decides what to do next; this file does it on the client's
 * own server connection, and runs the client's statement when it may.
 *
 *   FENCE       waits until all that was sent before has been answered
 *   PLANNING    session facts and lock set are asked for     -> guard
 *   LOOKING     who holds conflicting locks                  -> guard
 *   ATTEMPTING  all locks in order, or none                  -> guard
 *   UNDOING     what an attempt left open is closed          -> `pending`
 *   WAITING     nothing is under way; a timer or a cancel    -> guard
 *   RUNNING     a piece of a simple Query                    -> next piece
 *   COMMITTING  our own block around it
 *   REFUSING    the server's transaction is made to fail
 *   OBSERVING   an Execute was passed on; its answer is noted for the log
 *   DONE
 *
 * How the locks are held until the statement runs depends on where it stands:
 *
 *   IDLE, simple Query     in a block of ours: BEGIN .. COMMIT
 *   IDLE, extended cycle   in the implicit transaction that the attempt
 *                          begins and the client's Sync ends
 *   BLOCK                  in the client's block; a savepoint shields it
 *   TAIL                   in the cycle that the client has begun, whose Sync
 *                          is his: nothing of ours may end it
 *
 * Invariants:
 *   (1) Every transition but those from WAITING and OBSERVING is made with
 *       the pipeline quiet, or from FENCE when the server wants copy data.
 *   (2) In WAITING no lock that an attempt took is held.
 *   (3) The client's statement is sent once, or an error instead of it.
 */
#include "proxy/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard.h"
#include "protocol/backend.h"
#include "proxy/batch.h"
#include "proxy/guard_log.h"
#include "proxy/query.h"
#include "proxy/relay.h"
#include "proxy/session.h"

enum {
	FIRST_NOTICE_MS = 1000,
	NEXT_NOTICE_MS = 10000,
};

enum exchange_phase {
	EXCHANGE_FENCE,
	EXCHANGE_PLANNING,
	EXCHANGE_LOOKING,
	EXCHANGE_ATTEMPTING,
	EXCHANGE_UNDOING,
	EXCHANGE_WAITING,
	EXCHANGE_RUNNING,
	EXCHANGE_COMMITTING,
	EXCHANGE_REFUSING,
	EXCHANGE_OBSERVING,
	EXCHANGE_DONE,
};

enum exchange_context {
	CONTEXT_IDLE,
	CONTEXT_BLOCK,
	CONTEXT_TAIL,
};

struct exchange {
	struct session *session;
	enum exchange_phase phase;
	enum exchange_context context;
	bool is_canceled;
	bool is_failing; /* the server's error goes to the client next */
	bool is_hurried;
	bool is_noticing;   /* the look is for a notice, not for the guard */
	bool has_savepoint; /* ours */
	bool in_own_block;
	enum guard_action pending;    /* behind UNDOING */
	struct query query;           /* what is to run: this, */
	struct prepared_facts *facts; /* or an Execute; one use */
	uint64_t execute_seq;
	struct guard guard;
	struct batch batch;
	struct writer error; /* the server's, to be the statement's answer */
	uint64_t notice_ms;
	struct guard_log log;
};

static void act(struct exchange *x, enum guard_action action);

static bool
is_query(const struct exchange *x)
{
	return x->query.text != NULL;
}

static enum transaction_status
status_of(const struct exchange *x)
{
	return x->session->pipeline.status;
}

/* The statements to prepare for. */
static const struct statement *
statements_of(const struct exchange *x, size_t *count)
{
	if (is_query(x))
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

static void
log_outcome(const struct exchange *x)
{
	guard_log_outcome(&x->log, x->session, &x->guard, worker_now_ms());
}

/* While it is, a CancelRequest comes here and not to the server. */
static void
set_held(struct exchange *x, bool is_held)
{
	struct session *s = x->session;

	if (s->cancel_entry != NULL)
		cancel_set_held(s->worker->daemon->cancels, s->cancel_entry,
				is_held);
}

static void
done(struct exchange *x)
{
	set_held(x, false);
	x->phase = EXCHANGE_DONE;
}

/* What is asked of the server */

static void
begin_batch(struct exchange *x, enum exchange_phase phase)
{
	x->phase = phase;
	batch_begin(&x->batch, x->session, &x->guard.set);
}

static void
add_plan(struct exchange *x)
{
	size_t count;
	const struct statement *statements = statements_of(x, &count);

	batch_add_plan(&x->batch, statements, count);
}

/* Within a cycle of the client's, nothing of ours may end it. */
static bool
may_sync(const struct exchange *x)
{
	return x->context != CONTEXT_TAIL;
}

static void
send_plan(struct exchange *x)
{
	begin_batch(x, EXCHANGE_PLANNING);
	if (x->context == CONTEXT_BLOCK && !x->has_savepoint) {
		batch_add_command(&x->batch, "SAVEPOINT _lockstep");
		x->has_savepoint = true;
	}
	batch_add_facts(&x->batch, x->context != CONTEXT_IDLE);
	add_plan(x);
	(void)batch_send(&x->batch, may_sync(x));
}

static void
send_look(struct exchange *x, enum holders_of of)
{
	begin_batch(x, EXCHANGE_LOOKING);
	batch_add_look(&x->batch, of);
	(void)batch_send(&x->batch, may_sync(x));
}

/* The locks of an extended cycle must last until the client's own Sync. */
static bool
attempt_ends_cycle(const struct exchange *x)
{
	return x->context == CONTEXT_BLOCK ||
	       (x->context == CONTEXT_IDLE && is_query(x));
}

static void
send_attempt(struct exchange *x)
{
	struct attempt a = {
	    .set = &x->guard.set,
	    .nowait = x->guard.attempt_nowait,
	    .bound_ms = x->guard.attempt_bound_ms,
	    .lock_timeout = x->guard.facts.lock_timeout,
	};

	begin_batch(x, EXCHANGE_ATTEMPTING);
	if (x->context == CONTEXT_IDLE && is_query(x))
		batch_add_command(&x->batch, "BEGIN");
	batch_add_attempt(&x->batch, &a);
	/* A cycle of the client's cannot be taken back to a savepoint, so
	 * there to learn of a set that grew would help nobody. */
	if (x->context != CONTEXT_TAIL)
		add_plan(x);
	(void)batch_send(&x->batch, attempt_ends_cycle(x));
}

static void
send_undo(struct exchange *x)
{
	begin_batch(x, EXCHANGE_UNDOING);
	if (x->context == CONTEXT_BLOCK)
		batch_add_command(&x->batch, "ROLLBACK TO SAVEPOINT _lockstep");
	else if (is_query(x))
		batch_add_command(&x->batch, "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
wait(struct exchange *x)
{
	uint64_t now_ms = worker_now_ms();
	uint64_t until_ms = x->guard.wake_ms;

	x->phase = EXCHANGE_WAITING;
	if (x->notice_ms < until_ms)
		until_ms = x->notice_ms;
	session_set_timer(x->session,
			  until_ms > now_ms ? until_ms - now_ms : 0);
}

/* An error in place of the client's statement */

static void
finish_failed(struct exchange *x)
{
	log_outcome(x);
	if (is_query(x)) {
		query_finish(&x->query);
	} else {
		buffer_clear(&x->session->kept);
		x->session->kept_count = 0;
		x->session->skips_to_sync = true;
	}
	done(x);
}

/* The server's transaction, if one was open, has failed. */
static void
refused(struct exchange *x)
{
	if (guard_log_refuse(&x->log, x->session, &x->guard, worker_now_ms()))
		finish_failed(x);
}

/*
 * Make the client's transaction fail in the server, all of it and not only our
 * savepoint: its locks go, and what follows meets a failed transaction.
 */
static void
send_failure(struct exchange *x)
{
	static const char sql[] =
	    "DO $lockstep$BEGIN RAISE EXCEPTION USING ERRCODE = '55P03',"
	    " MESSAGE = 'canceling statement due to lock timeout';"
	    " END$lockstep$";

	begin_batch(x, EXCHANGE_REFUSING);
	if (x->has_savepoint) {
		batch_add_command(&x->batch, "ROLLBACK TO SAVEPOINT _lockstep");
		batch_add_command(&x->batch, "RELEASE SAVEPOINT _lockstep");
		x->has_savepoint = false;
	}
	batch_add_command(&x->batch, sql);
	(void)batch_send(&x->batch, may_sync(x));
}

static void
refuse(struct exchange *x)
{
	if (x->context == CONTEXT_IDLE)
		refused(x);
	else
		send_failure(x);
}

static void
deliver_error(struct exchange *x)
{
	if (session_to_client(x->session, x->error.data, x->error.len))
		finish_failed(x);
}

/*
 * The server's own error ends the statement: a cancel, its timeout, or in a
 * cycle of the client's any.
 */
static void
fail(struct exchange *x)
{
	struct batch *b = &x->batch;
	bool is_open = !pipeline_is_settled(&x->session->pipeline) ||
		       status_of(x) != TRANSACTION_IDLE;

	guard_log_result(&x->log, b->sqlstate, strlen(b->sqlstate));
	if (strcmp(b->sqlstate, "57014") == 0)
		(void)guard_cancel(&x->guard);
	else
		(void)guard_plan_failed(&x->guard);
	x->error = b->error;
	memset(&b->error, 0, sizeof(b->error));
	x->is_failing = true;
	if (x->context == CONTEXT_BLOCK)
		send_failure(x);
	else if (x->context == CONTEXT_IDLE && is_open)
		send_undo(x);
	else
		deliver_error(x);
}

/* The client's statement */

static void
begin_run(struct exchange *x, enum exchange_phase phase)
{
	batch_clear(&x->batch);
	x->phase = phase;
	x->log.run_ms = worker_now_ms();
	set_held(x, false);
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
	relay_release_kept(x->session);
	x->execute_seq = x->session->pipeline.sent_seq;
}

static void
undo_then(struct exchange *x, enum guard_action pending)
{
	x->pending = pending;
	send_undo(x);
}

static void
release_savepoint(struct exchange *x)
{
	x->pending = GUARD_RUN;
	begin_batch(x, EXCHANGE_UNDOING);
	batch_add_command(&x->batch, "RELEASE SAVEPOINT _lockstep");
	x->has_savepoint = false;
	(void)batch_send(&x->batch, true);
}

static void
run(struct exchange *x)
{
	if (x->has_savepoint) {
		release_savepoint(x);
		return;
	}
	x->in_own_block = is_query(x) && x->context == CONTEXT_IDLE &&
			  x->guard.outcome == GUARD_PROTECTED;
	if (is_query(x))
		send_piece(x);
	else
		send_kept(x);
}

static void
act(struct exchange *x, enum guard_action action)
{
	if (x->is_canceled && action != GUARD_REFUSE)
		action = guard_cancel(&x->guard);
	switch (action) {
	case GUARD_PLAN:
		send_plan(x);
		break;
	case GUARD_HOLDERS:
		send_look(x, x->guard.look_at);
		break;
	case GUARD_ATTEMPT:
		send_attempt(x);
		break;
	case GUARD_WAIT:
		wait(x);
		break;
	case GUARD_RUN:
		run(x);
		break;
	case GUARD_REFUSE:
		refuse(x);
		break;
	}
}

static void
start_guard(struct exchange *x, enum exchange_context context)
{
	const struct config *config = x->session->worker->daemon->config;
	uint64_t now_ms = worker_now_ms();
	uint64_t seed = now_ms ^ x->session->id << 20 ^ (uintptr_t)x;
	bool in_transaction = context != CONTEXT_IDLE;

	x->context = context;
	x->notice_ms = now_ms + FIRST_NOTICE_MS;
	x->log = (struct guard_log){
	    .statement = tag_of(x),
	    .begun_ms = now_ms,
	};
	set_held(x, true);
	act(x, guard_begin(&x->guard, &config->guard, in_transaction, now_ms,
			   seed));
}

/* What stands in a failed block, or unplanned in none, just runs. */
static void
start_piece(struct exchange *x)
{
	const struct piece *p = query_piece(&x->query);

	x->in_own_block = false;
	if (p->count > 0 && status_of(x) == TRANSACTION_BLOCK)
		start_guard(x, CONTEXT_BLOCK);
	else if (p->count > 0 && p->needs_block &&
		 status_of(x) == TRANSACTION_IDLE)
		start_guard(x, CONTEXT_IDLE);
	else
		send_piece(x);
}

/* The server meets it in a state where nothing can be done for it. */
static void
pass_on(struct exchange *x)
{
	if (is_query(x)) {
		query_leave_whole(&x->query);
		guard_log_unguarded(x->session, 1);
		send_piece(x);
	} else {
		relay_release_kept(x->session);
		done(x);
	}
}

static void
fence_query(struct exchange *x)
{
	struct query *q = &x->query;

	if (q->script.unguarded > 0)
		guard_log_unguarded(x->session, q->script.unguarded);
	start_piece(x);
}

static void
fence_execute(struct exchange *x)
{
	const struct pipeline *p = &x->session->pipeline;

	if (p->tail_open)
		start_guard(x, CONTEXT_TAIL);
	else if (p->status == TRANSACTION_BLOCK)
		start_guard(x, CONTEXT_BLOCK);
	else if (p->status == TRANSACTION_IDLE)
		start_guard(x, CONTEXT_IDLE);
	else
		pass_on(x);
}

/* Nothing of the cycle can have begun a transaction: a Sync settles it. */
static void
settle(struct exchange *x)
{
	struct injection i = {.session = x->session};

	inject_sync(&i);
	(void)inject_send(&i);
}

/* All that was sent before has been answered, or waits for copy data. */
static void
fence(struct exchange *x)
{
	struct session *s = x->session;
	const struct pipeline *p = &s->pipeline;

	if (is_query(x) && !query_cut(&x->query, p->status != TRANSACTION_IDLE))
		session_close(s, CLOSE_MEMORY, NULL);
	else if (p->skipping && is_query(x))
		done(x); /* the server would not look at it */
	else if (p->in_copy || p->skipping || (is_query(x) && p->tail_open))
		pass_on(x);
	else if (p->tail_open && !p->tail_began)
		settle(x);
	else if (is_query(x))
		fence_query(x);
	else
		fence_execute(x);
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
	enum guard_action action = guard_plan_failed(&x->guard);

	if (batch_has_error(&x->batch) && x->context == CONTEXT_BLOCK)
		undo_then(x, action);
	else
		act(x, action);
}

static void
planned(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (ends_statement(x))
		fail(x);
	else if (batch_has_error(b) || b->is_odd || !b->has_facts)
		give_up(x);
	else
		act(x, guard_planned(&x->guard, &b->facts, &b->planned,
				     worker_now_ms()));
}

static void
resume_waiting(struct exchange *x)
{
	uint64_t now_ms = worker_now_ms();

	if (x->is_canceled)
		act(x, guard_cancel(&x->guard));
	else if (now_ms >= x->guard.wake_ms)
		act(x, guard_woken(&x->guard, now_ms));
	else
		wait(x);
}

static void
notify(struct exchange *x)
{
	x->is_noticing = false;
	x->guard.holders = x->batch.holders;
	if (guard_log_notify(&x->log, x->session, &x->guard, worker_now_ms()))
		resume_waiting(x);
}

static void
looked(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (ends_statement(x))
		fail(x);
	else if (batch_has_error(b) || b->is_odd)
		give_up(x);
	else if (x->is_noticing)
		notify(x);
	else
		act(x, guard_looked(&x->guard, &b->holders, worker_now_ms()));
}

static enum attempt_result
attempt_result(const struct batch *b, const struct lock_set *set)
{
	if (batch_has_error(b) || b->is_odd || !b->has_attempt)
		return ATTEMPT_FAILED;
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
		return result != ATTEMPT_BUSY;
	case CONTEXT_TAIL:
		break;
	}
	return false;
}

static void
attempted(struct exchange *x)
{
	struct batch *b = &x->batch;
	enum attempt_result result = attempt_result(b, &x->guard.set);
	enum guard_action action;

	if (ends_statement(x)) {
		fail(x);
		return;
	}
	action = guard_attempted(&x->guard, result, b->attempt_index,
				 &b->planned, worker_now_ms());
	if (x->is_canceled)
		action = guard_cancel(&x->guard);
	if (x->guard.outcome == GUARD_PROTECTED || !needs_undo(x, result))
		act(x, action);
	else
		undo_then(x, action);
}

static void
undone(struct exchange *x)
{
	if (x->is_failing)
		deliver_error(x);
	else if (batch_has_error(&x->batch))
		fail(x);
	else
		act(x, x->pending);
}

/* What came of the client's statement */

static void
commit(struct exchange *x)
{
	begin_batch(x, EXCHANGE_COMMITTING);
	batch_add_command(&x->batch, status_of(x) == TRANSACTION_BLOCK
					 ? "COMMIT"
					 : "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
log_piece(const struct exchange *x)
{
	if (x->guard.outcome != GUARD_PENDING)
		log_outcome(x);
}

static void
finish_run(struct exchange *x)
{
	log_piece(x);
	query_finish(&x->query);
	done(x);
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
	if (x->session->pipeline.done_seq < x->execute_seq)
		return;
	log_outcome(x);
	done(x);
}

/* The public side */

/* The server need not answer an open cycle before it is told to. */
static void
ask_for_answers(struct session *s)
{
	struct injection i = {.session = s};

	inject_flush(&i);
	(void)inject_send(&i);
}

static void
begin(struct exchange *x, struct session *s)
{
	assert(s->exchange == NULL);
	x->session = s;
	s->exchange = x;
	if (s->pipeline.tail_open && !pipeline_is_quiet(&s->pipeline))
		ask_for_answers(s);
	if (pipeline_is_quiet(&s->pipeline) && s->state == SESSION_READY)
		fence(x);
}

bool
exchange_begin_query(struct session *s, struct span sql,
		     struct statement_list *list)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL || !query_take(&x->query, s, sql, list)) {
		free(x);
		return false;
	}
	begin(x, s);
	return true;
}

bool
exchange_begin_execute(struct session *s, struct prepared_facts *facts)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	x->facts = facts;
	prepared_facts_use(facts);
	begin(x, s);
	return true;
}

void
exchange_hurry(struct exchange *x)
{
	if (x->phase == EXCHANGE_OBSERVING && !x->is_hurried)
		ask_for_answers(x->session);
	x->is_hurried = true;
}

/*
 * While our COMMIT runs, a notice comes from the client's deferred triggers
 * and passes; the rest belongs behind his last answer.
 */
static bool
answer_commit(struct exchange *x, uint8_t type, struct span raw)
{
	if (type == BACKEND_NOTICE_RESPONSE)
		return false;
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
		return answer_commit(x, frame.type, raw);
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
	const struct pipeline *p = &x->session->pipeline;

	if (!pipeline_is_quiet(p) &&
	    (x->phase != EXCHANGE_FENCE || !p->in_copy))
		return;
	switch (x->phase) {
	case EXCHANGE_FENCE:
		fence(x);
		break;
	case EXCHANGE_PLANNING:
		planned(x);
		break;
	case EXCHANGE_LOOKING:
		looked(x);
		break;
	case EXCHANGE_ATTEMPTING:
		attempted(x);
		break;
	case EXCHANGE_UNDOING:
		undone(x);
		break;
	case EXCHANGE_RUNNING:
		ran(x);
		break;
	case EXCHANGE_COMMITTING:
		committed(x);
		break;
	case EXCHANGE_REFUSING:
		if (x->is_failing)
			deliver_error(x);
		else
			refused(x);
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
	uint64_t now_ms = worker_now_ms();

	if (x->phase != EXCHANGE_WAITING)
		return;
	if (now_ms < x->notice_ms) {
		resume_waiting(x);
		return;
	}
	x->notice_ms = now_ms + NEXT_NOTICE_MS;
	x->is_noticing = true;
	send_look(x, HOLDERS_OF_ALL);
}

void
exchange_cancel(struct exchange *x)
{
	if (exchange_is_running(x) || exchange_is_done(x))
		return;
	x->is_canceled = true;
	if (x->phase == EXCHANGE_WAITING)
		act(x, guard_cancel(&x->guard));
}

bool
exchange_blocks_client(const struct exchange *x)
{
	if (x->phase == EXCHANGE_OBSERVING || x->phase == EXCHANGE_DONE)
		return false;
	/* A piece of a Query may read copy data. */
	return x->phase != EXCHANGE_RUNNING || !x->session->pipeline.in_copy;
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
	guard_clear(&x->guard);
	batch_clear(&x->batch);
	query_clear(&x->query);
	writer_clear(&x->error);
	prepared_facts_drop(x->facts);
	free(x);
}

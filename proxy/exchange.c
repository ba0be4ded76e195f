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
 *   (1) Every transition is made with the pipeline quiet, but for WAITING.
 *   (2) In WAITING no lock that an attempt took is held.
 *   (3) The client's statement is sent once, or an error instead of it.
 */
#include "proxy/exchange.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/attempt.h"
#include "policy/guard.h"
#include "policy/report.h"
#include "policy/script.h"
#include "protocol/backend.h"
#include "proxy/batch.h"
#include "proxy/delivery.h"
#include "proxy/log.h"
#include "proxy/relay.h"
#include "proxy/session.h"

enum {
	FIRST_NOTICE_MS = 1000,
	NEXT_NOTICE_MS = 10000,
	TAG_MAX = 64,
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
	bool is_query; /* a simple Query; else an Execute */
	bool is_canceled;
	bool is_failing;    /* the server's error goes to the client next */
	bool has_savepoint; /* ours */
	bool in_own_block;
	enum guard_action pending;  /* behind UNDOING */
	struct statement_list list; /* of the Query */
	char *text;                 /* its SQL, NUL terminated */
	size_t text_len;
	struct script script;
	size_t piece;
	struct prepared_facts *facts; /* of the Execute; one use */
	uint64_t execute_seq;
	struct guard guard;
	struct batch batch;
	struct writer error; /* the server's, to be the statement's answer */
	struct delivery delivery;
	uint64_t begun_ms;
	uint64_t run_ms; /* when the client's statement was sent */
	uint64_t notice_ms;
	char result[TAG_MAX]; /* CommandComplete's tag or an SQLSTATE */
};

static void act(struct exchange *x, enum guard_action action);

static const struct guard_settings *
settings_of(const struct exchange *x)
{
	return &x->session->worker->daemon->config->guard;
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
	const struct piece *p;

	if (!x->is_query) {
		*count = x->facts->list.count;
		return x->facts->list.items;
	}
	p = &x->script.pieces[x->piece];
	*count = p->count;
	return x->list.items + p->first;
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
	return "?";
}

static void
log_outcome(const struct exchange *x)
{
	const struct session *s = x->session;
	const struct guard *g = &x->guard;
	uint64_t now_ms = worker_now_ms();
	uint64_t run_ms = x->run_ms > 0 ? x->run_ms : now_ms;
	char tables[512];
	struct log_event e;

	report_lock_set(tables, sizeof(tables), &g->set);
	log_begin(&e, LOG_INFO, "guarded statement");
	log_number(&e, "session", s->id);
	log_text(&e, "user", s->user);
	log_text(&e, "database", s->database);
	log_text(&e, "statement", tag_of(x));
	log_text(&e, "tables", tables);
	log_text(&e, "policy", guard_policy_name(g->settings->policy));
	log_text(&e, "outcome", guard_outcome_name(g->outcome));
	log_number(&e, "attempts", g->attempts);
	log_number(&e, "held_ms", run_ms - x->begun_ms);
	log_number(&e, "run_ms", now_ms - run_ms);
	log_text(&e, "result", x->result);
	if (g->facts.has_old_snapshot && x->context != CONTEXT_IDLE)
		log_text(&e, "snapshot", "old: the plan may miss new tables");
	log_end(&e);
}

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

/* What an old error was, before a batch forgets it. */
static void
set_result(struct exchange *x, const void *text, size_t len)
{
	if (len >= TAG_MAX)
		len = TAG_MAX - 1;
	memcpy(x->result, text, len);
	x->result[len] = '\0';
}

/* What is asked of the server */

static void
begin_batch(struct exchange *x, enum exchange_phase phase)
{
	x->phase = phase;
	batch_begin(&x->batch, x->session, &x->guard.set);
}

static void
add_command(struct exchange *x, const char *sql)
{
	batch_add(&x->batch, BATCH_COMMAND, sql, NULL, 0);
}

/* False: out of memory; the session is closing. */
static bool
add_plan(struct exchange *x)
{
	char *params[LOCK_SET_PARAMS];
	size_t count;
	const struct statement *statements = statements_of(x, &count);
	size_t i;

	if (!lock_set_params(params, statements, count)) {
		session_close(x->session, CLOSE_MEMORY, NULL);
		return false;
	}
	batch_add(&x->batch, BATCH_PLAN, lock_set_query(), params,
		  LOCK_SET_PARAMS);
	for (i = 0; i < LOCK_SET_PARAMS; i++)
		free(params[i]);
	return true;
}

static void
send_plan(struct exchange *x)
{
	char open[] = "t";
	char closed[] = "f";
	char *in_block = x->context == CONTEXT_IDLE ? closed : open;

	begin_batch(x, EXCHANGE_PLANNING);
	if (x->context == CONTEXT_BLOCK && !x->has_savepoint) {
		add_command(x, "SAVEPOINT _lockstep");
		x->has_savepoint = true;
	}
	batch_add(&x->batch, BATCH_FACTS, session_facts_query(), &in_block, 1);
	if (add_plan(x))
		(void)batch_send(&x->batch, x->context != CONTEXT_TAIL);
}

static void
send_look(struct exchange *x)
{
	const struct guard *g = &x->guard;
	bool all = g->is_spent || g->settings->policy == GUARD_POLICY_HOLD;
	char *param = holders_param(&g->set, all ? HOLDERS_OF_ALL
						 : HOLDERS_OF_UNLOCKABLE);

	if (param == NULL) {
		session_close(x->session, CLOSE_MEMORY, NULL);
		return;
	}
	begin_batch(x, EXCHANGE_LOOKING);
	batch_add(&x->batch, BATCH_HOLDERS, holders_query(), &param, 1);
	free(param);
	(void)batch_send(&x->batch, x->context != CONTEXT_TAIL);
}

/* The locks of an extended cycle must last until the client's own Sync. */
static bool
attempt_ends_transaction(const struct exchange *x)
{
	return x->context == CONTEXT_BLOCK ||
	       (x->context == CONTEXT_IDLE && x->is_query);
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
	char *sql = attempt_sql(&a);

	if (sql == NULL) {
		session_close(x->session, CLOSE_MEMORY, NULL);
		return;
	}
	begin_batch(x, EXCHANGE_ATTEMPTING);
	if (x->context == CONTEXT_IDLE && x->is_query)
		add_command(x, "BEGIN");
	batch_add(&x->batch, BATCH_ATTEMPT, sql, NULL, 0);
	free(sql);
	/* A cycle of the client's cannot be taken back to a savepoint, so
	 * there a set that grew would help nobody. */
	if (x->context == CONTEXT_TAIL || add_plan(x))
		(void)batch_send(&x->batch, attempt_ends_transaction(x));
}

static void
send_undo(struct exchange *x)
{
	begin_batch(x, EXCHANGE_UNDOING);
	if (x->context == CONTEXT_BLOCK)
		add_command(x, "ROLLBACK TO SAVEPOINT _lockstep");
	else if (x->is_query)
		add_command(x, "ROLLBACK");
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

/* The end of a simple Query, or of an extended cycle that we made fail */

static void
finish_query(struct exchange *x)
{
	struct writer w = {0};

	writer_begin(&w, BACKEND_READY_FOR_QUERY);
	write_u8(&w, (uint8_t)status_of(x));
	writer_end(&w);
	if (!w.failed)
		(void)session_to_client(x->session, w.data, w.len);
	else
		session_close(x->session, CLOSE_MEMORY, NULL);
	writer_clear(&w);
}

static void
fail_to_sync(struct exchange *x)
{
	buffer_clear(&x->session->kept);
	x->session->skips_to_sync = true;
}

static void
finish_failed(struct exchange *x)
{
	log_outcome(x);
	if (x->is_query)
		finish_query(x);
	else
		fail_to_sync(x);
	done(x);
}

/* Our error is out; the server's transaction, if one is open, has failed. */
static void
refused(struct exchange *x)
{
	struct report r;
	struct error_report e = {.severity = "ERROR"};

	report_refusal(&r, &x->guard, tag_of(x), worker_now_ms());
	e.sqlstate = r.sqlstate;
	e.message = r.message;
	e.detail = r.detail[0] != '\0' ? r.detail : NULL;
	e.hint = r.hint[0] != '\0' ? r.hint : NULL;
	set_result(x, r.sqlstate, strlen(r.sqlstate));
	if (session_report(x->session, &e))
		finish_failed(x);
}

static void
refuse(struct exchange *x)
{
	static const char sql[] =
	    "DO $lockstep$BEGIN RAISE EXCEPTION USING ERRCODE = '55P03',"
	    " MESSAGE = 'canceling statement due to lock timeout';"
	    " END$lockstep$";

	if (x->context == CONTEXT_IDLE) {
		refused(x);
		return;
	}
	begin_batch(x, EXCHANGE_REFUSING);
	add_command(x, sql);
	(void)batch_send(&x->batch, x->context != CONTEXT_TAIL);
}

static void
deliver_error(struct exchange *x)
{
	if (session_to_client(x->session, x->error.data, x->error.len))
		finish_failed(x);
}

/* The server's own error ends the statement: a cancel, its timeout. */
static void
fail(struct exchange *x, bool needs_undo)
{
	set_result(x, x->batch.sqlstate, strlen(x->batch.sqlstate));
	x->error = x->batch.error;
	memset(&x->batch.error, 0, sizeof(x->batch.error));
	(void)guard_cancel(&x->guard);
	x->is_failing = true;
	if (needs_undo)
		send_undo(x);
	else
		deliver_error(x);
}

/* The client's statement */

static void
send_piece(struct exchange *x)
{
	const struct piece *p = &x->script.pieces[x->piece];
	struct session *s = x->session;
	struct writer w = {0};

	x->phase = EXCHANGE_RUNNING;
	x->run_ms = worker_now_ms();
	set_held(x, false);
	delivery_begin(&x->delivery, s, x->text, p->start, x->in_own_block);
	writer_begin(&w, FRONTEND_QUERY);
	write_bytes(&w, x->text + p->start, p->end - p->start);
	write_u8(&w, 0);
	writer_end(&w);
	if (w.failed) {
		session_close(s, CLOSE_MEMORY, NULL);
	} else {
		pipeline_sent(&s->pipeline, FRONTEND_QUERY, PIPELINE_CLIENT);
		(void)session_to_server(s, w.data, w.len);
	}
	writer_clear(&w);
}

static void
send_kept(struct exchange *x)
{
	struct session *s = x->session;

	x->phase = EXCHANGE_OBSERVING;
	x->run_ms = worker_now_ms();
	set_held(x, false);
	relay_release_kept(s);
	x->execute_seq = s->pipeline.sent_seq;
}

static void
run(struct exchange *x)
{
	if (x->has_savepoint) {
		begin_batch(x, EXCHANGE_RUNNING);
		add_command(x, "RELEASE SAVEPOINT _lockstep");
		x->has_savepoint = false;
		if (!batch_send(&x->batch, true))
			return;
	}
	x->in_own_block = x->is_query && x->context == CONTEXT_IDLE &&
			  x->guard.outcome == GUARD_PROTECTED;
	if (x->is_query)
		send_piece(x);
	else
		send_kept(x);
}

/* As if it had never been judged. */
static void
pass_on(struct exchange *x)
{
	if (x->is_query) {
		send_piece(x);
	} else {
		relay_release_kept(x->session);
		done(x);
	}
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
		send_look(x);
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
start_guard(struct exchange *x)
{
	uint64_t now_ms = worker_now_ms();
	uint64_t seed = now_ms ^ x->session->id << 20 ^ (uintptr_t)x;

	x->begun_ms = now_ms;
	x->notice_ms = now_ms + FIRST_NOTICE_MS;
	act(x, guard_begin(&x->guard, settings_of(x),
			   x->context != CONTEXT_IDLE, now_ms, seed));
}

/* Pieces of a Query: what stands in a failed block needs no protection. */
static void
start_piece(struct exchange *x)
{
	const struct piece *p = &x->script.pieces[x->piece];
	enum transaction_status status = status_of(x);

	x->context = status == TRANSACTION_BLOCK ? CONTEXT_BLOCK : CONTEXT_IDLE;
	x->in_own_block = false;
	if (p->count == 0 || status == TRANSACTION_FAILED ||
	    (status == TRANSACTION_IDLE && !p->needs_block)) {
		send_piece(x);
		return;
	}
	set_held(x, true);
	start_guard(x);
}

static void
log_unguarded(const struct exchange *x)
{
	struct log_event e;

	log_begin(&e, LOG_WARNING, "statements passed unguarded");
	log_number(&e, "session", x->session->id);
	log_text(&e, "user", x->session->user);
	log_text(&e, "database", x->session->database);
	log_number(&e, "statements", x->script.unguarded);
	log_end(&e);
}

/* What is sent now is beyond protection: it fails, or its place is odd. */
static bool
is_past_help(const struct exchange *x)
{
	const struct pipeline *p = &x->session->pipeline;

	return p->tail_open || p->skipping || p->status == TRANSACTION_FAILED;
}

static void
fence_query(struct exchange *x)
{
	bool in_block = status_of(x) != TRANSACTION_IDLE;

	if (!script_cut(&x->script, &x->list, x->text_len, in_block)) {
		session_close(x->session, CLOSE_MEMORY, NULL);
		return;
	}
	if (is_past_help(x)) {
		x->script.count = 1;
		x->script.pieces[0] = (struct piece){.end = x->text_len};
		send_piece(x);
		return;
	}
	if (x->script.unguarded > 0)
		log_unguarded(x);
	start_piece(x);
}

static void
fence_execute(struct exchange *x)
{
	const struct pipeline *p = &x->session->pipeline;

	if (p->skipping || (!p->tail_open && p->status == TRANSACTION_FAILED)) {
		pass_on(x);
		return;
	}
	if (p->tail_open)
		x->context = CONTEXT_TAIL;
	else if (p->status == TRANSACTION_BLOCK)
		x->context = CONTEXT_BLOCK;
	else
		x->context = CONTEXT_IDLE;
	start_guard(x);
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

static void
undo_then(struct exchange *x, enum guard_action pending)
{
	x->pending = pending;
	send_undo(x);
}

static void
planned(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (ends_statement(x)) {
		fail(x, false);
		return;
	}
	if (!batch_has_error(b) && !b->is_odd && b->has_facts) {
		act(x, guard_planned(&x->guard, &b->facts, &b->planned,
				     worker_now_ms()));
		return;
	}
	if (x->context == CONTEXT_BLOCK)
		undo_then(x, guard_plan_failed(&x->guard));
	else
		act(x, guard_plan_failed(&x->guard));
}

static void
looked(struct exchange *x)
{
	struct batch *b = &x->batch;

	if (ends_statement(x)) {
		fail(x, false);
		return;
	}
	if (batch_has_error(b) && x->context == CONTEXT_BLOCK)
		undo_then(x, guard_plan_failed(&x->guard));
	else if (batch_has_error(b))
		act(x, guard_plan_failed(&x->guard));
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
		fail(x, x->context == CONTEXT_IDLE);
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
	else
		act(x, x->pending);
}

/* What of the client's statement there is to know is known */

static void
finish_run(struct exchange *x)
{
	if (x->guard.outcome != GUARD_PENDING)
		log_outcome(x);
	finish_query(x);
	done(x);
}

static void
commit(struct exchange *x)
{
	begin_batch(x, EXCHANGE_COMMITTING);
	add_command(x,
		    status_of(x) == TRANSACTION_BLOCK ? "COMMIT" : "ROLLBACK");
	(void)batch_send(&x->batch, true);
}

static void
committed(struct exchange *x)
{
	const struct batch *b = &x->batch;

	if (batch_has_error(b)) {
		set_result(x, b->sqlstate, strlen(b->sqlstate));
		delivery_deny(&x->delivery,
			      span_of(b->error.data, b->error.len));
	} else {
		delivery_confirm(&x->delivery);
	}
	finish_run(x);
}

static void
ran(struct exchange *x)
{
	if (x->in_own_block) {
		commit(x);
	} else if (x->delivery.has_failed || x->piece + 1 >= x->script.count) {
		finish_run(x);
	} else {
		if (x->guard.outcome != GUARD_PENDING)
			log_outcome(x);
		guard_clear(&x->guard);
		x->piece++;
		start_piece(x);
	}
}

static void
note_result(struct exchange *x, struct frame frame)
{
	struct error_fields f;
	struct span tag;

	if (frame.type == BACKEND_COMMAND_COMPLETE &&
	    command_complete_decode(&tag, frame.body))
		set_result(x, tag.data, tag.len);
	if (frame.type == BACKEND_ERROR_RESPONSE &&
	    error_fields_decode(&f, frame.body))
		set_result(x, f.sqlstate.data, f.sqlstate.len);
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

bool
exchange_begin_query(struct session *s, struct span sql,
		     struct statement_list *list)
{
	struct exchange *x = calloc(1, sizeof(*x));
	char *text = malloc(sql.len + 1);

	if (x == NULL || text == NULL) {
		free(x);
		free(text);
		return false;
	}
	memcpy(text, sql.data, sql.len);
	text[sql.len] = '\0';
	x->session = s;
	x->is_query = true;
	x->text = text;
	x->text_len = sql.len;
	x->list = *list;
	memset(list, 0, sizeof(*list));
	s->exchange = x;
	if (pipeline_is_quiet(&s->pipeline))
		fence_query(x);
	return true;
}

/*
 * What was sent of the cycle before must be answered first.  If nothing of it
 * can have begun a transaction, a Sync settles it; if something may have, only
 * a Flush will do, and the cycle stays open.
 */
bool
exchange_begin_execute(struct session *s, struct prepared_facts *facts)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const struct pipeline *p = &s->pipeline;
	struct injection i = {.session = s};

	if (x == NULL)
		return false;
	x->session = s;
	x->facts = facts;
	prepared_facts_use(facts);
	s->exchange = x;
	set_held(x, true);
	if (p->tail_open && !p->skipping) {
		if (p->tail_began)
			inject_flush(&i);
		else
			inject_sync(&i);
		if (!inject_send(&i))
			return true;
	}
	if (pipeline_is_quiet(p))
		fence_execute(x);
	return true;
}

static bool
is_async(const struct pipeline_event *event)
{
	return event->verdict == PIPELINE_ASYNC;
}

bool
exchange_answer(struct exchange *x, const struct pipeline_event *event,
		struct frame frame, struct span raw)
{
	bool is_ours = event->owner == PIPELINE_PROXY;

	if (event->verdict == PIPELINE_FATAL)
		return false;
	if (is_ours && x->phase == EXCHANGE_COMMITTING && is_async(event) &&
	    frame.type != BACKEND_NOTICE_RESPONSE) {
		delivery_hold(&x->delivery, raw);
		return true;
	}
	if (is_ours)
		return batch_answer(&x->batch, event, frame, raw);
	if (x->phase == EXCHANGE_OBSERVING)
		observe(x, frame);
	if (x->phase != EXCHANGE_RUNNING)
		return false;
	note_result(x, frame);
	return delivery_answer(&x->delivery, frame, raw);
}

void
exchange_quiet(struct exchange *x)
{
	switch (x->phase) {
	case EXCHANGE_FENCE:
		if (x->is_query)
			fence_query(x);
		else
			fence_execute(x);
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
		refused(x);
		break;
	case EXCHANGE_WAITING:
	case EXCHANGE_OBSERVING:
	case EXCHANGE_DONE:
		break;
	}
}

static void
notify(struct exchange *x, uint64_t now_ms)
{
	struct report r;
	struct error_report e = {.severity = "NOTICE"};

	x->notice_ms = now_ms + NEXT_NOTICE_MS;
	if (!x->guard.facts.wants_notices)
		return;
	report_waiting(&r, &x->guard, tag_of(x), now_ms);
	e.sqlstate = r.sqlstate;
	e.message = r.message;
	e.detail = r.detail;
	(void)session_report(x->session, &e);
}

void
exchange_timer(struct exchange *x)
{
	uint64_t now_ms = worker_now_ms();

	if (x->phase != EXCHANGE_WAITING)
		return;
	if (now_ms >= x->notice_ms)
		notify(x, now_ms);
	if (now_ms >= x->guard.wake_ms)
		act(x, guard_woken(&x->guard, now_ms));
	else
		wait(x);
}

void
exchange_cancel(struct exchange *x)
{
	if (exchange_is_running(x) || x->phase == EXCHANGE_DONE)
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
	delivery_clear(&x->delivery);
	writer_clear(&x->error);
	script_clear(&x->script);
	statement_list_clear(&x->list);
	prepared_facts_drop(x->facts);
	free(x->text);
	free(x);
}

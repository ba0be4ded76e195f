/*
 * exchange.c - one guarded statement, on the wire: where it may begin, how the
 * client's own messages run, and which answers it sees.  The states and the
 * invariants stand in exchange_state.h.
 */
#include "proxy/guard/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/config/guard_settings.h"
#include "proxy/guard/exchange_start.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	HELD_MS =
	    1000, /* a wait as long counts as held, even one for the turn */
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
exchange_log(struct exchange *x)
{
	guard_log_outcome(&x->log, x->guarded, &x->guard, clock_now_ms());
	exchange_history_end(x);
}

void
exchange_trim_lease(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;
	struct lease *lease = &x->guarded->lease;

	lease_give_turn(lease);
	/* The locks last until the client's own Sync, and guarded_note_answer
	 * ends the lease then; a window is soon over without it. */
	if (guard_outcome_holds(guard_step(&x->guard).outcome) &&
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
	exchange_trim_lease(x);
	exchange_trim_trail(x);
	exchange_rouse_others(x);
	exchange_enter(x, EXCHANGE_DONE);
}

void
exchange_begin_batch(struct exchange *x, enum exchange_phase phase)
{
	exchange_enter(x, phase);
	/* A COMMIT may take its time: triggers run in it. */
	if (phase != EXCHANGE_COMMITTING && phase != EXCHANGE_STEPPING)
		exchange_expect_answers(x);
	batch_begin(&x->batch, x->guarded, guard_set(&x->guard));
}

void
exchange_begin_more(struct exchange *x, enum exchange_phase phase)
{
	exchange_enter(x, phase);
	exchange_expect_answers(x);
	batch_begin_more(&x->batch);
}

/* The client's statement */

void
exchange_begin_run(struct exchange *x, enum exchange_phase phase)
{
	batch_clear(&x->batch);
	pair_stop_timer(x->pair);
	exchange_enter(x, phase);
	x->log.run_ms = clock_now_ms();
	exchange_history_run(x);
	pair_set_held(x->pair, false);
}

static void
exchange_send_kept(struct exchange *x)
{
	exchange_begin_run(x, EXCHANGE_OBSERVING);
	guarded_release_kept(x->guarded);
	x->execute_seq = x->pair->pipeline.sent_seq;
}

void
exchange_run(struct exchange *x)
{
	if (x->steps.is_under_way)
		exchange_run_step(x);
	else if (x->replay.is_under_way)
		exchange_repeat(x);
	else if (exchange_is_query(x))
		exchange_run_piece(x);
	else
		exchange_send_kept(x);
}

/* The results */

static void
exchange_observe(struct exchange *x, uint8_t type, struct span raw)
{
	guard_log_answer(&x->log, type, raw);
	if (x->pair->pipeline.done_seq < x->execute_seq)
		return;
	exchange_log(x);
	exchange_end(x);
}

/* The public side */

/* Send a Flush: the server need not answer an open cycle before. */
static void
exchange_ask_for_answers(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	inject_flush(&i);
	(void)inject_send(&i);
}

/* Ask for the answers to an open cycle, once.  That a cycle is open can show
 * late: a COPY took the Sync behind it. */
static void
exchange_ask_before_fence(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->has_asked || !p->tail_open || pipeline_is_quiet(p))
		return;
	x->has_asked = true;
	exchange_ask_for_answers(x);
}

void
exchange_begin(struct exchange *x, struct guarded *g)
{
	assert(g->exchange == NULL);
	x->guarded = g;
	x->pair = g->pair;
	g->exchange = x;
	exchange_init_lookout(x);
	atomic_fetch_add(&x->pair->daemon->exchanges, 1);
	exchange_enter_first(x);
	exchange_ask_before_fence(x);
	if (pipeline_is_quiet(&x->pair->pipeline) && !pair_is_closing(x->pair))
		exchange_leave_fence(x);
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
	said_note_text(&g->said, FRONTEND_QUERY, sql, guarded_begins(g));
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

void
exchange_hurry(struct exchange *x)
{
	if (x->phase == EXCHANGE_OBSERVING && !x->is_hurried)
		exchange_ask_for_answers(x);
	x->is_hurried = true;
}

bool
exchange_is_hurried(const struct exchange *x)
{
	return x->is_hurried;
}

/*
 * Take an answer to a statement of ours that is too large to be there whole.
 * Our COMMIT runs the client's triggers, whose error is the client's answer;
 * a notice elsewhere is dropped as a small one is, and nothing else is large.
 */
static bool
exchange_answer_large(struct exchange *x, const struct pipeline_event *event,
		      struct frame frame, struct span raw)
{
	bool is_of_commit = x->phase == EXCHANGE_COMMITTING &&
			    frame.type == BACKEND_ERROR_RESPONSE;

	if (event->verdict != PIPELINE_ASYNC && !is_of_commit) {
		pair_close(x->pair, CLOSE_SERVER_BAD, "message too large");
		return false;
	}
	if (is_of_commit) {
		guard_log_answer(&x->log, frame.type, raw);
		delivery_deny(&x->query.delivery, span_of(NULL, 0));
	}
	return batch_answer(&x->batch, event, frame, span_of(NULL, 0)) &&
	       !is_of_commit;
}

/* Take a message of the server's, as exchange_answer does. */
static bool
exchange_take_answer(struct exchange *x, const struct pipeline_event *event,
		     struct frame frame, struct span raw)
{
	if (event->verdict == PIPELINE_FATAL)
		return false;
	if (x->phase == EXCHANGE_COMMITTING && event->verdict == PIPELINE_ASYNC)
		return exchange_answer_commit(x, frame, raw);
	if (x->phase == EXCHANGE_REPEATING)
		return replay_answer(&x->replay, &frame, raw);
	if (x->phase == EXCHANGE_TRYING && exchange_answers_trial(event))
		return exchange_answer_trial(x, event, frame, raw);
	if (event->owner == PIPELINE_PROXY && frame.body.data == NULL)
		return exchange_answer_large(x, event, frame, raw);
	if (event->owner == PIPELINE_PROXY)
		return batch_answer(&x->batch, event, frame, raw);
	if (x->phase == EXCHANGE_OBSERVING)
		exchange_observe(x, frame.type, raw);
	if (x->phase != EXCHANGE_RUNNING)
		return false;
	guard_log_answer(&x->log, frame.type, raw);
	return exchange_deliver(x, frame, raw);
}

/* True if the message is an error that ends the statement, or the session, and
 * steps have left something. */
static bool
exchange_tells_left(const struct exchange *x,
		    const struct pipeline_event *event, struct frame frame)
{
	struct error_fields f;

	if (frame.type != BACKEND_ERROR_RESPONSE || frame.body.data == NULL ||
	    (x->steps.left == NULL && x->phase != EXCHANGE_STEPPING) ||
	    !error_fields_decode(&f, frame.body))
		return false;
	return span_equals(f.severity, "FATAL") ||
	       event->owner == PIPELINE_CLIENT ||
	       (x->phase == EXCHANGE_TRYING && exchange_answers_trial(event));
}

/* Take such an error, with what steps have left in its detail. */
static bool
exchange_answer_left(struct exchange *x, const struct pipeline_event *event,
		     struct span raw)
{
	struct frame_header h;
	struct writer w = {0};

	write_bytes(&w, raw.data, raw.len);
	exchange_add_last_words(x, &w);
	raw = span_of(w.data, w.len);
	if (frame_peek(&h, raw) == FRAME_OK &&
	    !exchange_take_answer(
		x, event, (struct frame){h.type, frame_body(&h, raw)}, raw))
		(void)pair_to_client(x->pair, raw.data, raw.len);
	writer_clear(&w);
	return true;
}

bool
exchange_answer(struct exchange *x, const struct pipeline_event *event,
		struct frame frame, struct span raw)
{
	if (exchange_tells_left(x, event, frame))
		return exchange_answer_left(x, event, raw);
	return exchange_take_answer(x, event, frame, raw);
}

/* True if all that is under way has been answered, and the server goes on: an
 * error that ends the session is to be its last word. */
static bool
exchange_is_answered(const struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	return !x->batch.is_fatal &&
	       (pipeline_is_quiet(p) ||
		(x->phase == EXCHANGE_FENCE && p->in_copy));
}

void
exchange_step(struct exchange *x)
{
	if (x->phase == EXCHANGE_FENCE)
		exchange_ask_before_fence(x);
	if (!exchange_is_answered(x))
		return;
	switch (x->phase) {
	case EXCHANGE_FENCE:
		exchange_leave_fence(x);
		break;
	case EXCHANGE_PROBING:
		exchange_probed(x);
		break;
	case EXCHANGE_OPENING:
		exchange_opened(x);
		break;
	case EXCHANGE_TRYING:
		exchange_tried(x);
		break;
	case EXCHANGE_RESTORING:
		exchange_restored(x);
		break;
	case EXCHANGE_RUNNING:
		exchange_ran(x);
		break;
	case EXCHANGE_COMMITTING:
		exchange_committed(x);
		break;
	case EXCHANGE_ISOLATING:
	case EXCHANGE_GLANCING:
	case EXCHANGE_PLANNING:
	case EXCHANGE_RECALLING:
	case EXCHANGE_LISTING:
	case EXCHANGE_STEPPING:
	case EXCHANGE_LOOKING:
	case EXCHANGE_NAMING:
	case EXCHANGE_ATTEMPTING:
	case EXCHANGE_CHECKING:
	case EXCHANGE_COAXING:
	case EXCHANGE_UNDOING:
	case EXCHANGE_REFUSING:
		exchange_guard_step(x);
		break;
	case EXCHANGE_JUDGING:
	case EXCHANGE_RESTARTING:
	case EXCHANGE_REPEATING:
		exchange_replay_step(x);
		break;
	case EXCHANGE_ASKING:
		exchange_asked(x);
		break;
	case EXCHANGE_SHUTTING:
		exchange_own_named(x);
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
	switch (x->phase) {
	case EXCHANGE_WAITING:
		exchange_guard_timer(x);
		break;
	case EXCHANGE_ASKING:
	case EXCHANGE_SHUTTING:
	case EXCHANGE_PROBING:
	case EXCHANGE_OPENING:
	case EXCHANGE_ISOLATING:
	case EXCHANGE_GLANCING:
	case EXCHANGE_PLANNING:
	case EXCHANGE_RECALLING:
	case EXCHANGE_LISTING:
	case EXCHANGE_LOOKING:
	case EXCHANGE_NAMING:
	case EXCHANGE_ATTEMPTING:
	case EXCHANGE_CHECKING:
	case EXCHANGE_COAXING:
	case EXCHANGE_UNDOING:
	case EXCHANGE_JUDGING:
	case EXCHANGE_RESTARTING:
	case EXCHANGE_RESTORING:
	case EXCHANGE_REFUSING:
		exchange_late(x);
		break;
	case EXCHANGE_FENCE:
	case EXCHANGE_STEPPING:
	case EXCHANGE_TRYING:
	case EXCHANGE_RUNNING:
	case EXCHANGE_COMMITTING:
	case EXCHANGE_REPEATING:
	case EXCHANGE_OBSERVING:
	case EXCHANGE_DONE:
		break;
	}
}

bool
exchange_cancel(struct exchange *x)
{
	/* Where it runs on trial, our bound may strike first, or a question
	 * ahead of it; amid a replay, or where keys go first, it may come
	 * between two messages. */
	x->is_canceled |= x->phase == EXCHANGE_TRYING || x->is_assumed ||
			  x->phase == EXCHANGE_STEPPING ||
			  x->phase == EXCHANGE_REPEATING;
	if (exchange_is_running(x) || exchange_is_done(x) ||
	    x->phase == EXCHANGE_COAXING || x->phase == EXCHANGE_REPEATING)
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
	return x->phase == EXCHANGE_STEPPING || x->phase == EXCHANGE_TRYING ||
	       x->phase == EXCHANGE_RESTORING || x->phase == EXCHANGE_RUNNING ||
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
	const struct writer *error =
	    x->phase == EXCHANGE_REPEATING ? &x->replay.error : &x->batch.error;

	return span_of(error->data, error->len);
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	exchange_history_break(x);
	atomic_fetch_sub(&x->pair->daemon->exchanges, 1);
	exchange_count_held(x, EXCHANGE_DONE);
	if (x->phase == EXCHANGE_STEPPING)
		guard_log_doubt(&x->log, x->pair, steps_key(&x->steps));
	lookout_leave(&x->watch);
	guard_clear(&x->guard);
	batch_clear(&x->batch);
	replay_clear(&x->replay);
	steps_clear(&x->steps);
	trial_clear(&x->trial);
	recording_clear(&x->recording);
	query_clear(&x->query);
	held_clear(&x->held);
	gate_names_clear(&x->names);
	guard_settings_clear(&x->settings);
	writer_clear(&x->error);
	prepared_facts_rest(x->facts);
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
	if (g->lease.late_ms != 0)
		exchange_begin_shut(g);
	else
		pair_stop_timer(g->pair);
}

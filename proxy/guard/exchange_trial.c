/*
 * exchange_trial.c - the client's statement runs on trial: what no attempt can
 * lock it takes itself, no wait for a lock longer than the guard allows, and
 * what our bound has ended is undone as if it had not been sent.  So is a run
 * whose answers are too large to be held until its end: shown in part it could
 * not be undone, and the error of our bound would be the client's.  The
 * statement does not run on trial again.
 *
 * TRYING sets a lock_timeout of ours and sends the statement behind it.
 * RESTORING sets the session's back, or our COMMIT does: in the same
 * transaction and before the client hears that it has run, for nothing of the
 * client's is to run under ours.  Behind a run ahead of a plan it is sent
 * with that: code of nobody's can answer at length in it, so that it could
 * have to be undone though it has ended well.  A named statement that the run
 * has prepared, and that the client does not hear of, is closed again with the
 * undo.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	SET_BYTES = 64 + SESSION_FACTS_SETTING_MAX,
};

/* Go to the next of the frames, whose body is taken. False: there is none. */
static bool
next_frame(struct frame *out, struct span *frames)
{
	return frame_next(out, frames, UINT32_MAX) == FRAME_OK;
}

/* True if the cycle that is kept back makes the portal that it executes: one
 * made before could not be executed twice. */
static bool
exchange_binds_its_portal(const struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	struct execute_message e;
	struct bind_message b;
	struct span bound = {0};
	struct frame f;

	while (next_frame(&f, &frames)) {
		if (f.type == FRONTEND_BIND && bind_decode(&b, f.body))
			bound = b.portal;
		if (f.type == FRONTEND_EXECUTE && execute_decode(&e, f.body))
			return bound.data != NULL &&
			       bound.len == e.portal.len &&
			       memcmp(bound.data, e.portal.data, bound.len) ==
				   0;
	}
	return false;
}

bool
exchange_can_try(const struct exchange *x)
{
	const struct statement_list *list;

	if (x->steps.is_under_way)
		return true;
	if (x->context == CONTEXT_TAIL || x->replay.is_under_way ||
	    x->runs_once)
		return false;
	if (exchange_is_query(x))
		return query_can_undo(&x->query);
	list = &x->facts->list;
	return list->count == 1 && script_can_undo(&list->items[0]) &&
	       exchange_binds_its_portal(x);
}

/*
 * Set a lock_timeout that the transaction's end takes back.  The server warns
 * of a SET LOCAL in the implicit transaction of an extended cycle.
 */
static void
exchange_add_lock_timeout(struct exchange *x, const char *value)
{
	bool is_implicit = x->context == CONTEXT_IDLE && !exchange_is_query(x);
	const char *format =
	    is_implicit
		? "SELECT pg_catalog.set_config('lock_timeout', '%s', true)"
		: "SET LOCAL lock_timeout TO '%s'";
	char sql[SET_BYTES];

	snprintf(sql, sizeof(sql), format, value);
	batch_add_setting(&x->batch, sql);
}

/* True if the run is one ahead of a plan, under way or over. */
static bool
exchange_is_first_trial(const struct exchange *x)
{
	struct guard_step step = guard_step(&x->guard);

	return step.state == GUARD_AT_FIRST_TRIAL ||
	       step.outcome == GUARD_UNOPPOSED;
}

/* The recording, which a run that is undone leaves as it was */

static void
exchange_put_recording_aside(struct exchange *x)
{
	x->recording = x->guarded->recording;
	memset(&x->guarded->recording, 0, sizeof(x->recording));
	x->is_recording_aside = true;
}

static void
exchange_take_recording_back(struct exchange *x)
{
	if (!x->is_recording_aside)
		return;
	x->guarded->recording = x->recording;
	memset(&x->recording, 0, sizeof(x->recording));
	x->is_recording_aside = false;
}

/* Record the run, none of whose answers has been seen. */
static void
exchange_record_run(struct exchange *x)
{
	const struct query *q = &x->query;
	struct guarded *g = x->guarded;

	if (!x->is_recording_aside)
		return;
	exchange_take_recording_back(x);
	if (!exchange_is_query(x))
		guarded_record_run_kept(g);
	else if (q->piece == 0)
		guarded_record_run_query(
		    g, span_of((const uint8_t *)q->text, q->text_len));
	else
		recording_expect_ready(&g->recording);
	recording_date(&g->recording, x->log.run_ms);
}

/* A statement of ours around the run has failed: it cannot be recorded. */
static void
exchange_fail_trial(struct exchange *x)
{
	if (x->is_recording_aside) {
		exchange_take_recording_back(x);
		recording_end(&x->guarded->recording,
			      "a statement ran on trial");
	}
	exchange_fail(x);
}

static void
exchange_send_statement(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	if (exchange_is_query(x)) {
		query_send_trial(&x->query,
				 x->context == CONTEXT_IDLE || x->in_own_block);
		return;
	}
	guarded_send_kept(x->guarded);
	inject_flush(&i);
	(void)inject_send(&i);
}

void
exchange_add_restore(struct exchange *x)
{
	const char *before = exchange_is_first_trial(x)
				 ? x->glance.lock_timeout
				 : guard_facts(&x->guard)->lock_timeout;

	exchange_add_lock_timeout(x, before);
	x->owes_restore = false;
}

/* Set the lock_timeout back behind the run. */
static void
exchange_send_restore(struct exchange *x)
{
	exchange_add_restore(x);
	if (x->has_savepoint)
		batch_add_command(&x->batch, SAVEPOINT_RELEASE);
	(void)batch_send(&x->batch, exchange_is_query(x));
}

/* True if our COMMIT is next: the settings are set back with it. */
static bool
exchange_commits_next(const struct exchange *x)
{
	return exchange_is_query(x) && !query_has_more(&x->query) &&
	       (x->in_own_block || x->context == CONTEXT_IDLE);
}

void
exchange_send_trial(struct exchange *x, const struct guard_step *step)
{
	char value[SESSION_FACTS_SETTING_MAX];

	snprintf(value, sizeof(value), "%" PRIu32, step->try_bound_ms);
	exchange_begin_run(x, EXCHANGE_TRYING);
	x->trail_shape = x->guarded->trail.shape;
	exchange_put_recording_aside(x);
	/* A cancel may come to the server when it has just been undone: hear of
	 * it here, too. */
	pair_set_held(x->pair, true);
	trial_clear(&x->trial);
	x->guarded->trail.is_on_trial = true;
	batch_begin(&x->batch, x->guarded, guard_set(&x->guard));
	if (x->is_assumed) {
		exchange_add_assumed(x, value);
	} else {
		if (exchange_is_first_trial(x) && exchange_is_query(x))
			exchange_add_shield(x);
		exchange_add_lock_timeout(x, value);
	}
	assert(x->context != CONTEXT_BLOCK || x->has_savepoint);
	/* Where it fails the server skips the statement: only a Sync ends that.
	 */
	(void)batch_send(&x->batch, false);
	exchange_send_statement(x);
	x->owes_restore = exchange_commits_next(x);
	if (!x->owes_restore && exchange_is_first_trial(x))
		exchange_send_restore(x);
}

/* Answers, while it runs */

/* True: the exchange has taken it; false: the caller passes it on. */
static bool
exchange_pass_answer(struct exchange *x, struct frame frame, struct span raw)
{
	guard_log_answer(&x->log, frame.type, raw);
	return exchange_is_query(x) && exchange_deliver(x, frame, raw);
}

static void
exchange_note_run(struct exchange *x, const struct frame *f)
{
	if (recording_is_open(&x->guarded->recording))
		recording_note_answer(&x->guarded->recording, f);
}

/* Let the client see all that is held. */
static void
exchange_deliver_held(struct exchange *x)
{
	const struct writer *held = &x->trial.held;
	struct span rest = span_of(held->data, held->len);
	struct span from = rest;
	struct frame f;

	while (next_frame(&f, &rest)) {
		struct span raw = span_of(from.data, from.len - rest.len);

		exchange_note_run(x, &f);
		if (!exchange_pass_answer(x, f, raw)) {
			exchange_note_error(x, f.type, raw);
			(void)pair_to_client(x->pair, raw.data, raw.len);
		}
		from = rest;
	}
	trial_drop(&x->trial);
}

bool
exchange_answers_trial(const struct pipeline_event *event)
{
	return event->owner == PIPELINE_CLIENT ||
	       event->entry == FRONTEND_QUERY;
}

bool
exchange_answer_trial(struct exchange *x, const struct pipeline_event *event,
		      struct frame frame, struct span raw)
{
	bool is_noted;

	/* The server has skipped it, as something of ours had failed. */
	if (batch_has_error(&x->batch))
		return true;
	if (event->verdict == PIPELINE_ASYNC &&
	    frame.type != BACKEND_NOTICE_RESPONSE)
		return false;
	if (trial_take(&x->trial, frame, raw))
		return true;
	/* The rest of a cycle is recorded as it comes. */
	is_noted = x->is_recording_aside || exchange_is_query(x);
	exchange_record_run(x);
	exchange_deliver_held(x);
	if (is_noted)
		exchange_note_run(x, &frame);
	return exchange_pass_answer(x, frame, raw);
}

/* Behind its end */

/* True if the savepoint has been released along with the run. */
static bool
exchange_is_beyond_undo(const struct exchange *x)
{
	return x->trial.state == TRIAL_LARGE && exchange_is_first_trial(x) &&
	       x->has_savepoint && !x->owes_restore &&
	       !batch_has_error(&x->batch);
}

/* The run is void: undo it, and leave it to the guard. */
static void
exchange_undo_trial(struct exchange *x)
{
	if (exchange_is_beyond_undo(x)) {
		pair_close(x->pair, CLOSE_SERVER_BAD, "answers too large");
		return;
	}
	if (x->trial.state == TRIAL_LARGE) {
		x->runs_once = true;
		guard_forbid_trials(&x->guard);
	}
	x->log.run_ms = 0;
	exchange_history_undone(x);
	x->owes_restore = false;
	exchange_take_recording_back(x);
	exchange_forget_first_trail(x);
	x->guarded->trail.shape = x->trail_shape;
	(void)guard_tried(&x->guard, false, clock_now_ms());
	if (x->is_canceled)
		(void)guard_cancel(&x->guard);
	exchange_send_undo(x);
}

/*
 * Go to the next named statement that the run has prepared and that the client
 * does not know of; *frames are those of the cycle, at first, and *left is
 * trial.prepared.  NULL: there is none.
 */
static const char *
next_left(struct span *frames, size_t *left)
{
	struct parse_message p;
	struct frame f;

	while (*left > 0 && next_frame(&f, frames)) {
		if (f.type != FRONTEND_PARSE || !parse_decode(&p, f.body))
			continue;
		--*left;
		if (p.statement.len > 0)
			return (const char *)p.statement.data;
	}
	return NULL;
}

bool
exchange_left_statements(const struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	size_t left = x->trial.prepared;

	return next_left(&frames, &left) != NULL;
}

void
exchange_add_closes(struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	size_t left = x->trial.prepared;
	const char *name;

	while ((name = next_left(&frames, &left)) != NULL) {
		struct prepared_change gone = {
		    .kind = PREPARED_STATEMENT,
		    .name = span_of((const uint8_t *)name, strlen(name))};

		inject_close_client(&x->batch.injection, name);
		if (prepared_changes(&x->guarded->prepared, &gone))
			(void)prepared_note(&x->guarded->prepared, &gone,
					    x->pair->pipeline.sent_seq);
	}
}

/* The statement has run, and the client sees its answers. */
static void
exchange_finish_trial(struct exchange *x)
{
	x->has_savepoint = false;
	x->guarded->trail.is_lost |= x->trial.state == TRIAL_FAILED;
	pair_set_held(x->pair, false);
	if (exchange_is_query(x)) {
		x->in_own_block |= x->context == CONTEXT_IDLE;
		exchange_ran(x);
		return;
	}
	guarded_forget_kept(x->guarded);
	exchange_log(x);
	exchange_end(x);
}

void
exchange_end_failed_trial(struct exchange *x)
{
	x->guarded->skips_to_sync = !exchange_is_query(x);
	exchange_finish_trial(x);
}

/* The run counts: the client sees it. */
static void
exchange_show_trial(struct exchange *x)
{
	exchange_keep_gate(x);
	exchange_record_run(x);
	exchange_deliver_held(x);
	exchange_finish_trial(x);
}

static void
exchange_restore(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_RESTORING);
	exchange_send_restore(x);
}

void
exchange_restored(struct exchange *x)
{
	if (batch_has_error(&x->batch))
		exchange_fail_trial(x);
	else
		exchange_show_trial(x);
}

/*
 * The run has come to an end of its own, and counts.  An error below our
 * savepoint has ended that, and must end the client's transaction as it does
 * without us: others wait for its locks.
 */
static void
exchange_accept_trial(struct exchange *x)
{
	struct guard_step step = guard_tried(&x->guard, true, clock_now_ms());
	bool has_failed = x->trial.state == TRIAL_FAILED;

	x->guarded->trail.has_untold |= step.outcome == GUARD_UNOPPOSED;
	if (has_failed && x->has_savepoint && !x->in_own_block)
		exchange_send_failure(x);
	else if (has_failed)
		exchange_finish_trial(x);
	else if (x->owes_restore || exchange_is_first_trial(x))
		exchange_show_trial(x);
	else
		exchange_restore(x);
}

/* True if the run is to be undone: our bound has ended it, its answers were too
 * large, or it was skipped, as what came ahead of it failed, which a plan may
 * do without. */
static bool
exchange_undoes_trial(const struct exchange *x)
{
	if (trial_is_void(&x->trial))
		return true;
	return batch_has_error(&x->batch) && !trial_has_begun(&x->trial) &&
	       exchange_is_first_trial(x) && !exchange_has_lost(x);
}

void
exchange_tried(struct exchange *x)
{
	bool did_hold =
	    !batch_has_error(&x->batch) || trial_has_begun(&x->trial);

	x->guarded->trail.is_on_trial = false;
	exchange_end_assumption(x, did_hold);
	if (exchange_undoes_trial(x))
		exchange_undo_trial(x);
	else if (batch_has_error(&x->batch) && x->trial.state != TRIAL_FAILED)
		exchange_fail_trial(x);
	else
		exchange_accept_trial(x);
}

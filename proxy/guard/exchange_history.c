/*
 * exchange_history.c - the story of a guarded statement, told to the history as
 * it goes on.  One that is prepared for anew, for its keys or a replay, has one
 * story; each piece of a text has its own.
 */
#include <stdio.h>
#include <string.h>

#include "policy/guard/report.h"
#include "policy/sql/gist.h"
#include "protocol/backend.h"
#include "protocol/frontend.h"
#include "proxy/base/clock.h"
#include "proxy/guard/deadlock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	HOLDERS_TOLD = 3, /* from one look, each session once */
};

static void
exchange_add_history(struct exchange *x, const struct history_step *step)
{
	history_add(x->pair->daemon->history, x->history, step);
}

/* The beginning */

/* The text of the last Parse among frames that are kept back, borrowed; empty:
 * there is none. */
static struct span
exchange_kept_text(const struct exchange *x)
{
	struct span frames = buffer_span(&x->guarded->kept.frames);
	struct span text = {0};
	struct parse_message p;
	struct frame f;

	while (frame_next(&f, &frames, UINT32_MAX) == FRAME_OK)
		if (f.type == FRONTEND_PARSE && parse_decode(&p, f.body))
			text = p.sql;
	return text;
}

/* The text of the statement, borrowed; empty: it is not known. */
static struct span
exchange_own_text(const struct exchange *x)
{
	const struct query *q = &x->query;
	const struct piece *p;

	if (exchange_is_query(x)) {
		p = query_piece(q);
		return span_of((const uint8_t *)q->text + p->start,
			       p->end - p->start);
	}
	if (x->facts->text != NULL)
		return span_of((const uint8_t *)x->facts->text,
			       x->facts->text_len);
	return exchange_kept_text(x);
}

void
exchange_history_begin(struct exchange *x)
{
	const struct pair *p = x->pair;
	struct history_entry first = {.statement = x->log.statement};
	struct span text;

	if (x->errand != ERRAND_STATEMENT || p->daemon->history == NULL)
		return;
	if (x->history == NULL) {
		text = exchange_own_text(x);
		gist_of_text(first.text, sizeof(first.text),
			     (const char *)text.data, text.len,
			     p->sends_plain_backslashes || !p->is_utf8);
		pair_tell_who(p, &first.who);
		x->history = history_begin(p->daemon->history, &first);
	}
	x->log.id = history_id(x->history);
}

/* Steps, as the guard tells of them */

static void
exchange_tell_history(struct exchange *x)
{
	struct guard_account a;
	struct history_facts f;

	if (x->history == NULL)
		return;
	a = guard_account(&x->guard, clock_now_ms());
	f = (struct history_facts){
	    .policy = guard_policy_name(a.settings->policy),
	    .attempts = a.attempts,
	    .trials = a.trials,
	    .windows = a.windows,
	    .gate_ms = a.gate_ms,
	};
	if (a.outcome != GUARD_PENDING)
		f.outcome = guard_outcome_name(a.outcome);
	if (a.settings->rule != NULL)
		snprintf(f.rule, sizeof(f.rule), "%s", a.settings->rule);
	if (a.outcome == GUARD_UNPLANNED)
		snprintf(f.why, sizeof(f.why), "%s",
			 guard_log_reason(&x->log, &a));
	report_lock_set(f.tables, sizeof(f.tables), a.set);
	history_tell(x->pair->daemon->history, x->history, &f);
}

/* Note a step of which nothing but the kind and a number is told. */
static void
exchange_add_count(struct exchange *x, enum history_step_kind kind,
		   size_t number)
{
	struct history_step s = {.kind = kind, .number = (uint32_t)number};

	exchange_add_history(x, &s);
}

/* Likewise with a text, cut. */
static void
exchange_add_text(struct exchange *x, enum history_step_kind kind,
		  const char *text)
{
	struct history_step s = {.kind = kind};

	snprintf(s.what, sizeof(s.what), "%s", text);
	exchange_add_history(x, &s);
}

void
exchange_history_planned(struct exchange *x)
{
	exchange_add_count(x, HISTORY_PLANNED, guard_set(&x->guard)->count);
	exchange_tell_history(x);
}

void
exchange_history_key(struct exchange *x, const struct drop_key *key)
{
	struct history_step s = {.kind = HISTORY_KEY_DROPPED};

	snprintf(s.what, sizeof(s.what), "%s of %s", key->name, key->relation);
	exchange_add_history(x, &s);
}

void
exchange_history_over(struct exchange *x)
{
	exchange_add_count(x, HISTORY_STARTED_OVER, x->replay.count);
}

static const char *
exchange_name_of(const struct lock_set *set, uint32_t relid)
{
	const struct lock_item *item = lock_set_item(set, relid);

	return item != NULL ? item->name : "a table";
}

/* Note who that is: by the application's name, if it has one. */
static void
exchange_name_who(struct history_step *s, const char *application_name,
		  const char *user)
{
	snprintf(s->who, sizeof(s->who), "%s",
		 application_name[0] != '\0' ? application_name : user);
}

/* A lock in the way, and `count` of them in all. */
static void
exchange_add_holder(struct exchange *x, const struct holder *h, size_t count)
{
	struct history_step s = {
	    .kind = HISTORY_IN_THE_WAY,
	    .pid = h->pid,
	    .number = (uint32_t)count,
	    .ms = (uint32_t)h->transaction_age_ms,
	};
	const char *state = h->pid == 0 ? "a prepared transaction" : h->state;

	exchange_name_who(&s, h->application_name, h->user);
	snprintf(s.what, sizeof(s.what), "%s%s%s on %s", state,
		 state[0] != '\0' ? ", " : "", lock_mode_name(h->mode),
		 exchange_name_of(guard_set(&x->guard), h->relid));
	exchange_add_history(x, &s);
}

/* True if one of those before it is the same session's. */
static bool
exchange_was_told(const struct holders *holders, size_t index)
{
	size_t i;

	for (i = 0; i < index; i++)
		if (holders->shown[i].pid == holders->shown[index].pid)
			return true;
	return false;
}

static void
exchange_add_holders(struct exchange *x, const struct holders *holders)
{
	size_t told = 0;
	size_t i;

	for (i = 0; i < holders->count && i < HOLDERS_SHOWN; i++) {
		if (told == HOLDERS_TOLD || exchange_was_told(holders, i))
			continue;
		exchange_add_holder(x, &holders->shown[i],
				    told == 0 ? holders->count : 1);
		told++;
	}
}

void
exchange_history_looked(struct exchange *x, const struct holders *holders,
			bool in_window)
{
	if (x->history == NULL)
		return;
	if (in_window)
		exchange_add_count(x, HISTORY_DRAINED, holders->count);
	else
		exchange_add_holders(x, holders);
	exchange_tell_history(x);
}

void
exchange_history_denied(struct exchange *x, const struct rival *rival)
{
	struct history_step s = {
	    .kind = HISTORY_TURN_DENIED,
	    .pid = rival->pid,
	    .what = "another guarded statement",
	};

	exchange_name_who(&s, rival->application_name, rival->user);
	exchange_add_history(x, &s);
}

void
exchange_history_shut(struct exchange *x, uint64_t until_ms)
{
	uint64_t now_ms = clock_now_ms();
	struct history_step s = {
	    .kind = HISTORY_WINDOW_OPENED,
	    .ms = until_ms > now_ms ? (uint32_t)(until_ms - now_ms) : 0,
	};

	exchange_add_history(x, &s);
}

void
exchange_history_opened(struct exchange *x)
{
	const struct lease *l = &x->guarded->lease;

	if (l->window != NULL)
		exchange_add_count(x, HISTORY_WINDOW_OVER, lease_delayed(l));
}

void
exchange_history_coax(struct exchange *x, size_t index)
{
	exchange_add_text(x, HISTORY_AUTOVACUUM_ASKED,
			  guard_set(&x->guard)->items[index].name);
}

/* Attempts */

void
exchange_history_lost_to(const struct exchange *x, enum attempt_result result,
			 char out[HISTORY_WHAT_BYTES])
{
	const struct lock_set *set = guard_set(&x->guard);
	const char *what = "";

	switch (result) {
	case ATTEMPT_GRANTED:
		break;
	case ATTEMPT_BUSY:
		what = set->items[x->batch.attempt_index].name;
		break;
	case ATTEMPT_NO_TURN:
		what = "another guarded statement goes first";
		break;
	case ATTEMPT_FAILED:
		what = "names or rights have changed";
		break;
	}
	snprintf(out, HISTORY_WHAT_BYTES, "%s%s", what,
		 result == ATTEMPT_BUSY ? " was in use" : "");
}

void
exchange_history_attempted(struct exchange *x, const char *lost_to)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());
	struct guard_step step = guard_step(&x->guard);
	bool has_locks =
	    guard_outcome_holds(step.outcome) || step.action == GUARD_TRY;
	struct history_step s = {
	    .kind = has_locks ? HISTORY_LOCKED : HISTORY_ATTEMPT_LOST,
	    .number = a.attempts,
	};

	if (!has_locks)
		snprintf(s.what, sizeof(s.what), "%s",
			 lost_to[0] != '\0' ? lost_to
					    : "the tables have changed");
	exchange_add_history(x, &s);
	exchange_tell_history(x);
}

/* The end */

void
exchange_history_run(struct exchange *x)
{
	exchange_add_count(
	    x, x->phase == EXCHANGE_TRYING ? HISTORY_TRIED : HISTORY_RAN, 0);
}

void
exchange_history_undone(struct exchange *x)
{
	exchange_add_count(x, HISTORY_TRIAL_UNDONE, 0);
}

static enum history_step_kind
exchange_end_kind(const struct exchange *x)
{
	if (guard_step(&x->guard).action == GUARD_REFUSE)
		return HISTORY_REFUSED;
	return x->log.has_failed ? HISTORY_FAILED : HISTORY_DONE;
}

void
exchange_history_end(struct exchange *x)
{
	struct history *h = x->pair->daemon->history;

	if (guard_log_is_ordinary(guard_step(&x->guard).outcome)) {
		history_drop(h, x->history);
	} else {
		exchange_add_text(x, exchange_end_kind(x), x->log.result);
		exchange_tell_history(x);
		history_end(h, x->history, x->log.result);
	}
	x->history = NULL;
}

void
exchange_history_break(struct exchange *x)
{
	if (x->history == NULL)
		return;
	exchange_add_count(x, HISTORY_SESSION_ENDED, 0);
	history_end(x->pair->daemon->history, x->history, "");
	x->history = NULL;
}

void
exchange_note_error(const struct exchange *x, uint8_t type, struct span raw)
{
	if (type != BACKEND_ERROR_RESPONSE)
		return;
	pair_count_error(x->pair, frame_front(raw));
	deadlock_note(x->guarded, frame_front(raw));
}

struct trace
exchange_trace(const struct exchange *x)
{
	if (x->errand != ERRAND_STATEMENT)
		return (struct trace){{0}, {0}};
	if (exchange_is_query(x))
		return trace_of_text(x->query.text, x->query.text_len);
	return x->facts->trace;
}

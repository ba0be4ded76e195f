#include "proxy/guard/guard_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard/report.h"
#include "policy/guard/report_steps.h"
#include "policy/sql/gist.h"
#include "policy/sql/shape.h"
#include "policy/sql/statement.h"
#include "policy/sql/text.h"
#include "protocol/backend.h"
#include "protocol/frame.h"
#include "proxy/base/log.h"
#include "proxy/config/guard_settings.h"
#include "proxy/guard/guarded.h"
#include "proxy/guard/replay.h"

static void
guard_log_set_result(struct guard_log *l, const void *text, size_t len,
		     bool has_failed)
{
	if (len >= sizeof(l->result))
		len = sizeof(l->result) - 1;
	memcpy(l->result, text, len);
	l->result[len] = '\0';
	l->has_failed = has_failed;
}

void
guard_log_result(struct guard_log *l, const void *tag, size_t len)
{
	guard_log_set_result(l, tag, len, false);
}

void
guard_log_failed(struct guard_log *l, const void *sqlstate, size_t len)
{
	guard_log_set_result(l, sqlstate, len, true);
}

void
guard_log_answer(struct guard_log *l, uint8_t type, struct span raw)
{
	struct error_fields f;
	struct span tag;

	if (l->statement == NULL)
		return; /* a piece that nothing was prepared for */
	/* Prefer the guarded statement's tag in a text with several. */
	if (type == BACKEND_COMMAND_COMPLETE &&
	    command_complete_decode(&tag, frame_front(raw)) &&
	    (l->result[0] == '\0' || span_equals(tag, l->statement)))
		guard_log_result(l, tag.data, tag.len);
	if (type != BACKEND_ERROR_RESPONSE)
		return;
	(void)error_fields_decode(&f, frame_front(raw));
	if (f.sqlstate.len > 0)
		guard_log_failed(l, f.sqlstate.data, f.sqlstate.len);
}

void
guard_log_why(struct guard_log *l, struct span error)
{
	struct error_fields f;
	struct span why = span_of("the answer was odd", 18);

	if (error.len > FRAME_HEADER_BYTES &&
	    error_fields_decode(&f, span_of(error.data + FRAME_HEADER_BYTES,
					    error.len - FRAME_HEADER_BYTES)))
		why = f.message;
	if (why.len >= sizeof(l->why))
		why.len = sizeof(l->why) - 1;
	if (why.len > 0)
		memcpy(l->why, why.data, why.len);
	l->why[why.len] = '\0';
}

void
guard_log_because(struct guard_log *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
}

static void
guard_log_add_session(struct log_event *e, const struct pair *p)
{
	log_number(e, "session", p->id);
	log_text(e, "user", p->user);
	log_text(e, "database", p->database);
}

static void
guard_log_begin(struct log_event *e, enum log_level level, const char *message,
		const struct pair *p)
{
	log_begin(e, level, message);
	guard_log_add_session(e, p);
}

/* For what is no guarded statement, and costs a client nothing. */
static void
guard_log_begin_limited(struct log_event *e, enum log_level level,
			const char *message, const char *kind,
			const struct pair *p)
{
	log_begin_limited(e, level, message, kind);
	guard_log_add_session(e, p);
}

bool
guard_log_is_ordinary(enum guard_outcome outcome)
{
	return outcome == GUARD_UNNEEDED || outcome == GUARD_OUT_OF_SCOPE;
}

static void
guard_log_count_unplanned(struct log_event *e, const struct pair *p)
{
	log_number(e, "unplanned",
		   atomic_fetch_add(&p->daemon->unplanned, 1) + 1);
}

/* Without an error the plan itself was good. */
const char *
guard_log_reason(const struct guard_log *l, const struct guard_account *a)
{
	if (l->why[0] != '\0')
		return l->why;
	return a->facts->can_attempt ? "names changed under the attempts"
				     : "PL/pgSQL may not be used";
}

static void
guard_log_add_turn(struct log_event *e, const struct guard_account *a)
{
	char rival[256];

	if (a->rival == NULL)
		return;
	report_rival(rival, sizeof(rival), a);
	log_number(e, "turn_ms", a->turn_ms);
	log_text(e, "turn_of", rival);
}

static void
guard_log_add_blockers(struct log_event *e, const struct guard_account *a)
{
	char blockers[1024];

	if (a->holders->count == 0)
		return;
	report_blockers(blockers, sizeof(blockers), a);
	log_text(e, "blockers", blockers);
}

static void
guard_log_add_past(struct log_event *e, const struct guard_account *a)
{
	char names[256];

	if (a->past->count == 0)
		return;
	report_past(names, sizeof(names), a);
	log_number(e, "past", a->past->count);
	log_text(e, "past_of", names);
}

static void
guard_log_add_gate(struct log_event *e, const struct guard_account *a,
		   const struct guarded *of)
{
	if (!a->had_window)
		return;
	log_number(e, "windows", a->windows);
	log_number(e, "gate_ms", a->gate_ms);
	log_number(e, "delayed", lease_delayed(&of->lease));
	guard_log_add_past(e, a);
}

/* False for a statement that went without a plan. */
static bool
guard_log_is_planned(const struct guard_account *a)
{
	return a->set->count > 0 || (a->outcome != GUARD_UNOPPOSED &&
				     a->outcome != GUARD_OUT_OF_SCOPE);
}

/* The last window is the one that it ran in, if it ran in one. */
static void
guard_log_count_windows(struct counts *c, const struct guard_account *a)
{
	bool is_used = guard_state_keeps(a->state) == GUARD_KEEPS_GATE;

	if (!a->had_window)
		return;
	counts_add(c, COUNT_WINDOWS_USED, is_used);
	counts_add(c, COUNT_WINDOWS_MISSED, (int64_t)a->windows - is_used);
}

static void
guard_log_count(struct counts *c, const char *statement,
		const struct guard_account *a, uint64_t held_ms)
{
	counts_add_guarded(c, statement, a->settings->policy, a->outcome);
	if (guard_log_is_ordinary(a->outcome))
		return;
	counts_observe(c, COUNT_GUARDED_MS, held_ms);
	counts_observe(c, COUNT_ATTEMPTS, a->attempts);
	if (a->waits > 0)
		counts_observe(c, COUNT_HOLD_MS, held_ms);
	guard_log_count_windows(c, a);
}

void
guard_log_outcome(const struct guard_log *l, const struct guarded *of,
		  const struct guard *g, uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	uint64_t run_ms = l->run_ms > 0 ? l->run_ms : now_ms;
	char tables[512];
	struct log_event e;

	guard_log_count(of->pair->counts, l->statement, &a,
			run_ms - l->begun_ms);
	guard_log_begin(&e,
			guard_log_is_ordinary(a.outcome) ? LOG_DEBUG : LOG_INFO,
			"guarded statement", of->pair);
	report_lock_set(tables, sizeof(tables), a.set);
	if (l->id > 0)
		log_number(&e, "id", l->id);
	log_text(&e, "statement", l->statement);
	if (guard_log_is_planned(&a))
		log_text(&e, "tables", tables);
	log_text(&e, "policy", guard_policy_name(a.settings->policy));
	if (a.settings->rule != NULL)
		log_text(&e, "rule", a.settings->rule);
	log_text(&e, "outcome", guard_outcome_name(a.outcome));
	if (a.outcome == GUARD_UNPLANNED) {
		log_text(&e, "why", guard_log_reason(l, &a));
		guard_log_count_unplanned(&e, of->pair);
	}
	if (a.outcome == GUARD_PARTLY) {
		report_unlockable(tables, sizeof(tables), a.set);
		log_text(&e, "unlocked", tables);
	}
	if (a.remembered > 0)
		log_number(&e, "remembered", a.remembered);
	log_number(&e, "attempts", a.attempts);
	if (a.trials > 0)
		log_number(&e, "trials", a.trials);
	log_number(&e, "held_ms", run_ms - l->begun_ms);
	log_number(&e, "run_ms", now_ms - run_ms);
	if (a.outcome == GUARD_CANCELED || a.outcome == GUARD_TIMED_OUT)
		guard_log_add_blockers(&e, &a);
	guard_log_add_gate(&e, &a, of);
	guard_log_add_turn(&e, &a);
	if (l->no_replay != NULL)
		log_text(&e, "no_replay", l->no_replay);
	if (l->steps > 0)
		log_number(&e, "steps", l->steps);
	log_text(&e, "result", l->result);
	if (a.facts->has_old_snapshot)
		log_text(&e, "snapshot", "old, newer tables are not seen");
	log_trace(&e, &l->trace);
	log_end(&e);
}

void
guard_log_held(struct guard_log *l, const struct pair *p, const struct guard *g,
	       uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	char tables[512];
	struct log_event e;

	if (a.held_ms < l->next_held_ms)
		return;
	l->next_held_ms = a.held_ms * 2;
	guard_log_begin(&e, LOG_INFO, "guarded statement is held", p);
	report_lock_set(tables, sizeof(tables), a.set);
	log_text(&e, "statement", l->statement);
	log_text(&e, "tables", tables);
	log_number(&e, "attempts", a.attempts);
	log_number(&e, "held_ms", a.held_ms);
	guard_log_add_blockers(&e, &a);
	guard_log_add_past(&e, &a);
	guard_log_add_turn(&e, &a);
	log_end(&e);
}

void
guard_log_replay(const struct guard_log *l, const struct guarded *of,
		 const struct guard *g, const struct replay *r, uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	char tables[512];
	struct log_event e;

	counts_add(of->pair->counts, COUNT_REPLAYS, 1);
	guard_log_begin(&e, LOG_INFO, "transaction started over", of->pair);
	report_lock_set(tables, sizeof(tables), a.set);
	log_text(&e, "statement", l->statement);
	log_text(&e, "tables", tables);
	log_text(&e, "locks", guard_outcome_name(a.outcome));
	log_number(&e, "replay", r->count);
	log_number(&e, "messages", of->recording.count);
	log_number(&e, "attempts", a.attempts);
	log_number(&e, "waited_ms", r->since_ms - l->begun_ms);
	log_number(&e, "replay_ms", now_ms - r->since_ms);
	log_trace(&e, &l->trace);
	log_end(&e);
}

void
guard_log_describe(const struct guard *g, uint64_t now_ms, struct log_event *e)
{
	struct guard_account a = guard_account(g, now_ms);
	char tables[512];

	report_lock_set(tables, sizeof(tables), a.set);
	log_text(e, "guard", guard_state_name(a.state));
	log_text(e, "tables", tables);
	log_number(e, "attempts", a.attempts);
	log_number(e, "waits", a.waits);
	log_number(e, "windows", a.windows);
	guard_log_add_past(e, &a);
	guard_log_add_turn(e, &a);
}

void
guard_log_unguarded(const struct pair *p, size_t statements)
{
	struct log_event e;

	counts_add(p->counts, COUNT_UNGUARDED, (int64_t)statements);
	guard_log_begin_limited(&e, LOG_WARNING, "statements passed unguarded",
				"unguarded", p);
	log_number(&e, "statements", statements);
	log_end(&e);
}

static void
guard_log_missed(const struct pair *p, const char *message,
		 const char *statement)
{
	struct log_event e;

	guard_log_begin_limited(&e, LOG_INFO, message, message, p);
	log_text(&e, "statement", statement);
	guard_log_count_unplanned(&e, p);
	log_end(&e);
}

void
guard_log_unplanned(const struct pair *p, const char *statement)
{
	guard_log_missed(p, "statement passed unplanned", statement);
}

void
guard_log_unfollowed(const struct pair *p, const char *statement)
{
	guard_log_missed(p, "names change within the statement", statement);
}

void
guard_log_unjudged(const struct pair *p, enum unjudged why)
{
	static const char *const reasons[UNJUDGED_COUNT] = {
#define X(constant, name, reason) [UNJUDGED_##constant] = (reason),
	    UNJUDGED_REASONS(X)
#undef X
	};
	struct log_event e;

	atomic_fetch_add(&p->daemon->unjudged[why], 1);
	guard_log_begin_limited(&e, LOG_WARNING, "statement passed unjudged",
				reasons[why], p);
	log_text(&e, "why", reasons[why]);
	log_end(&e);
}

/* True if no text of that shape was seen before, or not lately. */
static bool
guard_log_is_new(struct daemon *d, uint64_t shape)
{
	return atomic_exchange(&d->unparsed_shapes[shape % DAEMON_SHAPES],
			       shape) != shape;
}

/* A password may stand behind: wrong quotes show no literal for one. */
static void
keep_two_words(char *text)
{
	text += strcspn(text, " ");
	if (*text != '\0')
		text[1 + strcspn(text + 1, " ;(\"'")] = '\0';
}

void
guard_log_unparsed(const struct pair *p, struct span sql)
{
	const char *text = (const char *)sql.data;
	char gist[200];
	struct log_event e;

	atomic_fetch_add(&p->daemon->unjudged[UNJUDGED_UNPARSED], 1);
	if (!guard_log_is_new(p->daemon, shape_of_text(text, sql.len)))
		return;
	gist_of_text(gist, sizeof(gist), text, sql.len,
		     p->sends_plain_backslashes);
	keep_two_words(gist);
	guard_log_begin_limited(&e, LOG_WARNING,
				"statement is not known to the grammar",
				"unparsed", p);
	log_text(&e, "grammar", statement_grammar());
	log_text(&e, "text", gist);
	log_end(&e);
}

void
guard_log_passed(const struct daemon *d)
{
	struct log_event e;

	log_begin(&e, LOG_INFO, "passed so far");
	log_number(&e, "unplanned", atomic_load(&d->unplanned));
#define X(constant, name, reason)                                              \
	log_number(&e, name, atomic_load(&d->unjudged[UNJUDGED_##constant]));
	UNJUDGED_REASONS(X)
#undef X
	log_end(&e);
}

void
guard_log_warn(struct pair *p, const char *text, bool tells_client)
{
	struct error_report r = {
	    .severity = "WARNING",
	    .sqlstate = GUARD_SETTINGS_SQLSTATE,
	    .message = text,
	};
	struct log_event e;

	guard_log_begin_limited(&e, LOG_WARNING, text, "session setting", p);
	log_end(&e);
	if (tells_client)
		(void)pair_report(p, &r);
}

static bool
guard_log_send_notice(struct pair *p, const struct report *r)
{
	struct error_report e = {
	    .severity = "NOTICE",
	    .sqlstate = r->sqlstate,
	    .message = r->message,
	    .detail = r->detail,
	    .hint = *r->hint != '\0' ? r->hint : NULL,
	};

	return pair_report(p, &e);
}

bool
guard_log_remembered(const struct guard_log *l, struct pair *p,
		     const struct guard *g, uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	struct report r;

	if (a.remembered == 0 || !a.facts->wants_notices)
		return true;
	report_remembered(&r, &a, l->statement);
	return guard_log_send_notice(p, &r);
}

static void
guard_log_key(struct log_event *e, const struct guard_log *l,
	      const struct drop_key *key)
{
	log_text(e, "statement", l->statement);
	log_text(e, "table", key->relation);
	log_text(e, "key", key->name);
	log_text(e, "restore", key->restore);
}

bool
guard_log_step(const struct guard_log *l, struct pair *p, const struct guard *g,
	       const struct drop_key *key, uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	struct error_report r = {.severity = "NOTICE", .sqlstate = "00000"};
	struct log_event e;
	char *message;
	char *detail;
	bool is_told = false;

	guard_log_begin(&e, LOG_INFO, "foreign key dropped ahead", p);
	guard_log_key(&e, l, key);
	log_number(&e, "attempts", a.attempts);
	log_number(&e, "held_ms", a.held_ms);
	log_end(&e);
	if (!a.facts->wants_notices)
		return true;
	r.message = message = report_step_message(key, l->statement);
	r.detail = detail = report_step_detail(key);
	if (message != NULL && detail != NULL)
		is_told = pair_report(p, &r);
	else
		pair_close(p, CLOSE_MEMORY, NULL);
	free(message);
	free(detail);
	return is_told;
}

void
guard_log_doubt(const struct guard_log *l, const struct pair *p,
		const struct drop_key *key)
{
	struct log_event e;

	guard_log_begin(&e, LOG_WARNING, "a foreign key may be gone", p);
	guard_log_key(&e, l, key);
	log_end(&e);
}

/* Tell of the setting that would get the statement through, or would have. */
static void
guard_log_hint_steps(struct report *r, const struct guard_log *l,
		     const struct guard_account *a)
{
	size_t len = strlen(r->hint);

	if (l->can_step && a->settings->steps == GUARD_STEPS_OFF)
		snprintf(r->hint + len, sizeof(r->hint) - len, "%s%s",
			 len > 0 ? " " : "", report_steps_hint);
}

/* Tell where the story of the statement is, if it can be asked for. */
static void
guard_log_hint_why(struct report *r, const struct guard_log *l,
		   const struct pair *p)
{
	size_t len = strlen(r->hint);

	if (l->id > 0 && pair_config(p)->http_listen.count > 0)
		snprintf(r->hint + len, sizeof(r->hint) - len,
			 "%s\"lockstep why %" PRIu64 "\" has its story.",
			 len > 0 ? " " : "", l->id);
}

bool
guard_log_notify(const struct guard_log *l, struct pair *p,
		 const struct guard *g, uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	struct report r;

	if (!a.facts->wants_notices)
		return true;
	report_waiting(&r, &a, l->statement);
	if (a.past->count > 0)
		guard_log_hint_steps(&r, l, &a);
	guard_log_hint_why(&r, l, p);
	return guard_log_send_notice(p, &r);
}

bool
guard_log_refuse(struct guard_log *l, struct pair *p, const struct guard *g,
		 uint64_t now_ms)
{
	struct guard_account a = guard_account(g, now_ms);
	struct report r;
	struct error_report e = {.severity = "ERROR"};
	struct text detail = {0};
	bool is_sent;

	report_refusal(&r, &a, l->statement);
	if (a.outcome == GUARD_TIMED_OUT)
		guard_log_hint_steps(&r, l, &a);
	guard_log_hint_why(&r, l, p);
	guard_log_failed(l, r.sqlstate, strlen(r.sqlstate));
	text_put_string(&detail, r.detail);
	if (l->left != NULL)
		text_print(&detail, "%s%s", detail.len > 0 ? "\n" : "",
			   l->left);
	e.sqlstate = r.sqlstate;
	e.message = r.message;
	text_put(&detail, '\0');
	if (!detail.failed && detail.len > 1)
		e.detail = detail.data;
	e.hint = r.hint[0] != '\0' ? r.hint : NULL;
	is_sent = pair_report(p, &e);
	text_clear(&detail);
	return is_sent;
}

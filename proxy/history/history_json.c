#include "proxy/history/history_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/history/history_time.h"

static void
json_string(FILE *out, const char *s)
{
	escape_write_json(out, s, strlen(s));
}

/* An empty text is null: there is none. */
static void
json_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, ",\"%s\":", key);
	if (value == NULL || value[0] == '\0')
		fputs("null", out);
	else
		json_string(out, value);
}

static void
json_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

/* Likewise null for 0. */
static void
json_id(FILE *out, const char *key, uint64_t value)
{
	if (value == 0)
		fprintf(out, ",\"%s\":null", key);
	else
		json_number(out, key, value);
}

static void
json_time(FILE *out, const char *key, uint64_t at_ms)
{
	char text[HISTORY_TIME_BYTES];

	history_time_text(text, at_ms, 'T');
	fprintf(out, ",\"%s\":\"%sZ\"", key, text);
}

static void
json_who(FILE *out, const struct history_who *w)
{
	json_id(out, "session", w->session);
	json_id(out, "pid", w->pid);
	json_text(out, "user", w->user);
	json_text(out, "database", w->database);
	json_text(out, "application_name", w->application_name);
}

static void
json_step(FILE *out, const struct history_step *s)
{
	fprintf(out, "{\"step\":\"%s\"", history_step_name(s->kind));
	json_number(out, "at_ms", s->at_ms);
	json_number(out, "last_ms", s->last_ms);
	json_number(out, "times", s->times);
	json_id(out, "pid", s->pid);
	json_text(out, "who", s->who);
	json_text(out, "what", s->what);
	json_number(out, "number", s->number);
	json_number(out, "ms", s->ms);
	fputc('}', out);
}

static void
json_steps(FILE *out, const struct history_entry *e)
{
	size_t i;

	fputs(",\"steps\":[", out);
	for (i = 0; i < e->step_count; i++) {
		if (i > 0)
			fputc(',', out);
		json_step(out, &e->steps[i]);
	}
	fputc(']', out);
}

static void
json_delayed(FILE *out, const struct history_entry *e)
{
	size_t i;

	fputs(",\"longest_delayed\":[", out);
	for (i = 0; i < e->delayed_count && i < HISTORY_DELAYED_SHOWN; i++) {
		fprintf(out, "%s{\"ms\":%" PRIu32, i > 0 ? "," : "",
			e->delayed[i].ms);
		json_who(out, &e->delayed[i].who);
		fputc('}', out);
	}
	fputc(']', out);
}

static void
json_facts(FILE *out, const struct history_facts *f)
{
	json_text(out, "policy", f->policy);
	json_text(out, "rule", f->rule);
	json_text(out, "outcome", f->outcome);
	json_text(out, "why", f->why);
	json_text(out, "tables", f->tables);
	json_number(out, "attempts", f->attempts);
	json_number(out, "trials", f->trials);
	json_number(out, "windows", f->windows);
	json_number(out, "gate_ms", f->gate_ms);
}

/* When such a session was first seen in the way, since the statement began. */
static uint32_t
first_seen_ms(const struct history_entry *e, const struct history_holder *h)
{
	size_t i;

	for (i = 0; i < e->step_count; i++) {
		const struct history_step *s = &e->steps[i];

		if ((s->kind == HISTORY_IN_THE_WAY ||
		     s->kind == HISTORY_TURN_DENIED) &&
		    s->pid == h->pid && strcmp(s->who, h->who) == 0)
			return s->at_ms;
	}
	return 0;
}

static void
json_holder(FILE *out, const struct history_entry *e,
	    const struct history_holder *h)
{
	bool is_shown = h->lock < HISTORY_LOCKS_SHOWN;

	fprintf(out, "{\"pid\":%" PRIu32, h->pid);
	json_text(out, "who", h->who);
	json_text(out, "state", h->state);
	json_text(out, "mode",
		  h->mode != LOCK_NONE ? lock_mode_name(h->mode) : NULL);
	json_text(out, "on", is_shown ? e->facts.locks[h->lock].name : NULL);
	json_id(out, "age_ms", h->age_ms);
	json_number(out, "seen_ms", first_seen_ms(e, h));
	fputc('}', out);
}

static void
json_holders(FILE *out, const struct history_entry *e)
{
	const struct history_facts *f = &e->facts;
	size_t i;

	json_number(out, "in_the_way", f->holder_count);
	fputs(",\"holders\":[", out);
	for (i = 0; i < f->holder_count && i < HISTORY_HOLDERS_SHOWN; i++) {
		if (i > 0)
			fputc(',', out);
		json_holder(out, e, &f->holders[i]);
	}
	fputc(']', out);
}

static void
json_lock(FILE *out, const struct history_lock *lock)
{
	const char *separator = "";
	uint32_t i;

	fputs("{\"name\":", out);
	json_string(out, lock->name);
	json_text(out, "mode", lock_mode_name(lock->mode));
	json_number(out, "phase", (uint64_t)lock->phase);
	fprintf(out, ",\"is_remembered\":%s,\"behind\":[",
		lock->is_remembered ? "true" : "false");
	for (i = 0; i < HISTORY_LOCKS_SHOWN; i++) {
		if ((lock->before >> i & 1) == 0)
			continue;
		fprintf(out, "%s%" PRIu32, separator, i);
		separator = ",";
	}
	fputs("]}", out);
}

/* The lock set, in the order to lock it. */
static void
json_locks(FILE *out, const struct history_facts *f)
{
	size_t i;

	json_number(out, "lock_count", f->lock_count);
	fputs(",\"locks\":[", out);
	for (i = 0; i < f->lock_count && i < HISTORY_LOCKS_SHOWN; i++) {
		if (i > 0)
			fputc(',', out);
		json_lock(out, &f->locks[i]);
	}
	fputc(']', out);
}

/* Write all but what makes it long, and not the end of the object. */
static void
json_front(FILE *out, const struct history_entry *e)
{
	fprintf(out, "{\"id\":%" PRIu64, e->id);
	json_text(out, "state", history_state_name(e->state));
	json_time(out, "began", e->begun_at_ms);
	json_text(out, "statement", e->statement);
	json_text(out, "text", e->text);
	json_who(out, &e->who);
	json_number(out, "held_ms", e->held_ms);
	json_number(out, "run_ms", e->run_ms);
	json_facts(out, &e->facts);
	json_text(out, "result", e->result);
	json_number(out, "delayed", e->delayed_count);
	json_number(out, "delayed_ms", e->delayed_ms);
	json_holders(out, e);
}

void
history_write_json(FILE *out, const struct history_entry *e)
{
	json_front(out, e);
	json_locks(out, &e->facts);
	json_delayed(out, e);
	json_number(out, "steps_left_out", e->steps_left_out);
	json_steps(out, e);
	fputc('}', out);
}

void
history_write_brief_json(FILE *out, const struct history_entry *e)
{
	json_front(out, e);
	fputc('}', out);
}

static void
json_side(FILE *out, const struct history_side *s)
{
	fprintf(out, "{\"is_victim\":%s", s->is_victim ? "true" : "false");
	json_who(out, &s->who);
	json_text(out, "waits_for", s->waits_for);
	json_id(out, "blocked_by", s->blocker);
	json_id(out, "guarded", s->guarded);
	json_text(out, "text", s->text);
	json_text(out, "tables", s->tables);
	fputc('}', out);
}

void
history_write_deadlock_json(FILE *out, const struct history_deadlock *d)
{
	size_t i;

	fprintf(out, "{\"id\":%" PRIu64, d->id);
	json_time(out, "at", d->at_ms);
	json_text(out, "detail", d->detail);
	fputs(",\"sides\":[", out);
	for (i = 0; i < d->side_count; i++) {
		if (i > 0)
			fputc(',', out);
		json_side(out, &d->sides[i]);
	}
	fputs("]}", out);
}

void
history_write_all_json(FILE *out, struct history *h,
		       const struct history_page *page)
{
	struct history_entry e = {.id = page->before};
	const char *separator = "";
	uint32_t limit = page->limit;

	fputs("{\"guarded\":[", out);
	for (; limit > 0 && history_next(h, e.id, &e); limit--) {
		fputs(separator, out);
		if (page->is_brief)
			history_write_brief_json(out, &e);
		else
			history_write_json(out, &e);
		separator = ",\n";
	}
	fputs("]}\n", out);
}

void
history_write_held_json(FILE *out, struct history *h, uint32_t limit)
{
	struct history_entry e = {.id = 0};
	const char *separator = "";

	fprintf(out, "{\"count\":%" PRIu64 ",\"held\":[",
		history_count(h).under_way);
	for (; limit > 0 && history_next_under_way(h, e.id, &e); limit--) {
		fputs(separator, out);
		history_write_brief_json(out, &e);
		separator = ",\n";
	}
	fputs("]}\n", out);
}

void
history_write_deadlocks_json(FILE *out, struct history *h,
			     const struct history_page *page)
{
	struct history_deadlock d = {.id = page->before};
	const char *separator = "";
	uint32_t limit = page->limit;

	fputs("{\"deadlocks\":[", out);
	for (; limit > 0 && history_next_deadlock(h, d.id, &d); limit--) {
		fputs(separator, out);
		history_write_deadlock_json(out, &d);
		separator = ",\n";
	}
	fputs("]}\n", out);
}

/* Windows */

static void
json_window(FILE *out, const struct history_window *w, uint64_t now_ms)
{
	bool is_open = w->open_ms > 0 || w->until_ms <= now_ms;
	uint64_t end_ms = w->open_ms > 0 ? w->open_ms : now_ms;

	if (end_ms > w->until_ms)
		end_ms = w->until_ms;
	fprintf(out, "{\"number\":%" PRIu64, w->number);
	json_text(out, "state", is_open ? "over" : "shut");
	json_text(out, "kind",
		  w->is_of_transaction ? "transaction" : "statement");
	json_id(out, "session", w->is_elsewhere ? 0 : w->maker);
	json_id(out, "guarded", w->guarded);
	json_text(out, "database", w->database);
	json_time(out, "began", w->shut_at_ms);
	json_number(out, "age_ms",
		    now_ms > w->shut_ms ? now_ms - w->shut_ms : 0);
	json_number(out, "shut_ms",
		    end_ms > w->shut_ms ? end_ms - w->shut_ms : 0);
	json_number(out, "most_ms", w->until_ms - w->shut_ms);
	json_number(out, "delayed", w->delayed);
	fputc('}', out);
}

void
history_write_windows_json(FILE *out, struct history *h,
			   const struct history_page *page)
{
	struct history_window w = {.number = page->before};
	const char *separator = "";
	uint32_t limit = page->limit;

	fputs("{\"windows\":[", out);
	for (; limit > 0 && history_next_window(h, w.number, &w); limit--) {
		fputs(separator, out);
		json_window(out, &w, clock_now_ms());
		separator = ",\n";
	}
	fputs("]}\n", out);
}

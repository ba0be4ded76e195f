#include "proxy/history/history_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

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

	json_number(out, "delayed", e->delayed_count);
	json_number(out, "delayed_ms", e->delayed_ms);
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

void
history_write_json(FILE *out, const struct history_entry *e)
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
	json_delayed(out, e);
	json_number(out, "steps_left_out", e->steps_left_out);
	json_steps(out, e);
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
history_write_all_json(FILE *out, struct history *h, uint64_t before,
		       uint32_t limit)
{
	struct history_entry e = {.id = before};
	const char *separator = "";

	fputs("{\"guarded\":[", out);
	for (; limit > 0 && history_next(h, e.id, &e); limit--) {
		fputs(separator, out);
		history_write_json(out, &e);
		separator = ",\n";
	}
	fputs("]}\n", out);
}

void
history_write_deadlocks_json(FILE *out, struct history *h, uint64_t before,
			     uint32_t limit)
{
	struct history_deadlock d = {.id = before};
	const char *separator = "";

	fputs("{\"deadlocks\":[", out);
	for (; limit > 0 && history_next_deadlock(h, d.id, &d); limit--) {
		fputs(separator, out);
		history_write_deadlock_json(out, &d);
		separator = ",\n";
	}
	fputs("]}\n", out);
}

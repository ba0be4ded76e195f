#include "proxy/history/history_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/escape.h"
#include "proxy/history/history_time.h"

/* Texts of anybody's making */

static void
story_put(FILE *out, const char *s)
{
	char next[ESCAPE_BYTES];
	size_t len = strlen(s);
	size_t used;

	for (; len > 0; s += used, len -= used) {
		size_t n = escape_next(next, &used, s, len, ESCAPE_TEXT);

		fwrite(next, 1, n, out);
	}
}

/* Write a piece with a name in it, unless the name is empty. */
static void
story_put_name(FILE *out, const char *before, const char *name,
	       const char *after)
{
	if (name[0] == '\0')
		return;
	fputs(before, out);
	story_put(out, name);
	fputs(after, out);
}

static void
story_put_span(FILE *out, uint64_t ms)
{
	char text[HISTORY_SPAN_BYTES];

	history_span_text(text, ms);
	fputs(text, out);
}

static void
story_put_time(FILE *out, uint64_t at_ms)
{
	char text[HISTORY_TIME_BYTES];

	history_time_text(text, at_ms, ' ');
	fputs(text, out);
}

static void
story_put_count(FILE *out, uint64_t count, const char *one, const char *more)
{
	fprintf(out, "%" PRIu64 " %s", count, count == 1 ? one : more);
}

static void
story_put_who(FILE *out, const struct history_who *w)
{
	fprintf(out, "pid %" PRIu32, w->pid);
	story_put_name(out, " `", w->application_name, "`");
	story_put_name(out, ", user ", w->user, "");
	story_put_name(out, ", database ", w->database, "");
}

/* A line of a table of two columns. */
static void
story_begin_row(FILE *out, const char *key)
{
	fprintf(out, "  %-12s ", key);
}

static void
story_put_row(FILE *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	story_begin_row(out, key);
	story_put(out, value);
	fputc('\n', out);
}

/* Steps */

/* How the rest of a step is told, behind its words. */
enum step_form {
	STEP_PLAIN,
	STEP_COUNT,  /* number, with the nouns */
	STEP_NUMBER, /* and what, if there is any */
	STEP_LOCK,
	STEP_SPAN,
	STEP_WHAT,
};

static const struct {
	const char *words;
	enum step_form form;
	const char *one;
	const char *more;
} step_rows[] = {
    [HISTORY_PLANNED] = {.words = "planned: ",
			 .form = STEP_COUNT,
			 .one = "table",
			 .more = "tables"},
    [HISTORY_IN_THE_WAY] = {.words = "in the way: ", .form = STEP_LOCK},
    [HISTORY_TURN_DENIED] = {.words = "goes first: ", .form = STEP_LOCK},
    [HISTORY_WINDOW_OPENED] = {.words = "window opened, for at most ",
			       .form = STEP_SPAN},
    [HISTORY_DRAINED] = {.words = "drained to ",
			 .form = STEP_COUNT,
			 .one = "lock",
			 .more = "locks"},
    [HISTORY_WINDOW_OVER] = {.words = "window over, waited at by ",
			     .form = STEP_COUNT,
			     .one = "session",
			     .more = "sessions"},
    [HISTORY_ATTEMPT_LOST] = {.words = "lost attempt ", .form = STEP_NUMBER},
    [HISTORY_LOCKED] = {.words = "locked, by attempt ", .form = STEP_NUMBER},
    [HISTORY_TRIAL_UNDONE] = {.words = "a lock was in use: undone",
			      .form = STEP_PLAIN},
    [HISTORY_AUTOVACUUM_ASKED] = {.words = "an autovacuum was asked to leave ",
				  .form = STEP_WHAT},
    [HISTORY_KEY_DROPPED] = {.words = "foreign key dropped ahead: ",
			     .form = STEP_WHAT},
    [HISTORY_STARTED_OVER] = {.words = "its transaction was started over",
			      .form = STEP_PLAIN},
    [HISTORY_TRIED] = {.words = "sent, to be undone if a lock is in use",
		       .form = STEP_PLAIN},
    [HISTORY_RAN] = {.words = "sent", .form = STEP_PLAIN},
    [HISTORY_DONE] = {.words = "done: ", .form = STEP_WHAT},
    [HISTORY_FAILED] = {.words = "failed: ", .form = STEP_WHAT},
    [HISTORY_REFUSED] = {.words = "refused by Lockstep: ", .form = STEP_WHAT},
    [HISTORY_SESSION_ENDED] = {.words = "its session ended",
			       .form = STEP_PLAIN},
};

static void
step_put_lock(FILE *out, const struct history_step *s)
{
	if (s->pid != 0)
		fprintf(out, "pid %" PRIu32 " ", s->pid);
	story_put_name(out, "`", s->who, "` ");
	story_put(out, s->what);
	if (s->ms > 0) {
		fputs(", since ", out);
		story_put_span(out, s->ms);
	}
	if (s->number > 1)
		fprintf(out, ", and %" PRIu32 " more", s->number - 1);
}

static void
step_put(FILE *out, const struct history_step *s)
{
	fputs(step_rows[s->kind].words, out);
	switch (step_rows[s->kind].form) {
	case STEP_PLAIN:
		break;
	case STEP_COUNT:
		story_put_count(out, s->number, step_rows[s->kind].one,
				step_rows[s->kind].more);
		break;
	case STEP_NUMBER:
		fprintf(out, "%" PRIu32, s->number);
		story_put_name(out, ": ", s->what, "");
		break;
	case STEP_LOCK:
		step_put_lock(out, s);
		break;
	case STEP_SPAN:
		story_put_span(out, s->ms);
		break;
	case STEP_WHAT:
		story_put(out, s->what);
		break;
	}
}

static void
step_put_line(FILE *out, const struct history_step *s)
{
	char at[HISTORY_SPAN_BYTES];

	history_span_text(at, s->at_ms);
	fprintf(out, "  %12s  ", at);
	step_put(out, s);
	if (s->times > 1) {
		fprintf(out, " (%" PRIu32 " times, until ", s->times);
		story_put_span(out, s->last_ms);
		fputc(')', out);
	}
	fputc('\n', out);
}

static void
steps_put(FILE *out, const struct history_entry *e)
{
	size_t i;

	for (i = 0; i < e->step_count; i++) {
		if (i == HISTORY_STEPS_FIRST && e->steps_left_out > 0)
			fprintf(out, "  %12s  (steps left out: %zu)\n", "...",
				e->steps_left_out);
		step_put_line(out, &e->steps[i]);
	}
}

/* Statements */

static void
story_put_those_delayed(FILE *out, const struct history_entry *e)
{
	size_t i;

	if (e->delayed_count == 0)
		return;
	fputs("  It delayed ", out);
	story_put_count(out, e->delayed_count, "transaction", "transactions");
	fputs(" at the gate, for ", out);
	story_put_span(out, e->delayed_ms);
	fputs(" in sum.  The longest:\n", out);
	for (i = 0; i < e->delayed_count && i < HISTORY_DELAYED_SHOWN; i++) {
		char ms[HISTORY_SPAN_BYTES];

		history_span_text(ms, e->delayed[i].ms);
		fprintf(out, "  %12s  ", ms);
		story_put_who(out, &e->delayed[i].who);
		fputc('\n', out);
	}
}

static void
story_put_facts(FILE *out, const struct history_facts *f)
{
	story_put_row(out, "tables", f->tables);
	story_put_row(out, "policy", f->policy);
	story_put_row(out, "rule", f->rule);
	story_put_row(out, "outcome", f->outcome);
	story_put_row(out, "why", f->why);
	if (f->attempts == 0 && f->windows == 0)
		return;
	story_begin_row(out, "effort");
	story_put_count(out, f->attempts, "attempt", "attempts");
	fputs(", ", out);
	story_put_count(out, f->windows, "window", "windows");
	if (f->windows > 0) {
		fputs(" of ", out);
		story_put_span(out, f->gate_ms);
		fputs(" in sum", out);
	}
	fputc('\n', out);
}

void
history_write_story(FILE *out, const struct history_entry *e)
{
	fprintf(out, "%" PRIu64 "  %s  ", e->id,
		e->statement != NULL ? e->statement : "");
	fputs(e->state == HISTORY_HELD ? "is held since " : "was held for ",
	      out);
	story_put_span(out, e->held_ms);
	if (e->state != HISTORY_HELD) {
		fputs(e->state == HISTORY_OVER ? ", ran for " : ", runs since ",
		      out);
		story_put_span(out, e->run_ms);
	}
	fputc('\n', out);
	story_put_row(out, "statement", e->text);
	story_begin_row(out, "of");
	story_put_who(out, &e->who);
	fprintf(out, ", session %" PRIu64 "\n", e->who.session);
	story_begin_row(out, "began");
	story_put_time(out, e->begun_at_ms);
	fputs(" UTC\n", out);
	story_put_facts(out, &e->facts);
	story_put_row(out, "result", e->result);
	steps_put(out, e);
	story_put_those_delayed(out, e);
}

/* Deadlocks */

static void
deadlock_put_side(FILE *out, const struct history_side *s)
{
	fputs("  ", out);
	story_put_who(out, &s->who);
	if (s->who.session == 0)
		fputs(", not through this Lockstep", out);
	else
		fprintf(out, ", session %" PRIu64, s->who.session);
	fputs(s->is_victim ? ": its statement was ended\n" : "\n", out);
	story_put_row(out, "  waited for", s->waits_for);
	if (s->blocker != 0) {
		story_begin_row(out, "  blocked by");
		fprintf(out, "pid %" PRIu32 "\n", s->blocker);
	}
	if (s->guarded != 0) {
		story_begin_row(out, "  guarded");
		fprintf(out, "%" PRIu64 "\n", s->guarded);
	}
	story_put_row(out, "  statement", s->text);
	story_put_row(out, "  tables", s->tables);
}

void
history_write_deadlock_story(FILE *out, const struct history_deadlock *d)
{
	size_t i;

	fprintf(out, "%" PRIu64 "  deadlock at ", d->id);
	story_put_time(out, d->at_ms);
	fputs(" UTC\n", out);
	for (i = 0; i < d->side_count; i++)
		deadlock_put_side(out, &d->sides[i]);
	story_put_row(out, "the server", d->detail);
}

/* One of them */

bool
history_write_why(FILE *out, struct history *h, uint64_t id)
{
	struct history_entry e;
	struct history_deadlock d;

	if (history_find(h, id, &e))
		history_write_story(out, &e);
	else if (history_find_deadlock(h, id, &d))
		history_write_deadlock_story(out, &d);
	else
		return false;
	return true;
}

/* True if something was in its way. */
static bool
history_had_to_wait(const struct history_entry *e)
{
	size_t i;

	for (i = 0; i < e->step_count; i++)
		if (e->steps[i].kind == HISTORY_IN_THE_WAY ||
		    e->steps[i].kind == HISTORY_TURN_DENIED)
			return true;
	return false;
}

bool
history_write_last(FILE *out, struct history *h)
{
	struct history_entry e = {.id = UINT64_MAX};

	while (history_next(h, e.id, &e)) {
		if (!history_had_to_wait(&e))
			continue;
		history_write_story(out, &e);
		return true;
	}
	return false;
}

/* The list */

static void
list_put_entry(FILE *out, const struct history_entry *e)
{
	const char *outcome = e->facts.outcome;
	char held[HISTORY_SPAN_BYTES];

	history_span_text(held, e->held_ms);
	fprintf(out, "%8" PRIu64 "  ", e->id);
	story_put_time(out, e->begun_at_ms);
	fprintf(out, "  %12s  %-8s %-18s ", held, history_state_name(e->state),
		outcome != NULL ? outcome : "");
	story_put(out, e->text[0] != '\0' || e->statement == NULL
			   ? e->text
			   : e->statement);
	fputc('\n', out);
}

static void
list_put_deadlock(FILE *out, const struct history_deadlock *d)
{
	size_t i;

	fprintf(out, "%8" PRIu64 "  ", d->id);
	story_put_time(out, d->at_ms);
	fprintf(out, "  %12s  %-8s %-18s ", "", "deadlock", "");
	for (i = 0; i < d->side_count; i++)
		fprintf(out, "%spid %" PRIu32, i > 0 ? ", " : "",
			d->sides[i].who.pid);
	fputc('\n', out);
}

/* Write `limit` lines at most.  Returns how many. */
static uint32_t
list_put_all(FILE *out, struct history *h, uint32_t limit)
{
	struct history_entry e = {.id = UINT64_MAX};
	struct history_deadlock d = {.id = UINT64_MAX};
	bool has_entry = history_next(h, e.id, &e);
	bool has_deadlock = history_next_deadlock(h, d.id, &d);
	uint32_t count = 0;

	for (; count < limit && (has_entry || has_deadlock); count++) {
		if (has_entry && (!has_deadlock || e.id > d.id)) {
			list_put_entry(out, &e);
			has_entry = history_next(h, e.id, &e);
		} else {
			list_put_deadlock(out, &d);
			has_deadlock = history_next_deadlock(h, d.id, &d);
		}
	}
	return count;
}

void
history_write_list(FILE *out, struct history *h, uint32_t limit)
{
	struct history_entry e;
	struct history_deadlock d;

	if (!history_next(h, UINT64_MAX, &e) &&
	    !history_next_deadlock(h, UINT64_MAX, &d)) {
		fputs("No statement was guarded so far.\n", out);
		return;
	}
	fprintf(out, "%8s  %-23s  %12s  %-8s %-18s %s\n", "ID", "BEGAN (UTC)",
		"HELD", "STATE", "OUTCOME", "STATEMENT");
	(void)list_put_all(out, h, limit);
	fputs("\n\"lockstep why ID\" tells the story of one, \"lockstep why "
	      "last\" that of the last one that had to wait.\n",
	      out);
}

#include "proxy/guard/deadlock.h"

#include <string.h>

#include "protocol/backend.h"
#include "proxy/guard/guarded.h"
#include "proxy/history/history.h"
#include "proxy/pair/cancel.h"

/* SQLSTATE deadlock_detected. */
#define SQLSTATE_DEADLOCK "40P01"

/* Spans of text */

/* Where `text` begins in s; s.len if it does not. */
static size_t
span_find(struct span s, const char *text)
{
	const void *at =
	    s.len > 0 ? memmem(s.data, s.len, text, strlen(text)) : NULL;

	return at == NULL ? s.len : (size_t)((const uint8_t *)at - s.data);
}

static struct span
span_behind(struct span s, size_t len)
{
	return len < s.len ? span_of(s.data + len, s.len - len)
			   : span_of(NULL, 0);
}

/* Take the first line off s. */
static struct span
span_take_line(struct span *s)
{
	size_t len = span_find(*s, "\n");
	struct span line = span_of(s->data, len);

	*s = span_behind(*s, len + 1);
	return line;
}

static bool
byte_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Take the next number off s.  False: there is none. */
static bool
span_take_number(struct span *s, uint32_t *out)
{
	size_t i = 0;

	while (i < s->len && !byte_is_digit(s->data[i]))
		i++;
	if (i == s->len)
		return false;
	for (*out = 0; i < s->len && byte_is_digit(s->data[i]); i++)
		*out = *out * 10 + (uint32_t)(s->data[i] - '0');
	*s = span_behind(*s, i);
	return true;
}

/* The text between these words; empty: they are not there. */
static struct span
span_between(struct span s, const char *before, const char *after)
{
	struct span rest = span_behind(s, span_find(s, before));
	size_t end;

	rest = span_behind(rest, strlen(before));
	end = span_find(rest, after);
	return end < rest.len ? span_of(rest.data, end) : span_of(NULL, 0);
}

/* The server's error */

/* "Process 1 waits for ShareLock on transaction 7; blocked by process 2.":
 * in any language the first number is the one, and the last the other. */
static bool
deadlock_read_line(struct history_side *s, struct span line)
{
	struct span rest = line;
	uint32_t number;

	if (!span_take_number(&rest, &s->who.pid) ||
	    !span_take_number(&rest, &s->blocker))
		return false;
	while (span_take_number(&rest, &number))
		s->blocker = number;
	span_copy(s->waits_for, sizeof(s->waits_for),
		  span_between(line, " waits for ", "; blocked by "));
	return true;
}

size_t
deadlock_read_detail(struct history_side *sides, size_t max, struct span detail)
{
	size_t count = 0;

	while (detail.len > 0 && count < max)
		count +=
		    deadlock_read_line(&sides[count], span_take_line(&detail));
	return count;
}

/* Bring the side of this process to the front. */
static void
deadlock_put_first(struct history_deadlock *d, uint32_t pid)
{
	struct history_side first;
	size_t i;

	for (i = 0; i < d->side_count && d->sides[i].who.pid != pid; i++)
		;
	if (i == d->side_count)
		return;
	first = d->sides[i];
	d->sides[i] = d->sides[0];
	first.is_victim = true;
	d->sides[0] = first;
}

/* Sides that are ours */

/* Tell what is known of the session's statement. */
static void
deadlock_read_statement(const struct guarded *g, struct history_side *s)
{
	const struct pair *p = g->pair;
	bool is_doubtful = p->sends_plain_backslashes || !p->is_utf8;
	struct history_entry e;

	if (history_find_session(p->daemon->history, p->id, &e)) {
		s->guarded = e.id;
		memcpy(s->text, e.text, sizeof(s->text));
		memcpy(s->tables, e.facts.tables, sizeof(s->tables));
		return;
	}
	said_tell_last(&g->said, s->text, sizeof(s->text), is_doubtful);
	said_tell_tables(&g->said, s->tables, sizeof(s->tables), is_doubtful);
}

void
deadlock_tell_side(const struct guarded *g, uint64_t deadlock)
{
	struct history_side s = {.guarded = 0};

	pair_tell_who(g->pair, &s.who);
	deadlock_read_statement(g, &s);
	history_tell_side(g->pair->daemon->history, deadlock, &s);
}

/* Find the sessions of the other sides. */
static void
deadlock_find_sides(const struct pair *p, struct history_deadlock *d,
		    struct cancel_target targets[HISTORY_SIDES_MAX])
{
	size_t i;

	for (i = 1; i < d->side_count; i++)
		if (cancel_find_pid(p->daemon->cancels, d->sides[i].who.pid,
				    &p->server_address, &targets[i]))
			d->sides[i].who.session = targets[i].session;
}

/* Have them tell. */
static void
deadlock_ask_sides(const struct pair *p, const struct history_deadlock *d,
		   const struct cancel_target targets[HISTORY_SIDES_MAX],
		   uint64_t id)
{
	size_t i;

	for (i = 1; i < d->side_count; i++) {
		struct mail mail = {
		    .kind = MAIL_DEADLOCK,
		    .id = targets[i].session,
		    .asker = id,
		};

		if (d->sides[i].who.session != 0)
			(void)daemon_post(p->daemon, targets[i].worker, mail);
	}
}

/* In English the context names the table of the row that the victim wanted. */
static void
deadlock_read_context(struct history_side *victim, struct span context)
{
	struct span table = span_between(context, "in relation \"", "\"");

	if (victim->tables[0] == '\0')
		span_copy(victim->tables, sizeof(victim->tables), table);
}

void
deadlock_note(const struct guarded *g, struct span body)
{
	const struct pair *p = g->pair;
	struct history_deadlock d = {.side_count = 0};
	struct cancel_target targets[HISTORY_SIDES_MAX] = {{0}};
	struct error_fields f;
	uint64_t id;

	if (!error_fields_decode(&f, body) || p->daemon->history == NULL ||
	    !span_equals(f.sqlstate, SQLSTATE_DEADLOCK) ||
	    !span_equals(f.routine, "DeadLockReport")) /* others may RAISE it */
		return;
	span_copy(d.detail, sizeof(d.detail), f.detail);
	d.side_count =
	    deadlock_read_detail(d.sides, HISTORY_SIDES_MAX, f.detail);
	deadlock_put_first(&d, p->server_pid);
	if (d.side_count == 0 || !d.sides[0].is_victim)
		return; /* no deadlock of this session's, but a RAISE perhaps */
	pair_tell_who(p, &d.sides[0].who);
	deadlock_read_statement(g, &d.sides[0]);
	deadlock_read_context(&d.sides[0], f.where);
	deadlock_find_sides(p, &d, targets);
	id = history_add_deadlock(p->daemon->history, &d);
	deadlock_ask_sides(p, &d, targets, id);
}

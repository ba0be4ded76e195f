#include "proxy/fleet/fleet_outbox.h"

#include <string.h>

#include "proxy/gate/gate.h"

static void
outbox_remove(struct fleet_outbox *o, size_t at)
{
	gate_window_drop(o->entries[at].window);
	o->count--;
	memmove(&o->entries[at], &o->entries[at + 1],
		(o->count - at) * sizeof(o->entries[0]));
}

/* Forget windows that have ended by themselves: the others know, too. */
static void
outbox_expire(struct fleet_outbox *o, uint64_t now_ms)
{
	size_t i = 0;

	while (i < o->count)
		if (o->entries[i].window->until_ms <= now_ms)
			outbox_remove(o, i);
		else
			i++;
}

/* The place of the window of this kind of the same session; count: none. */
static size_t
outbox_find(const struct fleet_outbox *o, const struct gate_window *w)
{
	size_t i;

	for (i = 0; i < o->count; i++) {
		const struct gate_window *other = o->entries[i].window;

		if (other->maker == w->maker &&
		    other->is_of_transaction == w->is_of_transaction)
			break;
	}
	return i;
}

void
fleet_outbox_shut(struct fleet_outbox *o, struct gate_window *w,
		  uint64_t now_ms)
{
	size_t at;

	outbox_expire(o, now_ms);
	at = outbox_find(o, w);
	if (at == FLEET_OUTBOX_MAX) {
		gate_window_drop(w);
		return;
	}
	if (at == o->count)
		o->entries[o->count++] = (struct fleet_entry){0};
	gate_window_drop(o->entries[at].window);
	o->entries[at].window = w;
	o->entries[at].is_due = true;
	o->entries[at].is_open = false;
}

void
fleet_outbox_open(struct fleet_outbox *o, struct gate_window *w)
{
	size_t at = outbox_find(o, w);

	/* Another one may have taken its place: that is still shut. */
	if (at < o->count && o->entries[at].window == w) {
		o->entries[at].is_due = true;
		o->entries[at].is_open = true;
		if (!o->entries[at].is_told)
			outbox_remove(o, at);
	}
	gate_window_drop(w);
}

static enum fleet_kind
outbox_kind(const struct fleet_entry *e)
{
	if (e->window->is_of_transaction)
		return e->is_open ? FLEET_RELEASE : FLEET_KEEP;
	return e->is_open ? FLEET_OPEN : FLEET_SHUT;
}

static void
outbox_fill(struct fleet_message *m, const struct fleet_entry *e,
	    uint64_t now_ms)
{
	const struct gate_window *w = e->window;

	memset(m, 0, sizeof(*m));
	m->kind = outbox_kind(e);
	m->maker = w->maker;
	if (e->is_open)
		return;
	m->length_ms = (uint32_t)(w->until_ms - now_ms);
	m->names = w->names;
	memcpy(m->database, w->database, sizeof(m->database));
}

/*
 * The next that is due; count: none.  Ends come last: what takes the place of a
 * window is to be told before that opens.
 */
static size_t
outbox_next_due(const struct fleet_outbox *o)
{
	size_t due = o->count;
	size_t i;

	for (i = 0; i < o->count; i++) {
		if (!o->entries[i].is_due)
			continue;
		if (!o->entries[i].is_open)
			return i;
		if (due == o->count)
			due = i;
	}
	return due;
}

bool
fleet_outbox_next(struct fleet_outbox *o, struct fleet_message *m,
		  uint64_t now_ms)
{
	size_t i;

	outbox_expire(o, now_ms);
	i = outbox_next_due(o);
	if (i == o->count)
		return false;
	outbox_fill(m, &o->entries[i], now_ms);
	o->entries[i].is_told = true;
	o->entries[i].is_due = false;
	if (o->entries[i].is_open)
		outbox_remove(o, i);
	return true;
}

void
fleet_outbox_repeat(struct fleet_outbox *o)
{
	size_t i;

	for (i = 0; i < o->count; i++)
		o->entries[i].is_due = true;
}

void
fleet_outbox_clear(struct fleet_outbox *o)
{
	while (o->count > 0)
		outbox_remove(o, o->count - 1);
}

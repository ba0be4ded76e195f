/*
 * history_deadlock.c - deadlocks that passed by, in a ring.
 */
#include <string.h>

#include "proxy/history/history_state.h"

uint64_t
history_add_deadlock(struct history *h, const struct history_deadlock *deadlock)
{
	struct history_deadlock *d;
	uint64_t id;

	if (h == NULL)
		return 0;
	history_lock(h);
	d = &h->deadlocks[h->next_deadlock];
	h->next_deadlock = (h->next_deadlock + 1) % HISTORY_DEADLOCKS_MAX;
	*d = *deadlock;
	d->at_ms = history_wall_ms();
	id = d->id = ++h->last_id;
	history_unlock(h);
	return id;
}

/* The place of a deadlock.  NULL: it is not kept any more. */
static struct history_deadlock *
history_place_of_deadlock(struct history *h, uint64_t id)
{
	size_t i;

	for (i = 0; i < HISTORY_DEADLOCKS_MAX; i++)
		if (h->deadlocks[i].id == id)
			return &h->deadlocks[i];
	return NULL;
}

static void
history_fill_side(struct history_side *s, const struct history_side *known)
{
	s->who = known->who;
	s->guarded = known->guarded;
	memcpy(s->text, known->text, sizeof(s->text));
	memcpy(s->tables, known->tables, sizeof(s->tables));
}

void
history_tell_side(struct history *h, uint64_t deadlock,
		  const struct history_side *side)
{
	struct history_deadlock *d;
	size_t i;

	if (h == NULL || deadlock == 0)
		return;
	history_lock(h);
	d = history_place_of_deadlock(h, deadlock);
	for (i = 0; d != NULL && i < d->side_count; i++)
		if (d->sides[i].who.pid == side->who.pid)
			history_fill_side(&d->sides[i], side);
	history_unlock(h);
}

static bool
history_read_deadlock(struct history *h, uint64_t least, uint64_t before,
		      struct history_deadlock *out)
{
	const struct history_deadlock *last = NULL;
	size_t i;

	if (h == NULL)
		return false;
	history_lock(h);
	for (i = 0; i < HISTORY_DEADLOCKS_MAX; i++) {
		const struct history_deadlock *d = &h->deadlocks[i];

		if (d->id >= least && d->id < before &&
		    (last == NULL || d->id > last->id))
			last = d;
	}
	if (last != NULL)
		*out = *last;
	history_unlock(h);
	return last != NULL;
}

bool
history_next_deadlock(struct history *h, uint64_t before,
		      struct history_deadlock *out)
{
	return history_read_deadlock(h, 1, before, out);
}

bool
history_find_deadlock(struct history *h, uint64_t id,
		      struct history_deadlock *out)
{
	return id > 0 && id < UINT64_MAX &&
	       history_read_deadlock(h, id, id + 1, out);
}

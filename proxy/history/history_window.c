/*
 * history_window.c - windows of the gate, in a ring, and the transactions that
 * were delayed by them.
 */
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/history/history_state.h"

/* The place of the statement that has had the window.  NULL: there is none. */
static struct history_entry *
history_find_window(struct history *h, uint64_t maker, uint64_t shut_ms,
		    bool is_kept)
{
	struct history_note *n;
	size_t i;

	LIST_FOREACH(n, &h->under_way, link)
		if (n->entry.who.session == maker &&
		    n->entry.begun_ms <= shut_ms)
			return &n->entry;
	for (i = 1; i <= HISTORY_MAX; i++) {
		size_t place = (h->next + HISTORY_MAX - i) % HISTORY_MAX;
		const struct history_key *k = &h->keys[place];

		if (k->id == 0)
			break;
		if (k->session == maker && k->begun_ms <= shut_ms &&
		    (is_kept || shut_ms <= k->over_ms))
			return &h->entries[place];
	}
	return NULL;
}

/* Windows */

void
history_shut(struct history *h, const struct history_window *w)
{
	const struct history_entry *e;
	struct history_window *kept;

	if (h == NULL)
		return;
	history_lock(h);
	kept = &h->windows[h->last_window % HISTORY_WINDOWS_MAX];
	*kept = *w;
	kept->number = ++h->last_window;
	e = history_find_window(h, w->maker, w->shut_ms, w->is_of_transaction);
	kept->guarded = e != NULL ? e->id : 0;
	kept->shut_at_ms = history_wall_ms();
	kept->open_ms = 0;
	kept->delayed = 0;
	history_unlock(h);
}

/* The window, if it is kept still.  NULL: it is not. */
static struct history_window *
history_place_of_window(struct history *h, uint64_t maker, uint64_t shut_ms,
			bool is_kept)
{
	size_t i;

	for (i = 0; i < HISTORY_WINDOWS_MAX; i++) {
		struct history_window *w = &h->windows[i];

		if (w->number > 0 && w->maker == maker &&
		    w->shut_ms == shut_ms && w->is_of_transaction == is_kept)
			return w;
	}
	return NULL;
}

void
history_open(struct history *h, uint64_t maker, uint64_t shut_ms, bool is_kept)
{
	struct history_window *w;

	if (h == NULL)
		return;
	history_lock(h);
	w = history_place_of_window(h, maker, shut_ms, is_kept);
	if (w != NULL)
		w->open_ms = clock_now_ms();
	history_unlock(h);
}

bool
history_next_window(struct history *h, uint64_t before,
		    struct history_window *out)
{
	bool is_there;

	if (h == NULL)
		return false;
	history_lock(h);
	if (before > h->last_window)
		before = h->last_window + 1;
	is_there =
	    before > 1 && before - 1 + HISTORY_WINDOWS_MAX > h->last_window;
	if (is_there)
		*out = h->windows[(before - 2) % HISTORY_WINDOWS_MAX];
	history_unlock(h);
	return is_there;
}

/* Transactions that were delayed */

/* Keep it among the longest. */
static void
history_show_delayed(struct history_entry *e, const struct history_delayed *d)
{
	size_t last = e->delayed_count < HISTORY_DELAYED_SHOWN
			  ? e->delayed_count
			  : HISTORY_DELAYED_SHOWN - 1;
	size_t i;

	if (e->delayed_count >= HISTORY_DELAYED_SHOWN &&
	    e->delayed[last].ms >= d->ms)
		return;
	for (i = last; i > 0 && e->delayed[i - 1].ms < d->ms; i--)
		e->delayed[i] = e->delayed[i - 1];
	e->delayed[i] = *d;
}

void
history_delay(struct history *h, uint64_t maker, uint64_t shut_ms, bool is_kept,
	      const struct history_delayed *delayed)
{
	struct history_entry *e;
	struct history_window *w;

	if (h == NULL)
		return;
	history_lock(h);
	w = history_place_of_window(h, maker, shut_ms, is_kept);
	if (w != NULL)
		w->delayed++;
	e = history_find_window(h, maker, shut_ms, is_kept);
	if (e != NULL) {
		history_show_delayed(e, delayed);
		e->delayed_count++;
		e->delayed_ms += delayed->ms;
	}
	history_unlock(h);
}

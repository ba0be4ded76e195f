#include "proxy/fleet/fleet_windows.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/config/generation.h"
#include "proxy/gate/gate.h"

static struct fleet_lease *
windows_find(const struct fleet_windows *w, const struct fleet_message *m)
{
	struct fleet_lease *l;

	TAILQ_FOREACH(l, &w->leases, link)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it has left */
		if (l->maker == m->maker &&
		    memcmp(l->process, m->process, sizeof(l->process)) == 0)
			return l;
	return NULL;
}

/* A lease that keeps nothing yet.  NULL: out of memory, or there are too many.
 */
static struct fleet_lease *
windows_add(struct fleet_windows *w, const struct fleet_message *m)
{
	struct fleet_lease *l = NULL;

	if (w->count < FLEET_LEASES_MAX)
		l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	memcpy(l->process, m->process, sizeof(l->process));
	l->maker = m->maker;
	l->pair.id = GATE_MAKER_ELSEWHERE | ++w->made;
	l->pair.daemon = w->daemon;
	memcpy(l->pair.database, m->database, sizeof(l->pair.database));
	l->lease.pair = &l->pair;
	l->lease.least_ms = FLEET_SHUT_LEAST_MS;
	TAILQ_INSERT_TAIL(&w->leases, l, link);
	w->count++;
	return l;
}

/* Open what the lease keeps shut, and forget it. */
static void
windows_drop(struct fleet_windows *w, struct fleet_lease *l)
{
	lease_end(&l->lease);
	TAILQ_REMOVE(&w->leases, l, link);
	w->count--;
	free(l);
}

static void
windows_drop_if_open(struct fleet_windows *w, struct fleet_lease *l)
{
	if (!lease_is_held(&l->lease))
		windows_drop(w, l);
}

static bool
window_is_over(const struct gate_window *window, uint64_t now_ms)
{
	return window != NULL && window->until_ms <= now_ms;
}

static void
lease_expire(struct lease *l, uint64_t now_ms)
{
	if (window_is_over(l->transaction, now_ms))
		lease_release(l);
	if (window_is_over(l->window, now_ms))
		lease_open(l);
}

static uint64_t
window_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The longest that others may shut the gate for, by the settings in force. */
static uint32_t
window_most_ms(const struct daemon *d, enum fleet_kind kind)
{
	struct generation *g = generation_store_use(d->generations);
	const struct guard_settings *guard = &g->config->guard;
	uint32_t most_ms = kind == FLEET_KEEP ? guard->gate_transaction_ms
					      : guard->gate_window_ms;

	generation_release(g);
	return most_ms;
}

/* A window that takes the place of another one ends when that would have. */
static void
lease_shut_for(struct lease *l, struct fleet_message *m, uint64_t now_ms)
{
	uint32_t most_ms = window_most_ms(l->pair->daemon, m->kind);
	uint64_t length_ms = window_least(m->length_ms, most_ms);
	uint64_t until_ms = now_ms + length_ms;

	if (m->kind == FLEET_KEEP) {
		lease_keep(l, &m->names, (uint32_t)length_ms);
		return;
	}
	if (l->window != NULL)
		until_ms = window_least(until_ms, l->window->until_ms);
	lease_shut(l, &m->names, until_ms);
}

static bool
windows_shut(struct fleet_windows *w, struct fleet_message *m, uint64_t now_ms)
{
	struct fleet_lease *l = windows_find(w, m);
	bool is_shut;

	if (l != NULL && strcmp(l->pair.database, m->database) != 0) {
		windows_drop(w, l);
		l = NULL;
	}
	if (l == NULL)
		l = windows_add(w, m);
	if (l == NULL)
		return false;
	lease_shut_for(&l->lease, m, now_ms);
	is_shut = (m->kind == FLEET_KEEP ? l->lease.transaction
					 : l->lease.window) != NULL;
	windows_drop_if_open(w, l);
	return is_shut;
}

static void
windows_open(struct fleet_windows *w, const struct fleet_message *m)
{
	struct fleet_lease *l = windows_find(w, m);

	if (l == NULL)
		return;
	if (m->kind == FLEET_RELEASE)
		lease_release(&l->lease);
	else
		lease_open(&l->lease);
	windows_drop_if_open(w, l);
}

bool
fleet_windows_take(struct fleet_windows *w, struct fleet_message *m,
		   struct fleet_pace *pace, uint64_t now_ms)
{
	fleet_windows_expire(w, now_ms);
	switch (m->kind) {
	case FLEET_HELLO:
		return false;
	case FLEET_SHUT:
	case FLEET_KEEP:
		return m->database[0] != '\0' &&
		       fleet_pace_may_shut(pace, now_ms) &&
		       windows_shut(w, m, now_ms);
	case FLEET_OPEN:
	case FLEET_RELEASE:
		windows_open(w, m);
		return false;
	}
	return false;
}

void
fleet_windows_expire(struct fleet_windows *w, uint64_t now_ms)
{
	struct fleet_lease *l = TAILQ_FIRST(&w->leases);

	while (l != NULL) {
		struct fleet_lease *next = TAILQ_NEXT(l, link);

		lease_expire(&l->lease, now_ms);
		windows_drop_if_open(w, l);
		l = next;
	}
}

static uint64_t
window_end_ms(const struct gate_window *window)
{
	return window == NULL ? UINT64_MAX : window->until_ms;
}

uint64_t
fleet_windows_next_ms(const struct fleet_windows *w)
{
	const struct fleet_lease *l;
	uint64_t next_ms = UINT64_MAX;

	TAILQ_FOREACH(l, &w->leases, link)
		next_ms = window_least(
		    next_ms, window_least(window_end_ms(l->lease.window),
					  window_end_ms(l->lease.transaction)));
	return next_ms;
}

void
fleet_windows_init(struct fleet_windows *w, struct daemon *d)
{
	w->daemon = d;
	w->count = 0;
	w->made = 0;
	TAILQ_INIT(&w->leases);
}

void
fleet_windows_clear(struct fleet_windows *w)
{
	while (!TAILQ_EMPTY(&w->leases))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): likewise */
		windows_drop(w, TAILQ_FIRST(&w->leases));
}

#include "proxy/gate/lookout.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set.h"
#include "proxy/pair/pair.h"

void
lookout_init(struct lookout *l)
{
	TAILQ_INIT(&l->watches);
}

void
lookout_watch_init(struct lookout_watch *w, struct lookout *l,
		   const struct pair *pair, void (*go)(void *owner),
		   void *owner)
{
	w->lookout = l;
	w->pair = pair;
	w->go = go;
	w->owner = owner;
}

static bool
is_at_same_server(const struct pair *a, const struct pair *b)
{
	const struct address *x = &a->server_address;
	const struct address *y = &b->server_address;

	return x->len == y->len &&
	       memcmp(&x->address, &y->address, x->len) == 0;
}

/* The rights of a session are those of the role that has logged in, or may
 * be had by it. */
static bool
sees_the_same(const struct pair *a, const struct pair *b)
{
	return strcmp(a->database, b->database) == 0 &&
	       strcmp(a->user, b->user) == 0 && is_at_same_server(a, b);
}

void
lookout_join(struct lookout_watch *w, const struct lock_set *set,
	     const struct holders *known)
{
	lookout_leave(w);
	w->set = set;
	w->known = known;
	w->state = LOOKOUT_WATCHES;
	TAILQ_INSERT_TAIL(&w->lookout->watches, w, link);
}

/* Nobody asks for those any longer for whom w did. */
static void
lookout_give_up(struct lookout_watch *w)
{
	struct lookout_watch *other;

	TAILQ_FOREACH(other, &w->lookout->watches, link)
		if (other->by == w) {
			other->by = NULL;
			other->go(other->owner);
		}
}

void
lookout_leave(struct lookout_watch *w)
{
	if (w->state == LOOKOUT_WATCHES)
		TAILQ_REMOVE(&w->lookout->watches, w, link);
	else if (w->state == LOOKOUT_ASKS)
		lookout_give_up(w);
	w->state = LOOKOUT_AWAY;
	w->by = NULL;
	w->is_roused = false;
	w->shared_by = 0;
}

/* Asking */

/* The relations of a question, each as often as it is wanted. */
struct lookout_relids {
	uint32_t *relids; /* owned, with room for `room` */
	size_t count;
	size_t room;
};

static void
relids_add(struct lookout_relids *r, const struct lock_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		r->relids[r->count++] = set->items[i].relid;
}

static int
relids_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
relids_make_unique(struct lookout_relids *r)
{
	size_t kept = 0;
	size_t i;

	qsort(r->relids, r->count, sizeof(*r->relids), relids_compare);
	for (i = 0; i < r->count; i++)
		if (kept == 0 || r->relids[kept - 1] != r->relids[i])
			r->relids[kept++] = r->relids[i];
	r->count = kept;
}

static void
lookout_ask_for(struct lookout_watch *other, struct lookout_watch *by,
		uint64_t now_ms)
{
	memset(&other->seen, 0, sizeof(other->seen));
	other->by = by;
	other->asked_ms = now_ms;
}

static bool
is_to_be_asked_for(const struct lookout_watch *other,
		   const struct lookout_watch *w, uint64_t now_ms)
{
	return !lookout_has_answer(other) &&
	       lookout_patience_ms(other, now_ms) == 0 &&
	       sees_the_same(other->pair, w->pair);
}

/* A set that has no room any more is left to a question of its own. */
static void
lookout_ask_for_others(struct lookout_watch *w, struct lookout_relids *r,
		       uint64_t now_ms)
{
	struct lookout_watch *other;

	TAILQ_FOREACH(other, &w->lookout->watches, link)
		if (other->set->count <= r->room - r->count &&
		    is_to_be_asked_for(other, w, now_ms)) {
			relids_add(r, other->set);
			lookout_ask_for(other, w, now_ms);
		}
}

char *
lookout_ask(struct lookout_watch *w, const struct lock_set *set,
	    uint64_t now_ms)
{
	struct lookout_relids r = {.room = LOOKOUT_RELIDS_MAX};
	char *param;

	lookout_leave(w);
	if (set->count > r.room)
		r.room = set->count;
	r.relids = calloc(r.room, sizeof(*r.relids));
	if (r.relids == NULL)
		return NULL;
	w->state = LOOKOUT_ASKS;
	relids_add(&r, set);
	lookout_ask_for_others(w, &r, now_ms);
	relids_make_unique(&r);
	param = holders_param_of(r.relids, r.count);
	free(r.relids);
	if (param == NULL)
		lookout_leave(w);
	return param;
}

/* The answer */

void
lookout_add_row(struct lookout_watch *w,
		const struct row_value values[HOLDERS_COLUMNS])
{
	struct lookout_watch *other;

	if (w->state != LOOKOUT_ASKS)
		return;
	TAILQ_FOREACH(other, &w->lookout->watches, link)
		if (other->by == w)
			holders_add_shared_row(&other->seen, other->set,
					       values);
}

static size_t
lookout_count(const struct lookout_watch *w)
{
	const struct lookout_watch *other;
	size_t count = 1;

	if (w->state != LOOKOUT_ASKS)
		return count;
	TAILQ_FOREACH(other, &w->lookout->watches, link)
		count += other->by == w;
	return count;
}

size_t
lookout_answer(struct lookout_watch *w)
{
	size_t count = lookout_count(w);
	struct lookout_watch *other;

	TAILQ_FOREACH(other, &w->lookout->watches, link)
		if (other->by == w)
			other->shared_by = count;
	lookout_leave(w);
	return count;
}

bool
lookout_has_answer(const struct lookout_watch *w)
{
	return w->shared_by > 0;
}

uint64_t
lookout_patience_ms(const struct lookout_watch *w, uint64_t now_ms)
{
	uint64_t until_ms = w->asked_ms + LOOKOUT_PATIENCE_MS;

	return w->by != NULL && now_ms < until_ms ? until_ms - now_ms : 0;
}

void
lookout_rouse(struct lookout *l, const struct pair *done)
{
	struct lookout_watch *w;

	TAILQ_FOREACH(w, &l->watches, link)
		if (!w->is_roused && holders_show(w->known, done->server_pid) &&
		    is_at_same_server(w->pair, done)) {
			w->is_roused = true;
			w->by = NULL; /* that one may have looked before */
			w->shared_by = 0;
			w->go(w->owner);
		}
}

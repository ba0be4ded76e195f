#include "proxy/gate/turns.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set.h"
#include "proxy/base/queue.h"

/* A relation that the holder of a turn wants. */
struct turn_mark {
	uint32_t relid;
	enum lock_mode mode;
};

/* Whoever has the turn for some relations. */
struct turn_holder {
	LIST_ENTRY(turn_holder) link;
	struct rival who;
	size_t count;
	struct turn_mark marks[]; /* sorted by relid */
};

LIST_HEAD(turn_holder_list, turn_holder);

/* The turns of one database.  Few databases ever see a guarded statement. */
struct turn {
	LIST_ENTRY(turn) link;
	struct turn_holder_list holders;
	uint64_t counted_ms; /* the allowance is as of then */
	uint64_t allowance;  /* in 1 / TURNS_SHUT_SHARE ms */
	uint64_t allowance_max;
	char database[];
};

LIST_HEAD(turn_list, turn);

struct turns {
	pthread_mutex_t lock;
	struct turn_list list;  /* guarded by lock */
	size_t count;           /* databases in the list */
	uint64_t allowance_max; /* each database can have this */
};

struct turns *
turns_new(void)
{
	struct turns *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	turns_allow_burst(t, TURNS_SHUT_BURST_MS);
	LIST_INIT(&t->list);
	return t;
}

static void
turn_free(struct turn *turn)
{
	while (!LIST_EMPTY(&turn->holders)) {
		struct turn_holder *h = LIST_FIRST(&turn->holders);

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it left */
		LIST_REMOVE(h, link);
		free(h);
	}
	free(turn);
}

/* Let a database have so much: more is there at once, and what has been used
 * stays used. */
static void
turn_allow(struct turn *turn, uint64_t allowance_max)
{
	if (allowance_max > turn->allowance_max)
		turn->allowance += allowance_max - turn->allowance_max;
	else if (turn->allowance > allowance_max)
		turn->allowance = allowance_max;
	turn->allowance_max = allowance_max;
}

void
turns_allow_burst(struct turns *t, uint32_t burst_ms)
{
	struct turn *turn;

	pthread_mutex_lock(&t->lock);
	t->allowance_max = (uint64_t)burst_ms * TURNS_SHUT_SHARE;
	LIST_FOREACH(turn, &t->list, link)
		turn_allow(turn, t->allowance_max);
	pthread_mutex_unlock(&t->lock);
}

void
turns_free(struct turns *t)
{
	if (t == NULL)
		return;
	while (!LIST_EMPTY(&t->list)) {
		struct turn *turn = LIST_FIRST(&t->list);

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it left */
		LIST_REMOVE(turn, link);
		turn_free(turn);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct turn *
turn_find(struct turns *t, const char *database)
{
	struct turn *turn;

	LIST_FOREACH(turn, &t->list, link)
		if (strcmp(turn->database, database) == 0)
			return turn;
	return NULL;
}

static struct turn *
turn_add(struct turns *t, const char *database, uint64_t now_ms)
{
	size_t size = strlen(database) + 1;
	struct turn *turn = calloc(1, sizeof(*turn) + size);

	if (turn == NULL)
		return NULL;
	memcpy(turn->database, database, size);
	LIST_INIT(&turn->holders);
	turn->counted_ms = now_ms;
	turn->allowance_max = t->allowance_max;
	turn->allowance = turn->allowance_max;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): others left */
	LIST_INSERT_HEAD(&t->list, turn, link);
	t->count++;
	return turn;
}

static void
turn_add_allowance(struct turn *turn, uint64_t more)
{
	turn->allowance += more;
	if (turn->allowance > turn->allowance_max)
		turn->allowance = turn->allowance_max;
}

static void
turn_refill(struct turn *turn, uint64_t now_ms)
{
	if (now_ms <= turn->counted_ms)
		return;
	turn_add_allowance(turn, now_ms - turn->counted_ms);
	turn->counted_ms = now_ms;
}

static void
turns_drop(struct turns *t, struct turn *turn)
{
	LIST_REMOVE(turn, link);
	t->count--;
	turn_free(turn);
}

/* Forget databases of which nobody has a turn and the allowance is whole: they
 * say no more than new ones do. */
static void
turns_forget_idle(struct turns *t, uint64_t now_ms)
{
	struct turn *turn = LIST_FIRST(&t->list);

	while (turn != NULL) {
		struct turn *next = LIST_NEXT(turn, link);

		turn_refill(turn, now_ms);
		if (LIST_EMPTY(&turn->holders) &&
		    turn->allowance == turn->allowance_max)
			turns_drop(t, turn);
		turn = next;
	}
}

/* As turn_add, for a name that another process may have made up.  NULL: there
 * are too many, too. */
static struct turn *
turn_add_bounded(struct turns *t, const char *database, uint64_t now_ms)
{
	if (t->count >= TURNS_RESERVED_MAX)
		turns_forget_idle(t, now_ms);
	return t->count < TURNS_RESERVED_MAX ? turn_add(t, database, now_ms)
					     : NULL;
}

static int
compare_marks(const void *a, const void *b)
{
	const struct turn_mark *x = a;
	const struct turn_mark *y = b;

	return (x->relid > y->relid) - (x->relid < y->relid);
}

/* A holder for the claim, in no list.  NULL: out of memory. */
static struct turn_holder *
turn_new_holder(const struct turn_claim *claim)
{
	size_t count = claim->set->count;
	struct turn_holder *h =
	    malloc(sizeof(*h) + count * sizeof(h->marks[0]));

	if (h == NULL)
		return NULL;
	h->who = claim->who;
	h->count = count;
	for (size_t i = 0; i < count; i++) {
		h->marks[i].relid = claim->set->items[i].relid;
		h->marks[i].mode = claim->set->items[i].mode;
	}
	qsort(h->marks, count, sizeof(h->marks[0]), compare_marks);
	return h;
}

/* True if both want one relation in modes that conflict. */
static bool
turn_holders_meet(const struct turn_holder *a, const struct turn_holder *b)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->count && j < b->count) {
		const struct turn_mark *x = &a->marks[i];
		const struct turn_mark *y = &b->marks[j];

		if (x->relid == y->relid &&
		    lock_mode_conflicts(x->mode, y->mode))
			return true;
		i += x->relid <= y->relid;
		j += y->relid <= x->relid;
	}
	return false;
}

/* The holder that h would meet.  NULL: there is none. */
static const struct turn_holder *
turn_find_rival(const struct turn *turn, const struct turn_holder *h)
{
	const struct turn_holder *other;

	LIST_FOREACH(other, &turn->holders, link)
		if (turn_holders_meet(other, h))
			return other;
	return NULL;
}

static void
turn_drop(struct turn *turn, uint64_t session)
{
	struct turn_holder *h;

	LIST_FOREACH(h, &turn->holders, link)
		if (h->who.session == session)
			break;
	if (h == NULL)
		return;
	LIST_REMOVE(h, link);
	free(h);
}

static bool
turn_take(struct turn *turn, const struct turn_claim *claim,
	  struct rival *rival)
{
	struct turn_holder *h = turn_new_holder(claim);
	const struct turn_holder *other;

	turn_drop(turn, claim->who.session);
	if (h == NULL)
		return false;
	other = claim->is_impatient ? NULL : turn_find_rival(turn, h);
	if (other != NULL) {
		*rival = other->who;
		free(h);
		return false;
	}
	LIST_INSERT_HEAD(&turn->holders, h, link);
	return true;
}

/* How long the gate may be shut at a time, now. */
static uint32_t
turn_allowance_ms(struct turn *turn, uint64_t now_ms)
{
	uint64_t allowance_ms;

	turn_refill(turn, now_ms);
	allowance_ms = turn->allowance / TURNS_SHUT_SHARE;
	return allowance_ms < TURNS_SHUT_BURST_MS ? (uint32_t)allowance_ms
						  : TURNS_SHUT_BURST_MS;
}

bool
turns_take(struct turns *t, const char *database,
	   const struct turn_claim *claim, uint64_t now_ms,
	   uint32_t *allowance_ms, struct rival *rival)
{
	struct turn *turn;
	bool is_taken;

	memset(rival, 0, sizeof(*rival));
	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn == NULL)
		turn = turn_add(t, database, now_ms);
	is_taken = turn != NULL && turn_take(turn, claim, rival);
	if (is_taken)
		*allowance_ms = turn_allowance_ms(turn, now_ms);
	pthread_mutex_unlock(&t->lock);
	return is_taken;
}

void
turns_give(struct turns *t, const char *database, uint64_t session)
{
	struct turn *turn;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn != NULL)
		turn_drop(turn, session);
	pthread_mutex_unlock(&t->lock);
}

static uint64_t
turn_reserve(struct turn *turn, uint64_t wanted_ms, uint64_t now_ms)
{
	uint64_t granted_ms;

	turn_refill(turn, now_ms);
	granted_ms = turn->allowance / TURNS_SHUT_SHARE;
	if (granted_ms > wanted_ms)
		granted_ms = wanted_ms;
	turn->allowance -= granted_ms * TURNS_SHUT_SHARE;
	return granted_ms;
}

uint64_t
turns_reserve(struct turns *t, const char *database, uint64_t wanted_ms,
	      uint64_t now_ms)
{
	uint64_t granted_ms = 0;
	struct turn *turn;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn == NULL)
		turn = turn_add_bounded(t, database, now_ms);
	if (turn != NULL)
		granted_ms = turn_reserve(turn, wanted_ms, now_ms);
	pthread_mutex_unlock(&t->lock);
	return granted_ms;
}

void
turns_refund(struct turns *t, const char *database, uint64_t left_ms)
{
	struct turn *turn;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn != NULL)
		turn_add_allowance(turn, left_ms * TURNS_SHUT_SHARE);
	pthread_mutex_unlock(&t->lock);
}

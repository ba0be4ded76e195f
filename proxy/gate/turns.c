#include "proxy/gate/turns.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* The turn of one database.  Few databases ever see a guarded statement. */
struct turn {
	LIST_ENTRY(turn) link;
	uint64_t owner; /* a session's id; 0: nobody's */
	uint64_t until_ms;
	uint64_t counted_ms; /* the allowance is as of then */
	uint64_t allowance;  /* in 1 / TURNS_SHUT_SHARE ms */
	uint64_t allowance_max;
	char database[];
};

LIST_HEAD(turn_list, turn);

struct turns {
	pthread_mutex_t lock;
	struct turn_list list;  /* guarded by lock */
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

void
turns_allow_burst(struct turns *t, uint32_t burst_ms)
{
	t->allowance_max = (uint64_t)burst_ms * TURNS_SHUT_SHARE;
}

void
turns_free(struct turns *t)
{
	if (t == NULL)
		return;
	while (!LIST_EMPTY(&t->list)) {
		struct turn *turn = LIST_FIRST(&t->list);

		LIST_REMOVE(turn, link);
		free(turn);
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
	turn->counted_ms = now_ms;
	turn->allowance_max = t->allowance_max;
	turn->allowance = turn->allowance_max;
	LIST_INSERT_HEAD(&t->list, turn, link);
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

static bool
turn_take(struct turn *turn, uint64_t session, uint64_t until_ms,
	  uint64_t now_ms, uint32_t *allowance_ms)
{
	if (turn->owner != 0 && turn->owner != session &&
	    now_ms < turn->until_ms)
		return false;
	turn_refill(turn, now_ms);
	turn->owner = session;
	turn->until_ms = until_ms;
	*allowance_ms = (uint32_t)(turn->allowance / TURNS_SHUT_SHARE);
	if (*allowance_ms > TURNS_SHUT_BURST_MS)
		*allowance_ms = TURNS_SHUT_BURST_MS;
	return true;
}

bool
turns_take(struct turns *t, const char *database, uint64_t session,
	   uint64_t until_ms, uint64_t now_ms, uint32_t *allowance_ms)
{
	struct turn *turn;
	bool is_taken;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn == NULL)
		turn = turn_add(t, database, now_ms);
	is_taken = turn != NULL &&
		   turn_take(turn, session, until_ms, now_ms, allowance_ms);
	pthread_mutex_unlock(&t->lock);
	return is_taken;
}

void
turns_give(struct turns *t, const char *database, uint64_t session)
{
	struct turn *turn;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn != NULL && turn->owner == session)
		turn->owner = 0;
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
		turn = turn_add(t, database, now_ms);
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

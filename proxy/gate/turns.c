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
	char database[];
};

LIST_HEAD(turn_list, turn);

struct turns {
	pthread_mutex_t lock;
	struct turn_list list; /* guarded by lock */
};

enum {
	ALLOWANCE_MAX = TURNS_SHUT_BURST_MS * TURNS_SHUT_SHARE,
};

struct turns *
turns_new(void)
{
	struct turns *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	LIST_INIT(&t->list);
	return t;
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
	turn->allowance = ALLOWANCE_MAX;
	LIST_INSERT_HEAD(&t->list, turn, link);
	return turn;
}

static void
turn_refill(struct turn *turn, uint64_t now_ms)
{
	if (now_ms <= turn->counted_ms)
		return;
	turn->allowance += (now_ms - turn->counted_ms);
	if (turn->allowance > ALLOWANCE_MAX)
		turn->allowance = ALLOWANCE_MAX;
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

void
turns_spend(struct turns *t, const char *database, uint64_t shut_ms)
{
	struct turn *turn;
	uint64_t spent = shut_ms * TURNS_SHUT_SHARE;

	pthread_mutex_lock(&t->lock);
	turn = turn_find(t, database);
	if (turn != NULL)
		turn->allowance -=
		    spent < turn->allowance ? spent : turn->allowance;
	pthread_mutex_unlock(&t->lock);
}

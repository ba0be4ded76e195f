#include "proxy/guard/habits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"

struct habit_entry {
	uint64_t key;
	struct guard_habit habit; /* free if that is no help */
};

struct habits {
	pthread_mutex_t lock;
	struct habit_entry entries[HABITS_MAX]; /* guarded by lock */
};

struct habits *
habits_new(void)
{
	struct habits *h = calloc(1, sizeof(*h));

	if (h != NULL)
		pthread_mutex_init(&h->lock, NULL);
	return h;
}

void
habits_free(struct habits *h)
{
	if (h == NULL)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

uint64_t
habits_key(const char *database, uint64_t hash)
{
	return fnv_more(fnv_hash(database, strlen(database)), &hash,
			sizeof(hash));
}

struct guard_habit
habits_recall(struct habits *h, uint64_t key)
{
	const struct habit_entry *e = &h->entries[key % HABITS_MAX];
	struct guard_habit habit = {.help = GUARD_HELP_NONE};

	pthread_mutex_lock(&h->lock);
	if (e->key == key)
		habit = e->habit;
	pthread_mutex_unlock(&h->lock);
	return habit;
}

void
habits_note(struct habits *h, uint64_t key, const struct guard_habit *habit)
{
	if (habit->help == GUARD_HELP_NONE)
		return;
	pthread_mutex_lock(&h->lock);
	h->entries[key % HABITS_MAX] =
	    (struct habit_entry){.key = key, .habit = *habit};
	pthread_mutex_unlock(&h->lock);
}

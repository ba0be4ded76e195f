#include "proxy/pair/seats.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"
#include "proxy/base/queue.h"

enum {
	SEATS_BUCKETS = 1024,
};

/* The sessions of one database, or of one role. */
struct seats_row {
	LIST_ENTRY(seats_row) link;
	uint32_t taken; /* never 0 */
	char name[];
};

LIST_HEAD(seats_bucket, seats_row);

struct seats_table {
	struct seats_bucket buckets[SEATS_BUCKETS];
};

struct seats {
	pthread_mutex_t lock; /* guards both */
	struct seats_table databases;
	struct seats_table users;
};

struct seats *
seats_new(void)
{
	struct seats *s = calloc(1, sizeof(*s)); /* zeroed lists are empty */

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void
seats_bucket_free(struct seats_bucket *b)
{
	struct seats_row *next = LIST_FIRST(b);

	while (next != NULL) {
		struct seats_row *row = next;

		next = LIST_NEXT(row, link);
		free(row);
	}
}

static void
seats_table_free(struct seats_table *t)
{
	for (size_t i = 0; i < SEATS_BUCKETS; i++)
		seats_bucket_free(&t->buckets[i]);
}

void
seats_free(struct seats *s)
{
	if (s == NULL)
		return;
	seats_table_free(&s->databases);
	seats_table_free(&s->users);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct seats_bucket *
seats_bucket_of(struct seats_table *t, const char *name)
{
	return &t->buckets[fnv_hash(name, strlen(name)) % SEATS_BUCKETS];
}

/* The row of that name.  NULL: no seat of it is taken. */
static struct seats_row *
seats_find(struct seats_table *t, const char *name)
{
	struct seats_row *row;

	LIST_FOREACH(row, seats_bucket_of(t, name), link) {
		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

static bool
seats_are_full(struct seats_table *t, const char *name, uint32_t limit)
{
	const struct seats_row *row = limit > 0 ? seats_find(t, name) : NULL;

	return row != NULL && row->taken >= limit;
}

/* Count one more of that name.  False: out of memory. */
static bool
seats_add(struct seats_table *t, const char *name)
{
	struct seats_row *row = seats_find(t, name);
	size_t bytes = strlen(name) + 1;

	if (row == NULL) {
		row = calloc(1, sizeof(*row) + bytes);
		if (row == NULL)
			return false;
		memcpy(row->name, name, bytes);
		LIST_INSERT_HEAD(seats_bucket_of(t, name), row, link);
	}
	row->taken++;
	return true;
}

static void
seats_subtract(struct seats_table *t, const char *name)
{
	struct seats_row *row = seats_find(t, name);

	assert(row != NULL);
	if (--row->taken > 0)
		return;
	LIST_REMOVE(row, link);
	free(row);
}

static enum seats_answer
seats_try(struct seats *s, const char *database, const char *user,
	  const struct seats_limits *limits)
{
	if (seats_are_full(&s->databases, database, limits->of_database))
		return SEATS_DATABASE_FULL;
	if (seats_are_full(&s->users, user, limits->of_user))
		return SEATS_USER_FULL;
	if (!seats_add(&s->databases, database))
		return SEATS_NO_MEMORY;
	if (seats_add(&s->users, user))
		return SEATS_TAKEN;
	seats_subtract(&s->databases, database);
	return SEATS_NO_MEMORY;
}

enum seats_answer
seats_take(struct seats *s, const char *database, const char *user,
	   const struct seats_limits *limits)
{
	enum seats_answer answer;

	pthread_mutex_lock(&s->lock);
	answer = seats_try(s, database, user, limits);
	pthread_mutex_unlock(&s->lock);
	return answer;
}

void
seats_give(struct seats *s, const char *database, const char *user)
{
	pthread_mutex_lock(&s->lock);
	seats_subtract(&s->databases, database);
	seats_subtract(&s->users, user);
	pthread_mutex_unlock(&s->lock);
}

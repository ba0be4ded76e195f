#include "proxy/config/generation.h"

#include <pthread.h>
#include <stdlib.h>

struct generation_store {
	pthread_mutex_t lock;
	struct generation *current; /* guarded by lock */
};

struct generation *
generation_new(struct config *taken, uint64_t number)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		config_free(taken);
		return NULL;
	}
	g->config = taken;
	g->number = number;
	atomic_init(&g->uses, 1);
	return g;
}

struct generation *
generation_use(struct generation *g)
{
	atomic_fetch_add(&g->uses, 1);
	return g;
}

void
generation_release(struct generation *g)
{
	if (g == NULL || atomic_fetch_sub(&g->uses, 1) != 1)
		return;
	config_free(g->config);
	free(g);
}

struct generation_store *
generation_store_new(struct generation *taken)
{
	struct generation_store *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		generation_release(taken);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->current = taken;
	return s;
}

void
generation_store_free(struct generation_store *s)
{
	if (s == NULL)
		return;
	generation_release(s->current);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
generation_store_replace(struct generation_store *s, struct generation *taken)
{
	struct generation *old;

	pthread_mutex_lock(&s->lock);
	old = s->current;
	s->current = taken;
	pthread_mutex_unlock(&s->lock);
	generation_release(old);
}

struct generation *
generation_store_use(struct generation_store *s)
{
	struct generation *g;

	pthread_mutex_lock(&s->lock);
	g = generation_use(s->current);
	pthread_mutex_unlock(&s->lock);
	return g;
}

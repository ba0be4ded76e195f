#include "proxy/pair/cancel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/queue.h"
#include "proxy/config/generation.h"
#include "proxy/tls/tls_context.h"

enum {
	BUCKETS = 4096, /* a power of two */
};

struct cancel_entry {
	LIST_ENTRY(cancel_entry) link;
	struct cancel_target target;
	uint32_t pid;
	uint32_t secret_len;
	uint8_t secret[];
};

LIST_HEAD(bucket, cancel_entry);

struct cancel_registry {
	pthread_mutex_t lock;
	struct bucket buckets[BUCKETS]; /* guarded by lock */
};

static struct bucket *
bucket_of(struct cancel_registry *r, uint32_t pid)
{
	return &r->buckets[pid * 2654435761u >> 20 & (BUCKETS - 1)];
}

/* Take one more use of what the target was reached by. */
static void
cancel_target_use(const struct cancel_target *t)
{
	if (t->generation != NULL)
		generation_use(t->generation);
	if (t->tls != NULL)
		tls_context_use(t->tls);
}

void
cancel_target_clear(struct cancel_target *t)
{
	generation_release(t->generation);
	tls_context_release(t->tls);
	t->generation = NULL;
	t->tls = NULL;
}

struct cancel_registry *
cancel_registry_new(void)
{
	struct cancel_registry *r = calloc(1, sizeof(*r));

	if (r != NULL)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void
cancel_registry_free(struct cancel_registry *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct cancel_entry *
cancel_remember(struct cancel_registry *r, uint32_t pid, struct span secret,
		const struct cancel_target *target)
{
	struct cancel_entry *e;

	if (secret.len > CANCEL_SECRET_MAX)
		return NULL;
	e = calloc(1, sizeof(*e) + secret.len);
	if (e == NULL)
		return NULL;
	e->target = *target;
	cancel_target_use(&e->target);
	e->pid = pid;
	e->secret_len = (uint32_t)secret.len;
	memcpy(e->secret, secret.data, secret.len);
	pthread_mutex_lock(&r->lock);
	LIST_INSERT_HEAD(bucket_of(r, pid), e, link);
	pthread_mutex_unlock(&r->lock);
	return e;
}

void
cancel_forget(struct cancel_registry *r, struct cancel_entry *e)
{
	pthread_mutex_lock(&r->lock);
	LIST_REMOVE(e, link);
	pthread_mutex_unlock(&r->lock);
	cancel_target_clear(&e->target);
	explicit_bzero(e->secret, e->secret_len);
	free(e);
}

void
cancel_set_held(struct cancel_registry *r, struct cancel_entry *e, bool is_held)
{
	pthread_mutex_lock(&r->lock);
	e->target.is_held = is_held;
	pthread_mutex_unlock(&r->lock);
}

static bool
cancel_is_at(const struct cancel_entry *e, const struct address *server)
{
	const struct address *a = &e->target.server;

	return a->len == server->len &&
	       memcmp(&a->address, &server->address, a->len) == 0;
}

bool
cancel_find_pid(struct cancel_registry *r, uint32_t pid,
		const struct address *server, struct cancel_target *out)
{
	struct cancel_entry *e;

	pthread_mutex_lock(&r->lock);
	LIST_FOREACH(e, bucket_of(r, pid), link)
		if (e->pid == pid && cancel_is_at(e, server))
			break;
	if (e != NULL) {
		*out = e->target;
		out->generation = NULL;
		out->tls = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	return e != NULL;
}

bool
cancel_find(struct cancel_registry *r, uint32_t pid, struct span secret,
	    struct cancel_target *out)
{
	struct cancel_entry *e;

	pthread_mutex_lock(&r->lock);
	LIST_FOREACH(e, bucket_of(r, pid), link) {
		if (e->pid == pid && e->secret_len == secret.len &&
		    memcmp(e->secret, secret.data, secret.len) == 0)
			break;
	}
	if (e != NULL) {
		*out = e->target;
		cancel_target_use(out);
	}
	pthread_mutex_unlock(&r->lock);
	return e != NULL;
}

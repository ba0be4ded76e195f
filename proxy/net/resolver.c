/*
 * resolver.c - a thread for each look-up, shared by all who ask for the same
 * name within a second.
 *
 *   resolver_ask         joins a look-up that is young enough, or begins one
 *   lookup_run           its thread: getaddrinfo, then mail to all who wait
 *   resolution_answered  the mail has come: tell who has asked
 *
 * A look-up is freed by the last of its thread and those who asked, and the
 * resolver, once it is left, by the last look-up.  So one that hangs in the
 * system's resolver keeps nobody waiting.  A question whose mail is under way
 * cannot be freed before the mail has come; until then it is nobody's.
 */
#include "proxy/net/resolver.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/base/queue.h"
#include "proxy/net/address.h"

enum {
	STACK_BYTES = 512 * 1024, /* modules of nsswitch are of any making */
};

/* Unless another is named, the resolver's lock guards what can change. */
struct resolution {
	LIST_ENTRY(resolution) link; /* in `waiting`, until it is mailed */
	struct lookup *lookup;
	struct mailbox *mailbox;
	resolution_handler *handler; /* the asker's; NULL: cancelled */
	void *arg;
	bool is_mailed;
	bool is_answered; /* the asker's */
};

LIST_HEAD(resolution_list, resolution);

struct lookup {
	LIST_ENTRY(lookup) link; /* in the resolver's list, while it runs */
	struct resolver *resolver;
	struct resolution_list waiting;
	uint32_t uses; /* one of the thread, one of each who asked */
	uint64_t begun_ms;
	int error;              /* set before the first mail is posted */
	struct addrinfo *found; /* likewise; owned */
	uint16_t port;
	char host[];
};

LIST_HEAD(lookup_list, lookup);

struct resolver {
	pthread_mutex_t lock;
	struct lookup_list running;
	uint32_t running_count;
	uint32_t lookup_count; /* with those that are over, and still used */
	bool is_left;
};

/* Unlock it; one that is left is freed with the last of its look-ups. */
static void
resolver_unlock(struct resolver *r)
{
	bool is_over = r->is_left && r->lookup_count == 0;

	pthread_mutex_unlock(&r->lock);
	if (!is_over)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Give one use back, under the lock. */
static void
lookup_release(struct lookup *l)
{
	if (--l->uses > 0)
		return;
	if (l->found != NULL)
		freeaddrinfo(l->found);
	l->resolver->lookup_count--;
	free(l);
}

/* For mail that nobody gets any more. */
static void
resolution_discard(void *data)
{
	struct resolution *q = data;

	q->is_answered = true;
	resolution_cancel(q);
}

/* Mail everybody who waits, under the lock.  False: memory is out, and some
 * wait on. */
static bool
lookup_tell(struct lookup *l)
{
	struct mail mail = {.kind = MAIL_RESOLVED,
			    .discard = resolution_discard};
	struct resolution *q;

	while ((q = LIST_FIRST(&l->waiting)) != NULL) {
		LIST_REMOVE(q, link);
		q->is_mailed = true;
		mail.data = q;
		if (mailbox_post(q->mailbox, mail))
			continue;
		q->is_mailed = false;
		LIST_INSERT_HEAD(&l->waiting, q, link);
		return false;
	}
	return true;
}

/* Somebody waits for each mail, so none is given up. */
static void
lookup_end(struct lookup *l)
{
	const struct timespec pause = {.tv_nsec = 10L * 1000 * 1000};
	struct resolver *r = l->resolver;

	pthread_mutex_lock(&r->lock);
	LIST_REMOVE(l, link);
	r->running_count--;
	while (!lookup_tell(l)) {
		pthread_mutex_unlock(&r->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&r->lock);
	}
	lookup_release(l);
	resolver_unlock(r);
}

static void *
lookup_run(void *arg)
{
	struct lookup *l = arg;

	l->error = address_look_up(l->host, l->port, 0, &l->found);
	if (l->error != 0)
		l->found = NULL;
	lookup_end(l);
	return NULL;
}

/* The error number; 0: the thread runs, and nobody joins it. */
static int
lookup_start_thread(struct lookup *l)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, lookup_run, l);
	pthread_attr_destroy(&attributes);
	return error;
}

/* Begin one, under the lock; the thread has a use of it.  NULL: errno says why.
 */
static struct lookup *
lookup_begin(struct resolver *r, const char *host, uint16_t port)
{
	size_t size = strlen(host) + 1;
	struct lookup *l = calloc(1, sizeof(*l) + size);

	if (l == NULL)
		return NULL;
	l->resolver = r;
	l->uses = 1;
	l->begun_ms = clock_now_ms();
	l->port = port;
	memcpy(l->host, host, size);
	errno = lookup_start_thread(l);
	if (errno != 0) {
		free(l);
		return NULL;
	}
	LIST_INSERT_HEAD(&r->running, l, link);
	r->running_count++;
	r->lookup_count++;
	return l;
}

/* The youngest that runs for this name, or NULL, and how many run for it. */
static struct lookup *
resolver_find(const struct resolver *r, const char *host, uint16_t port,
	      uint32_t *count)
{
	struct lookup *youngest = NULL;
	struct lookup *l;

	*count = 0;
	LIST_FOREACH(l, &r->running, link) {
		if (l->port != port || strcmp(l->host, host) != 0)
			continue;
		if (youngest == NULL)
			youngest = l;
		++*count;
	}
	return youngest;
}

/* The look-up to wait for, under the lock.  NULL: errno says why. */
static struct lookup *
resolver_choose(struct resolver *r, const char *host, uint16_t port)
{
	uint32_t count;
	struct lookup *l = resolver_find(r, host, port, &count);
	/* One name that nobody answers for leaves room for others. */
	bool is_full = r->running_count >= RESOLVER_LOOKUPS_MAX ||
		       count >= RESOLVER_OF_NAME_MAX;

	if (l != NULL &&
	    (is_full || clock_now_ms() - l->begun_ms < RESOLVER_SHARED_MS))
		return l;
	if (!is_full)
		return lookup_begin(r, host, port);
	errno = EAGAIN;
	return NULL;
}

struct resolver *
resolver_new(void)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	LIST_INIT(&r->running);
	return r;
}

void
resolver_leave(struct resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->is_left = true;
	resolver_unlock(r);
}

struct resolution *
resolver_ask(struct resolver *r, struct mailbox *mailbox, const char *host,
	     uint16_t port, resolution_handler *handler, void *arg)
{
	struct resolution *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->mailbox = mailbox;
	q->handler = handler;
	q->arg = arg;
	pthread_mutex_lock(&r->lock);
	q->lookup = resolver_choose(r, host, port);
	if (q->lookup != NULL) {
		q->lookup->uses++;
		LIST_INSERT_HEAD(&q->lookup->waiting, q, link);
	}
	resolver_unlock(r);
	if (q->lookup != NULL)
		return q;
	free(q);
	return NULL;
}

void
resolution_cancel(struct resolution *q)
{
	struct resolver *r;
	bool is_under_way;

	if (q == NULL)
		return;
	r = q->lookup->resolver;
	pthread_mutex_lock(&r->lock);
	is_under_way = q->is_mailed && !q->is_answered;
	if (is_under_way)
		q->handler = NULL;
	else if (!q->is_mailed)
		LIST_REMOVE(q, link);
	if (!is_under_way)
		lookup_release(q->lookup);
	resolver_unlock(r);
	if (!is_under_way)
		free(q);
}

void
resolution_answered(struct resolution *q)
{
	q->is_answered = true;
	if (q->handler == NULL)
		resolution_cancel(q);
	else
		q->handler(q->arg, q->lookup->error, q->lookup->found);
}

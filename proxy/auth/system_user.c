#include "proxy/auth/system_user.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TEXTS_BYTES = 1024, /* a user's; doubled up to the most */
	TEXTS_MAX_BYTES = 1024 * 1024,
	STACK_BYTES = 256 * 1024, /* NSS modules have their own ideas */
};

/* One that is looked up by the thread. */
struct search_item {
	char *name; /* owned */
	struct system_user result;
};

/* Shared with the thread, which may outlive whoever waits for it. */
struct search {
	pthread_mutex_t lock;
	pthread_cond_t is_done;
	size_t done; /* items that have a result; guarded by lock, as uses */
	unsigned uses;
	size_t count;
	struct search_item items[];
};

static void
search_free(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i].name);
	pthread_cond_destroy(&s->is_done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void
search_release(struct search *s)
{
	bool is_last;

	pthread_mutex_lock(&s->lock);
	is_last = --s->uses == 0;
	pthread_mutex_unlock(&s->lock);
	if (is_last)
		search_free(s);
}

/* NULL: out of memory. */
static struct search *
search_new(const struct system_user *users, size_t count)
{
	struct search *s = calloc(1, sizeof(*s) + count * sizeof(s->items[0]));
	pthread_condattr_t attributes;
	bool is_good = true;

	if (s == NULL)
		return NULL;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->is_done, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&s->lock, NULL);
	s->uses = 1;
	s->count = count;
	for (size_t i = 0; i < count; i++) {
		s->items[i].name = strdup(users[i].name);
		is_good = is_good && s->items[i].name != NULL;
	}
	if (is_good)
		return s;
	search_free(s);
	return NULL;
}

/* Ask with room for so many bytes of texts.  An errno; 0: out is set. */
static int
search_ask(struct system_user *out, const char *name, size_t bytes)
{
	char *texts = malloc(bytes);
	struct passwd *found = NULL;
	struct passwd entry;
	int error;

	if (texts == NULL)
		return ENOMEM;
	do
		error = getpwnam_r(name, &entry, texts, bytes, &found);
	while (error == EINTR);
	if (found != NULL)
		*out = (struct system_user){.end = SYSTEM_USER_FOUND,
					    .uid = found->pw_uid};
	else
		out->end = SYSTEM_USER_NONE;
	free(texts);
	return error;
}

static struct system_user
search_look_up(const char *name)
{
	struct system_user out = {.end = SYSTEM_USER_FAILED};
	size_t bytes = TEXTS_BYTES;
	int error = search_ask(&out, name, bytes);

	while (error == ERANGE && bytes < TEXTS_MAX_BYTES) {
		bytes *= 2;
		error = search_ask(&out, name, bytes);
	}
	/* Some modules say so of a name that is not there. */
	if (error == ENOENT || error == ESRCH)
		error = 0;
	if (error != 0)
		out = (struct system_user){.end = SYSTEM_USER_FAILED,
					   .error = error};
	return out;
}

static void *
search_run(void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->count; i++) {
		struct system_user found = search_look_up(s->items[i].name);

		pthread_mutex_lock(&s->lock);
		s->items[i].result = found;
		s->done = i + 1;
		pthread_cond_signal(&s->is_done);
		pthread_mutex_unlock(&s->lock);
	}
	search_release(s);
	return NULL;
}

/* Start the thread.  An errno; 0: it has a use of its own. */
static int
search_start(struct search *s)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	s->uses++;
	error = pthread_create(&thread, &attributes, search_run, s);
	if (error != 0)
		s->uses--;
	pthread_attr_destroy(&attributes);
	return error;
}

static struct timespec
search_deadline(uint32_t patience_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += patience_ms / 1000;
	t.tv_nsec += (long)(patience_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void
search_take(struct system_user *to, const struct system_user *from)
{
	to->end = from->end;
	to->uid = from->uid;
	to->error = from->error;
}

/* Wait for the thread, and take what it has found. */
static void
search_wait(struct search *s, struct system_user *users, uint32_t patience_ms)
{
	struct timespec until = search_deadline(patience_ms);
	int error = 0;

	pthread_mutex_lock(&s->lock);
	while (s->done < s->count && error == 0)
		error = pthread_cond_timedwait(&s->is_done, &s->lock, &until);
	for (size_t i = 0; i < s->done; i++)
		search_take(&users[i], &s->items[i].result);
	pthread_mutex_unlock(&s->lock);
}

static void
system_users_fail(struct system_user *users, size_t count, int error)
{
	for (size_t i = 0; i < count; i++) {
		users[i].end = SYSTEM_USER_FAILED;
		users[i].error = error;
	}
}

void
system_users_find(struct system_user *users, size_t count, uint32_t patience_ms)
{
	struct search *s;
	int error;

	if (count == 0)
		return;
	s = search_new(users, count);
	if (s == NULL) {
		system_users_fail(users, count, ENOMEM);
		return;
	}
	error = search_start(s);
	system_users_fail(users, count, error == 0 ? ETIMEDOUT : error);
	if (error == 0)
		search_wait(s, users, patience_ms);
	search_release(s);
}

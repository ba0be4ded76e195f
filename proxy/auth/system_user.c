#include "proxy/auth/system_user.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TEXTS_BYTES = 1024, /* a user's; doubled up to the most */
	TEXTS_MAX_BYTES = 1024 * 1024,
	STACK_BYTES = 256 * 1024, /* NSS modules have their own ideas */
	SEARCHES_MAX = 64,        /* at a time; of them are those that hang */
};

/* Shared with the thread, which may outlive whoever waits for it. */
struct search {
	pthread_mutex_t lock;
	pthread_cond_t has_ended;
	bool is_done; /* guarded by lock, as what follows */
	unsigned uses;
	struct system_user result;
	char name[];
};

/* The threads that run, of the process. */
static atomic_uint searching;

static void
search_release(struct search *s)
{
	bool is_last;

	pthread_mutex_lock(&s->lock);
	is_last = --s->uses == 0;
	pthread_mutex_unlock(&s->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&s->has_ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* NULL: out of memory. */
static struct search *
search_new(const char *name)
{
	size_t size = strlen(name) + 1;
	struct search *s = calloc(1, sizeof(*s) + size);
	pthread_condattr_t attributes;

	if (s == NULL)
		return NULL;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->has_ended, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&s->lock, NULL);
	s->uses = 1;
	memcpy(s->name, name, size);
	return s;
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
	struct system_user found = search_look_up(s->name);

	pthread_mutex_lock(&s->lock);
	s->result = found;
	s->is_done = true;
	pthread_cond_signal(&s->has_ended);
	pthread_mutex_unlock(&s->lock);
	search_release(s);
	atomic_fetch_sub(&searching, 1);
	return NULL;
}

/* Start the thread, with all signals blocked: the first ones run before the
 * process has blocked its own, and may hang.  An errno; 0: it has a use of its
 * own. */
static int
search_start(struct search *s)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int error = EAGAIN;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->uses++;
	if (atomic_fetch_add(&searching, 1) < SEARCHES_MAX)
		error = pthread_create(&thread, &attributes, search_run, s);
	if (error != 0) {
		atomic_fetch_sub(&searching, 1);
		s->uses--;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

/* Begin to look the user up.  NULL: that failed, as it says. */
static struct search *
search_begin(struct system_user *user)
{
	struct search *s = search_new(user->name);

	user->end = SYSTEM_USER_FAILED;
	user->error = s == NULL ? ENOMEM : search_start(s);
	if (s == NULL || user->error == 0)
		return s;
	search_release(s);
	return NULL;
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

/* Wait for the thread, and take what it has found. */
static void
search_end(struct search *s, struct system_user *user,
	   const struct timespec *until)
{
	int error = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->is_done && error == 0)
		error = pthread_cond_timedwait(&s->has_ended, &s->lock, until);
	user->error = ETIMEDOUT;
	if (s->is_done) {
		user->end = s->result.end;
		user->uid = s->result.uid;
		user->error = s->result.error;
	}
	pthread_mutex_unlock(&s->lock);
	search_release(s);
}

void
system_users_find(struct system_user *users, size_t count, uint32_t patience_ms)
{
	struct timespec until = search_deadline(patience_ms);
	struct search **searches;
	size_t i;

	if (count == 0)
		return;
	searches = calloc(count, sizeof(struct search *));
	for (i = 0; i < count; i++) {
		users[i].end = SYSTEM_USER_FAILED;
		users[i].error = ENOMEM;
		if (searches != NULL)
			searches[i] = search_begin(&users[i]);
	}
	for (i = 0; searches != NULL && i < count; i++)
		if (searches[i] != NULL)
			search_end(searches[i], &users[i], &until);
	free(searches);
}

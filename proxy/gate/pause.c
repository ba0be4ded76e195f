#include "proxy/gate/pause.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/gate/gate.h"

struct pauses {
	pthread_mutex_t lock;
	struct gate_notes list; /* guarded by lock */
};

struct pauses *
pauses_new(void)
{
	struct pauses *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	TAILQ_INIT(&p->list);
	return p;
}

static void
pauses_forget(struct pauses *p, struct gate_note *note)
{
	TAILQ_REMOVE(&p->list, note, link);
	gate_window_drop(note->window);
	free(note);
}

void
pauses_free(struct pauses *p)
{
	if (p == NULL)
		return;
	while (!TAILQ_EMPTY(&p->list))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it has left */
		pauses_forget(p, TAILQ_FIRST(&p->list));
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The pause of exactly that.  NULL: there is none. */
static struct gate_note *
pauses_find(struct pauses *p, const char *database)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &p->list, link) {
		if (strcmp(note->window->database, database) == 0)
			return note;
	}
	return NULL;
}

static enum pause_answer
pauses_add(struct daemon *d, uint64_t maker, const char *database)
{
	struct pauses *p = d->pauses;
	struct gate_note *note = pauses_find(p, "");

	if (note == NULL)
		note = pauses_find(p, database);
	if (note != NULL)
		return note->window->is_settled ? PAUSE_ALREADY : PAUSE_WAITS;
	note = calloc(1, sizeof(*note));
	if (note == NULL)
		return PAUSE_NO_MEMORY;
	note->window = gate_window_new_pause(maker, database, clock_now_ms());
	if (note->window == NULL) {
		free(note);
		return PAUSE_NO_MEMORY;
	}
	TAILQ_INSERT_TAIL(&p->list, note, link);
	gate_tell_workers(d, MAIL_SHUT, note->window);
	return PAUSE_BEGUN;
}

enum pause_answer
pause_begin(struct daemon *d, uint64_t maker, const char *database)
{
	enum pause_answer answer;

	pthread_mutex_lock(&d->pauses->lock);
	answer = pauses_add(d, maker, database);
	pthread_mutex_unlock(&d->pauses->lock);
	return answer;
}

static void
pauses_end(struct daemon *d, struct gate_note *note)
{
	atomic_store(&note->window->is_over, true);
	gate_tell_workers(d, MAIL_OPEN, note->window);
	pauses_forget(d->pauses, note);
}

bool
pause_end(struct daemon *d, const char *database)
{
	struct pauses *p = d->pauses;
	bool has_any = false;
	struct gate_note *note;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		note = database[0] == '\0' ? TAILQ_FIRST(&p->list)
					   : pauses_find(p, database);
		if (note == NULL)
			break;
		has_any = true;
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
		pauses_end(d, note);
	}
	pthread_mutex_unlock(&p->lock);
	return has_any;
}

/* The pause of exactly that, if it is this maker's.  NULL: it is not. */
static struct gate_note *
pauses_find_of(struct pauses *p, uint64_t maker, const char *database)
{
	struct gate_note *note = pauses_find(p, database);

	return note != NULL && note->window->maker == maker ? note : NULL;
}

void
pause_settle(struct daemon *d, uint64_t maker, const char *database)
{
	struct gate_note *note;

	pthread_mutex_lock(&d->pauses->lock);
	note = pauses_find_of(d->pauses, maker, database);
	if (note != NULL)
		note->window->is_settled = true;
	pthread_mutex_unlock(&d->pauses->lock);
}

bool
pause_is_of(struct daemon *d, uint64_t maker, const char *database)
{
	bool is_of;

	pthread_mutex_lock(&d->pauses->lock);
	is_of = pauses_find_of(d->pauses, maker, database) != NULL;
	pthread_mutex_unlock(&d->pauses->lock);
	return is_of;
}

void
pause_give_up(struct daemon *d, uint64_t maker, const char *database)
{
	struct gate_note *note;

	pthread_mutex_lock(&d->pauses->lock);
	note = pauses_find_of(d->pauses, maker, database);
	if (note != NULL)
		pauses_end(d, note);
	pthread_mutex_unlock(&d->pauses->lock);
}

size_t
pause_count(struct pauses *p)
{
	struct gate_note *note;
	size_t count = 0;

	if (p == NULL)
		return 0;
	pthread_mutex_lock(&p->lock);
	TAILQ_FOREACH(note, &p->list, link)
		count++;
	pthread_mutex_unlock(&p->lock);
	return count;
}

bool
pause_is_on(struct pauses *p, const char *database)
{
	bool is_on;

	if (p == NULL)
		return false;
	pthread_mutex_lock(&p->lock);
	is_on = pauses_find(p, database) != NULL;
	pthread_mutex_unlock(&p->lock);
	return is_on;
}

bool
pause_name(struct pauses *p, size_t n, char out[PAIR_NAME_BYTES])
{
	struct gate_note *note;

	if (p == NULL)
		return false;
	pthread_mutex_lock(&p->lock);
	TAILQ_FOREACH(note, &p->list, link) {
		if (note->window->database[0] != '\0' && n-- == 0)
			break;
	}
	if (note != NULL)
		memcpy(out, note->window->database, PAIR_NAME_BYTES);
	pthread_mutex_unlock(&p->lock);
	return note != NULL;
}

/*
 * history_state.h - what the files of the history share.
 *
 *   history.c           statements
 *   history_window.c    windows, and who was delayed by them
 *   history_deadlock.c  deadlocks
 */
#ifndef LOCKSTEP_PROXY_HISTORY_HISTORY_STATE_H
#define LOCKSTEP_PROXY_HISTORY_HISTORY_STATE_H

#include <pthread.h>
#include <time.h>

#include "proxy/base/queue.h"
#include "proxy/history/history.h"

/* The part of an entry that it is found by. */
struct history_key {
	uint64_t id; /* 0: the place is empty */
	uint64_t session;
	uint64_t begun_ms;
	uint64_t over_ms;
};

struct history_note {
	LIST_ENTRY(history_note) link;
	struct history_entry entry;
	uint64_t run_ms; /* when it was sent; 0: it was not */
};

LIST_HEAD(history_note_list, history_note);

struct history {
	pthread_mutex_t lock; /* guards all below */
	uint64_t last_id;
	struct history_note_list under_way;
	uint64_t over; /* statements that were kept, ever */
	size_t next;   /* place in the ring */
	struct history_key keys[HISTORY_MAX];
	struct history_entry entries[HISTORY_MAX];
	uint64_t last_window;
	struct history_window windows[HISTORY_WINDOWS_MAX]; /* a ring */
	size_t next_deadlock;
	struct history_deadlock deadlocks[HISTORY_DEADLOCKS_MAX];
};

_Static_assert(sizeof(struct history) <= HISTORY_BYTES_MAX,
	       "the history is as small as it says");

/* Since 1970. */
static inline uint64_t
history_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void
history_lock(struct history *h)
{
	pthread_mutex_lock(&h->lock);
}

static inline void
history_unlock(struct history *h)
{
	pthread_mutex_unlock(&h->lock);
}

#endif

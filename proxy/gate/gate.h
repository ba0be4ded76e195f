/*
 * gate.h - windows: which new transactions wait in the proxy so that a guarded
 * statement gets through.
 *
 * Whoever shuts the gate tells every worker by mail; each keeps a list of its
 * own, so that the ordinary path looks at a pointer of its own thread and takes
 * no lock.  A window ends by itself at its time, whatever becomes of its maker.
 * Sessions that wait go on in the order in which they came.
 */
#ifndef LOCKSTEP_PROXY_GATE_GATE_H
#define LOCKSTEP_PROXY_GATE_GATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/gate_names.h"
#include "proxy/base/queue.h"
#include "proxy/pair/daemon.h"
#include "proxy/pair/pair.h"

/* The maker of a window of another process; no session has such an id. */
#define GATE_MAKER_ELSEWHERE (UINT64_C(1) << 63)

/* Shared by threads; fields that are not atomic do not change once it is told
 * to others. */
struct gate_window {
	atomic_uint users;   /* uses that keep it alive */
	atomic_uint delayed; /* sessions that waited for it */
	atomic_bool is_over; /* a pause that was ended, whatever mail says */
	uint64_t maker;      /* the id of a session, whose own messages pass */
	bool is_of_transaction; /* for locks that its transaction keeps */
	bool is_pause;    /* pause.h: it has no names, and database "" is all */
	bool is_settled;  /* a pause that was answered; pause.c's */
	uint64_t shut_ms; /* when it began, by clock_now_ms */
	uint64_t until_ms; /* when it ends by itself */
	struct gate_names names;
	char database[PAIR_NAME_BYTES];
};

/*
 * Make a window for the statements of `maker`, from now_ms to until_ms, without
 * telling anybody.  *names, which are sealed, are taken and left empty; one use
 * is the caller's.  NULL: out of memory, and *names are as they were.
 */
struct gate_window *gate_window_new(const struct pair *maker,
				    struct gate_names *names, uint64_t now_ms,
				    uint64_t until_ms);

/* Make the window of a pause, likewise.  NULL: out of memory. */
struct gate_window *gate_window_new_pause(uint64_t maker, const char *database,
					  uint64_t now_ms);

/* Give a use back; the last one frees the window.  Accepts NULL. */
void gate_window_drop(struct gate_window *w);

/*
 * Mail to all workers that the window is shut, and later that it is open again;
 * and to the fleet, if there is one and the window is not of another process.
 * Each mail has a use of its own; that of the caller stays the caller's.  Who
 * cannot be told goes without the window: the gate may err.
 */
void gate_window_shut(struct daemon *d, struct gate_window *w);
void gate_window_open(struct daemon *d, struct gate_window *w);

/* The same for MAIL_SHUT or MAIL_OPEN to the workers alone. */
void gate_tell_workers(struct daemon *d, enum mail_kind kind,
		       struct gate_window *w);

/* An entry of a worker's list. */
struct gate_note {
	TAILQ_ENTRY(gate_note) link;
	struct gate_window *window; /* one use */
};

/* Somebody who waits.  go takes the waiter off the list; perhaps it comes to
 * wait again. */
struct gate_waiter {
	TAILQ_ENTRY(gate_waiter) link;
	void (*go)(struct gate_waiter *w);
};

struct gate {
	TAILQ_HEAD(gate_notes, gate_note) notes;       /* the shut windows */
	TAILQ_HEAD(gate_waiting, gate_waiter) waiting; /* in order of arrival */
	struct event timer;
};

/* Set up the gate of a worker, open; base is borrowed for its life. */
void gate_init(struct gate *g, struct event_base *base);

/* Forget all windows and stop the timer; nobody may be waiting. */
void gate_clear(struct gate *g);

/*
 * Do as the mail said: note a shut window, or forget it and let all who wait
 * go on.  The use that came with the mail is taken.
 */
void gate_add(struct gate *g, struct gate_window *w);
void gate_remove(struct gate *g, struct gate_window *w);

/* True if no window is shut, so that no message has to wait. */
static inline bool
gate_is_open(const struct gate *g)
{
	return TAILQ_EMPTY(&g->notes);
}

/* The pause that a session of this database meets.  NULL: there is none. */
struct gate_window *gate_find_pause(const struct gate *g, const char *database);

/* True if the pause of exactly that, by that maker, is known to this worker. */
bool gate_has_pause(const struct gate *g, uint64_t maker, const char *database);

#endif

/*
 * gate.h - windows: which new transactions wait in the proxy so that a guarded
 * statement gets through.
 *
 * Who shuts the gate tells every worker by mail; each keeps a list of its own,
 * so that the ordinary path looks at a pointer of its own thread and takes no
 * lock.  A window ends by itself at its time, whatever becomes of its maker.
 * Sessions that wait go on in the order in which they came.
 */
#ifndef LOCKSTEP_PROXY_GATE_GATE_H
#define LOCKSTEP_PROXY_GATE_GATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "policy/catalog/gate_names.h"
#include "proxy/pair/daemon.h"

struct pair;

/* Shared by the workers; what is not atomic never changes. */
struct gate_window {
	atomic_uint users;
	atomic_uint delayed; /* sessions that waited for it */
	uint64_t maker;      /* a session's id: its own messages pass */
	uint64_t shut_ms;
	uint64_t until_ms;
	struct gate_names names;
	char database[64];
};

/* Takes *names, which are sealed.  One use is the caller's.  NULL: no memory */
struct gate_window *gate_window_new(const struct pair *maker,
				    struct gate_names *names, uint64_t now_ms,
				    uint64_t until_ms);
void gate_window_drop(struct gate_window *w); /* a use; accepts NULL */

/* Tell all workers. */
void gate_window_shut(struct daemon *d, struct gate_window *w);
void gate_window_open(struct daemon *d, struct gate_window *w);

/* A worker's. */
struct gate_note {
	TAILQ_ENTRY(gate_note) link;
	struct gate_window *window; /* a use of it */
};

/* Whoever waits; go takes it off the list, and it may come to wait again. */
struct gate_waiter {
	TAILQ_ENTRY(gate_waiter) link;
	void (*go)(struct gate_waiter *w);
};

struct gate {
	TAILQ_HEAD(gate_notes, gate_note) notes;       /* of shut windows */
	TAILQ_HEAD(gate_waiting, gate_waiter) waiting; /* in order of arrival */
	struct event timer;
};

void gate_init(struct gate *g, struct event_base *base);
void gate_clear(struct gate *g);

/* What the mail said; takes the use that came with it. */
void gate_add(struct gate *g, struct gate_window *w);
void gate_remove(struct gate *g, struct gate_window *w);

static inline bool
gate_is_open(const struct gate *g)
{
	return TAILQ_EMPTY(&g->notes);
}

#endif

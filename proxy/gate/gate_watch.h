/*
 * gate_watch.h - one session's part in the gate: is its transaction new, what
 * is its next message about, and does it wait.
 *
 * A transaction is new until a message of it that can touch a table has been
 * forwarded.  Nobody is ever held who may hold a lock already.
 */
#ifndef LOCKSTEP_PROXY_GATE_GATE_WATCH_H
#define LOCKSTEP_PROXY_GATE_GATE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/recall.h"

struct pair;

struct gate_watch {
	struct gate_waiter waiter; /* first: gate_watch_go finds us by it */
	struct gate *gate;         /* of its worker */
	struct pair *pair;
	bool is_waiting;
	uint64_t waiting_since_ms;
	/* The maker of the window that has counted this session among the
	 * delayed, and when it was shut. */
	uint64_t delayed_by;
	uint64_t delayed_ms;
	bool unnamed_is_harmless; /* the unnamed statement touches no table */
	bool unnamed_is_recalled; /* only where a window was shut by then */
	/* As sent_seq and done_seq of struct pipeline count: */
	uint64_t touch_seq;    /* the last message that can touch a table */
	uint64_t boundary_seq; /* the last that can end a transaction */
	uint64_t idle_seq;     /* done when no transaction was open */
	struct recall recall;
};

/* Prepare a zeroed one; both are borrowed for its life. */
void gate_watch_init(struct gate_watch *g, struct gate *gate,
		     struct pair *pair);

/* It waits no longer, and what it remembers is freed. */
void gate_watch_clear(struct gate_watch *g);

/* The message that h describes, at the front of in, goes to the server now. */
void gate_watch_note_sent(struct gate_watch *g, const struct frame_header *h,
			  struct span in);

/* A message of a guarded statement was the last one sent: Query or Execute. */
void gate_watch_note_touch(struct gate_watch *g, bool is_query);

/* A ReadyForQuery came, and no transaction is open. */
void gate_watch_note_idle(struct gate_watch *g);

/*
 * True: this message of a logged-in session must wait.  The session is then
 * among those that wait, or its next server message decides.  Only to be asked
 * while a window is shut; gate_is_open tells, for all sessions of a worker.
 */
bool gate_watch_stops_now(struct gate_watch *g, const struct frame_header *h,
			  struct span in);

/* It waits no longer, whatever the reason. */
void gate_watch_leave(struct gate_watch *g);

#endif

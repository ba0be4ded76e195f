/*
 * gate_watch.h - one session's part in the gate: is its transaction new, what
 * is its next message about, and does it wait.
 *
 * A transaction is new until a message of it that can touch a table has been
 * forwarded.  A session that may hold a lock already never waits here.
 */
#ifndef LOCKSTEP_PROXY_GATE_GATE_WATCH_H
#define LOCKSTEP_PROXY_GATE_GATE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/recall.h"

struct clocks;
struct pair;

struct gate_watch {
	struct gate_waiter waiter; /* first: gate_watch_go finds us by it */
	struct gate *gate;         /* the worker's; borrowed */
	struct pair *pair;         /* borrowed */
	bool is_waiting;
	bool is_paused; /* a RESUME of the console ends the wait */
	uint64_t waiting_since_ms;
	/* The message at the front came to the gate then; 0: it did not. */
	uint64_t held_since_ms;
	bool has_clocks;  /* for this wait they are known */
	uint64_t pass_ms; /* no clock allows more: it goes on */
	/* The window that has counted this session last among the delayed. */
	uint64_t delayed_by;      /* maker */
	uint64_t delayed_ms;      /* shut_ms */
	bool delayed_by_kept;     /* is_of_transaction */
	bool unnamed_is_harmless; /* the unnamed statement touches no table */
	bool unnamed_is_recalled; /* `recall` has it: a window was shut then */
	/* The statement that was bound or described last is remembered, may
	 * touch a table and names none: a function of it may. */
	bool hides_tables;
	/* As sent_seq and done_seq of struct pipeline count: */
	uint64_t touch_seq;    /* the last message that can touch a table */
	uint64_t boundary_seq; /* the last that can end a transaction */
	uint64_t idle_seq;     /* done when no transaction was open */
	struct recall recall;
};

/* Prepare a zeroed one; both are borrowed for its life. */
void gate_watch_init(struct gate_watch *g, struct gate *gate,
		     struct pair *pair);

/* Let the session wait no longer, and free all that is remembered of it. */
void gate_watch_clear(struct gate_watch *g);

/*
 * Note that the message which h describes, at the front of in, goes to the
 * server now.  The pipeline has been told of it before.
 */
void gate_watch_note_sent(struct gate_watch *g, const struct frame_header *h,
			  struct span in);

/* Note that the last message sent, which the pipeline knows, was that of a
 * guarded statement: a Query if is_query, else an Execute. */
void gate_watch_note_touch(struct gate_watch *g, bool is_query);

/* Note that a ReadyForQuery came, and no transaction is open. */
void gate_watch_note_idle(struct gate_watch *g);

/*
 * True if the message that h describes, at the front of in, must wait.  The
 * session is then among those that wait, or its next server message decides;
 * otherwise it waits no longer.  To be asked of logged-in sessions only, and
 * while a window is shut: gate_is_open tells, for all sessions of a worker.
 */
bool gate_watch_stops_now(struct gate_watch *g, const struct frame_header *h,
			  struct span in);

/*
 * True if the message that h describes must wait for a RESUME: it would begin
 * something outside of a transaction.  As gate_watch_stops_now else; `is_cut`:
 * a part of its cycle is under way in the proxy.
 */
bool gate_watch_is_paused_now(struct gate_watch *g,
			      const struct frame_header *h, bool is_cut);

/* Have the session, which is not logged in yet, wait for a RESUME: then the
 * pair is resumed. */
void gate_watch_pause(struct gate_watch *g);

/*
 * True if the session has waited for a moment, and what its own timeouts say of
 * that is not known: gate_watch_note_clocks is to tell.
 */
bool gate_watch_wants_clocks(const struct gate_watch *g);

/*
 * Note the session's timeouts: the server's own clocks are to say what they
 * would have said, about when they would have.  is_unknown: the message that
 * waits goes to the server at once.
 */
void gate_watch_note_clocks(struct gate_watch *g, const struct clocks *clocks,
			    bool is_unknown);

/* Take the session off the list of those that wait, if it is there. */
void gate_watch_leave(struct gate_watch *g);

#endif

/*
 * guarded.h - the guard's notebook of one session: which of its statements are
 * guarded, which messages are kept back, what is under way, and what is kept
 * from others for it.
 */
#ifndef LOCKSTEP_PROXY_GUARD_GUARDED_H
#define LOCKSTEP_PROXY_GUARD_GUARDED_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "protocol/types.h"
#include "proxy/gate/gate_watch.h"
#include "proxy/gate/lease.h"
#include "proxy/guard/assumption.h"
#include "proxy/guard/kept.h"
#include "proxy/guard/prepared.h"
#include "proxy/guard/recording.h"
#include "proxy/guard/said.h"
#include "proxy/guard/trail.h"
#include "proxy/pair/pair.h"
#include "proxy/rescue/patrol.h"

struct exchange;
struct log_event;
struct lookout;

struct guarded {
	struct pair *pair;       /* borrowed, outlives this */
	struct lookout *lookout; /* the worker's; borrowed */
	struct gate_watch watch;
	struct lease lease;
	struct trail trail;
	struct said said;
	struct kept kept;
	struct prepared prepared;
	struct recording recording;
	struct patrolled *patrolled;   /* owned; NULL: it is not watched */
	struct exchange *exchange;     /* owned; NULL mostly */
	struct assumption *assumption; /* owned; NULL: none */
	bool rouses;             /* others, at its end, whom its locks hold */
	bool has_warned_of_name; /* a lockstep.x is no setting */
	bool skips_to_sync; /* after an error of ours: drop all until a Sync */
	uint32_t injected;  /* number of statements of ours, ever */
	/* Numbers of what an error has left, to be closed; 0: none. */
	uint32_t stray_statement;
	uint32_t stray_prepared; /* for other statements of ours to EXECUTE */
};

/* Prepare a zeroed one; all are borrowed for its life. */
void guarded_init(struct guarded *g, struct pair *pair, struct gate *gate,
		  struct lookout *lookout);

/* Send the frames that are kept back to the server, and keep them. */
void guarded_send_kept(struct guarded *g);

/* Send the frames that are kept back to the server, and forget them. */
void guarded_release_kept(struct guarded *g);

/* Forget the frames that are kept back: they are not sent, or not again. */
void guarded_forget_kept(struct guarded *g);

/* Add to a line of the log what the session waits for and keeps from others. */
void guarded_describe(const struct guarded *g, struct log_event *e);

/* Give back what others wait for: the gate, the turn, a place in line. */
void guarded_leave(struct guarded *g);

/* Leave, and free all that is owned; exchange_free has freed the exchange. */
void guarded_clear(struct guarded *g);

/* Record a message for a replay; a part of guarded_note_sent. */
PAIR_COLD void guarded_record(struct guarded *g, const struct frame_header *h,
			      struct span in);

/* Record a simple Query, of which the first piece has been sent. */
void guarded_record_query(struct guarded *g, struct span sql);

/* Record what has run on trial, and is to be answered now: a simple Query, or
 * the messages that are kept back. */
void guarded_record_run_query(struct guarded *g, struct span sql);
void guarded_record_run_kept(struct guarded *g);

/* True if a transaction begins with the client's next statement. */
static inline bool
guarded_begins(const struct guarded *g)
{
	return g->pair->pipeline.status == TRANSACTION_IDLE &&
	       !g->pair->pipeline.tail_open;
}

/* Note that a client's message, at the front of in, goes to the server now. */
static inline void
guarded_note_sent(struct guarded *g, const struct frame_header *h,
		  struct span in)
{
	said_note_sent(&g->said, h, in, guarded_begins(g));
	pipeline_sent(&g->pair->pipeline, h->type, PIPELINE_CLIENT);
	gate_watch_note_sent(&g->watch, h, in);
	if (g->pair->pipeline.status == TRANSACTION_BLOCK)
		trail_note_sent(&g->trail, h, in);
	if (g->patrolled != NULL && g->exchange == NULL)
		patrol_note_sent(g->patrolled, &g->watch, h, in);
	if (recording_wants(&g->recording, h, in))
		guarded_record(g, h, in);
}

/* True if a prepared statement or portal of the session is guarded. */
static inline bool
guarded_knows_any(const struct guarded *g)
{
	return ((uintptr_t)g->prepared.statements |
		(uintptr_t)g->prepared.portals) != 0;
}

/* True if more than the type of a server's message may count.  Without a branch
 * for each reason: every answer is asked about. */
static inline bool
guarded_is_busy(const struct guarded *g)
{
	return ((unsigned)guarded_knows_any(g) |
		(unsigned)lease_is_held(&g->lease) | (unsigned)g->rouses |
		(unsigned)(g->trail.key != NULL)) != 0;
}

/* True if messages of this type must be whole for guarded_note_answer. */
static inline bool
guarded_looks_into(const struct guarded *g, uint8_t type)
{
	return (type == BACKEND_COMMAND_COMPLETE && guarded_is_busy(g)) ||
	       recording_is_open(&g->recording);
}

/* The rest of guarded_note_answer for a session that is busy: a transaction may
 * have ended, and prepared statements may have come or gone. */
PAIR_COLD void guarded_note_busy_answer(struct guarded *g,
					const struct frame *f,
					enum pipeline_owner owner);

/* The client's transaction is over; not so by a rollback of ours for a replay.
 */
static inline void
guarded_note_idle(struct guarded *g)
{
	trail_note_idle(&g->trail);
	if (g->recording.state != RECORDING_NONE)
		recording_forget(&g->recording);
}

/*
 * Note that the server has answered a message of `owner` with f, whose body may
 * be missing unless guarded_looks_into says that it counts.
 */
static inline void
guarded_note_answer(struct guarded *g, const struct frame *f,
		    enum pipeline_owner owner)
{
	bool is_client = owner == PIPELINE_CLIENT;

	if (f->type == BACKEND_READY_FOR_QUERY &&
	    g->pair->pipeline.status == TRANSACTION_IDLE) {
		gate_watch_note_idle(&g->watch);
		if (is_client)
			guarded_note_idle(g);
	}
	if (recording_is_open(&g->recording) && is_client)
		recording_note_answer(&g->recording, f);
	if (guarded_is_busy(g))
		guarded_note_busy_answer(g, f, owner);
}

#endif

/*
 * exchange_state.h - what exchange*.c share: the state of
 * one guarded statement.  Nobody else looks into it.
 *
 *   FENCE       waits until all that was sent before has been answered
 *   PLANNING    session facts and lock set are asked for     -> guard
 *   LOOKING     who holds conflicting locks                  -> guard
 *   NAMING      by which names the gate goes                 -> guard
 *   ATTEMPTING  all locks in order, or none                  -> guard
 *   COAXING     an autovacuum is to give way                 -> guard
 *   UNDOING     what an attempt left open is closed          -> guard
 *   WAITING     nothing is under way; a timer or a cancel    -> guard
 *   REFUSING    the server's transaction is made to fail
 *   RUNNING     a piece of a simple Query                    -> next piece
 *   COMMITTING  our own block around it
 *   OBSERVING   an Execute was passed on; its answer is noted for the log
 *   DONE
 *
 * How the locks are held until the statement runs depends on where it stands:
 *
 *   IDLE, simple Query     in a block of ours: BEGIN .. COMMIT
 *   IDLE, extended cycle   in the implicit transaction that the attempt
 *                          begins and the client's Sync ends
 *   BLOCK                  in the client's block; a savepoint shields it
 *   TAIL                   in the cycle that the client has begun, whose Sync
 *                          is the client's: nothing of ours may end it
 *
 * Which phase may follow which stands in a table of exchange.c.
 *
 * Invariants; exchange_enter asserts (1) at every transition:
 *   (1) Every transition but those from WAITING and OBSERVING is made with
 *       the pipeline quiet, or from FENCE when the server wants copy data.
 *   (2) In WAITING no lock that an attempt took is held.
 *   (3) The client's statement is sent once, or an error instead of it.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_STATE_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "proxy/guard/batch.h"
#include "proxy/guard/exchange.h"
#include "proxy/guard/guard_log.h"
#include "proxy/guard/query.h"

/* X(constant, name); the names go to log, console and debugger. */
#define EXCHANGE_PHASES(X)                                                     \
	X(FENCE, "fence")                                                      \
	X(PLANNING, "planning")                                                \
	X(LOOKING, "looking")                                                  \
	X(NAMING, "naming")                                                    \
	X(ATTEMPTING, "attempting")                                            \
	X(COAXING, "coaxing")                                                  \
	X(UNDOING, "undoing")                                                  \
	X(WAITING, "waiting")                                                  \
	X(RUNNING, "running")                                                  \
	X(COMMITTING, "committing")                                            \
	X(REFUSING, "refusing")                                                \
	X(OBSERVING, "observing")                                              \
	X(DONE, "done")

enum exchange_phase {
#define X(constant, name) EXCHANGE_##constant,
	EXCHANGE_PHASES(X)
#undef X
};

enum {
	EXCHANGE_PHASE_COUNT = EXCHANGE_DONE + 1,
};

#define EXCHANGE_CONTEXTS(X)                                                   \
	X(IDLE, "idle")                                                        \
	X(BLOCK, "block")                                                      \
	X(TAIL, "tail")

enum exchange_context {
#define X(constant, name) CONTEXT_##constant,
	EXCHANGE_CONTEXTS(X)
#undef X
};

enum {
	CONTEXT_COUNT = CONTEXT_TAIL + 1,
};

struct exchange {
	struct guarded *guarded;   /* borrowed; */
	struct pair *pair;         /* likewise, its */
	enum exchange_phase phase; /* written by exchange_enter only */
	uint64_t phase_since_ms;
	enum exchange_context context;
	bool is_canceled;
	bool is_of_gate; /* no statement: one that waited at the gate ends */
	bool has_asked;  /* the server to answer what was sent before */
	bool is_failing; /* the server's error goes to the client next */
	bool is_hurried;
	bool is_noticing;   /* the look is for a notice, not for the guard */
	bool has_savepoint; /* ours */
	bool in_own_block;
	struct query query;           /* what is to run: this, */
	struct prepared_facts *facts; /* or an Execute; one use */
	uint64_t execute_seq;
	struct guard_settings settings; /* for this statement, once planned */
	struct guard guard;
	struct batch batch;
	struct gate_names names; /* of the set that is locked */
	struct writer error; /* the server's, to be the statement's answer */
	uint64_t notice_ms;
	struct guard_log log;
};

/* exchange.c */

/* At level trace: the guard has decided on this. */
void exchange_trace_step(const struct exchange *x,
			 const struct guard_step *step);

/* The only function that writes x->phase. */
void exchange_enter(struct exchange *x, enum exchange_phase next);

bool exchange_is_query(const struct exchange *x); /* else an Execute */
enum transaction_status exchange_status(const struct exchange *x);
void exchange_begin_batch(struct exchange *x, enum exchange_phase phase);

/* Send the client's statement: it may run. */
void exchange_run(struct exchange *x);

void exchange_log(const struct exchange *x);
void exchange_end(struct exchange *x);

/* exchange_guard.c */

/* Prepare for what comes next, then exchange_run, or an error instead. */
void exchange_protect(struct exchange *x, enum exchange_context context);

/* In PLANNING to REFUSING: what was asked has been answered. */
void exchange_guard_step(struct exchange *x);

void exchange_guard_timer(struct exchange *x);
void exchange_guard_cancel(struct exchange *x);

/* Within a cycle of the client's, nothing of ours may end it. */
bool exchange_may_sync(const struct exchange *x);

/* Close what an attempt left open. */
void exchange_send_undo(struct exchange *x);

/* exchange_refuse.c */

/* With the guard's error, which first makes the server's transaction fail; */
void exchange_refuse(struct exchange *x);
void exchange_refused(struct exchange *x); /* it has */

/* with the server's own, which ends the statement. */
void exchange_fail(struct exchange *x);
void exchange_deliver_error(struct exchange *x);

#endif

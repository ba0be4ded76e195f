/*
 * exchange_state.h - what exchange*.c share: the state of one guarded
 * statement.  Nobody else looks into it.
 *
 *   FENCE       waits until all that was sent before has been answered
 *   OPENING     a block of ours is begun, for the piece that follows and more
 *   PLANNING    session facts and lock set are asked for     -> guard
 *   LOOKING     who holds conflicting locks                  -> guard
 *   NAMING      by which names the gate goes                 -> guard
 *   ATTEMPTING  all locks in order, or none                  -> guard
 *   CHECKING    the lock set once more, under the locks      -> guard
 *   COAXING     an autovacuum is to give way                 -> guard
 *   UNDOING     what an attempt left open is closed          -> guard
 *   ASKING      for the clocks of who waits at the gate
 *   WAITING     nothing is under way; a timer or a cancel    -> guard
 *   REFUSING    the server's transaction is made to fail
 *   RUNNING     a piece of a simple Query                    -> next piece
 *   COMMITTING  our own block around it
 *   OBSERVING   an Execute was passed on; its answer is noted for the log
 *   DONE
 *
 * How the locks are held until the statement runs depends on where it stands:
 *
 *   IDLE, simple Query     in a block of ours: BEGIN .. COMMIT, around all
 *                          that is left of the text; for what stands further
 *                          behind in the text that is a BLOCK
 *   IDLE, extended cycle   in the implicit transaction that the attempt
 *                          begins and the client's Sync ends
 *   BLOCK                  in the client's block; a savepoint shields it
 *   TAIL                   in the cycle that the client has begun, whose Sync
 *                          is the client's: nothing of ours may end it
 *
 * Which phase may follow which stands in a table of exchange_phase.c.
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
	X(OPENING, "opening")                                                  \
	X(PLANNING, "planning")                                                \
	X(LOOKING, "looking")                                                  \
	X(NAMING, "naming")                                                    \
	X(ATTEMPTING, "attempting")                                            \
	X(CHECKING, "checking")                                                \
	X(COAXING, "coaxing")                                                  \
	X(UNDOING, "undoing")                                                  \
	X(ASKING, "asking")                                                    \
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
	struct guarded *guarded;   /* borrowed, outlives this */
	struct pair *pair;         /* guarded->pair */
	enum exchange_phase phase; /* written by exchange_enter only */
	uint64_t phase_since_ms;
	enum exchange_context context;
	bool is_canceled;
	bool is_of_gate;  /* no statement: a message waits at the gate */
	bool is_asking;   /* for its session's clocks; else an error ends it */
	bool has_asked;   /* in FENCE: for the answers to an open cycle */
	bool is_failing;  /* the server's error goes to the client next */
	bool is_hurried;  /* exchange_hurry was called */
	bool is_noticing; /* the look is for a notice, not for the guard */
	bool is_stirring; /* nor for that: the server's idle clock runs */
	bool is_late;     /* the server has not answered for long */
	bool has_savepoint;    /* ours */
	bool has_own_settings; /* the session, as batch.h says */
	bool in_own_block;     /* the rest runs between our BEGIN and COMMIT */
	/*
	 * The client's statement: a Query or, if that has no text, an Execute.
	 */
	struct query query;
	struct prepared_facts *facts;   /* one use */
	uint64_t execute_seq;           /* sent_seq of the pipeline behind it */
	struct guard_settings settings; /* for this statement, once planned */
	struct guard guard;
	struct batch batch;
	struct held held;         /* as of the last plan */
	struct snapshot snapshot; /* from before the plan of the guard's set */
	struct gate_names names;  /* the names of the set that is locked */
	struct writer error; /* the server's, to be the statement's answer */
	char application_name[64]; /* the session's, for others */
	uint64_t notice_ms;        /* when the next notice is due */
	uint64_t asked_ms;         /* when the server was asked something */
	struct guard_log log;
};

/* The savepoint that shields what we do in a block of the client's. */
#define SAVEPOINT_SET "SAVEPOINT _lockstep"
#define SAVEPOINT_UNDO "ROLLBACK TO SAVEPOINT _lockstep"
#define SAVEPOINT_RELEASE "RELEASE SAVEPOINT _lockstep"

/* SQLSTATE query_canceled: the user or a timeout ended a statement. */
#define SQLSTATE_CANCELED "57014"

/* exchange_phase.c */

/* Log at level trace what the guard has decided on. */
void exchange_trace_step(const struct exchange *x,
			 const struct guard_step *step);

/* Go to `next`, and assert that this may be.  Nothing else writes x->phase. */
void exchange_enter(struct exchange *x, enum exchange_phase next);

/* exchange.c */

/* Begin with an exchange that knows its kind, and set g->exchange. */
void exchange_begin(struct exchange *x, struct guarded *g);

/* True for a simple Query, or a cancel of one; false for an Execute. */
bool exchange_is_query(const struct exchange *x);

/* The transaction status as the server told it last. */
enum transaction_status exchange_status(const struct exchange *x);

/* Enter the phase and begin a batch about the guard's set. */
void exchange_begin_batch(struct exchange *x, enum exchange_phase phase);

/* Send the client's statement, which may run now. */
void exchange_run(struct exchange *x);

/* Enter the phase in which the client's statement runs. */
void exchange_begin_run(struct exchange *x, enum exchange_phase phase);

/* Keep nothing from others any longer, unless the locks are kept. */
void exchange_trim_lease(struct exchange *x);

/* Write the statement's line to the log. */
void exchange_log(const struct exchange *x);

/* Give back what need not be kept from others, and enter DONE. */
void exchange_end(struct exchange *x);

/* exchange_query.c */

/* Protect the piece, or just run it: in a failed block, or without a plan. */
void exchange_start_piece(struct exchange *x);

/* Send the piece, which may run now, behind a BEGIN of ours where one is to
 * come first. */
void exchange_run_piece(struct exchange *x);

/* Send the piece itself. */
void exchange_send_piece(struct exchange *x);

/* OPENING, RUNNING and COMMITTING are done: go on from there. */
void exchange_opened(struct exchange *x);
void exchange_ran(struct exchange *x);
void exchange_committed(struct exchange *x);

/* exchange_gate.c */

/* All sent before has been answered: ask, or end the message. */
void exchange_fence_gate(struct exchange *x);

/* The session's clocks are there, or an error is. */
void exchange_asked(struct exchange *x);

/* End the client's cycle by a Sync of ours: nothing in it has begun. */
void exchange_sync_tail(struct exchange *x);

/* exchange_guard.c */

/* Prepare for the statement, then exchange_run, or an error instead. */
void exchange_protect(struct exchange *x, enum exchange_context context);

/* Go on in PLANNING to REFUSING: all that was asked has been answered. */
void exchange_guard_step(struct exchange *x);

/* Carry out what the guard has decided on. */
void exchange_act(struct exchange *x, struct guard_step step);

/* Begin the batch with a savepoint, in a block that has none of ours. */
void exchange_add_savepoint(struct exchange *x);

/* Add the plan of the statements to the batch. */
void exchange_add_plan(struct exchange *x);

/* True if the client's transaction is lost: by an error, a cancel, a timeout.
 */
bool exchange_has_lost(const struct exchange *x);

/* All rows with the names by which the set is reached have come. */
void exchange_seal_names(struct exchange *x);

/* Ask who is in the way. */
void exchange_send_look(struct exchange *x);

/* The user cancels the statement, before it runs: refuse it, now or when the
 * answers under way are there. */
void exchange_guard_cancel(struct exchange *x);

/*
 * True if a Sync of ours may end a batch; in a cycle of the client's none may.
 */
bool exchange_may_sync(const struct exchange *x);

/* Send what closes all that an attempt left open, and enter UNDOING. */
void exchange_send_undo(struct exchange *x);

/* exchange_attempt.c */

/* Make the attempt of the step, and enter ATTEMPTING. */
void exchange_send_attempt(struct exchange *x, const struct guard_step *step);

/* ATTEMPTING is done, or CHECKING: go on from there. */
void exchange_attempted(struct exchange *x);
void exchange_checked(struct exchange *x);

/* exchange_patience.c */

/* A question has been asked: run the timer until its answers are late. */
void exchange_expect_answers(struct exchange *x);

/* The timer has run out, and the answers are not there: give back what others
 * wait for; the second time, or if the client has left, close the pair. */
void exchange_late(struct exchange *x);

/* Enter WAITING, until the guard is to be woken or something is to be said. */
void exchange_wait(struct exchange *x);

/* In WAITING the timer has run out: the wait is over, or the server is to be
 * asked who is in the way, for a notice or to stir it. */
void exchange_guard_timer(struct exchange *x);

/* That question has been answered: tell the client, and wait on. */
void exchange_notify(struct exchange *x);

/* exchange_refuse.c */

/*
 * End the statement with the guard's error: exchange_refuse first makes the
 * server's transaction fail, and exchange_refused sends the error when it has.
 */
void exchange_refuse(struct exchange *x);
void exchange_refused(struct exchange *x);

/*
 * End the statement with the error that the server answered the batch with:
 * exchange_fail first closes what is open, and exchange_deliver_error sends the
 * error when that is done.
 */
void exchange_fail(struct exchange *x);
void exchange_deliver_error(struct exchange *x);

#endif

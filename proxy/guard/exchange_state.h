/*
 * exchange_state.h - what exchange*.c share: the state of one guarded
 * statement.  Nobody else looks into it.
 *
 *   FENCE       waits until all that was sent before has been answered
 *   PROBING     whether the server knows what the grammar does not is asked
 *   OPENING     a block of ours is begun, for the piece that follows and more
 *   ISOLATING   whether a plan may take a snapshot now is asked
 *   GLANCING    whether it may run ahead of a plan is asked   -> guard
 *   PLANNING    session facts and lock set are asked for     -> guard
 *   RECALLING   what is left of the tables that are remembered -> guard
 *   LISTING     which foreign keys could go before it
 *   STEPPING    one of them is dropped, and that is committed
 *   LOOKING     who holds conflicting locks                  -> guard
 *   NAMING      by which names the gate goes                 -> guard
 *   ATTEMPTING  all locks in order, or none                  -> guard
 *   CHECKING    the lock set once more, under the locks      -> guard
 *   COAXING     an autovacuum is to give way                 -> guard
 *   UNDOING     what an attempt or a trial left is closed    -> guard
 *   JUDGING     may the transaction be started over
 *   RESTARTING  it is rolled back
 *   REPEATING   what the client has sent is sent again   -> guard, at the end
 *   ASKING      for the clocks of who waits at the gate
 *   SHUTTING    the gate, late: by which names
 *   WAITING     nothing is under way; a timer or a cancel    -> guard
 *   REFUSING    the server's transaction is made to fail
 *   TRYING      the statement runs, and may be undone        -> guard
 *   RESTORING   it has run, and the session's settings are set back
 *   RUNNING     a piece of a simple Query                    -> next piece
 *   COMMITTING  our own block around it
 *   OBSERVING   an Execute was passed on; its answer is noted for the log
 *   DONE
 *
 * How the locks are held until the statement runs depends on where it stands:
 *
 *   IDLE, simple Query     in a block of ours: BEGIN .. COMMIT, around the
 *                          rest of the text, which is then in a BLOCK
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
 *   (3) The client's statement takes effect once, or an error is delivered
 *       instead of it.  It is sent once, but for runs on trial: those that our
 *       own bound ends, or whose answers are too large to be held, are undone
 *       before anything of the client's is sent, and their answers dropped.
 *   (4) The statements before it in its transaction are sent again only behind
 *       a rollback of all of them, and none of their answers is delivered.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_STATE_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "proxy/gate/lookout.h"
#include "proxy/guard/batch.h"
#include "proxy/guard/exchange.h"
#include "proxy/guard/guard_log.h"
#include "proxy/guard/query.h"
#include "proxy/guard/replay.h"
#include "proxy/guard/steps.h"
#include "proxy/guard/trial.h"
#include "proxy/history/history.h"

/* X(constant, name); the names go to log, console and debugger. */
#define EXCHANGE_PHASES(X)                                                     \
	X(FENCE, "fence")                                                      \
	X(PROBING, "probing")                                                  \
	X(OPENING, "opening")                                                  \
	X(ISOLATING, "isolating")                                              \
	X(GLANCING, "glancing")                                                \
	X(PLANNING, "planning")                                                \
	X(RECALLING, "recalling")                                              \
	X(LISTING, "listing")                                                  \
	X(STEPPING, "stepping")                                                \
	X(LOOKING, "looking")                                                  \
	X(NAMING, "naming")                                                    \
	X(ATTEMPTING, "attempting")                                            \
	X(CHECKING, "checking")                                                \
	X(COAXING, "coaxing")                                                  \
	X(UNDOING, "undoing")                                                  \
	X(JUDGING, "judging")                                                  \
	X(RESTARTING, "restarting")                                            \
	X(REPEATING, "repeating")                                              \
	X(ASKING, "asking")                                                    \
	X(SHUTTING, "shutting")                                                \
	X(WAITING, "waiting")                                                  \
	X(TRYING, "trying")                                                    \
	X(RESTORING, "restoring")                                              \
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

/* The purpose: a guarded statement, or else something about the gate. */
enum exchange_errand {
	ERRAND_STATEMENT,
	ERRAND_CANCEL, /* an error in the place of a message that waits there */
	ERRAND_ASK,    /* for the clocks of a session that waits there */
	ERRAND_SHUT,   /* the gate is to be shut for what a transaction keeps */
};

struct exchange {
	struct guarded *guarded;   /* borrowed, outlives this */
	struct pair *pair;         /* guarded->pair */
	enum exchange_phase phase; /* written by exchange_enter only */
	bool is_counted_held;      /* among those that are not sent yet */
	uint64_t phase_since_ms;
	enum exchange_context context;
	bool is_canceled;
	bool is_released; /* an operator lets it go, as soon as it waits */
	enum exchange_errand errand;
	bool has_asked;        /* in FENCE: for the answers to an open cycle */
	bool is_unsound;       /* nor does the server know it: it is passed */
	bool is_failing;       /* the server's error goes to the client next */
	bool is_hurried;       /* exchange_hurry was called */
	bool is_noticing;      /* the look is for a notice, not for the guard */
	bool is_stirring;      /* nor for that: the server's idle clock runs */
	bool is_late;          /* the server has not answered for long */
	bool has_savepoint;    /* ours */
	bool keeps_nothing;    /* the session, as batch.h says */
	bool may_run_at_once;  /* the glance is for that */
	bool is_assumed;       /* the glance goes with the run */
	bool owes_rollback;    /* our BEGIN, ahead of a cycle, may stand open */
	bool has_warned;       /* the client, of settings that are none */
	bool begins_trail;     /* in the first trial */
	bool owes_restore;     /* the lock_timeout, ahead of our COMMIT */
	bool knows_isolation;  /* a plan may come before the statement */
	bool has_own_settings; /* the session, as batch.h says */
	bool asks_all;         /* the small question could not answer */
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
	struct replay replay;
	struct steps steps;
	struct glance glance;
	struct trial trial;
	struct recording recording; /* owned, while it is set aside for a run */
	bool is_recording_aside;
	bool runs_once; /* a run on trial answered more than can be held */
	uint64_t trail_shape;     /* the trail's, before the run */
	struct held held;         /* as of the last plan */
	struct snapshot snapshot; /* from before the plan of the guard's set */
	struct gate_names names;  /* the names of the set that is locked */
	struct writer error; /* the server's, to be the statement's answer */
	char application_name[64];  /* the session's, for others */
	uint64_t habit_key;         /* the set's, as of the last plan */
	uint64_t notice_ms;         /* when the next notice is due */
	uint64_t asked_ms;          /* when the server was asked something */
	uint64_t looked_ms;         /* when the guard was told; 0: it was not */
	struct lookout_watch watch; /* looks are shared by it */
	struct guard_log log;
	struct history_note *history; /* owned by that; NULL: none is kept */
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

/* Count it among the held statements, or no longer, as it goes to `next`. */
void exchange_count_held(struct exchange *x, enum exchange_phase next);

/* Go to `next`, and assert that this may be.  Nothing else writes x->phase. */
void exchange_enter(struct exchange *x, enum exchange_phase next);

/* The exchange is new, and in its first phase. */
void exchange_enter_first(struct exchange *x);

/* exchange.c */

/* Begin with an exchange that knows its kind, and set g->exchange. */
void exchange_begin(struct exchange *x, struct guarded *g);

/* True for a simple Query, or a cancel of one; false for an Execute. */
bool exchange_is_query(const struct exchange *x);

/* The transaction status as the server told it last. */
enum transaction_status exchange_status(const struct exchange *x);

/* Enter the phase and begin a batch about the guard's set. */
void exchange_begin_batch(struct exchange *x, enum exchange_phase phase);

/* Likewise, on top of what the last batch has found. */
void exchange_begin_more(struct exchange *x, enum exchange_phase phase);

/* Send the client's statement, which may run now. */
void exchange_run(struct exchange *x);

/* Enter the phase in which the client's statement runs. */
void exchange_begin_run(struct exchange *x, enum exchange_phase phase);

/* Keep nothing from others any longer, unless the locks are kept. */
void exchange_trim_lease(struct exchange *x);

/* Write the statement's line to the log. */
void exchange_log(struct exchange *x);

/* Give back what need not be kept from others, and enter DONE. */
void exchange_end(struct exchange *x);

/* exchange_query.c */

/* Protect the piece, or just run it: in a failed block, or without a plan. */
void exchange_start_piece(struct exchange *x);

/* Send the piece, behind a BEGIN of ours where one is to come first. */
void exchange_run_piece(struct exchange *x);

/* Send the piece itself. */
void exchange_send_piece(struct exchange *x);

/* OPENING, RUNNING and COMMITTING are done: go on from there. */
void exchange_opened(struct exchange *x);
void exchange_ran(struct exchange *x);
void exchange_committed(struct exchange *x);

/*
 * Take, as exchange_answer does, what answers nothing while our COMMIT runs: a
 * notice comes from the client's deferred triggers and passes; all else belongs
 * behind the client's last answer.
 */
bool exchange_answer_commit(struct exchange *x, struct frame frame,
			    struct span raw);

/* Take an answer to the piece, as exchange_answer does, and note it. */
bool exchange_deliver(struct exchange *x, struct frame frame, struct span raw);

/* exchange_gate.c */

/* All sent before has been answered: ask, or end the message. */
void exchange_fence_gate(struct exchange *x);

/* The session's clocks are there, or an error is. */
void exchange_asked(struct exchange *x);

/* exchange_shut.c */

/* The statement has run at once, in a transaction that keeps its locks: the
 * gate is to be shut in a while. */
void exchange_shut_late(struct exchange *x);

/* If it is due, or will be: ask by which names with the batch of a plan, behind
 * which the statement may wait for long; and shut it. */
void exchange_add_own_names(struct exchange *x);
void exchange_take_own_names(struct exchange *x);

/* ERRAND_SHUT: ask by which names, and enter SHUTTING. */
void exchange_send_own_names(struct exchange *x);

/* SHUTTING is done, or what it left is undone. */
void exchange_own_named(struct exchange *x);
void exchange_end_shut(struct exchange *x);

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

/* True if the client's transaction is lost: an error, a cancel, a timeout. */
bool exchange_has_lost(const struct exchange *x);

/* All rows with the names by which the set is reached have come. */
void exchange_seal_names(struct exchange *x);

/* The user cancels the statement, before it runs: refuse it, now or when the
 * answers under way are there. */
void exchange_guard_cancel(struct exchange *x);

/*
 * True if a Sync of ours may end a batch; in a cycle of the client's none may.
 */
bool exchange_may_sync(const struct exchange *x);

/* The least scope of the statements to prepare for.  A statement behind a
 * guarded one in its transaction waits while that one's locks are held, and
 * counts as a drop, as a statement in the same message does. */
enum guard_scope exchange_least_scope(const struct exchange *x);

/* Find the settings that hold for the statement, by the batch.  False: out of
 * memory, and those of the file are in force. */
bool exchange_choose_settings(struct exchange *x);

/* exchange_glance.c */

/* True if it may be asked whether the statement may run ahead of a plan. */
bool exchange_may_glance(const struct exchange *x);

/* Ask for it, and enter GLANCING. */
void exchange_send_glance(struct exchange *x);

/* GLANCING is done: go on from there. */
void exchange_glanced(struct exchange *x);

/*
 * Where is_assumed: add what sets the lock_timeout, in a block of ours or below
 * a savepoint.  It fails, and the server does not come to the statement behind
 * it, where things are not as the last glance of the session has found them.
 */
void exchange_add_assumed(struct exchange *x, char *lock_timeout);

/* Where is_assumed: send what fails likewise ahead of a text that is spared,
 * and let that be one piece. */
void exchange_send_assumed(struct exchange *x);

/* Begin what is taken back: a transaction of ours, or below a savepoint. */
void exchange_add_shield(struct exchange *x);

/* The answer has come: what was assumed did hold; or did not, and is forgotten,
 * and our BEGIN ahead of a cycle is to be taken back. */
void exchange_end_assumption(struct exchange *x, bool did_hold);

/* RUNNING is done.  False: the statement was not as it was assumed, has not
 * run, and is being prepared for. */
bool exchange_was_as_assumed(struct exchange *x);

/* exchange_attempt.c */

/* Make the attempt of the step, and enter ATTEMPTING. */
void exchange_send_attempt(struct exchange *x, const struct guard_step *step);

/* ATTEMPTING is done, or CHECKING: go on from there. */
void exchange_attempted(struct exchange *x);
void exchange_checked(struct exchange *x);

/* Enter this phase and begin a batch of questions, which run under settings of
 * ours where the session's own stand in the way. */
void exchange_begin_question(struct exchange *x, enum exchange_phase phase);

/* True if a question came to nothing, which has been dealt with. */
bool exchange_is_cut_short(struct exchange *x);

/* The statements to prepare for, borrowed; NULL for a cancel at the gate. */
const struct statement *exchange_statements(const struct exchange *x,
					    size_t *count);

/* exchange_trail.c */

/* The plan is there, and the guard has not got it yet: let the memory learn
 * from it. */
void exchange_learn(struct exchange *x);

/* The guard has the plan, and did not yet carry out this step.  True: what is
 * remembered has been asked for, and the step comes when that is answered. */
bool exchange_recall(struct exchange *x, const struct guard_step *step);

/* The statement is to run ahead of a plan: begin the trail, if it is the first
 * of its transaction.  False: a set is remembered for it, and nothing begun. */
bool exchange_begin_first_trail(struct exchange *x);

/* Such a run was undone: so is the beginning. */
void exchange_forget_first_trail(struct exchange *x);

/* RECALLING is done. */
void exchange_recalled(struct exchange *x);

/* The statement is at its end: so is the trail, if no transaction is open. */
void exchange_trim_trail(struct exchange *x);

/* exchange_replay.c */

/* The statement is to be refused: start its transaction over instead.  False:
 * that cannot be. */
bool exchange_replay(struct exchange *x);

/* The statement has been planned: its budget is less what replays have used,
 * and in a transaction that can be started over soon spent. */
void exchange_fit_replay(struct exchange *x);

/* Send again what comes next: the guard lets the statement run. */
void exchange_repeat(struct exchange *x);

/* Go on in JUDGING to REPEATING: all that was sent has been answered. */
void exchange_replay_step(struct exchange *x);

/* The statement runs, or has run: note that the client's transaction keeps the
 * locks, and keep the gate shut for as long as it does, if that is wanted. */
void exchange_keep_gate(struct exchange *x);

/* Shorten the budget of the statement, which has been planned, by so much. */
void exchange_shorten_budget(struct exchange *x, uint64_t gone_ms);

/* exchange_steps.c */

/* The guard has the plan, and did not yet carry out this step.  True: the keys
 * that could go before the statement have been asked for, and the step comes
 * when that is answered. */
bool exchange_list_keys(struct exchange *x, const struct guard_step *step);

/* The statement, or one that drops a key, has been planned: its budget is less
 * what has gone by. */
void exchange_fit_steps(struct exchange *x);

/* The time of the statement is over.  True: keys had been saved for that, and
 * go now. */
bool exchange_step_at_last(struct exchange *x);

/* Drop the key under way: the guard lets it, with its locks held, or on trial
 * under the step's bound. */
void exchange_run_step(struct exchange *x);
void exchange_try_step(struct exchange *x, const struct guard_step *step);

/* LISTING and STEPPING are done, or what a failed step has left is undone: go
 * on from there. */
void exchange_listed(struct exchange *x);
void exchange_stepped(struct exchange *x);
void exchange_step_undone(struct exchange *x);

/* Add to an error, raw, what steps have left, if they have. */
void exchange_add_left(const struct exchange *x, struct writer *error);

/* exchange_trial.c */

/* True if the statement could be run and undone. */
bool exchange_can_try(const struct exchange *x);

/* Run the statement under the step's bound, and enter TRYING. */
void exchange_send_trial(struct exchange *x, const struct guard_step *step);

/* True if a message in TRYING answers the statement and no question of ours. */
bool exchange_answers_trial(const struct pipeline_event *event);

/* Take such a message, as exchange_answer does. */
bool exchange_answer_trial(struct exchange *x,
			   const struct pipeline_event *event,
			   struct frame frame, struct span raw);

/* Add to the batch what sets the session's lock_timeout back, behind a run. */
void exchange_add_restore(struct exchange *x);

/* TRYING and RESTORING are done: go on from there. */
void exchange_tried(struct exchange *x);
void exchange_restored(struct exchange *x);

/* True if a run has prepared named statements that the client does not know
 * of; exchange_add_closes adds to the batch what closes them. */
bool exchange_left_statements(const struct exchange *x);
void exchange_add_closes(struct exchange *x);

/* exchange_snapshot.c */

/* True if the isolation level is to be asked for before a plan is made. */
bool exchange_fears_snapshot(const struct exchange *x);

/* Ask for it, and enter ISOLATING. */
void exchange_ask_isolation(struct exchange *x);

/* ISOLATING is done: plan, or let the statement run as if without us. */
void exchange_know_isolation(struct exchange *x);

/* exchange_lookout.c */

/* Prepare to share looks; of exchange_begin. */
void exchange_init_lookout(struct exchange *x);

/* Tell the guard who is in the way, as another one has asked just now, or ask.
 */
void exchange_look(struct exchange *x);

/* Ask who is in the way, and enter LOOKING. */
void exchange_send_look(struct exchange *x);

/* LOOKING is done. */
void exchange_looked(struct exchange *x);

/* In WAITING: let others look for it, if that may be. */
void exchange_watch(struct exchange *x);

/* The ms for which to wait for another one's answer, and not to ask; 0: none.
 */
uint64_t exchange_patience_ms(const struct exchange *x, uint64_t now_ms);

/* True if a wait is over before its time: somebody else has looked, or somebody
 * in the way is done. */
bool exchange_has_news(const struct exchange *x);

/* True if the guard's holders are as good as asked for now, for a notice. */
bool exchange_knows_holders(const struct exchange *x, uint64_t now_ms);

/* The statement is at its end: who was held by it may look. */
void exchange_rouse_others(struct exchange *x);

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

/* Begin a batch with a Sync where the server skips to one, and it may be ours.
 */
void exchange_end_skipping(struct exchange *x);

/* Send what closes all that an attempt or a trial left open, and enter UNDOING.
 */
void exchange_send_undo(struct exchange *x);

/* End the statement with the guard's error: first make the server's transaction
 * fail. */
void exchange_refuse(struct exchange *x);

/* REFUSING is done: send the error. */
void exchange_failed(struct exchange *x);

/*
 * Make the client's transaction fail in the server, all of it and not only our
 * savepoint, and enter REFUSING.  Where a run on trial has failed below that,
 * exchange_end_failed_trial comes behind.
 */
void exchange_send_failure(struct exchange *x);
void exchange_end_failed_trial(struct exchange *x);

/*
 * End the statement with the error that the server answered the batch with:
 * exchange_fail first closes what is open, and exchange_deliver_error sends the
 * error when that is done.  exchange_fail_transaction does with the error that
 * x->error has.
 */
void exchange_fail(struct exchange *x);
void exchange_fail_transaction(struct exchange *x);
void exchange_deliver_error(struct exchange *x);

#endif

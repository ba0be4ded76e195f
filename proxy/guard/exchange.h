/*
 * exchange.h - one guarded statement, from the moment the client asks for it
 * until its last answer: what is injected into the client's own server
 * connection, and which answers the client sees.
 *
 * guarded.exchange owns it.  The functions that are not const may end it, and
 * then it is done but not yet freed, and may close the pair.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "policy/sql/statement.h"
#include "protocol/frame.h"
#include "protocol/pipeline.h"
#include "proxy/guard/guarded.h"

struct log_event;
struct exchange;

/*
 * Begin with a simple Query that holds a guarded statement: its text, borrowed
 * for the call, and *list, taken.  Sets g->exchange, which must be NULL. False:
 * out of memory, and nothing is taken or set.
 */
bool exchange_begin_query(struct guarded *g, struct span sql,
			  struct statement_list *list);

/*
 * Begin with an Execute of a guarded portal: the last frame of g->kept.  Takes
 * a use of facts of its own, and the caller's of their list, and sets
 * g->exchange.  False: out of memory, and nothing is taken or set.
 */
bool exchange_begin_execute(struct guarded *g, struct prepared_facts *facts);

/*
 * Begin with a cancel: an error, 57014, takes the place of a message of this
 * type that waited at the gate and that the caller drops.  Sets g->exchange.
 * False: out of memory, and nothing is set.
 */
bool exchange_begin_cancel(struct guarded *g, uint8_t type);

/*
 * Begin with a question: the timeouts of the session, whose message of this
 * type waits at the gate, go to gate_watch_note_clocks.  If that cannot be, an
 * error takes the place of the message, as with a cancel, which ends both. Sets
 * g->exchange.  False: out of memory, and nothing is set.
 */
bool exchange_begin_ask(struct guarded *g, uint8_t type);

/*
 * The timer of a session without an exchange has run out: if the gate is to be
 * shut for locks that its transaction keeps, begin with that, or run the timer
 * again where the server is at work.
 */
void exchange_begin_shut(struct guarded *g);

/*
 * Take a message of the server's: frame, and raw, the same with its header. The
 * body has data NULL if it is too large to be there whole, and raw is the front
 * of it then.  True: it was taken; false: the caller passes it to the client.
 */
bool exchange_answer(struct exchange *x, const struct pipeline_event *event,
		     struct frame frame, struct span raw);

/* Go on, after each server message, if all that was sent has been answered. */
void exchange_step(struct exchange *x);

/* Ask the server to answer the Execute now: another guarded statement waits
 * for that. */
void exchange_hurry(struct exchange *x);

/* True if exchange_hurry was called: another guarded statement waits. */
bool exchange_is_hurried(const struct exchange *x);

/* The pair's timer has run out: a wait is over, a notice is due, or the server
 * has not answered for long. */
void exchange_timer(struct exchange *x);

/*
 * End the statement, as the user wants.  True: an error takes its place. False:
 * that is up to the server, where the statement runs, or a coax of ours.
 */
bool exchange_cancel(struct exchange *x);

/*
 * Let the statement go unprotected, as an operator wants: now, or as soon as
 * it waits.  False: it has been sent, or is none.
 */
bool exchange_release(struct exchange *x);

/*
 * End the statement as a cancel does, as an operator wants: now, or as soon as
 * the question of ours that is under way has its answer, which no cancel
 * hastens.  False: it has been sent, or is none.
 */
bool exchange_abort(struct exchange *x);

/* A statement that is held, for people. */
struct exchange_facts {
	const char *statement;        /* "DROP TABLE", static */
	const char *application_name; /* borrowed, as is the account */
	uint64_t held_ms;
	struct guard_account account;
};

/* Tell of the statement.  False: it has been sent, or is none. */
bool exchange_tell(const struct exchange *x, struct exchange_facts *out);

/* True if no message of the client may be forwarded now. */
bool exchange_blocks_client(const struct exchange *x);

/*
 * True if nothing is under way in the server, and may not be for long: the
 * statement is held.
 */
bool exchange_is_held(const struct exchange *x);

/* True if the client's statement itself is under way in the server. */
bool exchange_is_running(const struct exchange *x);

/* The server's error, raw, if it answered a statement of ours with one, else
 * empty; borrowed until the exchange goes on. */
struct span exchange_error(const struct exchange *x);

/* The session ends with this error, raw: add to it which foreign keys have gone
 * before the statement, or may have, and what brings each back. */
void exchange_add_last_words(struct exchange *x, struct writer *error);

/* Add to a line of the log what the exchange does, since when, and for what. */
void exchange_describe(const struct exchange *x, struct log_event *e);

/* True if nothing is left to be done: exchange_end_done may free it. */
bool exchange_is_done(const struct exchange *x);

/* Free the exchange, whatever it is doing.  Accepts NULL. */
void exchange_free(struct exchange *x);

/* Free and forget g->exchange, which is not NULL, if it is done. */
PAIR_COLD void exchange_reap(struct guarded *g);

/* Free and forget the exchange, if there is one and it is done. */
static inline void
exchange_end_done(struct guarded *g)
{
	if (g->exchange != NULL)
		exchange_reap(g);
}

#endif

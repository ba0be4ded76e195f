/*
 * exchange.h - one guarded statement, from the moment the client asks for it
 * until its last answer: what is injected into the client's own server
 * connection, and what of the answers the client sees.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/sql/statement.h"
#include "protocol/frame.h"
#include "protocol/pipeline.h"
#include "proxy/guard/guarded.h"

struct log_event;
struct exchange;

/*
 * A simple Query with a guarded statement: its text, borrowed for the call,
 * and *list, taken.  Sets g->exchange.  False: out of memory, and nothing is
 * taken or set.
 */
bool exchange_begin_query(struct guarded *g, struct span sql,
			  struct statement_list *list);

/* An Execute of a guarded portal: the last frame of g->kept. */
bool exchange_begin_execute(struct guarded *g, struct prepared_facts *facts);

/*
 * An error, 57014, takes the place of a message of this type that waited at
 * the gate and is dropped.
 */
bool exchange_begin_cancel(struct guarded *g, uint8_t type);

/* A server message; true: it was taken, false: pass it to the client. */
bool exchange_answer(struct exchange *x, const struct pipeline_event *event,
		     struct frame frame, struct span raw);

/* After each server message: go on, if what was sent has been answered. */
void exchange_step(struct exchange *x);

/* Another guarded statement waits for the answer to this one's Execute. */
void exchange_hurry(struct exchange *x);

void exchange_timer(struct exchange *x);

/*
 * The user wants the statement to end.  False: that is up to the server, where
 * it runs or something long of ours does.
 */
bool exchange_cancel(struct exchange *x);

/* Nothing of the client may be forwarded now. */
bool exchange_blocks_client(const struct exchange *x);

/*
 * Nothing is under way in the server, and may not be for long: the statement
 * is held.
 */
bool exchange_is_held(const struct exchange *x);

/* The client's statement itself is under way in the server. */
bool exchange_is_running(const struct exchange *x);

/* The server's error, if it answered a statement of ours with one; raw. */
struct span exchange_error(const struct exchange *x);

/* Add to a line of the log what it is doing, since when, and for what. */
void exchange_describe(const struct exchange *x, struct log_event *e);

/* Nothing is left to be done: exchange_end_done may free it. */
bool exchange_is_done(const struct exchange *x);

/* Free it, whatever it is doing.  Accepts NULL. */
void exchange_free(struct exchange *x);

/* There is an exchange: free and forget it if it is done. */
PAIR_COLD void exchange_reap(struct guarded *g);

static inline void
exchange_end_done(struct guarded *g)
{
	if (g->exchange != NULL)
		exchange_reap(g);
}

#endif

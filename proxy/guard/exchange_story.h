/*
 * exchange_story.h - what an exchange tells the history, where it is the next
 * step of the statement's story.  Without a history nothing is told.
 *
 * All of it is kept out of line: what calls it is a part of the walk over a
 * server's messages, and that is to stay one function.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_STORY_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "protocol/span.h"
#include "proxy/history/history.h"
#include "proxy/pair/pair.h"

struct drop_key;
struct exchange;

/* The statement is prepared for, perhaps anew: begin its story, or go on. */
PAIR_COLD void exchange_history_begin(struct exchange *x);

/* A plan has been made; keys were asked for, and this one has gone; its
 * transaction was started over. */
PAIR_COLD void exchange_history_planned(struct exchange *x);
PAIR_COLD void exchange_history_key(struct exchange *x,
				    const struct drop_key *key);
PAIR_COLD void exchange_history_over(struct exchange *x);

/* A look has come to the guard. */
PAIR_COLD void exchange_history_looked(struct exchange *x,
				       const struct holders *holders,
				       bool in_window);

/* The turn is somebody else's. */
PAIR_COLD void exchange_history_denied(struct exchange *x,
				       const struct rival *rival);

/* The gate is about to be shut until then, or opened if it is shut. */
PAIR_COLD void exchange_history_shut(struct exchange *x, uint64_t until_ms);
PAIR_COLD void exchange_history_opened(struct exchange *x);

/* An autovacuum is asked to leave this item of the set. */
PAIR_COLD void exchange_history_coax(struct exchange *x, size_t index);

/* An attempt came to this result.  First write what it has found in its way,
 * which is empty for nothing; then, when the guard has been told, note it. */
PAIR_COLD void exchange_history_lost_to(const struct exchange *x,
					enum attempt_result result,
					char out[HISTORY_WHAT_BYTES]);
PAIR_COLD void exchange_history_attempted(struct exchange *x,
					  const char *lost_to);

/* The statement is sent, or a run of it is undone. */
PAIR_COLD void exchange_history_run(struct exchange *x);
PAIR_COLD void exchange_history_undone(struct exchange *x);

/* The statement is over, or its session is. */
PAIR_COLD void exchange_history_end(struct exchange *x);
PAIR_COLD void exchange_history_break(struct exchange *x);

/* Note a message of the server's of this type, raw, that goes to the client
 * past the relay, which notes those that pass it: an error is counted, and the
 * history may want it. */
PAIR_COLD void exchange_note_error(const struct exchange *x, uint8_t type,
				   struct span raw);

/* The trace that the client's text tells of; zeroed: of none. */
struct trace exchange_trace(const struct exchange *x);

#endif

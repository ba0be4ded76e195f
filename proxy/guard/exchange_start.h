/*
 * exchange_start.h - how an exchange leaves its fence: what it makes of the
 * client's message as a whole.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_START_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_START_H

#include <stdbool.h>

struct exchange;

/* exchange_fence.c */

/* Leave FENCE: all sent before has been answered, or waits for copy data. */
void exchange_leave_fence(struct exchange *x);

/* Go on with the first piece, or the Execute. */
void exchange_go(struct exchange *x);

/* Let the text, or the Execute, pass as it is. */
void exchange_leave_alone(struct exchange *x);

/* End the client's cycle by a Sync of ours: nothing in it has begun. */
void exchange_sync_tail(struct exchange *x);

/* exchange_query.c */

/* True if the piece is to run in a block of ours that is not begun yet, but
 * perhaps by an attempt. */
bool exchange_wants_block(const struct exchange *x);

/* exchange_probe.c */

/* True if the server is to be asked what it makes of the text. */
bool exchange_wants_probe(const struct exchange *x);

/* Ask it, and enter PROBING; which is done. */
void exchange_probe(struct exchange *x);
void exchange_probed(struct exchange *x);

/* True if the statements to prepare for are DDL that the grammar does not
 * know. */
bool exchange_is_unknown(const struct exchange *x);

#endif

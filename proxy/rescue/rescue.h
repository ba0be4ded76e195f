/*
 * rescue.h - windows for statements that nobody could foresee: DDL within a
 * function, or of a kind that is not guarded, waits in the server's queue, and
 * behind it all who want the table.  While it waits for a lock that stops
 * readers or writers, new transactions that name the table wait at the gate.
 * A rescue prevents no deadlock; it ends the pile-up.
 *
 * Workers call it (patrol.h).  Who waits for what is known to the server alone,
 * and the names of relations to their own database: so there is a connection of
 * Lockstep's own to each database with such statements, with the credentials of
 * the fleet, from the first call until five minutes after the last one.  Where
 * it cannot be had, nothing is done, and a line of the log says so.
 *
 * Belongs to one thread, which must be none of a worker's (asker.h).
 */
#ifndef LOCKSTEP_PROXY_RESCUE_RESCUE_H
#define LOCKSTEP_PROXY_RESCUE_RESCUE_H

#include <event2/event.h>

#include "proxy/pair/daemon.h"
#include "proxy/rescue/rescue_call.h"

struct rescue;

/* Both are borrowed for its life; the settings have a fleet.  NULL: out of
 * memory. */
struct rescue *rescue_new(struct daemon *d, struct event_base *base);

/* Open all windows, disconnect, and free it.  Accepts NULL. */
void rescue_free(struct rescue *r);

/* Take a call, borrowed. */
void rescue_hear(struct rescue *r, const struct rescue_call *call);

/* Write one line to the log about what it has done and is doing. */
void rescue_describe(const struct rescue *r);

#endif

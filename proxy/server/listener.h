/*
 * listener.h - accept connections and hand each to the worker with the
 * fewest sessions.
 */
#ifndef LOCKSTEP_PROXY_SERVER_LISTENER_H
#define LOCKSTEP_PROXY_SERVER_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>

#include "proxy/server/worker.h"

struct listeners;

/* Called when listeners have left. */
typedef void listeners_left(void *arg);

/*
 * Listen at every endpoint of the configuration, in base's loop, for the
 * workers of that daemon; all are borrowed until listeners_close.  NULL: one of
 * the endpoints cannot be had, which has been logged.
 */
struct listeners *listeners_open(struct event_base *base, struct daemon *daemon,
				 struct worker *workers);

/*
 * With reuse_port: leave new connections to the other process that listens at
 * the same endpoints.  Those that have come are accepted first, so that none is
 * lost; it takes a fraction of a second, or two seconds if nobody else is
 * there.  Then the listeners are closed and freed, and left is called, in
 * base's loop, theirs.
 */
void listeners_leave(struct listeners *l, struct event_base *base,
		     listeners_left *left, void *arg);

/* Stop to listen, remove the files of Unix sockets, and free.  Accepts NULL. */
void listeners_close(struct listeners *l);

#endif

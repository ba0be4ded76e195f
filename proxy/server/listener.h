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

/*
 * Listen at every endpoint of the configuration, in base's loop.  NULL: one of
 * them cannot be had, which has been logged.
 */
struct listeners *listeners_open(struct event_base *base,
				 struct daemon *daemon);

/* Accepts NULL; removes the files of Unix sockets. */
void listeners_close(struct listeners *l);

#endif

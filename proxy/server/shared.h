/*
 * shared.h - what the threads of a process have in common: made before the
 * first of them starts, freed when none is left.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SHARED_H
#define LOCKSTEP_PROXY_SERVER_SHARED_H

#include <stdbool.h>

#include "proxy/pair/daemon.h"

/* Make it for d->worker_count workers, whose mailboxes are the caller's to
 * enter.  False: out of memory, and shared_free frees the rest. */
bool shared_make(struct daemon *d);

/* Go by other settings from now on, as far as threads share what they say; from
 * any thread. */
void shared_take_settings(struct daemon *d, const struct config *c);

/* Free all but the resolver, which is left by resolver_leave. */
void shared_free(struct daemon *d);

#endif

/*
 * worker.h - one thread, one event loop, its mailbox and its sessions.
 */
#ifndef LOCKSTEP_PROXY_SERVER_WORKER_H
#define LOCKSTEP_PROXY_SERVER_WORKER_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"
#include "proxy/pair/daemon.h"
#include "proxy/session/sessions.h"

enum {
	/* libpg_query recurses; see statement_list_parse. */
	WORKER_STACK_BYTES = 16 * 1024 * 1024,
};

struct worker {
	pthread_t thread;
	struct event_base *base; /* owned */
	struct mailbox mailbox;
	struct sessions sessions;
	atomic_bool is_asked;  /* whether its loop turns; no answer yet */
	atomic_bool has_ended; /* the loop has */
};

/*
 * Start the thread of a zeroed worker.  daemon is borrowed until
 * worker_clear.  False: no thread was started, and errno says why.
 */
bool worker_start(struct worker *w, struct daemon *daemon, uint32_t index);

/* Ask whether the loop of a started worker turns, from another thread. */
void worker_ask(struct worker *w);

/* True unless the worker was asked and has neither answered nor ended. */
bool worker_turns(const struct worker *w);

/*
 * Wait until the worker's loop has ended, after MAIL_DRAIN or MAIL_STOP.  The
 * mailbox takes mail until worker_clear: others may not know of the end.
 */
void worker_join(struct worker *w);

/* Free all that the worker owns, once joined. */
void worker_clear(struct worker *w);

#endif

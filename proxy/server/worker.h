/*
 * worker.h - one thread, one event loop, its sessions, its clock.
 */
#ifndef LOCKSTEP_PROXY_SERVER_WORKER_H
#define LOCKSTEP_PROXY_SERVER_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proxy/pair/cancel.h"
#include "proxy/config/config.h"
#include "proxy/gate/gate.h"
#include "proxy/net/handshake.h"
#include "proxy/base/mailbox.h"

enum {
	WORKER_SCRATCH_BYTES = 64 * 1024,
	/* libpg_query recurses; see statement_list_parse. */
	WORKER_STACK_BYTES = 16 * 1024 * 1024,
};

struct credentials_store;
struct session;
LIST_HEAD(session_list, session);

/* What all workers share; owned by main. */
struct daemon {
	const struct config *config;
	struct cancel_registry *cancels;
	struct turns *turns;
	struct handshake_pool *handshakes;
	struct credentials_store *credentials;
	struct worker *workers;
	uint32_t worker_count;
	atomic_uint connections;
	atomic_uint exchanges; /* guarded statements under way */
};

struct worker {
	struct daemon *daemon;
	uint32_t index;
	pthread_t thread;
	struct event_base *base;
	struct evdns_base *dns; /* made when a name is first resolved */
	struct mailbox mailbox;
	struct handshaker handshaker;
	struct session_list sessions;
	struct session_list reaped; /* ended; freed at the end of the turn */
	struct event reap_event;
	struct gate gate;
	uint64_t next_session;
	bool is_draining;
	atomic_uint load; /* sessions here */
	uint8_t scratch[WORKER_SCRATCH_BYTES];
};

/* Start the thread.  False: it could not be, and errno says why. */
bool worker_start(struct worker *w, struct daemon *daemon, uint32_t index);

/*
 * Wait until its loop has ended, after MAIL_DRAIN or MAIL_STOP.  Its mailbox
 * takes mail until worker_clear: others may not know that it has ended.
 */
void worker_join(struct worker *w);
void worker_clear(struct worker *w);

/* A session ended: called by session.c, which frees it once it is safe. */
void worker_reap(struct worker *w, struct session *s);

#endif

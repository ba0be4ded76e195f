/*
 * daemon.h - what all workers of the process share.
 *
 * Owned by server.c, which fills it in before the first worker starts and
 * clears it after the last one has ended.  What is not atomic does not change
 * in between; each pointer is to something that locks itself.
 */
#ifndef LOCKSTEP_PROXY_PAIR_DAEMON_H
#define LOCKSTEP_PROXY_PAIR_DAEMON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"
#include "proxy/config/config.h"
#include "proxy/net/misfits.h"
#include "proxy/pair/unjudged.h"

struct cancel_registry;
struct counts;
struct credentials_store;
struct fleet;
struct generation_store;
struct habits;
struct handshake_pool;
struct history;
struct memory;
struct pauses;
struct resolver;
struct seats;
struct turns;

enum {
	/* Texts that the grammar does not know are told apart by so many slots
	 * for their shapes; one that loses its slot is logged once more. */
	DAEMON_SHAPES = 256,
};

struct daemon {
	/* As it was at the start: for what needs a restart, and for nothing
	 * else. */
	const struct config *start_config;
	struct generation_store *generations;
	struct cancel_registry *cancels;
	struct turns *turns;
	struct seats *seats;
	struct pauses *pauses;
	struct memory *memory;
	struct habits *habits;
	struct history *history;           /* NULL: there is none */
	struct handshake_pool *handshakes; /* without threads: no TLS */
	struct resolver *resolver;
	struct misfits misfits; /* among the upstream's hosts */
	struct credentials_store *credentials;
	struct mailbox **mailboxes; /* one a worker, by its index */
	uint32_t worker_count;
	struct counts *counts;       /* one a worker; NULL: nobody reads them */
	struct mailbox *main;        /* the main thread's; NULL: none */
	struct fleet *fleet_thread;  /* NULL: there is none */
	struct mailbox *fleet;       /* likewise */
	atomic_bool is_fleet_wanted; /* somebody has logged in, lately */
	atomic_bool has_listened;    /* the start is over */
	atomic_bool is_listening;    /* where clients connect */
	atomic_bool is_draining;     /* no new clients are wanted */
	atomic_bool is_guard_off;    /* by the console: statements pass */
	atomic_bool is_stale;        /* the last reload has failed */
	atomic_uint connections;     /* sessions of all workers */
	atomic_uint streams;         /* sessions that stream replication */
	atomic_uint exchanges;       /* guarded statements under way */
	atomic_uint unplanned;       /* statements that had no plan, ever */
	atomic_uint unjudged[UNJUDGED_COUNT]; /* texts that passed so, ever */
	/* Shapes of texts that did not parse, in their slots; 0: none. */
	_Atomic uint64_t unparsed_shapes[DAEMON_SHAPES];
	atomic_size_t prepared_bytes; /* that all sessions keep */
};

/*
 * Tell a worker something, from any thread.  False: out of memory, the mail
 * was not taken and its data is still the caller's.
 */
bool daemon_post(struct daemon *d, uint32_t worker, struct mail mail);

/* The texts that passed unjudged, ever, for whatever reason. */
uint64_t daemon_unjudged(const struct daemon *d);

/* The counts that worker is to write; never NULL. */
struct counts *daemon_counts(struct daemon *d, uint32_t worker);

/* Tell the fleet, if there is one, that somebody has logged in, from any
 * thread. */
void daemon_want_fleet(struct daemon *d);

#endif

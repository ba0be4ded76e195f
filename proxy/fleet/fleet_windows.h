/*
 * fleet_windows.h - the windows of other processes in this one: a lease for
 * each session that has made one, as a session of ours would have it.
 *
 * Whatever a message says, a window ends by this process's clock: counted from
 * when it was heard, at most gate_window later, or gate_transaction where locks
 * are kept; and it is paid for from this process's own allowance of the
 * database (turns.h), so that no fleet shuts its gate for more than a quarter
 * of the time.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_WINDOWS_H
#define LOCKSTEP_PROXY_FLEET_FLEET_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/queue.h"
#include "proxy/fleet/fleet_message.h"
#include "proxy/fleet/fleet_peers.h"
#include "proxy/gate/lease.h"

enum {
	FLEET_LEASES_MAX = 64,    /* at a time, all processes together */
	FLEET_SHUT_LEAST_MS = 10, /* a shorter window is of no use */
};

/* The lease of a session of another process. */
struct fleet_lease {
	TAILQ_ENTRY(fleet_lease) link;
	uint8_t process[FLEET_PROCESS_BYTES];
	uint64_t maker; /* the session, by its number there */
	struct pair
	    pair; /* no connection: a number, the database, the daemon */
	struct lease lease;
};

TAILQ_HEAD(fleet_leases, fleet_lease);

struct fleet_windows {
	struct daemon *daemon; /* borrowed */
	struct fleet_leases leases;
	size_t count;
	uint64_t made; /* leases, ever: numbers them */
};

/* Set up none; d is borrowed for their life, and has turns. */
void fleet_windows_init(struct fleet_windows *w, struct daemon *d);

/* Open all windows. */
void fleet_windows_clear(struct fleet_windows *w);

/*
 * Do as a message says that fleet_peers_hear has let pass, at the pace of whom
 * it came from; the names are taken out of it.  True if the gate is shut by it;
 * always false for the end of a window.
 */
bool fleet_windows_take(struct fleet_windows *w, struct fleet_message *m,
			struct fleet_pace *pace, uint64_t now_ms);

/* Open the windows whose time is over. */
void fleet_windows_expire(struct fleet_windows *w, uint64_t now_ms);

/* The time at which the next one is over; UINT64_MAX: none is shut. */
uint64_t fleet_windows_next_ms(const struct fleet_windows *w);

#endif

/*
 * fleet.h - the processes of Lockstep before one server tell one another of
 * their windows, by notifications of PostgreSQL's own.
 *
 * An optimisation, never a condition: attempts are right without it, so all
 * that fails here costs luck, for as long as one window at the most.  There are
 * no answers and no clocks are compared; the locks stay the only truth.
 *
 * One connection for the process and one thread, which has a mailbox as workers
 * have: gate.c mails it our windows, it mails workers those of others.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_H
#define LOCKSTEP_PROXY_FLEET_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/fleet/fleet_key.h"
#include "proxy/fleet/fleet_link.h"
#include "proxy/pair/daemon.h"

struct fleet;

/* Counters run from the start of the process. */
struct fleet_report {
	enum fleet_link_state state;
	uint64_t since_ms; /* when it came to it, by clock_now_ms */
	uint64_t sent;     /* messages */
	uint64_t heard;    /* messages of others, of this fleet */
	uint64_t shut;     /* windows of others that shut the gate here */
	uint64_t refused;  /* windows that this process's own limits forbade */
	uint64_t repeated; /* messages that were heard before */
	uint64_t unknown;  /* messages of this fleet, not understood */
	uint64_t foreign;  /* notifications that are not of this fleet */
};

/*
 * A fleet that does nothing yet; its mailbox, d->fleet from now on, takes mail.
 * d is borrowed for its life, and so is its config, which names a fleet; the
 * key is taken.  NULL: out of memory or of descriptors, and the key is freed.
 */
struct fleet *fleet_new(struct daemon *d, struct fleet_key *key);

/* Start the thread, after the workers.  False: errno says why. */
bool fleet_start(struct fleet *f);

/*
 * End the thread and free the fleet, once the workers have ended and while
 * their mailboxes still take mail.  False: the thread hangs in the look-up of a
 * name, and uses what it has borrowed: nothing is freed.  Accepts NULL, and one
 * that never started.
 */
bool fleet_stop(struct fleet *f);

/* From now on this key, which is taken, is the fleet's; from any thread. */
void fleet_replace_key(struct fleet *f, struct fleet_key *key);

/* Have one line written to the log about what it is doing, from any thread. */
void fleet_describe(struct fleet *f);

/* Copy the report, from any thread. */
void fleet_get_report(struct fleet *f, struct fleet_report *out);

#endif

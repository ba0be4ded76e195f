/*
 * lease.h - what a session's guarded statements keep from others: the turn of
 * their database, and the gate.  It outlives the statement where the client's
 * transaction keeps the locks.
 */
#ifndef LOCKSTEP_PROXY_GATE_LEASE_H
#define LOCKSTEP_PROXY_GATE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/gate_names.h"

struct gate_window;
struct pair;

/* With its pair set and else zeroed it holds nothing. */
struct lease {
	struct pair *pair;          /* borrowed: whose statements they are */
	struct gate_window *window; /* while a statement is tried */
	struct gate_window *transaction; /* while its locks are kept */
	bool has_turn;                   /* taken, and not given back */
	uint32_t delayed; /* sessions that waited at windows now open */
};

/* False: it is somebody else's. */
bool lease_take_turn(struct lease *l, uint32_t *allowance_ms);

/* Unless the transaction keeps it. */
void lease_give_turn(struct lease *l);

/* Takes *names.  A window that is shut already is replaced without a gap. */
void lease_shut(struct lease *l, struct gate_names *names, uint64_t until_ms);
void lease_open(struct lease *l);

/*
 * The statement's locks are kept by the client's transaction: the gate stays
 * shut for what they are on, and for what it was kept shut before, until
 * gate_transaction_ms have gone by since the first of them.  Takes *names.
 */
void lease_keep(struct lease *l, struct gate_names *names,
		uint32_t gate_transaction_ms);

static inline bool
lease_is_held(const struct lease *l)
{
	return l->has_turn || l->window != NULL || l->transaction != NULL;
}

/* How many sessions have waited, since `delayed` was set to 0. */
uint32_t lease_delayed(const struct lease *l);

/* The locks are gone. */
void lease_end(struct lease *l);

#endif

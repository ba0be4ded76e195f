/*
 * lease.h - what a session's guarded statements keep from others: the turn for
 * what they lock, and the gate.  The gate outlives the statement where the
 * client's transaction keeps the locks; the turn does not, since whoever wants
 * one of these then sees who holds it.
 */
#ifndef LOCKSTEP_PROXY_GATE_LEASE_H
#define LOCKSTEP_PROXY_GATE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/gate_names.h"

struct gate_window;
struct rival;
struct pair;
struct turn_claim;

/* A lease with its pair set, perhaps least_ms, and all else zero keeps nothing.
 */
struct lease {
	struct pair *pair;          /* borrowed: whose statements they are */
	struct gate_window *window; /* one use, while a statement is tried */
	struct gate_window *transaction; /* one use, while locks are kept */
	uint32_t least_ms; /* where the allowance is shorter, no window is */
	uint64_t paid_from_ms;
	uint64_t paid_until_ms; /* off the allowance, for both windows */
	bool is_waited_at;      /* by somebody, since paid_from_ms */
	bool has_turn;          /* taken, and not given back */
	bool keeps_locks;       /* the client's transaction does */
	uint64_t keep_until_ms; /* the end of `transaction`, at the latest */
	uint64_t late_ms;       /* when lease_keep_rest is due; 0: it is not */
	uint32_t delayed;       /* sessions that waited at windows now open */
};

/*
 * Ask for the turn that is claimed; who claims it is filled in here, but for
 * the application_name.  True: it is ours until lease_give_turn, and
 * *allowance_ms is how long the gate may be shut now.  False: *rival has it,
 * and *allowance_ms is as it was; what turn we had is given back.
 */
bool lease_take_turn(struct lease *l, const struct turn_claim *claim,
		     uint32_t *allowance_ms, struct rival *rival);

/* Give the turn back, if it is ours. */
void lease_give_turn(struct lease *l);

/*
 * Shut the gate for these names, which are taken, until lease_open, or until_ms
 * of clock_now_ms at the latest, or for as long as the allowance of the
 * database is.  A window that is shut already is replaced without a gap.  Out
 * of memory, or less than least_ms: the gate is open afterwards, also if it was
 * shut, and *names are as they were.
 */
void lease_shut(struct lease *l, struct gate_names *names, uint64_t until_ms);

/* Open the gate that lease_shut has shut, if it is. */
void lease_open(struct lease *l);

/*
 * The client's transaction keeps the statement's locks: shut the gate for these
 * names, which are taken, and for those that it was kept shut for before, until
 * gate_transaction_ms have gone by since the first of them, or for as long as
 * the allowance of the database is.  Takes the place of what lease_shut has
 * shut.  Out of memory, or less than least_ms: it opens, and *names are as
 * they were.
 */
void lease_keep(struct lease *l, struct gate_names *names,
		uint32_t gate_transaction_ms);

/*
 * Likewise, but nobody has asked for the names yet: lease_keep_rest is due once
 * delay_ms have gone by, if gate_transaction_ms are more than that, and unless
 * the transaction is over before.
 */
void lease_keep_late(struct lease *l, uint64_t now_ms, uint32_t delay_ms,
		     uint32_t gate_transaction_ms);

/* Shut the gate as lease_keep has it, for the time that is left. */
void lease_keep_rest(struct lease *l, struct gate_names *names);

/* Open the gate that lease_keep has shut, if it is; nor is it due. */
void lease_release(struct lease *l);

/* Note that the client's transaction keeps the locks of a guarded statement,
 * until lease_end. */
static inline void
lease_note_locks(struct lease *l)
{
	l->keeps_locks = true;
}

/* True if something is kept from others: locks, the turn, or the gate. */
static inline bool
lease_is_held(const struct lease *l)
{
	return ((uintptr_t)l->window | (uintptr_t)l->transaction |
		l->keeps_locks | l->has_turn) != 0;
}

/* The number of sessions that have waited since `delayed` was set to 0. */
uint32_t lease_delayed(const struct lease *l);

/* Give back all that is kept: the locks are gone.  Keeps nothing: no effect. */
void lease_end(struct lease *l);

#endif

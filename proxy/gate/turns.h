/*
 * turns.h - guarded statements that could meet, one at a time: whose turn it is
 * for which relations of a database, and for how long its gate may be shut.
 * Shared by all workers; every function locks it.  Only guarded statements come
 * here.
 *
 * Two statements can meet where both want one relation in modes that conflict.
 * The locks themselves would keep them apart; the turn spares them the attempts
 * that come to nothing, and windows that are shut for nothing.
 *
 * A relation that no LOCK TABLE reaches has an advisory lock (attempt.h), which
 * several proxies before one server share.
 */
#ifndef LOCKSTEP_PROXY_GATE_TURNS_H
#define LOCKSTEP_PROXY_GATE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/rival.h"

struct lock_set;

enum {
	/* The gate of a database is shut for at most 1 / TURNS_SHUT_SHARE of
	 * the time, and for so long beyond that. */
	TURNS_SHUT_SHARE = 4,
	TURNS_SHUT_BURST_MS = 1000,
	/* Databases that turns_reserve alone has brought up are no more. */
	TURNS_RESERVED_MAX = 64,
};

struct turns;

/* A session's claim to the turn for a set of relations. */
struct turn_claim {
	struct rival who; /* as others are told of it */
	const struct lock_set *set;
	bool is_impatient; /* granted beside others, if need be */
};

/* The turns of all databases, free to take.  NULL: out of memory. */
struct turns *turns_new(void);

/*
 * Let the gate of a database be shut for so long beyond its share, instead of
 * TURNS_SHUT_BURST_MS, while transactions keep it; from any thread.  What a
 * database has used of it stays used.
 */
void turns_allow_burst(struct turns *t, uint32_t burst_ms);

/* Free the turns, which nobody uses any more.  Accepts NULL. */
void turns_free(struct turns *t);

/*
 * Take the turn for the claim, borrowed for the call, instead of what the
 * session had.  True: it is the session's until turns_give, and *allowance_ms
 * is how long the gate may be shut now.  False: *rival has it, or memory is out
 * and *rival is zero; *allowance_ms is as it was, and the session has none.
 */
bool turns_take(struct turns *t, const char *database,
		const struct turn_claim *claim, uint64_t now_ms,
		uint32_t *allowance_ms, struct rival *rival);

/* Give back the turn that the session has, if it has one. */
void turns_give(struct turns *t, const char *database, uint64_t session);

/*
 * Take up to wanted_ms off the time for which the gate of the database may be
 * shut now, whoever has the turn.  Returns how much that is, which is nothing
 * for a new one beyond TURNS_RESERVED_MAX that are in use; turns_refund gives
 * back what was not needed.
 */
uint64_t turns_reserve(struct turns *t, const char *database,
		       uint64_t wanted_ms, uint64_t now_ms);
void turns_refund(struct turns *t, const char *database, uint64_t left_ms);

#endif

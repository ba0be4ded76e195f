/*
 * turns.h - one guarded statement at a time, for each database: whose turn it
 * is, and for how long its gate may be shut.  Shared by all workers; every
 * function locks it.  Only guarded statements come here.
 *
 * Several proxies before one server share an advisory lock beside (attempt.h).
 */
#ifndef LOCKSTEP_PROXY_GATE_TURNS_H
#define LOCKSTEP_PROXY_GATE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* The gate of a database is shut for at most 1 / TURNS_SHUT_SHARE of
	 * the time, and for so long beyond that. */
	TURNS_SHUT_SHARE = 4,
	TURNS_SHUT_BURST_MS = 1000,
};

struct turns;

/* The turns of all databases, free to take.  NULL: out of memory. */
struct turns *turns_new(void);

/*
 * Let the gate of a database be shut for so long beyond its share, instead of
 * TURNS_SHUT_BURST_MS, while transactions keep it; before the first is taken.
 */
void turns_allow_burst(struct turns *t, uint32_t burst_ms);

/* Free the turns, which nobody uses any more.  Accepts NULL. */
void turns_free(struct turns *t);

/*
 * Take the turn of a database for a session.  True: it is this session's until
 * turns_give, or until until_ms, when others may take it; if it was before, the
 * time counts anew.  *allowance_ms is how long the gate may be shut now. False:
 * another session has it, or memory is out; *allowance_ms is as it was.
 */
bool turns_take(struct turns *t, const char *database, uint64_t session,
		uint64_t until_ms, uint64_t now_ms, uint32_t *allowance_ms);

/* Give the turn back.  Nothing happens if it is somebody else's by now. */
void turns_give(struct turns *t, const char *database, uint64_t session);

/*
 * Take up to wanted_ms off the time for which the gate of the database may be
 * shut now, whoever has the turn.  Returns how much that is; turns_refund gives
 * back what was not needed.
 */
uint64_t turns_reserve(struct turns *t, const char *database,
		       uint64_t wanted_ms, uint64_t now_ms);
void turns_refund(struct turns *t, const char *database, uint64_t left_ms);

#endif

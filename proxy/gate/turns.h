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

struct turns *turns_new(void);    /* NULL: out of memory */
void turns_free(struct turns *t); /* accepts NULL */

/*
 * True: it is this session's turn, from now until until_ms, when others may
 * take it, or until turns_give.  Asked again, the time counts anew.
 * *allowance_ms: how long the gate may be shut now.
 */
bool turns_take(struct turns *t, const char *database, uint64_t session,
		uint64_t until_ms, uint64_t now_ms, uint32_t *allowance_ms);

/* It may be somebody else's by now: then nothing happens. */
void turns_give(struct turns *t, const char *database, uint64_t session);

/* The gate was shut for so long. */
void turns_spend(struct turns *t, const char *database, uint64_t shut_ms);

#endif

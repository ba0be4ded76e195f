/*
 * clocks.h - the timeouts of a session that run, or would run, in the server
 * while it waits: asked by SHOW, which takes no snapshot and locks nothing.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_CLOCKS_H
#define LOCKSTEP_POLICY_CATALOG_CLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/row.h"

/* X(constant, name, since): what it is called, and the first server version
 * that has it; 0: each has.  Later ones stand behind. */
#define CLOCKS(X)                                                              \
	X(LOCK, lock_timeout, 0)                                               \
	X(STATEMENT, statement_timeout, 0)                                     \
	X(IN_TRANSACTION, idle_in_transaction_session_timeout, 0)              \
	X(IDLE, idle_session_timeout, 14)                                      \
	X(TRANSACTION, transaction_timeout, 17)

enum clock_kind {
#define X(constant, name, since) CLOCK_##constant,
	CLOCKS(X)
#undef X
	    CLOCK_COUNT,
};

/* A zeroed one has no timeout. */
struct clocks {
	uint32_t ms[CLOCK_COUNT]; /* 0: none */
};

/* The number of those that a server of this major version has, which are the
 * first; 0: the version is not known. */
size_t clocks_count(uint32_t version);

/* The question for one of them; static.  Answer: one row of one text. */
const char *clocks_query(enum clock_kind kind);

/* Read the row.  False: it does not have this shape. */
bool clocks_read(struct clocks *c, enum clock_kind kind, struct row_value v);

/*
 * How long the session may wait outside of the server, in a transaction block
 * or not, so that the server can still say what it would have said, about when
 * it would have, and does not end it for being idle.  UINT64_MAX: for ever.
 */
uint64_t clocks_allow_ms(const struct clocks *c, bool in_block);

#endif

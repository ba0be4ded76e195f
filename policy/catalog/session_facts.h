/*
 * session_facts.h - what the guard must know of the session it works in.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_SESSION_FACTS_H
#define LOCKSTEP_POLICY_CATALOG_SESSION_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/row.h"
#include "policy/catalog/snapshot.h"

/* The columns of session_facts_query(), in its order: X(id, name). */
#define SESSION_FACTS_COLUMN_TABLE(X)                                          \
	X(SESSION_FACTS_READ_ONLY, read_only)                                  \
	X(SESSION_FACTS_IN_RECOVERY, in_recovery)                              \
	X(SESSION_FACTS_ISOLATION, isolation)                                  \
	X(SESSION_FACTS_STRONG_LOCKS, strong_locks)                            \
	X(SESSION_FACTS_MIN_MESSAGES, min_messages)                            \
	X(SESSION_FACTS_LOCK_TIMEOUT, lock_timeout)                            \
	X(SESSION_FACTS_STATEMENT_TIMEOUT, statement_timeout)                  \
	X(SESSION_FACTS_DEADLOCK_TIMEOUT, deadlock_timeout)                    \
	X(SESSION_FACTS_IDLE_TIMEOUT, idle_timeout)                            \
	X(SESSION_FACTS_BLOCK_IDLE_TIMEOUT, block_idle_timeout)                \
	X(SESSION_FACTS_CAN_ATTEMPT, can_attempt)                              \
	X(SESSION_FACTS_START_TRIGGER, start_trigger)                          \
	X(SESSION_FACTS_SNAPSHOT, snapshot)                                    \
	X(SESSION_FACTS_HELD, held) /* held.h reads it */

enum session_facts_column {
#define X(id, name) id,
	SESSION_FACTS_COLUMN_TABLE(X)
#undef X
	    SESSION_FACTS_COLUMNS,
};

enum {
	SESSION_FACTS_SETTING_MAX = 32,
};

struct session_facts {
	bool is_read_only;
	bool is_in_recovery;
	bool has_old_snapshot;    /* REPEATABLE READ or above, in a block: the
				     plan reads the catalog as of its start */
	struct snapshot snapshot; /* from before the plan */
	bool holds_strong_locks;  /* SHARE or above, from earlier statements */
	bool can_attempt;         /* PL/pgSQL is there and may be used */
	/* An event trigger runs before all else that DDL does, so in each run
	 * of a statement; what it does there may outlast a rollback. */
	bool has_start_trigger;
	/* client_min_messages lets a NOTICE through, or a WARNING. */
	bool wants_notices;
	bool wants_warnings;
	uint32_t lock_timeout_ms;      /* 0: none */
	uint32_t statement_timeout_ms; /* 0: none */
	uint32_t deadlock_timeout_ms;
	/* The shorter of the two after which the server ends an idle session,
	 * within a transaction or outside of any; 0: none. */
	uint32_t idle_timeout_ms;
	/* The lock_timeout as the server shows it, to set it back. */
	char lock_timeout[SESSION_FACTS_SETTING_MAX];
};

/*
 * The query, which answers one row; static.  in_block: a transaction block is
 * open, which can hold locks; $1 tells the same by "t" or "f".
 */
const char *session_facts_query(bool in_block);

/* A question for the isolation level that takes no snapshot; static. */
const char *session_isolation_query(void);

/* A question for whether the session keeps any lock from one transaction to the
 * next, an advisory one, so that others may wait for it; static.  To be asked
 * outside of a transaction. */
const char *session_keeps_query(void);

/* True if the answer is that it keeps none. */
bool session_keeps_nothing(struct row_value keeps);

/* True for a level at which a transaction keeps its first snapshot. */
bool session_isolation_keeps(struct row_value level);

/* Read the row.  False: it does not have the shape, and *out is undefined. */
bool session_facts_read(struct session_facts *out,
			const struct row_value values[SESSION_FACTS_COLUMNS]);

#endif

/*
 * holders.h - who holds locks that conflict with a lock set, and who waits for
 * the session that wants it.
 *
 * Source: PostgreSQL documentation, "pg_locks" and "pg_stat_activity".  The
 * query names every function and operator with its schema.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_HOLDERS_H
#define LOCKSTEP_POLICY_CATALOG_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/lock_set.h"
#include "policy/catalog/row.h"

/* The columns of holders_query(), in its order: X(id, name). */
#define HOLDERS_COLUMN_TABLE(X)                                                \
	X(HOLDERS_PID, pid)                                                    \
	X(HOLDERS_RELID, relid)                                                \
	X(HOLDERS_MODE, mode)                                                  \
	X(HOLDERS_USER, user_name)                                             \
	X(HOLDERS_APPLICATION_NAME, application_name)                          \
	X(HOLDERS_STATE, state)                                                \
	X(HOLDERS_AGE, age_ms)                                                 \
	X(HOLDERS_AUTOVACUUM, is_autovacuum)                                   \
	X(HOLDERS_TRANSACTION, transaction)                                    \
	X(HOLDERS_BLOCKER, blocker)                                            \
	X(HOLDERS_WAITS_ON, waits_on)                                          \
	X(HOLDERS_DIRECT, is_direct)                                           \
	X(HOLDERS_STALLED, is_stalled)                                         \
	X(HOLDERS_GIVES_WAY, gives_way)

enum holders_column {
#define X(id, name) id,
	HOLDERS_COLUMN_TABLE(X)
#undef X
	    HOLDERS_COLUMNS,
};

enum {
	HOLDERS_PARAMS = 1,
	HOLDERS_SHOWN = 5,  /* kept for reports; all are counted */
	HOLDERS_NAMED = 24, /* in the text of a look, for other Locksteps */
	HOLDERS_UNTOLD_MAX = 64,
	HOLDERS_YOUNGEST_MAX = 16,
	HOLDERS_NAME_BYTES = 64, /* PostgreSQL cuts names at 63 */
};

struct holder {
	uint32_t pid; /* 0: a prepared transaction */
	uint32_t relid;
	enum lock_mode mode;
	char user[HOLDERS_NAME_BYTES];
	char application_name[HOLDERS_NAME_BYTES];
	char state[HOLDERS_NAME_BYTES];
	uint64_t transaction_age_ms; /* 0 where it is not told */
};

/* A transaction of a session that holds a conflicting lock. */
struct holder_transaction {
	uint64_t id;     /* the hash of its id */
	bool has_age;    /* the age is told */
	uint64_t age_ms; /* by the server's clock alone */
	char application_name[HOLDERS_NAME_BYTES];
};

/* A session that waits for ours, directly or through others. */
struct waiter {
	uint32_t pid;
	uint32_t blocker;   /* waits for us, too, or is ours */
	char waits_on[128]; /* "ShareLock on transaction 733" */
};

struct holders {
	struct holder shown[HOLDERS_SHOWN];
	size_t count;            /* conflicting locks, shown or not */
	size_t autovacuum_count; /* locks among them that an autovacuum holds */
	size_t unlockable_count; /* locks where no attempt can lock */
	size_t near_count;       /* locks on tables that members of the set
				    reference, without being members themselves */
	uint64_t oldest_ms;      /* age of the oldest transaction, as told */
	size_t untold_count;     /* transactions whose age is not told */
	uint64_t untold[HOLDERS_UNTOLD_MAX]; /* their ids' hashes */
	/* The youngest of all, those last whose age is not told, each once; no
	 * autovacuum's and no prepared ones. */
	struct holder_transaction youngest[HOLDERS_YOUNGEST_MAX];
	size_t youngest_count;
	struct waiter waiters[HOLDERS_SHOWN];
	size_t waiter_count;  /* sessions, shown or not */
	size_t stalled_count; /* sessions that want tables, rows or keys of
				 ours, and not an advisory lock, or our end */
	uint32_t own_pid;     /* 0: nobody waits for it */
	bool gives_way;       /* one of them is held by a Lockstep, and ends
				 first where both are in a cycle */
	uint64_t cycle; /* hash of the id of the oldest transaction that is in
			   the way and waits for us; 0: there is none */
	struct holder cycle_holder; /* the lock of that transaction */
};

/* The query for conflicting locks; static.  $1 is holders_param's. */
const char *holders_query(void);

/*
 * A statement with a comment in front that says what the session waits for.
 * The last one before a wait must have it: other Locksteps read it in
 * pg_stat_activity, where their role may, and so does a person.  The caller's
 * to free.  NULL: out of memory.
 */
char *holders_signed(const struct lock_set *set, const char *sql);

/* A statement without rows that lets the next look of the same transaction see
 * the sessions as they are; static. */
const char *holders_renew_sql(void);

/*
 * The relations as an array literal, for $1; the caller's to free.  NULL: out
 * of memory.
 */
char *holders_param(const struct lock_set *set);

/* The same for `count` OIDs. */
char *holders_param_of(const uint32_t *relids, size_t count);

/*
 * Add a row of HOLDERS_COLUMNS text values; one whose mode does not conflict
 * with what the set wants there is not counted, and one beside the set only in
 * near_count.  One without a relation is a waiter.  False: pid or mode are
 * NULL.
 */
bool holders_add_row(struct holders *h, const struct lock_set *set,
		     const struct row_value values[HOLDERS_COLUMNS]);

/*
 * Add such a row that another session of the database was answered, if it is of
 * the set: for one that keeps nothing, and so has no waiters.
 */
void holders_add_shared_row(struct holders *h, const struct lock_set *set,
			    const struct row_value values[HOLDERS_COLUMNS]);

/* True if the session is among those shown. */
bool holders_show(const struct holders *h, uint32_t pid);

#endif

/*
 * holders.h - who holds locks that conflict with a lock set.
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
	X(HOLDERS_TRANSACTION, transaction)

enum holders_column {
#define X(id, name) id,
	HOLDERS_COLUMN_TABLE(X)
#undef X
	    HOLDERS_COLUMNS,
};

enum {
	HOLDERS_PARAMS = 1,
	HOLDERS_SHOWN = 5, /* kept for reports; all are counted */
	HOLDERS_UNTOLD_MAX = 16,
};

struct holder {
	uint32_t pid; /* 0: a prepared transaction */
	uint32_t relid;
	enum lock_mode mode;
	char user[64]; /* names are cut at 63 bytes, as PostgreSQL does */
	char application_name[64];
	char state[64];
	uint64_t transaction_age_ms; /* 0 where it is not told */
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
};

/* The members of a set to ask for. */
enum holders_of {
	HOLDERS_OF_ALL,
	HOLDERS_OF_UNLOCKABLE,
};

/* The query for conflicting locks; static.  $1 is holders_param's. */
const char *holders_query(void);

/*
 * The relations as an array literal, for $1; the caller's to free.  NULL: out
 * of memory.
 */
char *holders_param(const struct lock_set *set, enum holders_of of);

/*
 * Add a row of HOLDERS_COLUMNS text values; one whose mode does not conflict
 * with what the set wants there is not counted, and one beside the set only in
 * near_count.  False: pid, relation or mode are NULL.
 */
bool holders_add_row(struct holders *h, const struct lock_set *set,
		     const struct row_value values[HOLDERS_COLUMNS]);

#endif

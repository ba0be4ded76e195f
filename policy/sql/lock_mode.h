/*
 * lock_mode.h - PostgreSQL's table lock modes and their conflicts.
 *
 * Source: PostgreSQL documentation, "Explicit Locking", table 13.2; the
 * numbers are those of src/include/storage/lockdefs.h.
 */
#ifndef LOCKSTEP_POLICY_SQL_LOCK_MODE_H
#define LOCKSTEP_POLICY_SQL_LOCK_MODE_H

#include <stdbool.h>

enum lock_mode {
	LOCK_NONE = 0,
	LOCK_ACCESS_SHARE = 1,
	LOCK_ROW_SHARE = 2,
	LOCK_ROW_EXCLUSIVE = 3,
	LOCK_SHARE_UPDATE_EXCLUSIVE = 4,
	LOCK_SHARE = 5,
	LOCK_SHARE_ROW_EXCLUSIVE = 6,
	LOCK_EXCLUSIVE = 7,
	LOCK_ACCESS_EXCLUSIVE = 8,
};

/* The mode as LOCK TABLE takes it, "ACCESS EXCLUSIVE"; static. */
const char *lock_mode_sql(enum lock_mode mode);

/* The mode as pg_locks shows it, "AccessExclusiveLock"; static. */
const char *lock_mode_name(enum lock_mode mode);

/* The mode that pg_locks shows so; LOCK_NONE if there is no such name. */
enum lock_mode lock_mode_from_name(const char *name);

/* True if two sessions cannot hold these modes on one table at a time. */
bool lock_mode_conflicts(enum lock_mode a, enum lock_mode b);

/* True if `outer` conflicts with all that `inner` conflicts with. */
bool lock_mode_covers(enum lock_mode outer, enum lock_mode inner);

/* The weakest mode that covers both. */
enum lock_mode lock_mode_join(enum lock_mode a, enum lock_mode b);

#endif

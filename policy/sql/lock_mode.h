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

/* As LOCK TABLE takes it: "ACCESS EXCLUSIVE". */
const char *lock_mode_sql(enum lock_mode mode);

/* As pg_locks shows it: "AccessExclusiveLock". */
const char *lock_mode_name(enum lock_mode mode);

/* LOCK_NONE if there is no such name. */
enum lock_mode lock_mode_from_name(const char *name);

bool lock_mode_conflicts(enum lock_mode a, enum lock_mode b);

#endif

#include "policy/sql/lock_mode.h"

#include <string.h>

#define BIT(mode) (1u << (mode))

/* Indexed by mode; `conflicts` has one bit for each mode of table 13.2. */
static const struct {
	const char *sql;
	const char *name;
	unsigned conflicts;
} modes[] = {
    [LOCK_NONE] = {"NONE", "NoLock", 0},
    [LOCK_ACCESS_SHARE] = {"ACCESS SHARE", "AccessShareLock",
			   BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_ROW_SHARE] = {"ROW SHARE", "RowShareLock",
			BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_ROW_EXCLUSIVE] = {"ROW EXCLUSIVE", "RowExclusiveLock",
			    BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
				BIT(LOCK_EXCLUSIVE) |
				BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_SHARE_UPDATE_EXCLUSIVE] = {"SHARE UPDATE EXCLUSIVE",
				     "ShareUpdateExclusiveLock",
				     BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
					 BIT(LOCK_SHARE) |
					 BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
					 BIT(LOCK_EXCLUSIVE) |
					 BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_SHARE] = {"SHARE", "ShareLock",
		    BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
			BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
			BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_SHARE_ROW_EXCLUSIVE] =
	{"SHARE ROW EXCLUSIVE", "ShareRowExclusiveLock",
	 BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
	     BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
	     BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_EXCLUSIVE] = {"EXCLUSIVE", "ExclusiveLock",
			BIT(LOCK_ROW_SHARE) | BIT(LOCK_ROW_EXCLUSIVE) |
			    BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE) |
			    BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
			    BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE)},
    [LOCK_ACCESS_EXCLUSIVE] = {"ACCESS EXCLUSIVE", "AccessExclusiveLock",
			       BIT(LOCK_ACCESS_SHARE) | BIT(LOCK_ROW_SHARE) |
				   BIT(LOCK_ROW_EXCLUSIVE) |
				   BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
				   BIT(LOCK_SHARE) |
				   BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
				   BIT(LOCK_EXCLUSIVE) |
				   BIT(LOCK_ACCESS_EXCLUSIVE)},
};

const char *
lock_mode_sql(enum lock_mode mode)
{
	return modes[mode].sql;
}

const char *
lock_mode_name(enum lock_mode mode)
{
	return modes[mode].name;
}

enum lock_mode
lock_mode_from_name(const char *name)
{
	enum lock_mode mode;

	for (mode = LOCK_ACCESS_SHARE; mode <= LOCK_ACCESS_EXCLUSIVE; mode++)
		if (strcmp(modes[mode].name, name) == 0)
			return mode;
	return LOCK_NONE;
}

bool
lock_mode_conflicts(enum lock_mode a, enum lock_mode b)
{
	return (modes[a].conflicts & BIT(b)) != 0;
}

bool
lock_mode_covers(enum lock_mode outer, enum lock_mode inner)
{
	for (int m = LOCK_ACCESS_SHARE; m <= LOCK_ACCESS_EXCLUSIVE; m++) {
		if (lock_mode_conflicts(inner, (enum lock_mode)m) &&
		    !lock_mode_conflicts(outer, (enum lock_mode)m))
			return false;
	}
	return true;
}

enum lock_mode
lock_mode_join(enum lock_mode a, enum lock_mode b)
{
	enum lock_mode mode = LOCK_NONE;

	while (!lock_mode_covers(mode, a) || !lock_mode_covers(mode, b))
		mode++;
	return mode;
}

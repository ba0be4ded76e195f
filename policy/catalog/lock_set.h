/*
 * lock_set.h - statement facts -> one catalog query -> the relations that
 * the statements will lock.
 *
 * The query runs on the client's own server connection, so that it sees what
 * the client sees; it reads pg_catalog only, takes no lock on any user
 * relation, and names every function, operator and type with its schema: a
 * hostile search_path must not run code.  It serves PostgreSQL 13 to 18.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_LOCK_SET_H
#define LOCKSTEP_POLICY_CATALOG_LOCK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/row.h"
#include "policy/sql/lock_mode.h"
#include "policy/sql/statement.h"

/* The columns of lock_set_query()'s answer, in its order: X(id, name). */
#define LOCK_SET_COLUMN_TABLE(X)                                               \
	X(LOCK_SET_RELID, relid)                                               \
	X(LOCK_SET_RELKIND, relkind)                                           \
	X(LOCK_SET_NAME, name)                                                 \
	X(LOCK_SET_MODE, mode)                                                 \
	X(LOCK_SET_LOCKABLE, is_lockable)                                      \
	X(LOCK_SET_BEFORE, before)                                             \
	X(LOCK_SET_PHASE, phase)                                               \
	X(LOCK_SET_OWNER, owner)

enum lock_set_column {
#define X(id, name) id,
	LOCK_SET_COLUMN_TABLE(X)
#undef X
	    LOCK_SET_COLUMNS,
};

enum {
	LOCK_SET_PARAMS = 8,  /* lock_set_query's $1 .. $n */
	LOCK_SET_MAX = 20000, /* relations; a larger set is not guarded */
};

struct lock_item {
	uint32_t relid;
	char relkind; /* pg_class.relkind */
	char *name;   /* owned: schema.relation, quoted as the server quotes */
	enum lock_mode mode;
	/* When PostgreSQL comes to it: 1 named by the statement or locked with
	 * what is named, 2 as a dependent, 3 as the objects are deleted, 4 to
	 * let it go at once. */
	int phase;
	/* An attempt can take it: by LOCK TABLE or, where there is an owner,
	 * in the only way for that (attempt.sql). */
	bool is_lockable;
	char *owner; /* owned; quoted; NULL: LOCK TABLE, if at all */
	/* In the set, or in this mode, because of what is remembered. */
	bool is_remembered;
	enum lock_mode own_mode; /* without that; NONE: not a member */
	/*
	 * Members of the set that referenced-first puts before this one: what
	 * its foreign keys reference, and its partition or inheritance
	 * parents.  Owned, may name relations outside the set and itself.
	 */
	uint32_t *before;
	size_t before_count;
};

struct lock_set {
	struct lock_item *items; /* owned */
	size_t count;
};

/*
 * The query's text for the kinds of targets that these statements have, with
 * $1 .. $LOCK_SET_PARAMS of declared types: allocated, the caller's to free.
 * NULL: out of memory.
 */
char *lock_set_query(const struct statement *statements, size_t count);

/*
 * The parameters, text format, for the targets of these statements; each
 * string is allocated and the caller's to free.  False: out of memory, and
 * nothing is allocated.  What the session's search_path does not find is
 * left out by the query, not an error.
 */
bool lock_set_params(char *params[LOCK_SET_PARAMS],
		     const struct statement *statements, size_t count);

/*
 * Add one row of the answer: LOCK_SET_COLUMNS values in text format, in the
 * order of the query's columns.  False: the row has not the expected shape,
 * the set is full, or memory is out; the set stays valid.
 */
bool lock_set_add_row(struct lock_set *set,
		      const struct row_value values[LOCK_SET_COLUMNS]);

/*
 * Likewise, where a relation may come in several rows, which become one item:
 * of the strongest mode and the earliest phase.
 */
bool lock_set_merge_row(struct lock_set *set,
			const struct row_value values[LOCK_SET_COLUMNS]);

/*
 * Put an item, taken with what it owns, at the end.  False: the set is full, or
 * memory is out; the set stays valid, and the item the caller's.
 */
bool lock_set_append(struct lock_set *set, const struct lock_item *item);

/*
 * True if every item of `inner` is in `outer` with a mode at least as strong
 * (equal or conflicting with all that the other conflicts with).  False also
 * when out of memory.
 */
bool lock_set_covers(const struct lock_set *outer,
		     const struct lock_set *inner);

/* The item of a relation, borrowed from the set.  NULL: it is no member. */
const struct lock_item *lock_set_item(const struct lock_set *set,
				      uint32_t relid);

/* Have no attempt lock anything of the set. */
void lock_set_leave_unlocked(struct lock_set *set);

/* A sentence for a set that lacks a right: which one to grant. */
extern const char lock_set_right[];

/* True if only the role's rights keep a table of the set from being locked. */
bool lock_set_lacks_right(const struct lock_set *set);

/* The place of a relation in a set: items[at]. */
struct lock_set_place {
	uint32_t relid;
	size_t at;
};

/*
 * The places of all items, sorted by relid: allocated, the caller's to free.
 * NULL: out of memory.
 */
struct lock_set_place *lock_set_places(const struct lock_set *set);

/* The index into `places` of a relation; `count` if it is not there. */
size_t lock_set_find(const struct lock_set_place *places, size_t count,
		     uint32_t relid);

/* Free what an item owns; it is not to be used any more. */
void lock_item_clear(struct lock_item *item);

/* Free all that the set owns; accepts a zeroed one. */
void lock_set_clear(struct lock_set *set);

#endif

/*
 * memory.h - migrations remembered: for a transaction that began in a certain
 * way, the relations that it went on to lock.  Shared by all workers; every
 * function locks it.  Only guarded statements come here.
 *
 * Relations are remembered by name: whoever asks looks them up anew.  All is
 * bounded: what is too old is forgotten, and so is what was asked for least
 * lately.  A role has a part of the room only, and makes its own forgotten to
 * stay in it.
 */
#ifndef LOCKSTEP_PROXY_GUARD_MEMORY_H
#define LOCKSTEP_PROXY_GUARD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/lock_set.h"
#include "policy/guard/recollection.h"
#include "policy/sql/statement.h"

enum {
	MEMORY_AGE_MS = 24 * 3600 * 1000, /* a relation is remembered so long */
	MEMORY_MAX = 512,                 /* beginnings of transactions */
	MEMORY_OF_ROLE_MAX = 64,          /* a role's in a database */
	MEMORY_RELATIONS_MAX = 256,       /* for each, and in one set */
	MEMORY_BYTES_MAX = 1 << 20,       /* all of it together */
	MEMORY_OF_ROLE_BYTES_MAX = MEMORY_BYTES_MAX / 8,
	MEMORY_NAME_BYTES = 64, /* as the server cuts names */
	MEMORY_TELLS_MAX = 256, /* relations, in one answer */
};

/* How a transaction began, and whose it is. */
struct memory_key {
	char database[MEMORY_NAME_BYTES];
	char user[MEMORY_NAME_BYTES];
	char application_name[MEMORY_NAME_BYTES];
	bool is_utf8;       /* names are in UTF-8; else they are in ASCII */
	uint64_t shape;     /* all up to its first guarded statement */
	uint64_t statement; /* the shape of this statement alone */
};

struct memory;

/* A memory of nothing.  NULL: out of memory. */
struct memory *memory_new(void);

/* Free it, when nobody uses it any more.  Accepts NULL. */
void memory_free(struct memory *m);

/*
 * Note that a transaction which began so wants the relations of the set, as far
 * as they are fit to be remembered, in their modes or stronger ones; both are
 * borrowed for the call.  Out of memory: not all of it is noted.
 */
void memory_learn(struct memory *m, const struct memory_key *key,
		  const struct lock_set *set, uint64_t now_ms);

/*
 * Make *out a statement with a TARGET_LOCK for each relation that such a
 * transaction went on to lock, for statement_list_clear to free.  False: there
 * is none, or memory is out, and *out is empty.
 */
bool memory_recall(struct memory *m, const struct memory_key *key,
		   uint64_t now_ms, struct statement_list *out);

/*
 * Such a transaction, of since_ms, has committed: forget what none has wanted
 * since.
 */
void memory_settle(struct memory *m, const struct memory_key *key,
		   uint64_t since_ms);

/* Called by memory_tell for each relation, which is borrowed for the call
 * and in which the memory may not be used. */
typedef void memory_tell_fn(void *arg, const struct recollection *r);

/*
 * Tell what transactions went on to lock whose first guarded statement has the
 * key's `statement`, whatever stood before it, and whichever application_name
 * they had: those of the key's role in its database.  Names that the key's
 * encoding cannot have are left out.  What was asked for last comes first.
 */
void memory_tell(struct memory *m, const struct memory_key *key,
		 uint64_t now_ms, memory_tell_fn *tell, void *arg);

#endif

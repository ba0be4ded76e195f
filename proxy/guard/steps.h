/*
 * steps.h - the foreign keys that go before a statement which would drop them,
 * and how far that has come.
 */
#ifndef LOCKSTEP_PROXY_GUARD_STEPS_H
#define LOCKSTEP_PROXY_GUARD_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/drop_keys.h"
#include "policy/sql/statement.h"

/* A zeroed one is empty and valid. */
struct steps {
	struct drop_keys keys; /* owned */
	size_t next;           /* index of the key behind the one under way */
	bool was_asked;        /* for the keys: once for a statement */
	bool is_saved;         /* for when the time would be over */
	bool is_under_way;     /* a key is prepared for, or dropped */
	bool is_over;          /* an error: no other key goes */
	bool is_to_undo;       /* an error has left the transaction open */
	bool is_on_trial;      /* our bound on waits for locks is set */
	uint64_t begun_ms;     /* the statement was; 0: nothing was asked */
	uint32_t hold_timeout_ms;   /* as the statement had it at first */
	char *sql;                  /* owned; what drops the key under way */
	struct statement_list list; /* owned; its facts */
	char *left; /* owned; report_steps_left; NULL: nothing is left */
};

/* Go to the next key.  False: there is none, or its statement cannot be judged;
 * then no other goes. */
bool steps_next(struct steps *s);

/* The key under way, borrowed; there must be one. */
struct drop_key *steps_key(const struct steps *s);

/* Note that the key under way is gone. */
void steps_note_gone(struct steps *s);

/* Note that it is not known whether the key under way is gone. */
void steps_note_doubt(struct steps *s);

/* The number of keys that are gone. */
size_t steps_gone(const struct steps *s);

/* Free all that is owned; accepts a zeroed one, and leaves one. */
void steps_clear(struct steps *s);

#endif

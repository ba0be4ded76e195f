/*
 * prepared.h - which prepared statements and portals of a session are guarded
 * DDL: a prepared statement may run much later than it was parsed.
 *
 * Ordinary statements are not remembered; an ordinary session pays two NULL
 * pointers.  Every message told here was sent, and the server may yet refuse or
 * skip it: a guarded statement that is closed or replaced is therefore only
 * leaving until the cycle has ended well, and comes back if it has not.  An
 * entry may also outlive the server's (DEALLOCATE of one name, the end of a
 * transaction); executing it then fails in the server as it would anyway.
 */
#ifndef LOCKSTEP_PROXY_GUARD_PREPARED_H
#define LOCKSTEP_PROXY_GUARD_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/statement.h"
#include "protocol/span.h"

enum {
	PREPARED_MAX = 1000, /* entries of each kind; more are not guarded */
};

/* Statement facts, shared by a statement and the portals made of it. */
struct prepared_facts {
	struct statement_list list;
	uint64_t shape;     /* that of the text, for whoever made this to set */
	unsigned int users; /* uses that keep it alive */
};

struct prepared_entry;

struct prepared {
	struct prepared_entry *statements; /* owned */
	struct prepared_entry *portals;    /* owned */
	bool has_leaving;  /* one of the statements is leaving */
	bool is_uncertain; /* a name that stands here may be free again */
};

/*
 * Note a Parse; facts is NULL if the statement is not guarded, else one use of
 * it is taken.  A name that is taken stays what it was: the server refuses the
 * Parse.  Out of memory, or at PREPARED_MAX: the statement is not guarded.
 */
void prepared_parse(struct prepared *p, struct span statement,
		    struct prepared_facts *facts);

/* Note a Bind.  True: the statement is guarded, and so the portal is. */
bool prepared_bind(struct prepared *p, struct span portal,
		   struct span statement);

/* Note a Close; kind is 'S' or 'P'. */
void prepared_close(struct prepared *p, uint8_t kind, struct span name);

/* A ReadyForQuery came: the statements that were leaving are gone. */
void prepared_settle(struct prepared *p);

/* An ErrorResponse came: the statements that were leaving stay. */
void prepared_restore(struct prepared *p);

/* DEALLOCATE ALL or DISCARD ALL was done: forget all statements. */
void prepared_clear_statements(struct prepared *p);

/* DEALLOCATE was done, of a name that the answer does not tell: any name may be
 * free again. */
void prepared_doubt(struct prepared *p);

/*
 * The facts of a portal, borrowed until it changes.  NULL: it is not guarded.
 */
struct prepared_facts *prepared_portal(const struct prepared *p,
				       struct span portal);

/* Facts with one use, the caller's.  *list is taken.  NULL: out of memory, and
 * *list is cleared. */
struct prepared_facts *prepared_facts_new(struct statement_list *list);

/* Take one more use. */
void prepared_facts_use(struct prepared_facts *facts);

/* Give a use back; the last one frees the facts.  Accepts NULL. */
void prepared_facts_drop(struct prepared_facts *facts);

/* Free all that is remembered. */
void prepared_clear(struct prepared *p);

#endif

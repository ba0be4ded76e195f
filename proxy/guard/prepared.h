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
 *
 * One guarded statement that is replaced by another in a cycle that fails is
 * taken for that other, whether or not the server has come to its Parse.
 */
#ifndef LOCKSTEP_PROXY_GUARD_PREPARED_H
#define LOCKSTEP_PROXY_GUARD_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/guard/prepared_facts.h"

enum {
	PREPARED_MAX = 1000, /* entries of each kind; more are not guarded */
};

struct prepared_entry;

struct prepared {
	struct prepared_entry *statements; /* owned */
	struct prepared_entry *portals;    /* owned */
	struct prepared_room room;         /* counts what both keep */
	bool has_leaving;  /* one of the statements is leaving */
	bool is_uncertain; /* a name that stands here may be free again */
};

/*
 * Note a Parse; facts is NULL if the statement is not guarded, else one use of
 * it is taken.  A name that is taken stays what it was: the server refuses the
 * Parse.  False: out of memory, or at PREPARED_MAX, and the statement is not
 * guarded.
 */
bool prepared_parse(struct prepared *p, struct span statement,
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

/* Free all that is remembered. */
void prepared_clear(struct prepared *p);

#endif

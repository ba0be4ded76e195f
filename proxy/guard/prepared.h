/*
 * prepared.h - which prepared statements and portals of a session are guarded
 * DDL: a prepared statement may run much later than it was parsed.
 *
 * Ordinary statements are not remembered; an ordinary session pays two NULL
 * pointers.  What is told here was sent, and the server may yet refuse or skip
 * it: a guarded statement that is closed or replaced is therefore only
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
	unsigned int users;
};

struct prepared_entry;

struct prepared {
	struct prepared_entry *statements;
	struct prepared_entry *portals;
	bool has_leaving;  /* statements */
	bool is_uncertain; /* a name that stands here may be free again */
};

/*
 * Parse: facts NULL if the statement is not guarded.  Takes one use of facts.
 * A name that is taken stays what it was: the server refuses the Parse.
 */
void prepared_parse(struct prepared *p, struct span statement,
		    struct prepared_facts *facts);

/* Bind: the portal is guarded if the statement is; tells which. */
bool prepared_bind(struct prepared *p, struct span portal,
		   struct span statement);

/* Close; kind 'S' or 'P'. */
void prepared_close(struct prepared *p, uint8_t kind, struct span name);

/* A ReadyForQuery, an ErrorResponse: what was leaving is gone, or stays. */
void prepared_settle(struct prepared *p);
void prepared_restore(struct prepared *p);

/* DEALLOCATE ALL, DISCARD ALL; and DEALLOCATE of a name nobody told us. */
void prepared_clear_statements(struct prepared *p);
void prepared_doubt(struct prepared *p);

/* Execute: borrowed until the portal changes; NULL if it is not guarded. */
struct prepared_facts *prepared_portal(const struct prepared *p,
				       struct span portal);

/* Takes *list.  NULL: out of memory, the list is cleared. */
struct prepared_facts *prepared_facts_new(struct statement_list *list);
void prepared_facts_use(struct prepared_facts *facts);
void prepared_facts_drop(struct prepared_facts *facts); /* accepts NULL */

void prepared_clear(struct prepared *p);

#endif

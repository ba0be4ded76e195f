/*
 * recollection.h - how a running Lockstep is asked what it remembers of
 * migrations, and how it tells.
 *
 * The question is the name of a prepared statement.  It reaches the server as
 * any name does, which knows nothing of it: so it costs nothing where there is
 * no Lockstep.  Where there is one, it adds notices to the server's answer: one
 * without a detail, and one for each relation.
 */
#ifndef LOCKSTEP_POLICY_GUARD_RECOLLECTION_H
#define LOCKSTEP_POLICY_GUARD_RECOLLECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/lock_mode.h"

#define RECOLLECTION_SQLSTATE "LKSTR"

enum {
	RECOLLECTION_NAME_BYTES = 36, /* the NUL of a question included */
};

/* A relation that transactions went on to lock; all is borrowed. */
struct recollection {
	const char *relation; /* schema.relation, as the server quotes it */
	const char *application_name;
	enum lock_mode mode;
	uint64_t age_ms; /* since it was wanted for the last time */
};

/* Write the question: for transactions whose first guarded statement has this
 * shape. */
void recollection_ask(char name[RECOLLECTION_NAME_BYTES], uint64_t shape);

/* True if the name is such a question; *shape is then what it asks for. */
bool recollection_is_asked(uint64_t *shape, const char *name, size_t len);

/* The detail of a relation's notice, the caller's to free; its hint is the
 * application_name as it is.  NULL: out of memory. */
char *recollection_detail(const struct recollection *r);

/* Read a detail, which r->relation then borrows from; the application_name is
 * left as it was.  False: it does not have that form. */
bool recollection_read(struct recollection *r, const char *detail);

#endif

/*
 * statement_unknown.h - a statement that the grammar at hand does not know: the
 * names in it, token by token.
 *
 * The server may be newer than the grammar.  What such a statement locks nobody
 * here can tell, but it can only lock what it names, or what hangs on that: so
 * each name that may be a relation's becomes a target, in the strongest mode
 * there is.  The catalogs tell which of them are.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_UNKNOWN_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_UNKNOWN_H

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

enum {
	UNKNOWN_NAMES_MAX = 100, /* different ones; more are left out */
	/* A part of a name that is longer is none. */
	UNKNOWN_NAME_BYTES_MAX = 1024,
};

/* The tag of every such statement, for rules and for people. */
extern const char statement_unknown_tag[];

/* True for a text, without anything around it, that begins like DDL: whatever
 * follows may lock tables. */
bool statement_unknown_may_lock(struct statement_text text);

/*
 * Read such a text, and claim the statement, which is zero but for its place;
 * one that names nothing is left as it is.  Linear in the text but for a bound.
 *
 * STATEMENT_OK, or STATEMENT_NO_MEMORY: what was read is the caller's to free.
 */
enum statement_status statement_unknown_read(struct statement *out,
					     struct statement_text text);

/* Keep a copy of the text, which the server may know.  False: out of memory. */
bool statement_unknown_keep(struct statement *out, struct statement_text text);

#endif

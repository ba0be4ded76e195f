/*
 * explain_server.h - what `lockstep explain` asks the server, as an ordinary
 * client of it.  Catalogs only, in read-only transactions: no relation of the
 * user's is locked, and nothing waits for whoever locks one.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_SERVER_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_SERVER_H

#include <stdbool.h>
#include <stdio.h>

#include "policy/catalog/session_facts.h"
#include "policy/guard/overrides.h"
#include "policy/sql/statement.h"
#include "proxy/explain/explain_question.h"
#include "proxy/explain/explain_report.h"

struct pg_conn;

struct explain_server {
	struct pg_conn *connection; /* owned */
	struct session_facts facts;
	struct overrides overrides;
};

/*
 * Connect and read the facts and settings of the session.  False: that failed,
 * and the reason is on `errors`.  explain_server_close follows in either case.
 */
bool explain_server_open(struct explain_server *s, const char *conninfo,
			 FILE *errors);

/* Disconnect, and free all that *s owns. */
void explain_server_close(struct explain_server *s);

/* The reason of an EXPLAIN_LOST, which ends in a newline; borrowed until the
 * next question. */
const char *explain_server_loss(const struct explain_server *s);

/* True if the session reads a backslash in '...' as one: then texts with one
 * are not judged. */
bool explain_server_has_plain_backslashes(const struct explain_server *s);

/*
 * Let the server parse the text and go no further.  EXPLAIN_REFUSED: *error is
 * the message, the caller's to free.
 */
enum explain_answer explain_server_parse(struct explain_server *s,
					 const char *sql, char **error);

/*
 * Fill r->set, in no order, for a statement that has a plan.  EXPLAIN_ANSWERED
 * with the verdict EXPLAIN_UNPLANNED: the set is larger than any that is
 * guarded.  EXPLAIN_REFUSED: r->error is set.
 */
enum explain_answer explain_server_lock_set(struct explain_server *s,
					    struct explain_report *r,
					    const struct statement *statement);

/* Fill r->holders, for the set in its final order; answers as above. */
enum explain_answer explain_server_holders(struct explain_server *s,
					   struct explain_report *r);

/*
 * Fill r->users.  fleet: the CONNINFO by which the Locksteps of a fleet speak;
 * NULL: there is none.  Answers as above.
 */
enum explain_answer explain_server_users(struct explain_server *s,
					 struct explain_report *r,
					 const char *fleet);

#endif

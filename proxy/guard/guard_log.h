/*
 * guard_log.h - what the operator and the psql user are told of a guarded
 * statement: one log line at its end, notices while it waits, its error.
 */
#ifndef LOCKSTEP_PROXY_GUARD_GUARD_LOG_H
#define LOCKSTEP_PROXY_GUARD_GUARD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "policy/sql/trace.h"
#include "protocol/span.h"
#include "proxy/pair/unjudged.h"

struct daemon;
struct drop_key;
struct guarded;
struct log_event;
struct pair;
struct replay;

struct guard_log {
	uint64_t id; /* in the history, and in the line; 0: in neither */
	const char *statement; /* "DROP TABLE", static */
	struct trace trace;    /* the one that its text tells of, if any */
	uint64_t begun_ms;
	uint64_t run_ms; /* when the statement was sent; 0: it was not */
	/* The command tag or SQLSTATE that the statement ended with. */
	char result[64];
	bool has_failed; /* the result is an SQLSTATE */
	char why[128];   /* why it could not be planned; empty: it could */
	/* Why its transaction was not started over, borrowed; NULL: that was
	 * not thought of. */
	const char *no_replay;
	size_t steps;  /* foreign keys that have gone before it */
	bool can_step; /* such could go before it, by its text and its set */
	uint64_t next_held_ms; /* when its wait is next worth a line */
	/* A text of what these have left, borrowed; NULL: nothing. */
	const char *left;
};

/* Note `len` bytes of a command tag, or of an SQLSTATE, a copy, cut if too
 * long.
 */
void guard_log_result(struct guard_log *l, const void *tag, size_t len);
void guard_log_failed(struct guard_log *l, const void *sqlstate, size_t len);

/* Note a message of this type that answers the statement, if it tells the
 * result: raw, or the front of it. */
void guard_log_answer(struct guard_log *l, uint8_t type, struct span raw);

/* Note why there is no plan: the server's error, raw, or empty if its answer
 * was odd. */
void guard_log_why(struct guard_log *l, struct span error);

/* Note why there is no plan, in our own words. */
void guard_log_because(struct guard_log *l, const char *why);

/* True for an outcome that is not worth a line: a DROP that locks one table. */
bool guard_log_is_ordinary(enum guard_outcome outcome);

/* Why there is no plan, for a statement whose outcome says so; borrowed from
 * *l, or static. */
const char *guard_log_reason(const struct guard_log *l,
			     const struct guard_account *a);

/* Write the line of the log for a statement that has ended, or was passed. */
void guard_log_outcome(const struct guard_log *l, const struct guarded *of,
		       const struct guard *g, uint64_t now_ms);

/* Log that the statement is held, for whom, and when that is next worth a
 * line: the time that it is held doubles from one to the next. */
void guard_log_held(struct guard_log *l, const struct pair *p,
		    const struct guard *g, uint64_t now_ms);

/* Log that the transaction of a statement was started over: it has come there
 * again, with the locks that the guard tells of. */
void guard_log_replay(const struct guard_log *l, const struct guarded *of,
		      const struct guard *g, const struct replay *r,
		      uint64_t now_ms);

/* Add to a line of the log how far the guard has come with a statement. */
void guard_log_describe(const struct guard *g, uint64_t now_ms,
			struct log_event *e);

/* Log that so many statements could have been guarded and were not. */
void guard_log_unguarded(const struct pair *p, size_t statements);

/* Log that a statement passes whose locks cannot be planned, its tag, and how
 * many have. */
void guard_log_unplanned(const struct pair *p, const char *statement);

/* Log that names change within a statement, its tag, so that what it locks
 * behind that is not planned, and how many such there have been. */
void guard_log_unfollowed(const struct pair *p, const char *statement);

/* Log that a text passes that could not be looked into, and why; count it. */
void guard_log_unjudged(const struct pair *p, enum unjudged why);

/* Count a text that the grammar does not know, in whole or in part, and log it,
 * without its literals, if it is the first of its shape. */
void guard_log_unparsed(const struct pair *p, struct span sql);

/* Log how many statements and texts have passed so, since the start. */
void guard_log_passed(const struct daemon *d);

/* Log that a setting of the session's makes no sense, and warn the client too
 * if tells_client. */
void guard_log_warn(struct pair *p, const char *text, bool tells_client);

/* Tell the client, if the statement takes tables that are remembered.  False:
 * the pair is closing. */
bool guard_log_remembered(const struct guard_log *l, struct pair *p,
			  const struct guard *g, uint64_t now_ms);

/* Log that a foreign key has gone before the statement, and tell the client.
 * False: the pair is closing. */
bool guard_log_step(const struct guard_log *l, struct pair *p,
		    const struct guard *g, const struct drop_key *key,
		    uint64_t now_ms);

/* Log that the session ended while a key was dropped, which may be gone. */
void guard_log_doubt(const struct guard_log *l, const struct pair *p,
		     const struct drop_key *key);

/*
 * Send the client the notice of a statement that waits, or the error of one
 * that is refused, whose SQLSTATE becomes the result.  False: the pair is
 * closing.
 */
bool guard_log_notify(const struct guard_log *l, struct pair *p,
		      const struct guard *g, uint64_t now_ms);
bool guard_log_refuse(struct guard_log *l, struct pair *p,
		      const struct guard *g, uint64_t now_ms);

#endif

/*
 * ledger.h - which statements of a client's have taken effect in its server:
 * each run is counted, and taken off again where it is undone.
 *
 * A statement is known by a number in its text, select 1, then 7 in a comment.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_LEDGER_H
#define LOCKSTEP_TESTS_SUPPORT_LEDGER_H

#include "tests/support/scripted_server.h"

enum {
	LEDGER_STATEMENTS = 512,
	LEDGER_PENDING = 4096,
	LEDGER_SAVEPOINTS = 64,
};

struct ledger {
	uint16_t runs[LEDGER_STATEMENTS]; /* that were not undone */
	uint16_t pending[LEDGER_PENDING]; /* numbers: may still be undone */
	size_t count;
	size_t mark; /* how many there were at our savepoint */
	size_t marks[LEDGER_SAVEPOINTS];  /* and at each of the client's */
	uint16_t ever[LEDGER_STATEMENTS]; /* runs, undone ones as well */
	char status;                      /* as it was before the statement */
};

/* The number in a statement's text.  -1: it has none. */
static inline int
ledger_number(const char *sql)
{
	const char *comment = strstr(sql, "/*");

	return comment != NULL ? atoi(comment + 2) : -1;
}

static inline void
ledger_undo(struct ledger *l, size_t down_to)
{
	while (l->count > down_to)
		l->runs[l->pending[--l->count]]--;
}

static inline void
ledger_commit(struct ledger *l)
{
	l->count = 0;
	l->mark = 0;
}

static inline void
ledger_note_run(struct ledger *l, const char *sql)
{
	int number = ledger_number(sql);

	if (number < 0)
		return;
	assert_true(number < LEDGER_STATEMENTS);
	assert_true(l->count < LEDGER_PENDING);
	l->runs[number]++;
	l->ever[number]++;
	l->pending[l->count++] = (uint16_t)number;
}

static inline void
ledger_note_error(struct ledger *l, const struct scripted_server *s)
{
	if (s->status == TRANSACTION_IDLE)
		ledger_undo(l, 0);
}

/* One of the client's savepoints, of which there are s->savepoints now. */
static inline void
ledger_note_savepoint(struct ledger *l, const struct scripted_server *s,
		      const char *sql)
{
	assert_true(s->savepoints < LEDGER_SAVEPOINTS);
	if (server_begins(sql, "savepoint"))
		l->marks[s->savepoints] = l->count;
	else if (server_begins(sql, "rollback"))
		ledger_undo(l, l->marks[s->savepoints]);
}

static inline bool
ledger_is_savepoint(const char *sql)
{
	return server_begins(sql, "savepoint ") ||
	       server_begins(sql, "rollback to ") ||
	       server_begins(sql, "release ");
}

/* A statement has ended, the client's or ours. */
static inline void
ledger_note(struct ledger *l, const struct scripted_server *s, const char *sql)
{
	if (s->has_failed)
		ledger_note_error(l, s);
	else if (ledger_is_savepoint(sql) && strstr(sql, "_lockstep") == NULL)
		ledger_note_savepoint(l, s, sql);
	else if (server_begins(sql, "rollback to"))
		ledger_undo(l, l->mark);
	else if (server_begins(sql, "rollback") ||
		 (server_begins(sql, "commit") &&
		  l->status == TRANSACTION_FAILED))
		ledger_undo(l, 0);
	else if (server_begins(sql, "commit"))
		ledger_commit(l);
	else if (server_begins(sql, "savepoint"))
		l->mark = l->count;
	else if (!server_begins(sql, "begin") && !server_begins(sql, "release"))
		ledger_note_run(l, sql);
}

/* A message has been dealt with: where no block is open, all is committed, or
 * undone. */
static inline void
ledger_note_message(struct ledger *l, const struct scripted_server *s,
		    uint8_t type)
{
	if (s->has_failed)
		ledger_note_error(l, s);
	if (type == FRONTEND_COPY_DONE && s->copies_in_cycle)
		return;
	if (strchr("QSc", type) != NULL && s->status == TRANSACTION_IDLE &&
	    !s->in_copy)
		ledger_commit(l);
}

#endif

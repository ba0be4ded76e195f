/*
 * inject.h - statements of the proxy's own on a client's server connection.
 *
 * Always in the extended protocol, under names of our own that are closed
 * again: a simple Query would destroy the client's unnamed statement and
 * portal.
 */
#ifndef LOCKSTEP_PROXY_GUARD_INJECT_H
#define LOCKSTEP_PROXY_GUARD_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/writer.h"

struct guarded;

enum {
	INJECT_NAME_BYTES = 24, /* "_lockstep4294967295" */
};

/* A zeroed one with its guarded set is empty and valid. */
struct injection {
	struct guarded *guarded; /* the session; borrowed */
	struct writer out;       /* the messages that are not sent yet */
};

/*
 * Add a statement: Parse, Bind, Execute and two Closes.  sql and params, which
 * are `count` text values, are borrowed for the call.  Returns the number of
 * the statement, for guarded.stray_statement.
 */
uint32_t inject_statement(struct injection *i, const char *sql,
			  char *const *params, size_t count);

/*
 * Add a Parse alone, for other statements of ours to EXECUTE until inject_close
 * of its number, which is returned; its name goes to `name`.
 */
uint32_t inject_prepare(struct injection *i, char name[INJECT_NAME_BYTES],
			const char *sql);
void inject_close(struct injection *i, uint32_t number);

/* Add a Close of the client's statement of this name, which is borrowed for the
 * call. */
void inject_close_client(struct injection *i, const char *name);

/*
 * Add a message that makes the server answer: a Sync, which also ends the
 * implicit transaction, or a Flush, which does not.
 */
void inject_sync(struct injection *i);
void inject_flush(struct injection *i);

/* Send all that was added, and free it.  False: the pair is closing, for want
 * of memory perhaps. */
bool inject_send(struct injection *i);

#endif

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

/* A zeroed one with its guarded set is empty and valid. */
struct injection {
	struct guarded *guarded; /* whose connection; borrowed */
	struct writer out;
};

/*
 * Parse, Bind, Execute and two Closes; params are text values.  Returns the
 * number of its statement, for guarded.stray_statement.
 */
uint32_t inject_statement(struct injection *i, const char *sql,
			  char *const *params, size_t count);

/* End it so that the server answers: with or without ending the implicit
 * transaction that it stands in. */
void inject_sync(struct injection *i);
void inject_flush(struct injection *i);

/* Send what was built and forget it.  False: the pair is closing. */
bool inject_send(struct injection *i);

#endif

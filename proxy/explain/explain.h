/*
 * explain.h - `lockstep explain`: what statements would lock, who is in the
 * way, and what the policy would do about it now.  Nothing is run or locked.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_H

#include <stdbool.h>

#include "proxy/config/config.h"

enum {
	EXPLAIN_EXIT_ERROR = 1, /* a statement could not be explained */
	EXPLAIN_EXIT_LOST = 2,  /* no connection, or it was lost */
};

struct explain_options {
	const char *conninfo; /* for libpq; NULL: the defaults */
	const char *sql;      /* "-": one text a line from standard input */
	bool is_json;
};

/*
 * Explain the SQL on standard output.  All is borrowed for the call.  Returns
 * the exit status of the process: EXIT_SUCCESS, or one of the above.
 */
int explain_run(const struct config *config,
		const struct explain_options *options);

#endif

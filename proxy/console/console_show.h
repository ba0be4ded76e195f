/*
 * console_show.h - the rows of what SHOW shows without asking a worker for its
 * sessions.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_SHOW_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_SHOW_H

#include "proxy/console/console_rows.h"
#include "proxy/gate/gate.h"
#include "proxy/pair/daemon.h"

/* Where the rows come from; borrowed. */
struct console_sources {
	struct daemon *daemon;
	const struct gate *gate;      /* the worker's */
	enum console_table described; /* by the client's last Describe */
};

/* Write all rows of a table whose source is CONSOLE_HERE. */
void console_show_here(struct console_rows *r,
		       const struct console_sources *from);

enum {
	CONSOLE_TIME_BYTES = 32,
};

/* The moment that is age_ms ago by the wall clock: "2026-01-31 08:15:00 UTC".
 */
void console_time_ago(char out[CONSOLE_TIME_BYTES], uint64_t age_ms);

#endif

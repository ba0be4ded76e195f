/*
 * http_facts.h - what the answers of the HTTP server are made of, as of one
 * moment.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_FACTS_H
#define LOCKSTEP_PROXY_HTTP_HTTP_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/history/history.h"

struct counts;

enum {
	/* The upstream counts as reached for so long, and is looked at more
	 * often. */
	HTTP_REACHED_MS = 15000,
};

struct http_facts {
	const struct counts *counts; /* borrowed; each worker's */
	size_t workers;
	bool is_listening;
	bool is_draining;
	size_t pauses;     /* by the console */
	bool is_guard_off; /* by the console, or by settings */
	uint32_t connections;
	uint32_t max_connections;
	uint64_t generation; /* that is in force */
	bool is_stale;       /* the last reload has failed */
	uint64_t unjudged;   /* texts that passed so, ever */
	uint64_t unplanned;  /* statements that had no plan, ever */
	uint64_t reached_ms; /* the upstream was, by clock_now_ms; 0: never */
	uint64_t now_ms;     /* by clock_now_ms */
	uint64_t started_s;  /* the process, since 1970 */
	uint64_t wall_ms;    /* now, since 1970 */
	struct history_numbers history;
	const char *fleet; /* the state of its link; NULL: there is none */
};

/* Why no clients are to be sent here, static.  NULL: they can be. */
const char *http_facts_not_ready(const struct http_facts *f);

#endif

/*
 * rescue_base.h - the statements of one database that have been called to the
 * rescue, and the connection by which they are looked after.
 */
#ifndef LOCKSTEP_PROXY_RESCUE_RESCUE_BASE_H
#define LOCKSTEP_PROXY_RESCUE_RESCUE_BASE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/queue.h"
#include "proxy/net/asker.h"
#include "proxy/rescue/rescue_case.h"
#include "proxy/rescue/rescue_pace.h"

enum {
	RESCUE_CASES_MAX = 64,         /* in a database; more are left alone */
	RESCUE_RETRY_LEAST_MS = 1000,  /* pause behind a failure */
	RESCUE_RETRY_MOST_MS = 30000,  /* the same behind many */
	RESCUE_IDLE_MS = 5 * 60 * 1000 /* connected behind the last call */
};

/* Counters from the start of the process. */
struct rescue_counts {
	uint64_t looks;
	uint64_t windows;
	uint64_t failures; /* no connection could be had, or one was lost */
};

struct rescue_base {
	TAILQ_ENTRY(rescue_base) link;
	struct daemon *daemon;        /* borrowed */
	struct rescue_counts *counts; /* borrowed */
	struct asker asker;
	struct event timer;
	TAILQ_HEAD(rescue_cases, rescue_case) cases;
	size_t count;
	struct rescue_case *named; /* whose names are asked for; NULL: nobody's,
				      or it has gone meanwhile */
	bool is_naming;            /* the open question is for names */
	struct gate_names names;   /* that have come so far */
	bool is_called;            /* since the last look began */
	uint64_t heard_ms;         /* the last call */
	struct rescue_pace pace;   /* when the next look may begin */
	uint32_t failures;         /* since a look was answered */
	uint64_t retry_ms;         /* the next connection may */
	char logged_why[ASKER_WHY_BYTES];
	char name[PAIR_NAME_BYTES];
};

TAILQ_HEAD(rescue_bases, rescue_base);

/* Make one of this name, without statements; all but the name are borrowed.
 * NULL: out of memory. */
struct rescue_base *rescue_base_new(struct daemon *d, struct event_base *loop,
				    struct rescue_counts *counts,
				    const char *database);

/* Open all windows, disconnect, and free it; in none of its callbacks. */
void rescue_base_free(struct rescue_base *b);

/* Take a call for a session of this database. */
void rescue_base_hear(struct rescue_base *b, const struct rescue_call *call);

/* True if nothing has been heard for RESCUE_IDLE_MS. */
bool rescue_base_is_idle(const struct rescue_base *b, uint64_t now_ms);

#endif

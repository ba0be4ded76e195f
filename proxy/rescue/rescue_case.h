/*
 * rescue_case.h - one statement that has been called to the rescue: what it
 * waits for, and the windows that are shut for it.
 *
 * Windows are as a guarded statement's are: at most gate_window long, a second
 * and three times as long apart at least, paid for from the allowance of the
 * database, shared with the fleet, and ended by the gate's own clock.
 */
#ifndef LOCKSTEP_PROXY_RESCUE_RESCUE_CASE_H
#define LOCKSTEP_PROXY_RESCUE_RESCUE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/window.h"
#include "proxy/base/queue.h"
#include "proxy/gate/lease.h"
#include "proxy/rescue/rescue_call.h"

enum {
	RESCUE_RELATIONS_MAX = 64, /* for one statement; more are left out */
};

struct rescue_case {
	TAILQ_ENTRY(rescue_case) link;
	struct pair pair; /* no connection: a number, the database, the daemon,
			     the server's pid */
	struct lease lease;
	struct window pace;
	uint64_t until_ms;  /* the last call counts until then */
	bool is_due;        /* the last look has found it waiting, and a window
			       may be shut */
	bool stops_readers; /* from one of the relations at least */
	bool is_told;       /* the log has been, of its first window */
	size_t count;       /* relations that the last look saw */
	uint32_t relids[RESCUE_RELATIONS_MAX];
};

/* A case for the statement of this call.  NULL: out of memory. */
struct rescue_case *rescue_case_new(struct daemon *d,
				    const struct rescue_call *call);

/* Open its window, log what was done for it, and free it. */
void rescue_case_free(struct rescue_case *c, uint64_t now_ms);

/* A look begins: nothing is known of the statement. */
void rescue_case_begin_look(struct rescue_case *c);

/* The look has a relation that the statement waits for or keeps. */
void rescue_case_add(struct rescue_case *c, uint32_t relid, bool stops_readers);

/* The look is over: where nothing was found the window opens, else one may be
 * due. */
void rescue_case_end_look(struct rescue_case *c, uint64_t now_ms);

/* True if one is shut. */
static inline bool
rescue_case_is_shut(const struct rescue_case *c)
{
	return c->lease.window != NULL;
}

/*
 * Shut the gate for these names of the relations, which are taken, sealed or
 * not.  True: it is shut.
 */
bool rescue_case_shut(struct rescue_case *c, struct gate_names *names,
		      uint64_t now_ms);

/* Open the window, if its time is over. */
void rescue_case_expire(struct rescue_case *c, uint64_t now_ms);

/* The time at which something is due for it by itself. */
uint64_t rescue_case_next_ms(const struct rescue_case *c);

#endif

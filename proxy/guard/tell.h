/*
 * tell.h - what the memory holds, for a client that asks.
 */
#ifndef LOCKSTEP_PROXY_GUARD_TELL_H
#define LOCKSTEP_PROXY_GUARD_TELL_H

#include <stdbool.h>

#include "policy/guard/recollection.h"
#include "protocol/span.h"
#include "proxy/pair/pair.h"

struct guarded;

/* False for names of statements that are no question, but for very few. */
static inline bool
tell_may_be_asked(struct span name)
{
	return name.len == RECOLLECTION_NAME_BYTES - 1;
}

/*
 * Answer a question: a Parse with such a name, which goes on to the server as
 * any other.  Notices are sent, those of the session's role in its database
 * alone, and never amid other answers: a client that asks before it has all of
 * them is told nothing.
 */
PAIR_COLD void tell_memory(struct guarded *g, struct span name);

#endif

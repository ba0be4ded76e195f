/*
 * explain_memory.h - what a running Lockstep remembers of migrations, where the
 * connection of `lockstep explain` goes through one.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_MEMORY_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_MEMORY_H

#include "proxy/explain/explain_server.h"

/*
 * Fill r->memory, for a set that is known: with what it has not got itself.  A
 * server without a Lockstep before it tells nothing.  EXPLAIN_LOST: the
 * connection, or memory, is gone.
 */
enum explain_answer explain_memory_ask(struct explain_server *s,
				       struct explain_report *r);

#endif

/*
 * deadlock.h - a post-mortem of each deadlock that the server tells a client
 * of ours of: who waited for whom, as far as they are ours.
 *
 * The server's error names processes; those of sessions of ours are asked, each
 * in its own thread, what they have said (said.h).  They are not waited for:
 * where the other's next transaction has begun by then, that one is told.
 */
#ifndef LOCKSTEP_PROXY_GUARD_DEADLOCK_H
#define LOCKSTEP_PROXY_GUARD_DEADLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/pair/pair.h"

struct guarded;
struct history_side;

/* The client gets this error, an ErrorResponse without its header: if it is a
 * deadlock, keep what can be known of it. */
PAIR_COLD void deadlock_note(const struct guarded *g, struct span body);

/* Tell the history of the session's side in a deadlock of this id. */
void deadlock_tell_side(const struct guarded *g, uint64_t deadlock);

/*
 * Read the sides out of the detail of such an error: pids, who blocks whom and,
 * in English, what each waits for.  Returns how many there are, `max` at most.
 */
size_t deadlock_read_detail(struct history_side *sides, size_t max,
			    struct span detail);

#endif

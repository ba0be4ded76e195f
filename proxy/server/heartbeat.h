/*
 * heartbeat.h - now and then, whether all loops turn, for the watchdog of the
 * service manager, and what the process is doing, for its status.
 *
 * A beat asks each worker to answer.  The watchdog is fed only when all have,
 * those excepted whose loop has ended in a drain: a worker that hangs is never
 * asked twice, and the manager ends the process.
 */
#ifndef LOCKSTEP_PROXY_SERVER_HEARTBEAT_H
#define LOCKSTEP_PROXY_SERVER_HEARTBEAT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>

#include "proxy/server/notify.h"
#include "proxy/server/worker.h"

struct heartbeat {
	struct event event;
	const struct notify *notify;
	const struct daemon *daemon;
	struct worker *workers;
	uint32_t worker_count;
};

/* The pause between two beats. */
uint32_t heartbeat_pause_ms(const struct notify *n);

/*
 * Beat in base's loop from now on, if there is somebody to tell.  All are
 * borrowed until heartbeat_stop; the workers have been started.
 */
void heartbeat_start(struct heartbeat *h, struct event_base *base,
		     const struct notify *n, const struct daemon *d,
		     struct worker *workers);

/* Beat once: feed the watchdog if all have answered the last beat. */
void heartbeat_beat(struct heartbeat *h);

/* Beat no more; also for one that was never started. */
void heartbeat_stop(struct heartbeat *h);

#endif

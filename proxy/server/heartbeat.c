#include "proxy/server/heartbeat.h"

#include <stdbool.h>

#include "proxy/base/clock.h"
#include "proxy/pair/counts.h"

enum {
	LEAST_MS = 10,
	MOST_MS = 10000,
	BEATS_IN_TIME = 4, /* within the patience of the watchdog */
};

uint32_t
heartbeat_pause_ms(const struct notify *n)
{
	uint64_t ms = n->watchdog_us / 1000 / BEATS_IN_TIME;

	if (n->watchdog_us == 0 || ms > MOST_MS)
		return MOST_MS;
	return ms < LEAST_MS ? LEAST_MS : (uint32_t)ms;
}

static bool
heartbeat_all_turn(const struct heartbeat *h)
{
	uint32_t i;

	for (i = 0; i < h->worker_count; i++)
		if (!worker_turns(&h->workers[i]))
			return false;
	return true;
}

static void
heartbeat_tell(const struct heartbeat *h)
{
	const struct daemon *d = h->daemon;
	struct counts_sum sum;

	counts_sum(&sum, d->counts, d->worker_count);
	notify_tell(h->notify,
		    "WATCHDOG=1\nSTATUS=%s: %u sessions, %u guarded "
		    "statements held",
		    atomic_load(&d->is_draining) ? "Draining" : "Serving",
		    atomic_load(&d->connections),
		    (unsigned)sum.cells[COUNT_HELD]);
}

void
heartbeat_beat(struct heartbeat *h)
{
	uint32_t i;

	if (!heartbeat_all_turn(h))
		return;
	heartbeat_tell(h);
	for (i = 0; i < h->worker_count; i++)
		worker_ask(&h->workers[i]);
}

static void
heartbeat_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	heartbeat_beat(arg);
}

void
heartbeat_start(struct heartbeat *h, struct event_base *base,
		const struct notify *n, const struct daemon *d,
		struct worker *workers)
{
	struct timeval pause = clock_timeval(heartbeat_pause_ms(n));

	*h = (struct heartbeat){
	    .notify = n,
	    .daemon = d,
	    .workers = workers,
	    .worker_count = d->worker_count,
	};
	if (n->fd < 0)
		return;
	event_assign(&h->event, base, -1, EV_PERSIST, heartbeat_due, h);
	event_add(&h->event, &pause);
}

void
heartbeat_stop(struct heartbeat *h)
{
	if (h->notify != NULL && h->notify->fd >= 0)
		event_del(&h->event);
	h->notify = NULL;
}

#include "tests/support/virtual_clock.h"

#include <event2/event_struct.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	FIRST_MS = 1000000,
};

static uint64_t now_ms = FIRST_MS;

int
clock_gettime(clockid_t id, struct timespec *out)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, id, out);
	out->tv_sec = (time_t)(now_ms / 1000);
	out->tv_nsec = (long)(now_ms % 1000 * 1000000);
	return 0;
}

void
virtual_clock_reset(void)
{
	now_ms = FIRST_MS;
}

void
virtual_clock_advance(uint64_t ms)
{
	now_ms += ms;
}

uint64_t
virtual_clock_ms(void)
{
	return now_ms - FIRST_MS;
}

/* An event_base_foreach_event_cb. */
static int
virtual_clock_look(const struct event_base *base, const struct event *e,
		   void *arg)
{
	uint64_t *due_ms = arg;
	uint64_t ms;

	(void)base;
	if ((e->ev_evcallback.evcb_flags & EVLIST_TIMEOUT) == 0)
		return 0;
	ms = (uint64_t)e->ev_timeout.tv_sec * 1000 +
	     (uint64_t)(e->ev_timeout.tv_usec + 999) / 1000;
	if (ms < *due_ms)
		*due_ms = ms;
	return 0;
}

bool
virtual_clock_next(struct event_base *base, uint64_t *ms)
{
	uint64_t due_ms = UINT64_MAX;

	event_base_foreach_event(base, virtual_clock_look, &due_ms);
	if (due_ms == UINT64_MAX)
		return false;
	*ms = due_ms > now_ms ? due_ms - now_ms : 0;
	return true;
}

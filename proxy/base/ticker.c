#include "proxy/base/ticker.h"

#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void
ticker_event(evutil_socket_t fd, short what, void *arg)
{
	struct ticker *t = arg;
	uint64_t expirations;

	(void)what;
	if (read(fd, &expirations, sizeof(expirations)) > 0)
		t->tick(t->arg);
}

bool
ticker_open(struct ticker *t, struct event_base *base, void (*tick)(void *arg),
	    void *arg)
{
	memset(t, 0, sizeof(*t));
	t->tick = tick;
	t->arg = arg;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0)
		return false;
	event_assign(&t->event, base, t->fd, EV_READ | EV_PERSIST, ticker_event,
		     t);
	event_add(&t->event, NULL);
	return true;
}

static struct timespec
ticker_time(uint32_t ms)
{
	return (struct timespec){
	    .tv_sec = ms / 1000,
	    .tv_nsec = (long)(ms % 1000) * 1000 * 1000,
	};
}

bool
ticker_once(struct ticker *t, uint32_t ms)
{
	const struct itimerspec time = {.it_value = ticker_time(ms)};

	return t->fd >= 0 && timerfd_settime(t->fd, 0, &time, NULL) == 0;
}

bool
ticker_every(struct ticker *t, uint32_t ms)
{
	const struct itimerspec time = {
	    .it_value = ticker_time(ms),
	    .it_interval = ticker_time(ms),
	};

	return t->fd >= 0 && timerfd_settime(t->fd, 0, &time, NULL) == 0;
}

void
ticker_close(struct ticker *t)
{
	if (t->fd < 0)
		return;
	event_del(&t->event);
	close(t->fd);
	t->fd = -1;
}

#include "proxy/base/clock.h"

#include <time.h>

uint64_t
clock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct timeval
clock_timeval(uint64_t ms)
{
	return (struct timeval){
	    .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};
}

struct timeval
clock_timeval_until(uint64_t until_ms, uint64_t now_ms)
{
	return clock_timeval(until_ms > now_ms ? until_ms - now_ms : 0);
}

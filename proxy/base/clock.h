/*
 * clock.h - the one clock that deadlines and durations are counted by.
 */
#ifndef LOCKSTEP_PROXY_BASE_CLOCK_H
#define LOCKSTEP_PROXY_BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds of the monotonic clock. */
uint64_t clock_now_ms(void);

/* A duration as libevent's timers take it. */
struct timeval clock_timeval(uint64_t ms);

/* How long it is from now_ms to until_ms; zero once that has gone by. */
struct timeval clock_timeval_until(uint64_t until_ms, uint64_t now_ms);

#endif

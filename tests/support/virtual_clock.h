/*
 * virtual_clock.h - a monotonic clock that only the test moves, for libevent's
 * timers as well as for clock_now_ms: a loop that is run with EVLOOP_NONBLOCK
 * then does what is due by it, and nothing depends on the machine.
 *
 * Works by a clock_gettime of the program's own, which the libraries that it
 * is linked to find first.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_VIRTUAL_CLOCK_H
#define LOCKSTEP_TESTS_SUPPORT_VIRTUAL_CLOCK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

/* Back to the hour at which every run begins. */
void virtual_clock_reset(void);

/* Let so many milliseconds go by. */
void virtual_clock_advance(uint64_t ms);

/* Milliseconds since the reset. */
uint64_t virtual_clock_ms(void);

/* How long it is until the loop's next timer, rounded up.  False: it has none.
 */
bool virtual_clock_next(struct event_base *base, uint64_t *ms);

#endif

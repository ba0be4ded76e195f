/*
 * moved_clock.h - a clock that the test moves, instead of clock_now_ms.
 *
 * Works by the linker's --wrap=clock_now_ms: for units that are named with
 * CLOCK in tests/CMakeLists.txt.  Timers of libevent know nothing of it.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_MOVED_CLOCK_H
#define LOCKSTEP_TESTS_SUPPORT_MOVED_CLOCK_H

#include <stdint.h>

/* Back to the hour at which every test begins. */
void clock_reset(void);

/* Let so many milliseconds go by. */
void clock_advance(uint64_t ms);

#endif

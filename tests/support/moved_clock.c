#include "tests/support/moved_clock.h"

#include <stdatomic.h>

enum {
	FIRST_MS = 1000000,
};

uint64_t __wrap_clock_now_ms(void);

static atomic_uint_fast64_t now_ms = FIRST_MS;

uint64_t
__wrap_clock_now_ms(void)
{
	return now_ms;
}

void
clock_reset(void)
{
	now_ms = FIRST_MS;
}

void
clock_advance(uint64_t ms)
{
	now_ms += ms;
}

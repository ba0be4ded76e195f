#include "policy/catalog/clocks.h"

enum {
	WAIT_SHARE = 4, /* a part of the time that the server would give it */
	IDLE_SHARE = 2,
};

size_t
clocks_count(uint32_t version)
{
	static const uint32_t since[] = {
#define X(constant, name, since) since,
	    CLOCKS(X)
#undef X
	};
	size_t count = 0;

	while (count < CLOCK_COUNT && since[count] <= version)
		count++;
	return count;
}

const char *
clocks_query(enum clock_kind kind)
{
	static const char *const queries[] = {
#define X(constant, name, since) "SHOW " #name,
	    CLOCKS(X)
#undef X
	};

	return queries[kind];
}

bool
clocks_read(struct clocks *c, enum clock_kind kind, struct row_value v)
{
	return row_read_duration(&c->ms[kind], v);
}

static uint64_t
clocks_sooner(uint64_t a, const struct clocks *c, enum clock_kind kind,
	      uint32_t share)
{
	uint64_t b = c->ms[kind] / share;

	return c->ms[kind] == 0 || a < b ? a : b;
}

uint64_t
clocks_allow_ms(const struct clocks *c, bool in_block)
{
	uint64_t ms = UINT64_MAX;

	ms = clocks_sooner(ms, c, CLOCK_LOCK, WAIT_SHARE);
	ms = clocks_sooner(ms, c, CLOCK_STATEMENT, WAIT_SHARE);
	if (!in_block)
		return clocks_sooner(ms, c, CLOCK_IDLE, IDLE_SHARE);
	ms = clocks_sooner(ms, c, CLOCK_TRANSACTION, WAIT_SHARE);
	return clocks_sooner(ms, c, CLOCK_IN_TRANSACTION, IDLE_SHARE);
}

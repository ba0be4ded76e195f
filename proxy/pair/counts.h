/*
 * counts.h - what has happened in a worker since the start, in numbers.
 *
 * Each worker has counts of its own, which its thread alone writes: by a load
 * and a store, without a lock and without an atomic read-modify-write, so that
 * counting costs the ordinary path an addition.  Whoever wants numbers reads
 * those of all workers, from any thread and at any time, and adds them up.  A
 * gauge is a count that goes down again.
 */
#ifndef LOCKSTEP_PROXY_PAIR_COUNTS_H
#define LOCKSTEP_PROXY_PAIR_COUNTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/guard.h"
#include "protocol/span.h"
#include "proxy/pair/close_reason.h"
#include "proxy/pair/life.h"

enum {
	COUNTS_BUCKETS_MAX = 16,
	/* Buckets, the last of them for all above the bounds; and the sum of
	 * the values. */
	COUNTS_HISTOGRAM_CELLS = COUNTS_BUCKETS_MAX + 1,
	COUNTS_SQLSTATES = 24,     /* that are counted by name; the last is all
				      others */
	COUNTS_GUARDED_MAX = 1024, /* kinds, policies and outcomes, as a worker
				      has met them together */
};

/* The distributions that are kept.  Of all but attempts the unit is a
 * millisecond. */
enum count_histogram {
	COUNT_HOLD_MS,
	COUNT_GUARDED_MS,
	COUNT_GATE_WAIT_MS,
	COUNT_ATTEMPTS,
	COUNT_HISTOGRAMS,
};

enum count_cell {
	COUNT_CLIENT_BYTES, /* that came of clients */
	COUNT_SERVER_BYTES, /* that came of servers */
	COUNT_LOGINS,
	COUNT_CONNECTED,   /* dials of the upstream that got through */
	COUNT_UNCONNECTED, /* dials that did not */
	COUNT_CLIENT_HANDSHAKES,
	COUNT_CLIENT_HANDSHAKES_FAILED,
	COUNT_SERVER_HANDSHAKES,
	COUNT_SERVER_HANDSHAKES_FAILED,
	COUNT_UNGUARDED, /* statements that stood where nothing guards them */
	COUNT_REPLAYS,
	COUNT_WINDOWS_USED,    /* the statement ran in the window */
	COUNT_WINDOWS_MISSED,  /* the window ended before it could */
	COUNT_WINDOWS_KEPT,    /* shut for locks that a transaction keeps */
	COUNT_WINDOWS_REFUSED, /* not shut: the allowance was spent */
	COUNT_HELD,            /* gauge: guarded, and not sent yet */
	COUNT_GATED,           /* gauge: sessions that wait at the gate */
	COUNT_PAUSED,          /* gauge: sessions that wait for a RESUME */
	COUNT_STATES,          /* gauges: one for each session_state */
	COUNT_ENDS = COUNT_STATES + SESSION_STATES, /* one a close_reason */
	COUNT_ERRORS = COUNT_ENDS + CLOSE_REASON_COUNT,
	COUNT_DISTRIBUTIONS = COUNT_ERRORS + COUNTS_SQLSTATES,
	COUNT_CELLS = COUNT_DISTRIBUTIONS +
		      (int)COUNT_HISTOGRAMS * (int)COUNTS_HISTOGRAM_CELLS,
};

/* Statements of one kind, under one policy, with one outcome. */
struct count_guarded {
	const char *kind; /* "DROP TABLE", static */
	enum guard_policy policy;
	enum guard_outcome outcome;
	atomic_uint_fast64_t count;
};

/* A zeroed one has counted nothing. */
struct counts {
	_Alignas(64) atomic_uint_fast64_t cells[COUNT_CELLS];
	/* When the upstream was reached last, by clock_now_ms; 0: never. */
	atomic_uint_fast64_t reached_ms;
	/* Entries that stand; all but their count does not change any more. */
	atomic_size_t guarded_count;
	struct count_guarded guarded[COUNTS_GUARDED_MAX];
};

/* The sum of the counts of several workers, at about one time. */
struct counts_sum {
	uint64_t cells[COUNT_CELLS];
};

/* The upper bounds of a histogram's buckets, ascending. */
struct count_bounds {
	size_t count; /* at most COUNTS_BUCKETS_MAX - 1 */
	uint32_t bounds[COUNTS_BUCKETS_MAX - 1];
};

extern const struct count_bounds count_bounds[COUNT_HISTOGRAMS];

/* The SQLSTATEs that are counted by name; the last is "other". */
extern const char *const count_sqlstates[COUNTS_SQLSTATES];

/* Counts of `workers` workers, in cache lines of their own, for the caller to
 * free.  NULL: out of memory. */
struct counts *counts_new(size_t workers);

/* Add n to a counter that the calling thread owns. */
static inline void
counter_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_store_explicit(
	    counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* Add n to that cell of the calling thread's own counts; for a gauge, n may be
 * negative.  No effect on NULL. */
static inline void
counts_add(struct counts *c, size_t cell, int64_t n)
{
	if (c != NULL)
		counter_add(&c->cells[cell], (uint64_t)n);
}

/* Note a value of that distribution.  No effect on NULL, as below. */
void counts_observe(struct counts *c, enum count_histogram h, uint64_t value);

/* Count an error that the server has sent to the client. */
void counts_add_error(struct counts *c, struct span sqlstate);

/* Count the end of a guarded statement; kind is static. */
void counts_add_guarded(struct counts *c, const char *kind,
			enum guard_policy policy, enum guard_outcome outcome);

/* The entry for these, from any thread, to read its count.  NULL: there is
 * none. */
const struct count_guarded *counts_find_guarded(const struct counts *c,
						const char *kind,
						enum guard_policy policy,
						enum guard_outcome outcome);

/* Note that the upstream was reached just now. */
void counts_note_reached(struct counts *c, uint64_t now_ms);

/* When the upstream was reached last, by any of `count` workers, by
 * clock_now_ms; 0: never. */
uint64_t counts_reached_ms(const struct counts *all, size_t count);

/* Add up what `count` workers have counted, from any thread. */
void counts_sum(struct counts_sum *out, const struct counts *all, size_t count);

/* The first cell of a distribution: its buckets, and behind them its sum. */
static inline size_t
counts_cell_of(enum count_histogram h)
{
	return COUNT_DISTRIBUTIONS + (size_t)h * COUNTS_HISTOGRAM_CELLS;
}

#endif

#include "proxy/pair/counts.h"

#include <stdlib.h>
#include <string.h>

const struct count_bounds count_bounds[COUNT_HISTOGRAMS] = {
    [COUNT_HOLD_MS] = {12,
		       {10, 50, 100, 250, 500, 1000, 2500, 5000, 15000, 60000,
			300000, 3600000}},
    [COUNT_GUARDED_MS] = {14,
			  {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000,
			   30000, 300000, 3600000}},
    [COUNT_GATE_WAIT_MS] = {13,
			    {1, 5, 10, 25, 50, 100, 150, 200, 250, 300, 1000,
			     5000, 60000}},
    [COUNT_ATTEMPTS] = {8, {0, 1, 2, 3, 5, 10, 50, 100}},
};

/* Deadlocks, locks not had in time, overload, refused logins, mistakes. */
const char *const count_sqlstates[COUNTS_SQLSTATES] = {
    "40P01", "40001", "55P03", "57014", "55006", "25P02", "25P03", "53300",
    "53100", "53200", "57P01", "57P02", "57P03", "28000", "28P01", "3D000",
    "42501", "42601", "42703", "42P01", "23503", "23505", "XX000", "other",
};

struct counts *
counts_new(size_t workers)
{
	struct counts *counts =
	    aligned_alloc(_Alignof(struct counts), workers * sizeof(*counts));

	if (counts != NULL)
		memset(counts, 0, workers * sizeof(*counts));
	return counts;
}

void
counts_observe(struct counts *c, enum count_histogram h, uint64_t value)
{
	const struct count_bounds *b = &count_bounds[h];
	size_t first = counts_cell_of(h);
	size_t i = 0;

	while (i < b->count && value > b->bounds[i])
		i++;
	counts_add(c, first + i, 1);
	counts_add(c, first + COUNTS_BUCKETS_MAX, (int64_t)value);
}

void
counts_add_error(struct counts *c, struct span sqlstate)
{
	size_t i = 0;

	while (i < COUNTS_SQLSTATES - 1 &&
	       !span_equals(sqlstate, count_sqlstates[i]))
		i++;
	counts_add(c, COUNT_ERRORS + i, 1);
}

const struct count_guarded *
counts_find_guarded(const struct counts *c, const char *kind,
		    enum guard_policy policy, enum guard_outcome outcome)
{
	size_t count =
	    atomic_load_explicit(&c->guarded_count, memory_order_acquire);
	const struct count_guarded *g;

	for (g = c->guarded; g < c->guarded + count; g++)
		if (g->policy == policy && g->outcome == outcome &&
		    strcmp(g->kind, kind) == 0)
			return g;
	return NULL;
}

/* The entry for these, made if there is none.  NULL: there is no room. */
static struct count_guarded *
counts_guarded_entry(struct counts *c, const char *kind,
		     enum guard_policy policy, enum guard_outcome outcome)
{
	const struct count_guarded *found =
	    counts_find_guarded(c, kind, policy, outcome);
	size_t count =
	    atomic_load_explicit(&c->guarded_count, memory_order_relaxed);
	struct count_guarded *g;

	if (found != NULL)
		return &c->guarded[found - c->guarded];
	if (count == COUNTS_GUARDED_MAX)
		return NULL;
	g = &c->guarded[count];
	g->kind = kind;
	g->policy = policy;
	g->outcome = outcome;
	/* A reader of the number sees the entry. */
	atomic_store_explicit(&c->guarded_count, count + 1,
			      memory_order_release);
	return g;
}

void
counts_add_guarded(struct counts *c, const char *kind, enum guard_policy policy,
		   enum guard_outcome outcome)
{
	struct count_guarded *g;

	if (c == NULL)
		return;
	g = counts_guarded_entry(c, kind, policy, outcome);
	if (g != NULL)
		counter_add(&g->count, 1);
}

void
counts_note_reached(struct counts *c, uint64_t now_ms)
{
	if (c != NULL)
		atomic_store_explicit(&c->reached_ms, now_ms,
				      memory_order_relaxed);
}

void
counts_sum(struct counts_sum *out, const struct counts *all, size_t count)
{
	const struct counts *c;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (c = all; c < all + count; c++)
		for (i = 0; i < COUNT_CELLS; i++)
			out->cells[i] += atomic_load_explicit(
			    &c->cells[i], memory_order_relaxed);
}

uint64_t
counts_reached_ms(const struct counts *all, size_t count)
{
	uint64_t latest_ms = 0;
	const struct counts *c;

	for (c = all; c < all + count; c++) {
		uint64_t ms =
		    atomic_load_explicit(&c->reached_ms, memory_order_relaxed);

		if (ms > latest_ms)
			latest_ms = ms;
	}
	return latest_ms;
}

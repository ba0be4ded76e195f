/*
 * generation.h - a configuration of the test's as the one in force.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GENERATION_H
#define LOCKSTEP_TESTS_SUPPORT_GENERATION_H

#include "proxy/config/generation.h"
#include "tests/support/test.h"

/* One whose last use is the test's, so that it is never freed; the test may go
 * on to change c. */
static inline void
generation_lend(struct generation *g, struct config *c)
{
	g->config = c;
	g->number = 1;
	atomic_init(&g->uses, 1);
}

/* A store of one use of such a one. */
static inline struct generation_store *
generation_store_lend(struct generation *g, struct config *c)
{
	struct generation_store *s;

	generation_lend(g, c);
	s = generation_store_new(generation_use(g));
	assert_non_null(s);
	return s;
}

#endif

/*
 * guarded.h - a pair with the guard's notebook, and a gate that is open.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARDED_H
#define LOCKSTEP_TESTS_SUPPORT_GUARDED_H

#include "proxy/gate/gate.h"
#include "proxy/gate/lookout.h"
#include "proxy/guard/guarded.h"
#include "tests/support/pair.h"

struct guarded_fixture {
	struct pair_fixture pair;
	struct gate gate;
	struct lookout lookout;
	struct guarded guarded;
};

static inline void
guarded_fixture_begin(struct guarded_fixture *f)
{
	pair_fixture_begin(&f->pair);
	gate_init(&f->gate, f->pair.base);
	lookout_init(&f->lookout);
	guarded_init(&f->guarded, &f->pair.pair, &f->gate, &f->lookout);
}

static inline void
guarded_fixture_end(struct guarded_fixture *f)
{
	guarded_clear(&f->guarded);
	gate_clear(&f->gate);
	pair_fixture_end(&f->pair);
}

#endif

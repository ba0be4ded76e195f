/*
 * generation.h - a configuration with a number, counted: it lives as long as
 * somebody goes by it.
 *
 * The first one is that of the start, and each reload makes one more.  A
 * session goes by the one in force when its client came, to its end; whoever is
 * no session takes a use for what is to be decided now.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_GENERATION_H
#define LOCKSTEP_PROXY_CONFIG_GENERATION_H

#include <stdatomic.h>
#include <stdint.h>

#include "proxy/config/config.h"

/* Immutable but for the uses. */
struct generation {
	struct config *config; /* owned */
	uint64_t number;       /* from 1 */
	atomic_uint uses;
};

/* Make one of a configuration, which is taken; the caller has one use.  NULL:
 * out of memory, and the configuration is freed. */
struct generation *generation_new(struct config *taken, uint64_t number);

/* Take one more use, from any thread; returns g. */
struct generation *generation_use(struct generation *g);

/* Give a use back, from any thread; the last one frees it.  Accepts NULL. */
void generation_release(struct generation *g);

/* The generation in force: replaced by one thread, used by all. */
struct generation_store;

/* Take the caller's use of the first one.  NULL: out of memory, and the use is
 * given back. */
struct generation_store *generation_store_new(struct generation *taken);

/* Give the store's use back; accepts NULL.  No thread may use s any more. */
void generation_store_free(struct generation_store *s);

/* Take the caller's use of a new one, for all who come. */
void generation_store_replace(struct generation_store *s,
			      struct generation *taken);

/* One use of that in force, which the caller gives back. */
struct generation *generation_store_use(struct generation_store *s);

#endif

/*
 * misfits.h - hosts of the upstream that did not do the last time: each login
 * tries the others first.
 *
 * It is an order and no more: what a host is, its own answer to each login
 * tells.  So nothing here grows old by time, and what is lost, as keys that
 * share a slot are, costs a login that lands wrongly.
 */
#ifndef LOCKSTEP_PROXY_NET_MISFITS_H
#define LOCKSTEP_PROXY_NET_MISFITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/config/hosts_settings.h"
#include "proxy/net/address.h"

enum {
	MISFITS_SLOTS = 256,
};

/* All that a process knows; any thread uses it.  A zeroed one knows nothing. */
struct misfits {
	_Atomic uint64_t keys[MISFITS_SLOTS];
};

/* For which logins a host does not do. */
enum misfit_for {
	MISFIT_FOR_ALL,   /* by what the host is */
	MISFIT_FOR_LOGIN, /* by a setting that may be of the role's, or of the
			     database's */
	MISFIT_FOR_COUNT,
};

/* The part of it that one login goes by. */
struct misfits_view {
	struct misfits *all; /* borrowed; NULL: there is none */
	uint64_t seeds[MISFIT_FOR_COUNT];
};

/* The view of a login of this user to this database that asks for attrs. */
struct misfits_view misfits_view_of(struct misfits *all,
				    enum session_attrs attrs, const char *user,
				    const char *database);

/* True if the host there did not do, for all or for this login. */
bool misfits_have(const struct misfits_view *v, const struct address *host);

/* Note that it does not do; without effect where there are none, as below. */
void misfits_add(const struct misfits_view *v, enum misfit_for whom,
		 const struct address *host);

/* Note that it does. */
void misfits_remove(const struct misfits_view *v, const struct address *host);

/* Forget all: what is known has turned out to be old. */
void misfits_clear(const struct misfits_view *v);

#endif

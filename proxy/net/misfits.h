/*
 * misfits.h - hosts of the upstream that did not do the last time: each login
 * tries the others first, and of these the one that has been left longest.
 *
 * It is an order and no more: what a host is, its own answer to each login
 * tells.  So nothing here grows old by time, and what is lost, as keys that
 * share a slot are, costs a login that lands wrongly.
 */
#ifndef LOCKSTEP_PROXY_NET_MISFITS_H
#define LOCKSTEP_PROXY_NET_MISFITS_H

#include <stdatomic.h>
#include <stdint.h>

#include "proxy/config/hosts_settings.h"
#include "proxy/net/address.h"

enum {
	MISFITS_SLOTS = 256,
};

/* All that a process knows; any thread uses it.  A zeroed one knows nothing. */
struct misfits {
	_Atomic uint64_t slots[MISFITS_SLOTS];
	_Atomic uint64_t count; /* ever added: the number of the latest */
	/* For logins that look for a standby: what is older was known of
	 * another primary. */
	_Atomic uint64_t moved[SESSION_ATTRS_COUNT];
};

enum misfit_why {
	MISFIT_IS_SILENT,  /* lets nobody in, which no client notices */
	MISFIT_IS_OTHER,   /* is another kind of host */
	MISFIT_IS_PRIMARY, /* the same: so no other host is the primary */
	MISFIT_BY_SETTING, /* that may be the role's, or the database's */
};

/* The part of it that one login goes by. */
struct misfits_view {
	struct misfits *all; /* borrowed; NULL: there is none */
	enum session_attrs attrs;
	uint64_t of_all; /* hashes, from which keys are made */
	uint64_t of_login;
};

/* The view of a login of this user to this database that asks for attrs. */
struct misfits_view misfits_view_of(struct misfits *all,
				    enum session_attrs attrs, const char *user,
				    const char *database);

/*
 * The place of the host there among those that did not do, for all or for this
 * login: the lower, the sooner it is to be tried; those that are silent come
 * before all others.  0: it is none of them.
 */
uint64_t misfits_rank(const struct misfits_view *v, const struct address *host);

/* Note that it does not do; without effect where there are none, as below. */
void misfits_add(const struct misfits_view *v, enum misfit_why why,
		 const struct address *host);

/* Note that it does. */
void misfits_remove(const struct misfits_view *v, const struct address *host);

#endif

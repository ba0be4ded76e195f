/*
 * cancel.h - the registry of backend keys: whose session a CancelRequest is
 * for.  Shared by all workers; every function locks it.
 *
 * The process id alone does not tell: servers behind one proxy may share
 * them.  So the key is the whole of BackendKeyData.
 */
#ifndef LOCKSTEP_PROXY_PAIR_CANCEL_H
#define LOCKSTEP_PROXY_PAIR_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/net/address.h"

enum {
	CANCEL_SECRET_MAX = 256, /* protocol 3.2 */
};

struct generation;
struct tls_context;

struct cancel_target {
	uint64_t session;
	uint32_t worker;
	bool is_held; /* the backend does nothing for the client: the proxy
			 answers itself */
	struct address server; /* where the backend lives */
	/* By which it was reached, and can be again whatever was reloaded
	 * since: the address has a name of the configuration.  NULL: none. */
	struct generation *generation;
	struct tls_context *tls;
};

/* Give back the uses that cancel_find has told of. */
void cancel_target_clear(struct cancel_target *t);

struct cancel_registry;
struct cancel_entry;

struct cancel_registry *cancel_registry_new(void);    /* NULL: out of memory */
void cancel_registry_free(struct cancel_registry *r); /* accepts NULL */

/*
 * Owned by the registry until cancel_forget, with uses of its own of what the
 * target was reached by.  NULL: out of memory, or the
 * secret is longer than any protocol version allows.
 */
struct cancel_entry *cancel_remember(struct cancel_registry *r, uint32_t pid,
				     struct span secret,
				     const struct cancel_target *target);
void cancel_forget(struct cancel_registry *r, struct cancel_entry *e);
void cancel_set_held(struct cancel_registry *r, struct cancel_entry *e,
		     bool is_held);

/* The session whose backend at that server has this process id, be its secret
 * what it may; by what it was reached is not told.  False: there is none. */
bool cancel_find_pid(struct cancel_registry *r, uint32_t pid,
		     const struct address *server, struct cancel_target *out);

/* The session of this key; cancel_target_clear is to follow.  False: there is
 * none. */
bool cancel_find(struct cancel_registry *r, uint32_t pid, struct span secret,
		 struct cancel_target *out);

#endif

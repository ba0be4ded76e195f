/*
 * asker_names.h - the names of a CONNINFO's hosts, looked up by the resolver:
 * libpq does that in the thread that calls it, for as long as the system takes.
 *
 *	asker_names_begin     reads the hosts, and asks for each that is a name
 *	ready                 all have been answered
 *	asker_names_take      as libpq wants them, with the addresses
 *
 * Each host keeps its name, which certificates and password files go by.
 */
#ifndef LOCKSTEP_PROXY_NET_ASKER_NAMES_H
#define LOCKSTEP_PROXY_NET_ASKER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/buffer.h"

struct asker_name;
struct mailbox;
struct resolver;

enum {
	ASKER_NAMES_LISTS = 3,
};

enum asker_names_outcome {
	ASKER_NAMES_NONE,   /* libpq need not look any up, or is to judge */
	ASKER_NAMES_ASKED,  /* ready will be called */
	ASKER_NAMES_FAILED, /* no question could be asked: why says it */
};

/* A zeroed one is over; whoever owns it sets the first four. */
struct asker_names {
	struct resolver *resolver; /* borrowed; NULL: libpq looks them up */
	struct mailbox *mailbox;   /* borrowed; gets MAIL_RESOLVED */
	void (*ready)(void *arg);
	void *arg;
	struct asker_name *items; /* owned */
	size_t count;
	size_t open; /* look-ups that are not answered yet */
	char *hosts; /* owned: the CONNINFO's, which items borrow */
	char *ports;
	const char *why; /* static: what the last failure was */
	struct buffer lists[ASKER_NAMES_LISTS]; /* hosts, addresses, ports */
	size_t listed;                          /* items of each */
};

/* Values of libpq's settings of these names, borrowed. */
struct asker_names_settings {
	const char *host;
	const char *hostaddr;
	const char *port;
};

/* Begin with one that is over. */
enum asker_names_outcome asker_names_begin(struct asker_names *n,
					   const char *conninfo);

/* True from ASKER_NAMES_ASKED until asker_names_clear. */
static inline bool
asker_names_is_open(const struct asker_names *n)
{
	return n->count > 0;
}

/* All have been answered: set *out, until asker_names_clear.  False: no host is
 * left, and why says it. */
bool asker_names_take(struct asker_names *n, struct asker_names_settings *out);

/* End it, at any time, in ready as well: it is not called any more. */
void asker_names_clear(struct asker_names *n);

#endif

/*
 * resolver.h - names -> addresses, as the system's own resolver has them:
 * hosts file, nsswitch, several name servers, and each as it is now.
 *
 * getaddrinfo(3) blocks, for seconds where a name server is silent, and cannot
 * be ended.  So each look-up has a thread of its own, and its answer comes by
 * mail.  Nothing is kept: who asks gets an answer that was begun for it, or
 * within a second before.  One resolver is for all threads.
 */
#ifndef LOCKSTEP_PROXY_NET_RESOLVER_H
#define LOCKSTEP_PROXY_NET_RESOLVER_H

#include <netdb.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"

enum {
	RESOLVER_LOOKUPS_MAX = 32, /* that run at a time */
	RESOLVER_OF_NAME_MAX = 8,  /* likewise, for one name */
	RESOLVER_SHARED_MS = 1000, /* a look-up of this age may be shared */
};

struct resolver;
struct resolution;

/* NULL: out of memory. */
struct resolver *resolver_new(void);

/*
 * Give it up, once nobody asks any more; before the mailboxes close.  Look-ups
 * that hang are left to end by themselves, and free what is theirs.  Accepts
 * NULL.
 */
void resolver_leave(struct resolver *r);

/*
 * error: 0, or one of getaddrinfo(3).  found: its addresses, in the order in
 * which they are to be tried, borrowed until resolution_cancel; NULL with an
 * error.
 */
typedef void resolution_handler(void *arg, int error,
				const struct addrinfo *found);

/*
 * Ask for the addresses of host, for a stream to that port.  mailbox, borrowed
 * until resolution_cancel, gets MAIL_RESOLVED; the handler runs once, never
 * within this call, unless resolution_cancel comes first.  The caller owns the
 * result.  NULL: errno says why; EAGAIN: too many look-ups hang.
 */
struct resolution *resolver_ask(struct resolver *r, struct mailbox *mailbox,
				const char *host, uint16_t port,
				resolution_handler *handler, void *arg);

/* Free it, answered or not: the handler will not run.  Accepts NULL. */
void resolution_cancel(struct resolution *q);

/* For who gets MAIL_RESOLVED: q is the data of that mail. */
void resolution_answered(struct resolution *q);

#endif

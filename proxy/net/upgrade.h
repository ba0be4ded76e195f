/*
 * upgrade.h - from a connection to a server in clear to one by TLS:
 * SSLRequest, its answer, the handshake; or, directly, the handshake alone.
 *
 * Source: PostgreSQL documentation, "Message Flow", "SSL Session Encryption".
 */
#ifndef LOCKSTEP_PROXY_NET_UPGRADE_H
#define LOCKSTEP_PROXY_NET_UPGRADE_H

#include <stdbool.h>

#include "proxy/net/handshake.h"

struct upgrade;

enum upgrade_outcome {
	UPGRADE_DONE,    /* tls is the handler's now */
	UPGRADE_REFUSED, /* the server has none; the connection goes on */
	UPGRADE_FAILED,  /* why says so; the connection is of no use */
};

/* tls: NULL but with UPGRADE_DONE.  why: for people, borrowed for the call;
 * NULL but with UPGRADE_FAILED. */
typedef void upgrade_handler(void *arg, enum upgrade_outcome outcome,
			     struct tls *tls, const char *why);

/*
 * Take tls; fd stays the caller's, who does not touch it meanwhile.  The
 * handler runs exactly once, never within this call, unless upgrade_cancel
 * comes first.  NULL: out of memory, and tls is freed.
 */
struct upgrade *upgrade_start(const struct handshaker *by, int fd,
			      struct tls *tls, bool is_direct,
			      upgrade_handler *handler, void *arg);

/* Give up and free it: the handler will not run, and fd may be closed.  Accepts
 * NULL. */
void upgrade_cancel(struct upgrade *u);

#endif

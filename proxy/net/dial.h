/*
 * dial.h - connect to the first server of a list that answers, by TLS where
 * that is wanted, without ever blocking the loop.
 *
 * Those that did not do the last time (misfits.h) come behind all others, in a
 * second round, in the order of their ranks.
 *
 * A connection is not yet an answer: who is connected may be starting, or hang.
 * So a dial lives on beside the connection that it has made, until its caller
 * frees it, and can be told to go on.
 */
#ifndef LOCKSTEP_PROXY_NET_DIAL_H
#define LOCKSTEP_PROXY_NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/config/endpoint.h"
#include "proxy/config/tcp_settings.h"
#include "proxy/config/tls_settings.h"
#include "proxy/net/address.h"
#include "proxy/net/handshake.h"
#include "proxy/net/misfits.h"
#include "proxy/net/resolver.h"

enum {
	DIAL_TRIED_MAX = 512,
};

struct dial_result {
	int fd; /* connected and non-blocking, the callee's; -1: none */
	struct tls *tls;     /* the callee's; NULL: fd is in clear */
	struct address peer; /* the other end of fd */
	bool is_downgraded;  /* in clear because TLS has failed */
	const char *tried; /* "db1:5432: Connection refused; ...", borrowed for
			      the call */
};

/* result is borrowed for the call; fd and tls in it are taken.  It may free the
 * dial. */
typedef void dial_handler(void *arg, const struct dial_result *result);

/* The endpoints to dial, and how; borrowed for the dial's life, but for tls. */
struct dial_target {
	const struct endpoint *endpoints;
	size_t count;
	enum tls_mode mode;
	bool is_direct;
	struct tls_context *tls; /* a use of it is taken; NULL: TLS_DISABLE */
	struct tcp_settings tcp;
	uint32_t timeout_ms;
	struct misfits_view misfits;
	bool is_random; /* endpoints, and addresses of each, are tried in an
			   order that chance makes */
	bool is_one;    /* one of them at a time is to be found: who does not
			   answer goes among the misfits */
};

struct dial;

/*
 * Try the endpoints in order, or by chance, for at most timeout_ms each of
 * their addresses and the resolution of each name.  What TLS_ALLOW and
 * TLS_PREFER do about a server that refuses the login is the caller's:
 * dial_other_way. resolver is borrowed for the dial's life. The handler runs
 * exactly once, never within this call, unless dial_cancel comes first; and
 * once more each time that the dial is told to go on. dial_cancel takes the
 * dial back.  NULL: out of memory.
 */
struct dial *dial_start(const struct handshaker *by, struct resolver *resolver,
			const struct dial_target *target, dial_handler *handler,
			void *arg);

/* Dial one address that is known, by TLS or not as it says; otherwise as
 * dial_start.  address is copied. */
struct dial *dial_start_address(const struct handshaker *by,
				const struct dial_target *target,
				const struct address *address,
				dial_handler *handler, void *arg);

/* True if there is more to be tried behind the server that was connected.
 * Accepts NULL. */
bool dial_has_more(const struct dial *d);

/* Leave the server that was connected, which is of no use: why is for people,
 * copied.  The caller has closed that connection. */
void dial_go_on(struct dial *d, const char *why);

/* Have the server that was connected tried once more, last of all: behind
 * dial_go_on, which follows.  False: that has been, or there is no place. */
bool dial_put_behind(struct dial *d);

/* Connect to it once more, by TLS if it was in clear and in clear if it was by
 * TLS; that failing, go on.  The caller has closed that connection. */
void dial_other_way(struct dial *d);

/* Give up and free it: the handler will not run.  Accepts NULL. */
void dial_cancel(struct dial *d);

#endif

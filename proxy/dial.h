/*
 * dial.h - connect to the first server of a list that answers, without ever
 * blocking the loop: names are resolved by libevent's resolver.
 */
#ifndef LOCKSTEP_PROXY_DIAL_H
#define LOCKSTEP_PROXY_DIAL_H

#include <event2/dns.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proxy/config.h"

enum {
	DIAL_TRIED_MAX = 512,
};

/* A server's address, as connect(2) takes it. */
struct dial_address {
	struct sockaddr_storage address;
	socklen_t len;
};

struct dial_result {
	int fd; /* connected and non-blocking, the callee's; -1: none */
	struct dial_address peer; /* of fd */
	const char *tried; /* "db1:5432: Connection refused; ...", borrowed for
			      the call */
};

typedef void dial_handler(void *arg, const struct dial_result *result);

struct dial;

/*
 * Try the endpoints in order, for at most timeout_ms each of their addresses
 * and the resolution of each name.
 * *dns is made on the first name that must be resolved, and is the caller's.
 * The handler runs exactly once, never within this call, unless dial_cancel
 * comes first.  NULL: out of memory.
 */
struct dial *dial_start(struct event_base *base, struct evdns_base **dns,
			const struct endpoint *endpoints, size_t count,
			uint32_t timeout_ms, dial_handler *handler, void *arg);

/* The same for one address that is known. */
struct dial *dial_start_address(struct event_base *base,
				const struct dial_address *address,
				uint32_t timeout_ms, dial_handler *handler,
				void *arg);

/* Accepts NULL.  The handler will not run. */
void dial_cancel(struct dial *d);

#endif

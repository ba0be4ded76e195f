/*
 * address.h - where a peer is and how it was reached: what is needed to reach
 * it again the same way.
 */
#ifndef LOCKSTEP_PROXY_NET_ADDRESS_H
#define LOCKSTEP_PROXY_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum {
	ADDRESS_TEXT_MAX = 128,
};

/* A zeroed one is of nobody. */
struct address {
	struct sockaddr_storage address; /* as connect(2) takes it */
	socklen_t len;
	const char *name; /* for its certificate; borrowed from the
			     configuration; NULL: none is known */
	bool is_tls;      /* the connection is by TLS */
};

/* "127.0.0.1 port 5432", for people; "upstream" where that cannot be told. */
void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);

#endif

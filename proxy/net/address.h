/*
 * address.h - where a peer is and how it was reached: what is needed to reach
 * it again the same way.
 */
#ifndef LOCKSTEP_PROXY_NET_ADDRESS_H
#define LOCKSTEP_PROXY_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDRESS_TEXT_MAX = 128,
	ADDRESS_HOST_MAX = 64,
};

/* A zeroed one is of nobody. */
struct address {
	struct sockaddr_storage address; /* as connect(2) takes it */
	socklen_t len;
	const char *name; /* for its certificate; borrowed from the
			     configuration; NULL: none is known */
	bool is_tls;      /* the connection is by TLS */
};

/*
 * Make it that of the socket of a server in this directory, or of an abstract
 * one with @; name and is_tls stay as they are.  False: the path is too long
 * for a socket address.
 */
bool address_set_local(struct address *out, const char *directory,
		       uint16_t port);

struct addrinfo;

/*
 * Look a host up for streams, as getaddrinfo(3) does with these AI_... flags:
 * it may take its time, unless they have AI_NUMERICHOST.  Returns its error; 0:
 * *found is freeaddrinfo's to free.
 */
int address_look_up(const char *host, uint16_t port, int flags,
		    struct addrinfo **found);

/* The numbers of host and port.  False: it is not one of TCP. */
bool address_split(const struct address *a, char host[ADDRESS_HOST_MAX],
		   uint16_t *port);

/* "127.0.0.1 port 5432", for people; "upstream" where that cannot be told. */
void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);

#endif

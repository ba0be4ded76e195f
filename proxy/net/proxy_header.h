/*
 * proxy_header.h - the PROXY protocol: what a load balancer says ahead of the
 * bytes of a client of its own: where that client is.
 *
 * Source: HAProxy, "The PROXY protocol, versions 1 & 2" (proxy-protocol.txt).
 */
#ifndef LOCKSTEP_PROXY_NET_PROXY_HEADER_H
#define LOCKSTEP_PROXY_NET_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

enum {
	PROXY_HEADER_V1_MAX_BYTES = 107, /* with its CR LF */
	/* A version 2, with what it tells beside the addresses: that may be
	 * the subject of a certificate. */
	PROXY_HEADER_V2_MAX_BYTES = 4096,
};

enum proxy_header_status {
	PROXY_HEADER_OK,
	PROXY_HEADER_MORE, /* incomplete; nothing was taken */
	PROXY_HEADER_BAD,  /* no header, or one too long */
};

struct proxy_header {
	size_t len; /* bytes of the header */
	/* False: the connection is the load balancer's own, as its check of
	 * health is, or the client has no address of these. */
	bool has_source;
	bool is_ipv6;
	uint8_t address[16]; /* in network order; the first 4 for IPv4 */
	uint16_t port;
};

/* Look at the header at the front of in, of either version. */
enum proxy_header_status proxy_header_decode(struct proxy_header *out,
					     struct span in);

#endif

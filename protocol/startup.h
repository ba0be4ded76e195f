/*
 * startup.h - the untyped packets a connection can open with.
 *
 * Source: PostgreSQL documentation, "Message Formats": StartupMessage,
 * SSLRequest, GSSENCRequest, CancelRequest; ProcessStartupPacket in
 * src/backend/postmaster/postmaster.c for the bounds.
 */
#ifndef LOCKSTEP_PROTOCOL_STARTUP_H
#define LOCKSTEP_PROTOCOL_STARTUP_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

enum {
	/* MAX_STARTUP_PACKET_LENGTH, which does not count the length itself */
	STARTUP_PACKET_MAX = 10000 + 4,
	STARTUP_REQUEST_BYTES = 8, /* the length of SSLRequest */
};

/* A whole SSLRequest packet. */
extern const uint8_t startup_ssl_request[STARTUP_REQUEST_BYTES];

enum startup_status {
	STARTUP_MORE,        /* incomplete; nothing was taken */
	STARTUP_NONE,        /* no packet: a length below 8 or above the
				bound, or one that no cancel has; the server
				closes without a word */
	STARTUP_BAD,         /* StartupMessage whose body does not parse */
	STARTUP_SSL,         /* SSLRequest, whatever stands in it */
	STARTUP_GSSENC,      /* GSSENCRequest */
	STARTUP_CANCEL,      /* CancelRequest; .cancel is set */
	STARTUP_MESSAGE,     /* StartupMessage of protocol 3.x */
	STARTUP_UNSUPPORTED, /* any other protocol version; .version is set */
};

struct cancel_request {
	uint32_t backend_pid;
	struct span secret; /* 4 bytes, up to 256 from protocol 3.2 on */
};

struct startup_packet {
	struct span raw;  /* the whole packet with its length, borrowed */
	uint32_t version; /* major << 16 | minor */
	struct cancel_request cancel;
	/* StartupMessage's parameters, borrowed; empty where absent. */
	struct span user;
	struct span database; /* PostgreSQL takes the user's name if absent */
	struct span application_name;
	struct span replication;
	struct span options;
	struct span read_only; /* default_transaction_read_only */
};

/*
 * Look at the packet at the front of in; out->raw.len tells how much of it
 * the packet is, except after STARTUP_MORE and STARTUP_NONE.  Spans borrow
 * from in.  What is none is judged so as soon as its length is known to be.
 */
enum startup_status startup_decode(struct startup_packet *out, struct span in);

/*
 * True if the connection asked for replication: the parameter is a true
 * boolean as PostgreSQL reads it, or "database".
 */
bool startup_is_replication(const struct startup_packet *p);

#endif

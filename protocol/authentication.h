/*
 * authentication.h - the messages of a login: what the server asks for, and
 * the SASL answers of the client.
 *
 * Source: PostgreSQL documentation, "Message Formats": Authentication*,
 * SASLInitialResponse, SASLResponse; "SASL Authentication".  Spans borrow
 * from what they were read from.
 */
#ifndef LOCKSTEP_PROTOCOL_AUTHENTICATION_H
#define LOCKSTEP_PROTOCOL_AUTHENTICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "protocol/writer.h"

struct authentication {
	uint32_t code;    /* enum authentication_code, or one yet unknown */
	struct span data; /* what follows the code */
};

/* The body of a server's 'R' message. */
bool authentication_decode(struct authentication *out, struct span body);

/*
 * The mechanisms of AUTHENTICATION_SASL's data: NUL-terminated names, then an
 * empty one.  Takes the first name off the list; false, with the list as it
 * was, when none is left or the list is cut short.
 */
bool sasl_mechanism_next(struct span *list, struct span *name);
bool sasl_mechanisms_have(struct span list, const char *name);

/* One whole 'R' message. */
void authentication_write(struct writer *w, uint32_t code, struct span data);

/*
 * The list without every occurrence of `name`, as a whole AuthenticationSASL
 * message.
 */
void authentication_sasl_write_without(struct writer *w, struct span list,
				       const char *name);

struct sasl_initial_response {
	struct span mechanism;
	bool has_data; /* false: the length was -1, which is not empty data */
	struct span data;
};

/* The bodies of the client's 'p' messages; the second is nothing but data. */
bool sasl_initial_response_decode(struct sasl_initial_response *out,
				  struct span body);

/* Whole 'p' messages.  An initial response always has data, if only empty. */
void sasl_initial_response_write(struct writer *w, const char *mechanism,
				 struct span data);
void sasl_response_write(struct writer *w, struct span data);

#endif

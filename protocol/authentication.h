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
	struct span data; /* the bytes behind the code */
};

/*
 * Decode the body of a server's 'R' message.  False: it is too short for a
 * code.
 */
bool authentication_decode(struct authentication *out, struct span body);

/*
 * Take the first name off a list of mechanisms, which is AUTHENTICATION_SASL's
 * data: NUL terminated names, then an empty one.  False: no name is left, or
 * the list is cut short; it is then as it was.
 */
bool sasl_mechanism_next(struct span *list, struct span *name);

/* True if one of the list's mechanisms has exactly this name. */
bool sasl_mechanisms_have(struct span list, const char *name);

/* Write one whole 'R' message: the code and the data behind it, a copy. */
void authentication_write(struct writer *w, uint32_t code, struct span data);

/*
 * Write a whole AuthenticationSASL message: the list of mechanisms without
 * each that has this name.
 */
void authentication_sasl_write_without(struct writer *w, struct span list,
				       const char *name);

struct sasl_initial_response {
	struct span mechanism;
	bool has_data; /* false: the length was -1, which is not empty data */
	struct span data;
};

/*
 * Decode the body of a client's first 'p' message; later ones are nothing but
 * data.  False: it does not have the documented shape.
 */
bool sasl_initial_response_decode(struct sasl_initial_response *out,
				  struct span body);

/*
 * Write a whole SASLInitialResponse.  It always has data, if only empty: the
 * length of -1 for none is not written.
 */
void sasl_initial_response_write(struct writer *w, const char *mechanism,
				 struct span data);

/* Write a whole SASLResponse. */
void sasl_response_write(struct writer *w, struct span data);

#endif

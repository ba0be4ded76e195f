/*
 * scram.h - the grammar of SCRAM messages and of PostgreSQL's verifiers.
 *
 * Source: RFC 5802 section 7 and RFC 7677, as PostgreSQL reads them: in
 * src/backend/libpq/auth-scram.c and src/interfaces/libpq/fe-auth-scram.c.
 * What is said in base64 stays so: a decoder finds where it begins and ends.
 * Every decoder returns false where a text does not have the shape, and hands
 * out spans that borrow from it.
 */
#ifndef LOCKSTEP_PROTOCOL_SCRAM_H
#define LOCKSTEP_PROTOCOL_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

enum {
	SCRAM_MESSAGE_MAX = 1024, /* PG_MAX_SASL_MESSAGE_LENGTH */
	SCRAM_NONCE_MAX = 512,    /* bytes of a client's part */
	SCRAM_ITERATIONS_MAX = 0x7fffffff,
};

extern const char scram_mechanism[];      /* "SCRAM-SHA-256" */
extern const char scram_mechanism_plus[]; /* "SCRAM-SHA-256-PLUS" */
extern const char scram_binding_type[];   /* "tls-server-end-point" */

enum scram_binding_flag {
	SCRAM_BINDING_NONE = 'n', /* the client cannot bind */
	SCRAM_BINDING_DECLINED =
	    'y', /* the client can, but saw no PLUS offered */
	SCRAM_BINDING_USED = 'p',
};

/* "n,,n=,r=nonce" */
struct scram_client_first_message {
	enum scram_binding_flag flag;
	struct span binding_type; /* empty but with SCRAM_BINDING_USED */
	struct span gs2_header;   /* "n,,", "y,," or "p=type,," */
	struct span bare;         /* the text behind gs2_header */
	struct span nonce;        /* printable, 1 .. SCRAM_NONCE_MAX bytes */
};

/* "c=biws,r=nonce,p=proof" */
struct scram_client_final_message {
	struct span binding; /* base64 */
	struct span nonce;
	struct span proof; /* base64 */
	struct span without_proof;
};

/* "r=nonce,s=salt,i=4096" */
struct scram_server_first_message {
	struct span nonce; /* printable, not empty */
	struct span salt;  /* base64 */
	uint32_t iterations;
};

/* "v=signature" or "e=error"; the other one is empty */
struct scram_server_final_message {
	bool is_error;
	struct span signature; /* base64 */
	struct span error;
};

/*
 * Decode a client's first message.  The user's name is passed over: PostgreSQL
 * takes that of the StartupMessage.  An authorization identity and mandatory
 * extensions are refused, optional ones passed over.
 */
bool scram_client_first_decode(struct scram_client_first_message *out,
			       struct span text);

/* Decode a client's final message; optional extensions are passed over. */
bool scram_client_final_decode(struct scram_client_final_message *out,
			       struct span text);

/* Decode a server's first message.  False also for any extension. */
bool scram_server_first_decode(struct scram_server_first_message *out,
			       struct span text);

/* Decode a server's final message.  False also for any extension. */
bool scram_server_final_decode(struct scram_server_final_message *out,
			       struct span text);

/* "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey", as in pg_authid */
struct scram_verifier_text {
	uint32_t iterations;
	struct span salt; /* base64, as are the keys; none is empty */
	struct span stored_key;
	struct span server_key;
};

/* Decode a verifier.  False also for one of another mechanism. */
bool scram_verifier_decode(struct scram_verifier_text *out, struct span text);

#endif

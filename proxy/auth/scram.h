/*
 * scram.h - both sides of a SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), as
 * PostgreSQL holds it.
 *
 *   client                      Lockstep                        server
 *     --- client-first --> scram_server_step
 *     <-- server-first ---
 *     --- client-final --> scram_server_step
 *     <-- server-final --- DONE; ClientKey is known
 *                                scram_client_first --- client-first -->
 *                                scram_client_step  <-- server-first ---
 *                                                   --- client-final -->
 *                                scram_client_step  <-- server-final ---
 *                                DONE
 *
 * A client proves that it knows the password by showing ClientKey, masked by
 * what only a holder of the verifier can compute.  With it and the same
 * verifier one can log in to the server in the client's place, this time and
 * whenever the verifier is the same, without ever knowing the password.
 *
 * No I/O: messages are texts, without the frames around them.
 */
#ifndef LOCKSTEP_PROXY_AUTH_SCRAM_H
#define LOCKSTEP_PROXY_AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

struct writer;

enum {
	SCRAM_KEY_BYTES = 32,
	SCRAM_SALT_MAX = 64,    /* PostgreSQL makes 16 */
	SCRAM_BINDING_MAX = 64, /* a hash: SHA-512's length */
};

/* pg_authid.rolpassword, decoded.  Worth wiping: with it one can play the
 * server, and the password can be guessed at. */
struct scram_verifier {
	uint32_t iterations;
	size_t salt_len; /* 1 .. SCRAM_SALT_MAX */
	uint8_t salt[SCRAM_SALT_MAX];
	uint8_t stored_key[SCRAM_KEY_BYTES];
	uint8_t server_key[SCRAM_KEY_BYTES];
};

/* Read "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey".  False: it is not that,
 * and *out is wiped. */
bool scram_verifier_parse(struct scram_verifier *out, const char *text);

enum scram_status {
	SCRAM_CONTINUE,
	SCRAM_DONE,
	SCRAM_REFUSED,    /* wrong password, unknown role; or the server said
			     e= */
	SCRAM_NO_BINDING, /* the client claims that no PLUS was offered, or
			     its binding is not ours: somebody in between */
	SCRAM_STALE,      /* the server's salt or iterations are not those of
			     the verifier: the password was changed, or the
			     role is not there */
	SCRAM_UNPROVEN,   /* the server does not know the verifier */
	SCRAM_BAD,        /* malformed, or not what the protocol allows here */
	SCRAM_FAILED,     /* OpenSSL or memory */
};

/* The side that checks a client. */
struct scram_server;

/* The answer for roles that do not exist. */
struct scram_mock {
	uint8_t key[SCRAM_KEY_BYTES]; /* a secret: it makes the salts */
	uint32_t iterations;          /* as most roles that exist have */
};

/*
 * One exchange, which scram_server_free takes back.
 *
 * verifier (copied) NULL: the role is not known.  The exchange goes on with
 * made-up salt and keys and is refused at its end, so that nobody learns who
 * exists; the salt is the same each time for one key and user.
 *
 * binding: the hash of our certificate, at most SCRAM_BINDING_MAX bytes, if
 * SCRAM-SHA-256-PLUS was offered; len 0: it was not.  NULL: OpenSSL or memory.
 */
struct scram_server *scram_server_new(const struct scram_verifier *verifier,
				      struct span user,
				      const struct scram_mock *mock,
				      struct span binding);

/* Wipe and free it; accepts NULL. */
void scram_server_free(struct scram_server *s);

/*
 * Take in one message of the client's; is_plus tells the mechanism that the
 * first one named.  With CONTINUE and DONE the text to send is appended to
 * *answer, as the rest of a message that may be open there; otherwise nothing
 * is.  A message after anything but CONTINUE is BAD.
 */
enum scram_status scram_server_step(struct scram_server *s, bool is_plus,
				    struct span message, struct writer *answer);

/* After SCRAM_DONE only: writes the ClientKey that the client proved to know.
 * The caller wipes it. */
void scram_server_client_key(const struct scram_server *s,
			     uint8_t out[SCRAM_KEY_BYTES]);

/* The side that logs in, knowing ClientKey in place of a password. */
struct scram_client;

/*
 * One exchange, which scram_client_free takes back.  The verifier is the one
 * that the ClientKey was proved with; both are copied.
 *
 * binding: the hash of the server's certificate, at most SCRAM_BINDING_MAX
 * bytes, to log in with SCRAM-SHA-256-PLUS; len 0: without.  can_bind: that
 * is so only because the server does not offer PLUS; it will refuse us if it
 * did.  NULL: OpenSSL or memory.
 */
struct scram_client *scram_client_new(const struct scram_verifier *verifier,
				      const uint8_t client_key[SCRAM_KEY_BYTES],
				      struct span binding, bool can_bind);

/* Wipe and free it; accepts NULL. */
void scram_client_free(struct scram_client *c);

/* Append client-first to *out, once, before any step.  False: out of memory.
 */
bool scram_client_first(struct scram_client *c, struct writer *out);

/*
 * Take in one message of the server's.
 * server-first: CONTINUE, with client-final appended to *answer.
 * server-final: DONE when the server proved to know ServerKey.
 * A message after that is BAD.
 */
enum scram_status scram_client_step(struct scram_client *c, struct span message,
				    struct writer *answer);

#endif

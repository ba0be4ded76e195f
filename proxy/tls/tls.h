/*
 * tls.h - one TLS connection as a transformation of bytes: what has arrived
 * goes in, what is to be sent comes out.  It knows no descriptor, so that a
 * step of a handshake can be taken in a thread of its own; a connection is
 * used by one thread at a time.
 *
 * Sources: RFC 8446; PostgreSQL documentation, "SSL Session Encryption";
 * src/backend/libpq/be-secure-openssl.c and
 * src/interfaces/libpq/fe-secure-openssl.c.
 */
#ifndef LOCKSTEP_PROXY_TLS_TLS_H
#define LOCKSTEP_PROXY_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/span.h"
#include "proxy/base/buffer.h"
#include "proxy/tls/tls_context.h"

struct tls;

enum {
	TLS_ERROR_MAX = 256,
};

/*
 * Takes its own use of the context; which side it is, the context tells.
 * server_name is what the peer's certificate is compared with and what SNI
 * tells the server; copied; NULL: none is known, or it is a client's.
 * NULL: out of memory.
 */
struct tls *tls_new(struct tls_context *context, const char *server_name);
void tls_free(struct tls *t); /* accepts NULL */

/* Bytes that have arrived before or amid the handshake; copied. */
bool tls_feed(struct tls *t, struct span cipher);

/* A client speaks first: there is nothing to do before it has. */
bool tls_wants_input(const struct tls *t);

enum tls_step {
	TLS_DONE,
	TLS_MORE, /* bytes of the peer's are wanted */
	TLS_FAILED,
};

/*
 * Go on with the handshake.  Whatever it returns, tls_output may hold bytes to
 * be sent: a failure's alert is among them.
 */
enum tls_step tls_handshake(struct tls *t);

/* Why the handshake failed, or the connection broke later, for people; empty:
 * neither has; borrowed. */
const char *tls_error(const struct tls *t);

/* What is to be sent; the caller consumes it. */
struct buffer *tls_output(struct tls *t);

enum {
	TLS_EOF = 0, /* the peer has said that it will send no more */
	TLS_AGAIN = -1,
	TLS_BROKEN = -2,
};

/*
 * Decrypt what has arrived.  As many bytes as fit, or one of the above.  What
 * does not fit is kept: tls_has_more is true then, and another call with an
 * empty span brings it.
 */
ssize_t tls_read(struct tls *t, struct span cipher, void *data, size_t size);
bool tls_has_more(const struct tls *t);

/* Encrypt, to tls_output.  False: broken, or out of memory. */
bool tls_write(struct tls *t, const void *data, size_t len);

/* Say, to tls_output, that nothing will follow. */
void tls_finish(struct tls *t);

/* Of a finished handshake. */

bool tls_has_peer(const struct tls *t); /* who has shown a certificate */
bool tls_has_alpn(const struct tls *t); /* "postgresql" was agreed on */
bool tls_is_resumed(const struct tls *t);
const char *tls_version_name(const struct tls *t);
const char *tls_cipher_name(const struct tls *t);

/*
 * The CN of the peer's certificate.  False: it has shown none, or its CN is
 * none, does not fit, or holds a NUL.
 */
bool tls_peer_name(const struct tls *t, char *out, size_t size);

/* The certificate that the peer has shown is the one that ours is. */
bool tls_peer_is_ours(const struct tls *t, const struct tls_context *ours);

/* tls-server-end-point of the peer's certificate; 0: it has none. */
size_t tls_peer_binding(const struct tls *t, uint8_t out[TLS_BINDING_MAX]);

#endif

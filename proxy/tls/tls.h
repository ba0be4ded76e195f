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
 * A new connection, which tls_free takes back, with its own use of the context;
 * which side it is, the context tells.  server_name is what the peer's
 * certificate is compared with and what SNI tells the server; copied; NULL:
 * none is known, or the peer is a client.  NULL: out of memory.
 */
struct tls *tls_new(struct tls_context *context, const char *server_name);

/* Free it, saying nothing to the peer; accepts NULL. */
void tls_free(struct tls *t);

/* Copy bytes that have arrived before or amid the handshake.  False: out of
 * memory, and none was taken. */
bool tls_feed(struct tls *t, struct span cipher);

/* The peer is a client and has not spoken: there is nothing to do before. */
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

/* The bytes to be sent, borrowed; the caller consumes them. */
struct buffer *tls_output(struct tls *t);

enum {
	TLS_EOF = 0, /* the peer has said that it will send no more */
	TLS_AGAIN = -1,
	TLS_BROKEN = -2,
};

/*
 * Decrypt the bytes of cipher, which have arrived, to data.  Returns how many
 * bytes that made, at most size, or one of the above.  Bytes that do not fit
 * are kept: tls_has_more is true then, and another call with an empty span
 * brings them.
 */
ssize_t tls_read(struct tls *t, struct span cipher, void *data, size_t size);

/* A read with an empty span has something to say. */
bool tls_has_more(const struct tls *t);

/* Encrypt len bytes, to tls_output.  False: broken, or out of memory. */
bool tls_write(struct tls *t, const void *data, size_t len);

/* Says, to tls_output, that nothing will follow. */
void tls_finish(struct tls *t);

/* From here on: only once the handshake is done. */

/* The peer has shown a certificate. */
bool tls_has_peer(const struct tls *t);

/* "postgresql" was agreed on (ALPN, RFC 7301). */
bool tls_has_alpn(const struct tls *t);

/* The handshake was a short one: it resumed a session. */
bool tls_is_resumed(const struct tls *t);

/* OpenSSL's names of version and cipher; static. */
const char *tls_version_name(const struct tls *t);
const char *tls_cipher_name(const struct tls *t);

/*
 * Write the CN of the peer's certificate, NUL terminated.  False: the peer has
 * shown none, or its CN is none, does not fit into size, or holds a NUL.
 */
bool tls_peer_name(const struct tls *t, char *out, size_t size);

/* The certificate that the peer has shown is the one that ours is. */
bool tls_peer_is_ours(const struct tls *t, const struct tls_context *ours);

/* As tls_context_binding, but of the peer's certificate. */
size_t tls_peer_binding(const struct tls *t, uint8_t out[TLS_BINDING_MAX]);

#endif

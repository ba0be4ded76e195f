/*
 * tls_context.h - what all TLS connections of one leg have in common:
 * certificate and key, whom to trust, versions and ciphers, and what is needed
 * to resume sessions.  Immutable but for the last, counted, and shared by all
 * threads.
 */
#ifndef LOCKSTEP_PROXY_TLS_TLS_CONTEXT_H
#define LOCKSTEP_PROXY_TLS_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/config/tls_settings.h"
#include "proxy/tls/digest.h"

struct tls_context;

enum {
	TLS_BINDING_MAX = 64, /* bytes of a certificate's hash */
	TLS_WHY_MAX = 512,
	/* libpq can hang on larger records when it is used asynchronously. */
	TLS_CLIENT_RECORD_BYTES = 8192,
};

/*
 * Read the files and return a context with one use, the caller's.
 * tls_context_for_clients is the server's side of the handshake,
 * tls_context_for_server the client's.
 *
 * NULL: it cannot be had, and `why` says so for people, with the file's name
 * but nothing of its content.
 */
struct tls_context *tls_context_for_clients(const struct tls_settings *s,
					    char why[TLS_WHY_MAX]);
struct tls_context *tls_context_for_server(const struct tls_settings *s,
					   char why[TLS_WHY_MAX]);

/* Take one more use, from any thread; returns c. */
struct tls_context *tls_context_use(struct tls_context *c);

/* Give a use back, from any thread; the last one frees it.  Accepts NULL. */
void tls_context_release(struct tls_context *c);

/* Write a secret that is the same as long as the private key is.  False:
 * there is no key, or OpenSSL failed. */
bool tls_context_secret(const struct tls_context *c, uint8_t out[DIGEST_BYTES]);

/*
 * Write the tls-server-end-point (RFC 5929) of our own certificate, its hash
 * by the function that signed it, and return its length in bytes.  0: there is
 * no certificate, or no such function is known (Ed25519): nothing can be bound
 * to it.
 */
size_t tls_context_binding(const struct tls_context *c,
			   uint8_t out[TLS_BINDING_MAX]);

#endif

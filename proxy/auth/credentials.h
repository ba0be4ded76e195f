/*
 * credentials.h - what the files of the configuration hold: certificates,
 * keys, verifiers.  Read as a whole at start, and again on SIGHUP; whoever logs
 * in uses those of that moment to the end of his login.
 */
#ifndef LOCKSTEP_PROXY_AUTH_CREDENTIALS_H
#define LOCKSTEP_PROXY_AUTH_CREDENTIALS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/auth/auth_file.h"
#include "proxy/config/config.h"
#include "proxy/auth/scram.h"
#include "proxy/tls/tls_context.h"

/* Immutable once it is loaded. */
struct credentials {
	struct tls_context *clients; /* NULL: clients get no TLS */
	struct tls_context *server;  /* NULL: nor does the server */
	struct auth_file *auth_file; /* NULL: auth = pass */
	struct span binding;         /* of our certificate; len 0: none */
	uint8_t binding_bytes[TLS_BINDING_MAX];
	struct scram_mock mock;
	atomic_uint uses;
};

/* NULL: every mistake is a line on `errors`. */
struct credentials *credentials_load(const struct config *c, FILE *errors);

struct credentials *credentials_use(struct credentials *c);
void credentials_release(struct credentials *c); /* accepts NULL */

/* Those in force; replaced by one thread, taken by all. */
struct credentials_store;

struct credentials_store *credentials_store_new(struct credentials *taken);
void credentials_store_free(struct credentials_store *s); /* accepts NULL */
/* Only the key of the mock stays. */
void credentials_store_replace(struct credentials_store *s,
			       struct credentials *taken);
struct credentials *credentials_store_use(struct credentials_store *s);

#endif

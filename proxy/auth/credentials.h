/*
 * credentials.h - what clients and servers are known by: what the files of a
 * configuration hold (certificates, keys, verifiers), and who may use the
 * console.  Read as a whole at start, and again at a reload; a login uses those
 * of the moment when it began, to its end.
 */
#ifndef LOCKSTEP_PROXY_AUTH_CREDENTIALS_H
#define LOCKSTEP_PROXY_AUTH_CREDENTIALS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/auth/auth_file.h"
#include "proxy/auth/console_access.h"
#include "proxy/auth/scram.h"
#include "proxy/config/generation.h"
#include "proxy/tls/tls_context.h"

/* Immutable once it is loaded. */
struct credentials {
	struct tls_context *clients;    /* NULL: clients get no TLS */
	struct tls_context *server;     /* NULL: nor does the server */
	struct auth_file *auth_file;    /* NULL: nobody needs it */
	struct console_access *console; /* NULL: nobody may use it */
	struct generation *generation;  /* one use: they are of this one */
	struct span binding; /* to our certificate, for clients; len 0: none */
	uint8_t binding_bytes[TLS_BINDING_MAX];
	struct scram_mock mock;
	/* One use of those that all but the generation is borrowed from; NULL:
	 * it is owned. */
	struct credentials *base;
	atomic_uint uses;
};

/*
 * Read the files that the generation's configuration names, and keep a use of
 * it; the caller has one use of the result.  Every mistake is a line on
 * `errors`, without any secret.  NULL: they cannot be used; else lines of
 * auth_file are left out, or a user of the console who cannot be looked up.
 */
struct credentials *credentials_load(struct generation *g, FILE *errors);

/* The same behind others, of which the users are known that were looked up;
 * NULL: there are none. */
struct credentials *credentials_reload(struct generation *g,
				       const struct credentials *old,
				       FILE *errors);

/* The same files as those, read then, for another generation, whose settings
 * name the same.  NULL: out of memory. */
struct credentials *credentials_for_generation(struct generation *g,
					       struct credentials *old);

/* Give a use back, from any thread; the last one wipes and frees it.  Accepts
 * NULL. */
void credentials_release(struct credentials *c);

/* The credentials in force: replaced by one thread, used by all. */
struct credentials_store;

/* Take the caller's use of the first ones.  NULL: out of memory, and the use
 * is given back. */
struct credentials_store *credentials_store_new(struct credentials *taken);

/* Give the store's use back; accepts NULL.  No thread may use s any more. */
void credentials_store_free(struct credentials_store *s);

/* Take the caller's use of new ones, for all logins to come; only the key of
 * the mock stays. */
void credentials_store_replace(struct credentials_store *s,
			       struct credentials *taken);

/* One use of those in force, which the caller gives back. */
struct credentials *credentials_store_use(struct credentials_store *s);

#endif

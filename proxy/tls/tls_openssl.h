/*
 * tls_openssl.h - what tls.c, tls_context.c and tls_ticket.c share.
 */
#ifndef LOCKSTEP_PROXY_TLS_TLS_OPENSSL_H
#define LOCKSTEP_PROXY_TLS_TLS_OPENSSL_H

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/ssl.h>

#include "proxy/tls/tls_context.h"

/* A session that a server lets us resume. */
struct tls_ticket {
	struct tls_ticket *next;
	SSL_SESSION *session; /* owned */
	char server_name[];
};

struct tls_context {
	SSL_CTX *ctx;
	BIO_METHOD *bio; /* between OpenSSL and the buffers of struct tls */
	X509 *own;       /* certificate, borrowed from ctx; NULL: none */
	bool is_server;  /* in the handshake: the peer is a client */
	bool checks_name;
	bool sends_name;
	bool needs_alpn; /* from servers, with direct TLS */
	atomic_uint uses;
	pthread_mutex_t lock;
	struct tls_ticket *tickets; /* guarded by lock; one for each name */
};

/* In tls.c: the way to the buffers of struct tls, to be freed by
 * BIO_meth_free; NULL: out of memory. */
BIO_METHOD *tls_bio_method_new(void);

/* In tls.c: OpenSSL's new-session callback.  Takes session; returns 1. */
int tls_keep_session(SSL *ssl, SSL_SESSION *session);

/*
 * Write the hash that RFC 5929 asks for, and return its length in bytes.
 * 0: cert is NULL, or there is no such hash.
 */
size_t tls_certificate_hash(const X509 *cert, uint8_t out[TLS_BINDING_MAX]);

/* Empty the error queue of this thread's OpenSSL and return the first one
 * in OpenSSL's words, static: those that follow say less. */
const char *tls_take_error(void);

/* A copy of the ticket for that server, to be freed by SSL_SESSION_free; NULL:
 * there is none, or memory is out. */
SSL_SESSION *tls_ticket_find(struct tls_context *c, const char *server_name);

/* Take session, in place of the one before; out of memory: forgets it. */
void tls_ticket_keep(struct tls_context *c, const char *server_name,
		     SSL_SESSION *session);

/* Free all tickets; nobody else may use c any more. */
void tls_tickets_clear(struct tls_context *c);

#endif

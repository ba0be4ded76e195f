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
	bool is_server;  /* of the handshake: the peer is a client */
	bool checks_name;
	bool sends_name;
	bool needs_alpn; /* of servers: direct TLS */
	atomic_uint uses;
	pthread_mutex_t lock;
	struct tls_ticket *tickets; /* guarded by lock; one for each name */
};

/* In tls.c. */
BIO_METHOD *tls_bio_method_new(void); /* NULL: out of memory */
int tls_keep_session(SSL *ssl,
		     SSL_SESSION *session); /* a new-session callback */

/* The hash that RFC 5929 asks for.  0: none. */
size_t tls_certificate_hash(const X509 *cert, uint8_t out[TLS_BINDING_MAX]);

/* The first error of this thread's OpenSSL, in its words: those that follow
 * say less.  The queue is emptied. */
const char *tls_take_error(void);

/* The ticket for that server, to be freed; NULL: none. */
SSL_SESSION *tls_ticket_find(struct tls_context *c, const char *server_name);

/* Takes session.  Out of memory: it is forgotten. */
void tls_ticket_keep(struct tls_context *c, const char *server_name,
		     SSL_SESSION *session);

void tls_tickets_clear(struct tls_context *c);

#endif

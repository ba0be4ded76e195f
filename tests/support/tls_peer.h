/*
 * tls_peer.h - the other end of a TLS connection: plain OpenSSL over a
 * descriptor or between two buffers, to do what ours never does.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_TLS_PEER_H
#define LOCKSTEP_TESTS_SUPPORT_TLS_PEER_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/test.h"

struct tls_peer {
	SSL_CTX *ctx;
	SSL *ssl;       /* tls_peer_begin's */
	char alert[64]; /* that has ended it, in OpenSSL's words */
};

/* Has NAME.crt and NAME.key; NULL: none, which only a client can do without. */
static inline struct tls_peer
tls_peer_new(bool is_server, const char *name)
{
	struct tls_peer p = {.ssl = NULL};
	char path[64];

	p.ctx =
	    SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	assert_non_null(p.ctx);
	if (name == NULL)
		return p;
	snprintf(path, sizeof(path), "%s.crt", name);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(p.ctx, path), 1);
	snprintf(path, sizeof(path), "%s.key", name);
	assert_int_equal(
	    SSL_CTX_use_PrivateKey_file(p.ctx, path, SSL_FILETYPE_PEM), 1);
	return p;
}

/* Over fd, which stays the caller's; -1: between two buffers. */
static inline void
tls_peer_begin(struct tls_peer *p, int fd)
{
	p->ssl = SSL_new(p->ctx);
	assert_non_null(p->ssl);
	if (fd >= 0)
		SSL_set_fd(p->ssl, fd);
	else
		SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (SSL_is_server(p->ssl))
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

static inline void
tls_peer_clear(struct tls_peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	ERR_clear_error();
}

enum tls_peer_step {
	TLS_PEER_DONE,
	TLS_PEER_MORE,
	TLS_PEER_FAILED,
};

static inline void
tls_peer_note_alert(struct tls_peer *p)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (reason != NULL && strstr(reason, " alert ") != NULL)
		snprintf(p->alert, sizeof(p->alert), "%s", reason);
}

/* What came of a call of OpenSSL's. */
static inline enum tls_peer_step
tls_peer_result(struct tls_peer *p, int result)
{
	int error = SSL_get_error(p->ssl, result);

	if (result > 0)
		return TLS_PEER_DONE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return TLS_PEER_MORE;
	tls_peer_note_alert(p);
	return TLS_PEER_FAILED;
}

static inline enum tls_peer_step
tls_peer_shake(struct tls_peer *p)
{
	ERR_clear_error();
	return tls_peer_result(p, SSL_do_handshake(p->ssl));
}

/* Between two buffers: what has come is given to it, what it says is taken. */

static inline void
tls_peer_feed(struct tls_peer *p, struct span cipher)
{
	if (cipher.len > 0)
		assert_int_equal(BIO_write(SSL_get_rbio(p->ssl), cipher.data,
					   (int)cipher.len),
				 cipher.len);
}

/* Valid until it says more. */
static inline struct span
tls_peer_take(struct tls_peer *p)
{
	char *data;
	long len = BIO_get_mem_data(SSL_get_wbio(p->ssl), &data);

	return span_of(data, (size_t)len);
}

static inline void
tls_peer_forget(struct tls_peer *p)
{
	(void)BIO_reset(SSL_get_wbio(p->ssl));
}

#endif

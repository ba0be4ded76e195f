/*
 * tls.c - one TLS connection between two buffers.
 *
 * OpenSSL reads from `in`, then from `fresh`, which is the caller's for the
 * time of one call, and writes to `out`.  So a write never blocks, and only a
 * read can want more: of OpenSSL's many ways to be asked again, one is left.
 */
#include "proxy/tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proxy/tls/tls_name.h"
#include "proxy/tls/tls_openssl.h"

struct tls {
	SSL *ssl;
	struct tls_context *context;
	char *server_name;
	struct buffer in;
	struct span fresh;
	struct buffer out;
	bool has_more; /* the last read ended because its room was full */
	char error[TLS_ERROR_MAX];
};

/* The two buffers, as OpenSSL sees them */

static size_t
tls_bio_take(void *to, size_t wanted, struct span from)
{
	size_t n = wanted < from.len ? wanted : from.len;

	memcpy(to, from.data, n);
	return n;
}

static int
tls_bio_read(BIO *bio, char *data, int size)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = 0;

	BIO_clear_retry_flags(bio);
	if (t->in.len > 0) {
		n = tls_bio_take(data, (size_t)size, buffer_span(&t->in));
		buffer_consume(&t->in, n);
	} else if (t->fresh.len > 0) {
		n = tls_bio_take(data, (size_t)size, t->fresh);
		t->fresh.data += n;
		t->fresh.len -= n;
	}
	if (n > 0)
		return (int)n;
	BIO_set_retry_read(bio);
	return -1;
}

static int
tls_bio_write(BIO *bio, const char *data, int len)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	return buffer_append(&t->out, data, (size_t)len) ? len : -1;
}

static long
tls_bio_control(BIO *bio, int command, long argument, void *pointer)
{
	(void)bio;
	(void)argument;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *
tls_bio_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "buffers");

	if (m == NULL)
		return NULL;
	BIO_meth_set_read(m, tls_bio_read);
	BIO_meth_set_write(m, tls_bio_write);
	BIO_meth_set_ctrl(m, tls_bio_control);
	return m;
}

/* From begin to end */

/* Offers the last session and the server's name.  False: out of memory. */
static bool
tls_begin_as_client(struct tls *t)
{
	SSL_SESSION *session = tls_ticket_find(t->context, t->server_name);

	SSL_set_connect_state(t->ssl);
	if (session != NULL)
		(void)SSL_set_session(t->ssl, session); /* else a full one */
	SSL_SESSION_free(session);
	if (!t->context->sends_name || *t->server_name == '\0' ||
	    tls_name_is_address(t->server_name))
		return true;
	return SSL_set_tlsext_host_name(t->ssl, t->server_name) == 1;
}

static bool
tls_begin(struct tls *t)
{
	BIO *bio;

	t->ssl = SSL_new(t->context->ctx);
	bio = t->ssl == NULL ? NULL : BIO_new(t->context->bio);
	if (bio == NULL)
		return false;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	if (!t->context->is_server)
		return tls_begin_as_client(t);
	SSL_set_accept_state(t->ssl);
	return true;
}

struct tls *
tls_new(struct tls_context *context, const char *server_name)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->context = tls_context_use(context);
	t->server_name = strdup(server_name == NULL ? "" : server_name);
	if (t->server_name != NULL && tls_begin(t))
		return t;
	ERR_clear_error();
	tls_free(t);
	return NULL;
}

/*
 * OpenSSL lets nobody resume a session whose connection was not shut down,
 * as TLS 1.0 had it; ours end in other ways, and RFC 4346 (7.2.1) knows no
 * such rule any more.  What an alert has ended stays unusable.
 */
static void
tls_end(SSL *ssl)
{
	if (ssl != NULL)
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
	SSL_free(ssl);
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_end(t->ssl);
	tls_context_release(t->context);
	free(t->server_name);
	buffer_clear(&t->in);
	buffer_clear(&t->out);
	free(t);
}

bool
tls_feed(struct tls *t, struct span cipher)
{
	return buffer_append(&t->in, cipher.data, cipher.len);
}

bool
tls_wants_input(const struct tls *t)
{
	return t->context->is_server && t->in.len == 0;
}

struct buffer *
tls_output(struct tls *t)
{
	return &t->out;
}

/* The handshake */

static enum tls_step
tls_fail(struct tls *t, const char *why, const char *detail)
{
	if (detail == NULL)
		snprintf(t->error, sizeof(t->error), "%s", why);
	else
		snprintf(t->error, sizeof(t->error), "%s (%s)", why, detail);
	return TLS_FAILED;
}

static enum tls_step
tls_fail_by_openssl(struct tls *t)
{
	int reason = ERR_GET_REASON(ERR_peek_error());
	const char *detail = NULL;

	if (*t->error != '\0') { /* the first error says the most */
		ERR_clear_error();
		return TLS_FAILED;
	}
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		detail = X509_verify_cert_error_string(
		    SSL_get_verify_result(t->ssl));
	return tls_fail(t, tls_take_error(), detail);
}

/* In libpq's words. */
static enum tls_step
tls_fail_by_name(struct tls *t, const struct tls_names *names)
{
	char others[40] = "";

	if (names->count == 0)
		return tls_fail(t,
				"could not get server's host name from server "
				"certificate",
				NULL);
	if (names->count > 1)
		snprintf(others, sizeof(others), " (and %zu other name%s)",
			 names->count - 1, names->count == 2 ? "" : "s");
	snprintf(t->error, sizeof(t->error),
		 "server certificate for \"%.80s\"%s does not match host name "
		 "\"%.80s\"",
		 names->first, others, t->server_name);
	return TLS_FAILED;
}

static enum tls_step
tls_check_server(struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	struct tls_names names = {.count = 0};

	if (t->context->needs_alpn && !tls_has_alpn(t))
		return tls_fail(t,
				"direct SSL connection was established without "
				"ALPN protocol negotiation extension",
				NULL);
	if (t->context->checks_name &&
	    (cert == NULL || !tls_name_matches(cert, t->server_name, &names)))
		return tls_fail_by_name(t, &names);
	return TLS_DONE;
}

/* Bytes of the peer's are there, a whole record or not. */
static bool
tls_has_input(const struct tls *t)
{
	return t->fresh.len > 0 || t->in.len > 0 || SSL_has_pending(t->ssl);
}

enum tls_step
tls_handshake(struct tls *t)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(t->ssl);
	if (result == 1) {
		t->has_more = tls_has_input(t);
		return t->context->is_server ? TLS_DONE : tls_check_server(t);
	}
	if (SSL_get_error(t->ssl, result) == SSL_ERROR_WANT_READ)
		return TLS_MORE;
	return tls_fail_by_openssl(t);
}

const char *
tls_error(const struct tls *t)
{
	return t->error;
}

/* Data */

bool
tls_has_more(const struct tls *t)
{
	return t->has_more;
}

/* Tell why a read brought nothing: an end, a fault, or too little input. */
static ssize_t
tls_read_nothing(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		tls_fail_by_openssl(t);
		return TLS_BROKEN;
	}
}

ssize_t
tls_read(struct tls *t, struct span cipher, void *data, size_t size)
{
	size_t total = 0;
	size_t n;
	int result;
	bool is_kept;

	ERR_clear_error();
	t->fresh = cipher;
	do {
		result =
		    SSL_read_ex(t->ssl, (char *)data + total, size - total, &n);
		if (result == 1)
			total += n;
	} while (result == 1 && total < size && tls_has_input(t));
	t->has_more = result == 1 && tls_has_input(t);
	is_kept = buffer_append(&t->in, t->fresh.data, t->fresh.len);
	t->fresh = span_of(NULL, 0); /* the caller's */
	if (!is_kept) {
		tls_fail(t, "out of memory", NULL);
		return TLS_BROKEN;
	}
	/* An end or a fault behind data comes again with the next call; but
	 * only now does OpenSSL say why. */
	if (total == 0)
		return tls_read_nothing(t, result);
	if (result != 1 && tls_read_nothing(t, result) != TLS_AGAIN)
		t->has_more = true;
	return (ssize_t)total;
}

bool
tls_write(struct tls *t, const void *data, size_t len)
{
	size_t n = 0;

	ERR_clear_error();
	if (SSL_write_ex(t->ssl, data, len, &n) == 1 && n == len)
		return true;
	tls_fail_by_openssl(t);
	return false;
}

void
tls_finish(struct tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl); /* the peer's own is not waited for */
	ERR_clear_error();
}

/* The outcome of the handshake */

bool
tls_has_peer(const struct tls *t)
{
	return SSL_get0_peer_certificate(t->ssl) != NULL;
}

bool
tls_has_alpn(const struct tls *t)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	return len > 0;
}

bool
tls_is_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

const char *
tls_version_name(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
tls_cipher_name(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

/* A new-session callback: 1, the session is ours. */
int
tls_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);

	tls_ticket_keep(t->context, t->server_name, session);
	return 1;
}

/* Certificates */

bool
tls_peer_name(const struct tls *t, char *out, size_t size)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	return cert != NULL && tls_name_common(cert, out, size);
}

bool
tls_peer_is_ours(const struct tls *t, const struct tls_context *ours)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	return cert != NULL && ours->own != NULL &&
	       X509_cmp(cert, ours->own) == 0;
}

size_t
tls_peer_binding(const struct tls *t, uint8_t out[TLS_BINDING_MAX])
{
	return tls_certificate_hash(SSL_get0_peer_certificate(t->ssl), out);
}

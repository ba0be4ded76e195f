#include "proxy/tls/tls_context.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "proxy/tls/secret_file.h"
#include "proxy/tls/tls_openssl.h"

static const char system_ca[] = "system";

static bool tls_say(char why[TLS_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Return false, for `return say(...)`. */
static bool
tls_say(char why[TLS_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, TLS_WHY_MAX, format, args);
	va_end(args);
	return false;
}

const char *
tls_take_error(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason;

	ERR_clear_error();
	if (code == 0)
		return "unknown error";
	/* From OpenSSL 3 on, those of the system have no reason string. */
	if (ERR_SYSTEM_ERROR(code))
		return strerror(ERR_GET_REASON(code));
	reason = ERR_reason_error_string(code);
	return reason == NULL ? "unknown error" : reason;
}

/* Files */

struct password {
	const char *text; /* NULL: there is none */
	bool is_asked;
};

/* A pem_password_cb; without one OpenSSL would ask the terminal. */
static int
tls_give_password(char *out, int size, int is_writing, void *arg)
{
	struct password *p = arg;
	size_t len = p->text == NULL ? 0 : strlen(p->text);

	(void)is_writing;
	p->is_asked = true;
	if (len > (size_t)size)
		return -1;
	if (len > 0)
		memcpy(out, p->text, len);
	return (int)len;
}

/* The private key, the caller's to free; NULL: `why` says why not. */
static EVP_PKEY *
tls_read_key(const struct tls_settings *s, bool is_server,
	     char why[TLS_WHY_MAX])
{
	struct secret_file file;
	struct password password = {.text = s->key_password};
	EVP_PKEY *key;

	if (!secret_file_open(&file, s->key, "private key file", why,
			      TLS_WHY_MAX))
		return NULL;
	key = PEM_read_PrivateKey(file.stream, NULL, tls_give_password,
				  &password);
	secret_file_close(&file);
	if (key != NULL)
		return key;
	if (!password.is_asked)
		tls_say(why, "could not load private key file \"%s\": %s",
			s->key, tls_take_error());
	else if (password.text != NULL)
		tls_say(why,
			"private key file \"%s\" is encrypted, and its "
			"password is another one",
			s->key);
	else
		tls_say(why, "private key file \"%s\" is encrypted: %s", s->key,
			is_server ? "store it without a password"
				  : "set sslpassword, or store it without a "
				    "password");
	ERR_clear_error();
	return NULL;
}

static bool
tls_load_key(const struct tls_context *c, const struct tls_settings *s,
	     char why[TLS_WHY_MAX])
{
	EVP_PKEY *key = tls_read_key(s, c->is_server, why);
	bool is_used;

	if (key == NULL)
		return false;
	/* One of another kind is taken, for a certificate to come. */
	is_used = SSL_CTX_use_PrivateKey(c->ctx, key) == 1 &&
		  SSL_CTX_check_private_key(c->ctx) == 1;
	EVP_PKEY_free(key);
	return is_used ||
	       tls_say(why,
		       "private key file \"%s\" is not that of certificate "
		       "file \"%s\": %s",
		       s->key, s->cert, tls_take_error());
}

static bool
tls_load_certificate(struct tls_context *c, const struct tls_settings *s,
		     char why[TLS_WHY_MAX])
{
	if (s->cert == NULL)
		return true;
	if (SSL_CTX_use_certificate_chain_file(c->ctx, s->cert) != 1)
		return tls_say(why,
			       "could not load certificate file \"%s\": %s",
			       s->cert, tls_take_error());
	c->own = SSL_CTX_get0_certificate(c->ctx);
	return tls_load_key(c, s, why);
}

static bool
tls_load_crls(SSL_CTX *ctx, const struct tls_settings *s, char why[TLS_WHY_MAX])
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *files = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (s->crl == NULL && s->crl_dir == NULL)
		return true;
	/* X509_STORE_load_locations is content with a file of certificates,
	 * and then nobody can be verified. */
	if (s->crl != NULL &&
	    X509_load_crl_file(files, s->crl, X509_FILETYPE_PEM) < 1)
		return tls_say(why,
			       "could not load certificate revocation list "
			       "\"%s\": %s",
			       s->crl, tls_take_error());
	if (s->crl_dir != NULL && X509_STORE_load_path(store, s->crl_dir) != 1)
		return tls_say(why,
			       "could not use directory \"%s\" of "
			       "certificate revocation lists: %s",
			       s->crl_dir, tls_take_error());
	return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK |
					       X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

static bool
tls_load_authorities(SSL_CTX *ctx, const struct tls_settings *s,
		     char why[TLS_WHY_MAX])
{
	if (s->ca == NULL)
		return true;
	if (strcmp(s->ca, system_ca) == 0) {
		if (SSL_CTX_set_default_verify_paths(ctx) != 1)
			return tls_say(why,
				       "could not load the system's root "
				       "certificates: %s",
				       tls_take_error());
	} else if (SSL_CTX_load_verify_locations(ctx, s->ca, NULL) != 1) {
		return tls_say(
		    why, "could not load root certificate file \"%s\": %s",
		    s->ca, tls_take_error());
	}
	return tls_load_crls(ctx, s, why);
}

/* Versions and ciphers */

static int
tls_version_number(enum tls_version version)
{
	switch (version) {
	case TLS_VERSION_ANY:
		return 0;
	case TLS_VERSION_1_0:
		return TLS1_VERSION;
	case TLS_VERSION_1_1:
		return TLS1_1_VERSION;
	case TLS_VERSION_1_2:
		return TLS1_2_VERSION;
	case TLS_VERSION_1_3:
		return TLS1_3_VERSION;
	}
	return 0;
}

/* Append a name to a list, which has room for it. */
static void
tls_append_cipher(char *list, const char *name)
{
	char *end = list + strlen(list);

	if (end > list)
		*end++ = ':';
	memcpy(end, name, strlen(name) + 1);
}

/* Split one list: what begins with TLS_ is a suite of TLS 1.3. */
static bool
tls_split_ciphers(const char *list, char **older, char **newer)
{
	size_t size = strlen(list) + 1;
	char *copy = strdup(list);
	char *rest = copy;
	char *name;

	*older = calloc(1, size);
	*newer = calloc(1, size);
	while (copy != NULL && *older != NULL && *newer != NULL &&
	       (name = strsep(&rest, ": ,")) != NULL) {
		bool is_newer = strncmp(name, "TLS_", 4) == 0;

		if (*name != '\0')
			tls_append_cipher(is_newer ? *newer : *older, name);
	}
	free(copy);
	return copy != NULL && *older != NULL && *newer != NULL;
}

static bool
tls_set_ciphers(SSL_CTX *ctx, const char *list, char why[TLS_WHY_MAX])
{
	char *older = NULL;
	char *newer = NULL;
	bool is_set;

	if (list == NULL)
		return true;
	is_set = tls_split_ciphers(list, &older, &newer) &&
		 SSL_CTX_set_cipher_list(
		     ctx, *older != '\0' ? older : TLS_CIPHERS) == 1 &&
		 (*newer == '\0' || SSL_CTX_set_ciphersuites(ctx, newer) == 1);
	free(older);
	free(newer);
	return is_set || tls_say(why, "could not set the ciphers \"%s\": %s",
				 list, tls_take_error());
}

static bool
tls_set_versions(SSL_CTX *ctx, const struct tls_settings *s,
		 char why[TLS_WHY_MAX])
{
	return (SSL_CTX_set_min_proto_version(
		    ctx, tls_version_number(s->min_version)) == 1 &&
		SSL_CTX_set_max_proto_version(
		    ctx, tls_version_number(s->max_version)) == 1) ||
	       tls_say(why, "could not set the TLS versions: %s",
		       tls_take_error());
}

/* ALPN */

/* As a list of one, as it goes over the wire. */
static const unsigned char alpn[] = "\012postgresql";

static int
tls_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		const unsigned char *offered, unsigned offered_len, void *arg)
{
	unsigned char *selected;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&selected, out_len, alpn, sizeof(alpn) - 1,
				  offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* Contexts */

size_t
tls_certificate_hash(const X509 *cert, uint8_t out[TLS_BINDING_MAX])
{
	static_assert(TLS_BINDING_MAX >= EVP_MAX_MD_SIZE, "");
	const EVP_MD *md;
	unsigned len = 0;
	int nid;

	if (cert == NULL ||
	    X509_get_signature_info((X509 *)cert, &nid, NULL, NULL, NULL) != 1)
		return 0;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	md = EVP_get_digestbynid(nid);
	if (md == NULL || X509_digest(cert, md, out, &len) != 1)
		len = 0;
	ERR_clear_error();
	return len;
}

size_t
tls_context_binding(const struct tls_context *c, uint8_t out[TLS_BINDING_MAX])
{
	return tls_certificate_hash(c->own, out);
}

bool
tls_context_secret(const struct tls_context *c, uint8_t out[DIGEST_BYTES])
{
	EVP_PKEY *key = SSL_CTX_get0_privatekey(c->ctx);
	unsigned char *der = NULL;
	int len = key == NULL ? 0 : i2d_PrivateKey(key, &der);
	bool is_made;

	if (len <= 0)
		return false;
	is_made = digest_hmac_sha256(out, span_of("lockstep mock", 13),
				     span_of(der, (size_t)len));
	OPENSSL_clear_free(der, (size_t)len);
	return is_made;
}

static void
tls_context_free(struct tls_context *c)
{
	tls_tickets_clear(c);
	SSL_CTX_free(c->ctx);
	BIO_meth_free(c->bio);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct tls_context *
tls_context_use(struct tls_context *c)
{
	atomic_fetch_add(&c->uses, 1);
	return c;
}

void
tls_context_release(struct tls_context *c)
{
	if (c != NULL && atomic_fetch_sub(&c->uses, 1) == 1)
		tls_context_free(c);
}

static struct tls_context *
tls_context_new(const SSL_METHOD *method)
{
	struct tls_context *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	atomic_init(&c->uses, 1);
	pthread_mutex_init(&c->lock, NULL);
	c->ctx = SSL_CTX_new(method);
	c->bio = tls_bio_method_new();
	if (c->ctx == NULL || c->bio == NULL) {
		tls_context_free(c);
		return NULL;
	}
	SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION |
					SSL_OP_NO_COMPRESSION |
					SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS);
	return c;
}

/* Apply the settings that both sides have. */
static bool
tls_context_set_up(struct tls_context *c, const struct tls_settings *s,
		   char why[TLS_WHY_MAX])
{
	return tls_set_versions(c->ctx, s, why) &&
	       tls_set_ciphers(c->ctx, s->ciphers, why) &&
	       tls_load_certificate(c, s, why) &&
	       tls_load_authorities(c->ctx, s, why);
}

/* For clients: which certificates they may show. */
static bool
tls_ask_for_certificates(SSL_CTX *ctx, const struct tls_settings *s,
			 char why[TLS_WHY_MAX])
{
	static const unsigned char id[] = "lockstep";
	STACK_OF(X509_NAME) * names;

	/* A resumed session must be of the same purpose. */
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	if (s->ca == NULL)
		return true;
	names = SSL_load_client_CA_file(s->ca);
	if (names == NULL)
		return tls_say(
		    why, "could not load root certificate file \"%s\": %s",
		    s->ca, tls_take_error());
	SSL_CTX_set_client_CA_list(ctx, names);
	/* A client that must show one and does not is told in words, later. */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
	return true;
}

static struct tls_context *
tls_context_begin(const SSL_METHOD *method, char why[TLS_WHY_MAX])
{
	struct tls_context *c = tls_context_new(method);

	ERR_clear_error();
	if (c == NULL)
		tls_say(why, "could not create a TLS context: out of memory");
	return c;
}

struct tls_context *
tls_context_for_clients(const struct tls_settings *s, char why[TLS_WHY_MAX])
{
	struct tls_context *c = tls_context_begin(TLS_server_method(), why);

	if (c == NULL)
		return NULL;
	c->is_server = true;
	/* Tickets alone: nothing is kept for those who left. */
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c->ctx, 1);
	SSL_CTX_set_max_send_fragment(c->ctx, TLS_CLIENT_RECORD_BYTES);
	SSL_CTX_set_alpn_select_cb(c->ctx, tls_select_alpn, NULL);
	if (tls_context_set_up(c, s, why) &&
	    tls_ask_for_certificates(c->ctx, s, why))
		return c;
	tls_context_release(c);
	return NULL;
}

struct tls_context *
tls_context_for_server(const struct tls_settings *s, char why[TLS_WHY_MAX])
{
	struct tls_context *c = tls_context_begin(TLS_client_method(), why);

	if (c == NULL)
		return NULL;
	c->checks_name = s->mode == TLS_VERIFY_FULL;
	c->sends_name = !s->hides_name;
	c->needs_alpn = s->is_direct;
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT |
						   SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, tls_keep_session);
	/* As libpq does: who names a root certificate wants it checked. */
	if (s->ca != NULL)
		SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_alpn_protos(c->ctx, alpn, sizeof(alpn) - 1) != 0)
		tls_say(why, "could not create a TLS context: out of memory");
	else if (tls_context_set_up(c, s, why))
		return c;
	tls_context_release(c);
	return NULL;
}

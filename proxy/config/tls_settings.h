/*
 * tls_settings.h - what is set about TLS on one leg.  The same words mean the
 * same on both, as in PostgreSQL.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_TLS_SETTINGS_H
#define LOCKSTEP_PROXY_CONFIG_TLS_SETTINGS_H

#include <stdbool.h>

/* Upstream: libpq's sslmode.  For clients: what is asked of them. */
enum tls_mode {
	TLS_DISABLE,
	TLS_ALLOW,  /* upstream: in clear first; for clients the same as: */
	TLS_PREFER, /* upstream: by TLS first */
	TLS_REQUIRE,
	TLS_VERIFY_CA,
	TLS_VERIFY_FULL, /* upstream: the server's name, too; for clients: the
			    certificate's CN must be the user */
};

enum tls_version {
	TLS_VERSION_ANY,
	TLS_VERSION_1_0,
	TLS_VERSION_1_1,
	TLS_VERSION_1_2,
	TLS_VERSION_1_3,
};

/* In the order of the enums, and NULL; the first version has no name. */
extern const char *const tls_mode_names[];
extern const char *const tls_version_names[];

enum channel_binding {
	CHANNEL_BINDING_DISABLE,
	CHANNEL_BINDING_PREFER,
	CHANNEL_BINDING_REQUIRE,
};

/* For clients, where nothing is set about those of TLS 1.2: forward secrecy,
 * authenticated encryption. */
#define TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* The texts are owned; NULL: not set. */
struct tls_settings {
	enum tls_mode mode;
	enum tls_version min_version;
	enum tls_version max_version;
	char *cert;         /* file: ours, and its chain */
	char *key;          /* file */
	char *ca;           /* file: whom the peer's certificate must come from;
			       upstream also "system": those that OpenSSL trusts */
	char *crl;          /* file */
	char *ciphers;      /* for clients: an OpenSSL list */
	char *crl_dir;      /* upstream, as all that follows */
	char *key_password; /* never logged, wiped */
	bool is_direct;     /* sslnegotiation: no SSLRequest */
	bool hides_name;    /* sslsni=0 */
	enum channel_binding channel_binding;
};

/* Free the texts, wipe the password, and zero *s. */
void tls_settings_clear(struct tls_settings *s);

#endif

/*
 * tls_name.h - whom a certificate is for.
 *
 * Source: src/interfaces/libpq/fe-secure-common.c and
 * pgtls_verify_peer_name_matches_certificate_guts of fe-secure-openssl.c, so
 * that what psql believes is believed here, and no more.
 */
#ifndef LOCKSTEP_PROXY_TLS_TLS_NAME_H
#define LOCKSTEP_PROXY_TLS_TLS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

enum {
	TLS_NAME_BYTES = 256, /* a longer one is not looked at */
};

/* The names of a server's certificate, as far as one looked. */
struct tls_names {
	size_t count;
	char first[TLS_NAME_BYTES];
};

/* The text is an IPv4 or IPv6 address. */
bool tls_name_is_address(const char *name);

/*
 * The certificate is for that host: by one of its dNSNames, with * for the
 * first label, or iPAddresses, or by the CN, if it has none of the host's kind.
 * *names gets the names that were looked at, for a message.
 */
bool tls_name_matches(const X509 *cert, const char *host,
		      struct tls_names *names);

/*
 * Write the certificate's CN to out, NUL terminated.  False: it has none, or
 * one that does not fit into size or holds a NUL.
 */
bool tls_name_common(const X509 *cert, char *out, size_t size);

#endif

#include "proxy/tls/tls_name.h"

#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include <openssl/x509v3.h>

struct host {
	const char *name;
	size_t address_len; /* 0: it is a name */
	unsigned char address[sizeof(struct in6_addr)];
};

static struct host
tls_name_host(const char *name)
{
	struct host h = {.name = name};

	if (inet_pton(AF_INET, name, h.address) == 1)
		h.address_len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, name, h.address) == 1)
		h.address_len = sizeof(struct in6_addr);
	return h;
}

bool
tls_name_is_address(const char *name)
{
	return tls_name_host(name).address_len > 0;
}

/* Any first label, and only that. */
static bool
tls_name_matches_wildcard(const char *pattern, const char *name)
{
	const char *dot = strchr(name, '.');

	return strncmp(pattern, "*.", 2) == 0 && pattern[2] != '\0' &&
	       dot != NULL && dot > name && strcasecmp(pattern + 1, dot) == 0;
}

static void
tls_name_note(struct tls_names *names, const char *name)
{
	if (names->count++ == 0)
		memcpy(names->first, name, strlen(name) + 1);
}

static bool
tls_name_matches_text(const struct host *h, const char *text,
		      struct tls_names *names)
{
	tls_name_note(names, text);
	return strcasecmp(text, h->name) == 0 ||
	       (h->address_len == 0 &&
		tls_name_matches_wildcard(text, h->name));
}

/* Copy a name.  False: it does not fit, or holds a NUL and so names somebody
 * else. */
static bool
tls_name_copy_text(char out[TLS_NAME_BYTES], const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	if (len <= 0 || len >= TLS_NAME_BYTES)
		return false;
	memcpy(out, ASN1_STRING_get0_data(s), (size_t)len);
	out[len] = '\0';
	return strlen(out) == (size_t)len;
}

static bool
tls_name_matches_address(const struct host *h, const ASN1_STRING *address,
			 struct tls_names *names)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(address);
	size_t len = (size_t)ASN1_STRING_length(address);
	char text[INET6_ADDRSTRLEN];

	if (len != sizeof(struct in_addr) && len != sizeof(struct in6_addr))
		return false;
	if (inet_ntop(len == sizeof(struct in_addr) ? AF_INET : AF_INET6, bytes,
		      text, sizeof(text)) != NULL)
		tls_name_note(names, text);
	return len == h->address_len && memcmp(bytes, h->address, len) == 0;
}

static bool
tls_name_matches_one(const struct host *h, const GENERAL_NAME *name,
		     struct tls_names *names)
{
	char text[TLS_NAME_BYTES];

	if (name->type == GEN_IPADD)
		return tls_name_matches_address(h, name->d.iPAddress, names);
	return name->type == GEN_DNS &&
	       tls_name_copy_text(text, name->d.dNSName) &&
	       tls_name_matches_text(h, text, names);
}

bool
tls_name_common(const X509 *cert, char *out, size_t size)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	char text[TLS_NAME_BYTES];
	X509_NAME_ENTRY *entry;
	int at;

	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0)
		return false;
	entry = X509_NAME_get_entry(subject, at);
	if (!tls_name_copy_text(text, X509_NAME_ENTRY_get_data(entry)) ||
	    strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool
tls_name_matches(const X509 *cert, const char *host, struct tls_names *names)
{
	const struct host h = tls_name_host(host);
	int kind = h.address_len > 0 ? GEN_IPADD : GEN_DNS;
	GENERAL_NAMES *all =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool has_kind = false;
	bool found = false;
	char text[TLS_NAME_BYTES];
	int i;

	*names = (struct tls_names){.count = 0};
	for (i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		has_kind = has_kind || name->type == kind;
		found = tls_name_matches_one(&h, name, names);
	}
	GENERAL_NAMES_free(all);
	if (found || has_kind || !tls_name_common(cert, text, sizeof(text)))
		return found;
	return tls_name_matches_text(&h, text, names);
}

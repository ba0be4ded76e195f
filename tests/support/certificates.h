/*
 * certificates.h - keys and certificates, made when a test needs them: in
 * memory, and as files NAME.crt and NAME.key of a folder of the test's own, in
 * which it then works.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_CERTIFICATES_H
#define LOCKSTEP_TESTS_SUPPORT_CERTIFICATES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tests/support/test.h"

enum {
	CERTIFICATE_DAY = 24 * 60 * 60,
	CERTIFICATE_RSA_BITS = 2048,
	CERTIFICATE_NAME_BYTES = 64,
};

enum certificate_key {
	CERTIFICATE_EC,
	CERTIFICATE_RSA,
	CERTIFICATE_ED25519,
};

struct certificate {
	EVP_PKEY *key;
	X509 *cert;
};

struct certificate_plan {
	const char *cn;    /* NULL: none */
	size_t cn_len;     /* 0: up to its NUL */
	const char *names; /* "DNS:db.test,IP:127.0.0.1"; NULL: none */
	enum certificate_key key;
	const EVP_MD *digest; /* that it is signed with; NULL: SHA-256 */
	bool is_expired;
	bool is_authority;
};

static inline EVP_PKEY *
certificate_make_key(enum certificate_key kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case CERTIFICATE_EC:
		key = EVP_EC_gen("P-256");
		break;
	case CERTIFICATE_RSA:
		key = EVP_RSA_gen(CERTIFICATE_RSA_BITS);
		break;
	case CERTIFICATE_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	assert_non_null(key);
	return key;
}

static inline void
certificate_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline const EVP_MD *
certificate_digest(EVP_PKEY *key, const EVP_MD *wanted)
{
	if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
		return NULL; /* it has its own */
	return wanted == NULL ? EVP_sha256() : wanted;
}

/* issuer: NULL, it signs itself.  certificate_clear's. */
static inline struct certificate
certificate_make(const struct certificate_plan *plan,
		 const struct certificate *issuer)
{
	static long serial;
	struct certificate c = {certificate_make_key(plan->key), X509_new()};
	X509 *by = issuer == NULL ? c.cert : issuer->cert;
	EVP_PKEY *by_key = issuer == NULL ? c.key : issuer->key;
	X509_NAME *name = X509_get_subject_name(c.cert);
	long end = plan->is_expired ? -CERTIFICATE_DAY : CERTIFICATE_DAY;

	X509_set_version(c.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.cert), -2L * CERTIFICATE_DAY);
	X509_gmtime_adj(X509_getm_notAfter(c.cert), end);
	if (plan->cn != NULL)
		assert_int_equal(X509_NAME_add_entry_by_NID(
				     name, NID_commonName, MBSTRING_UTF8,
				     (const unsigned char *)plan->cn,
				     plan->cn_len > 0 ? (int)plan->cn_len : -1,
				     -1, 0),
				 1);
	X509_set_issuer_name(c.cert, X509_get_subject_name(by));
	X509_set_pubkey(c.cert, c.key);
	if (plan->is_authority)
		certificate_extend(c.cert, by, NID_basic_constraints,
				   "critical,CA:TRUE");
	if (plan->names != NULL)
		certificate_extend(c.cert, by, NID_subject_alt_name,
				   plan->names);
	assert_true(X509_sign(c.cert, by_key,
			      certificate_digest(by_key, plan->digest)) > 0);
	return c;
}

static inline void
certificate_clear(struct certificate *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->cert);
}

static inline FILE *
certificate_create(const char *name, const char *suffix, mode_t mode)
{
	char path[CERTIFICATE_NAME_BYTES];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s%s", name, suffix);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	return f;
}

/* NAME.key; password NULL: not encrypted. */
static inline void
certificate_write_key(const struct certificate *c, const char *name,
		      const char *password)
{
	FILE *f = certificate_create(name, ".key", 0600);
	const EVP_CIPHER *cipher = password == NULL ? NULL : EVP_aes_128_cbc();

	assert_int_equal(PEM_write_PKCS8PrivateKey(f, c->key, cipher, NULL, 0,
						   NULL, (void *)password),
			 1);
	assert_int_equal(fclose(f), 0);
}

static inline void
certificate_write(const struct certificate *c, const char *name)
{
	FILE *f = certificate_create(name, ".crt", 0644);

	assert_int_equal(PEM_write_X509(f, c->cert), 1);
	assert_int_equal(fclose(f), 0);
	certificate_write_key(c, name, NULL);
}

/* NAME.crt and NAME.key of what is forgotten then. */
static inline void
certificate_issue(const char *name, const struct certificate_plan *plan,
		  const struct certificate *issuer)
{
	struct certificate c = certificate_make(plan, issuer);

	certificate_write(&c, name);
	certificate_clear(&c);
}

/* What certificate_write has written. */
static inline struct certificate
certificate_read(const char *name)
{
	struct certificate c = {NULL, NULL};
	char path[CERTIFICATE_NAME_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s.crt", name);
	f = fopen(path, "r");
	assert_non_null(f);
	c.cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	snprintf(path, sizeof(path), "%s.key", name);
	f = fopen(path, "r");
	assert_non_null(f);
	c.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(c.cert);
	assert_non_null(c.key);
	return c;
}

/* NAME.crl of the issuer's; revoked: NULL, none is. */
static inline void
certificate_write_crl(const char *name, const struct certificate *issuer,
		      const struct certificate *revoked)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *next = X509_gmtime_adj(NULL, CERTIFICATE_DAY);
	X509_REVOKED *entry;
	FILE *f = certificate_create(name, ".crl", 0644);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_set1_nextUpdate(crl, next);
	if (revoked != NULL) {
		entry = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(
		    entry, X509_get_serialNumber(revoked->cert));
		X509_REVOKED_set_revocationDate(entry, now);
		assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
	}
	assert_true(X509_CRL_sign(crl, issuer->key,
				  certificate_digest(issuer->key, NULL)) > 0);
	assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
	assert_int_equal(fclose(f), 0);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}

static inline void
certificate_write_text(const char *name, const char *text)
{
	FILE *f = certificate_create(name, "", 0600);

	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* What most tests need */

static char certificates_folder[] = "/tmp/lockstep-tls-XXXXXX";

/*
 * For a group's setup: enter the folder, with an authority (ca), another one
 * (other) and, of the first, the certificates of a server (server: db.test,
 * 127.0.0.1) and of a client (client: joe).
 */
static inline int
certificates_enter_folder(void **state)
{
	const struct certificate_plan ca = {.cn = "ca", .is_authority = true};
	const struct certificate_plan other = {.cn = "other",
					       .is_authority = true};
	const struct certificate_plan server = {
	    .cn = "db.test", .names = "DNS:db.test,IP:127.0.0.1"};
	const struct certificate_plan client = {.cn = "joe"};
	struct certificate authority;

	(void)state;
	if (mkdtemp(certificates_folder) == NULL ||
	    chdir(certificates_folder) != 0)
		return -1;
	authority = certificate_make(&ca, NULL);
	certificate_write(&authority, "ca");
	certificate_issue("other", &other, NULL);
	certificate_issue("server", &server, &authority);
	certificate_issue("client", &client, &authority);
	certificate_clear(&authority);
	return 0;
}

static inline int
certificates_leave_folder(void **state)
{
	DIR *d = opendir(".");
	const struct dirent *e;

	(void)state;
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)remove(e->d_name);
	closedir(d);
	return chdir("/") != 0 || rmdir(certificates_folder) != 0;
}

#endif

/*
 * scram.h - verifiers of passwords that a test knows, one of them made by
 * PostgreSQL, and the two sides of an exchange one step at a time.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SCRAM_H
#define LOCKSTEP_TESTS_SUPPORT_SCRAM_H

#include <openssl/evp.h>

#include "proxy/auth/scram_state.h"
#include "proxy/tls/digest.h"
#include "tests/support/test.h"

/* PostgreSQL 15's, of the password "pencil" */
#define PENCIL_SALT "f6XmtETy1a2dIe/9mP939g=="
#define PENCIL_STORED_KEY "aRsnWcm1WUoCivOmJJC3CNYBHf8VZL0k3l5x9fqzrak="
#define PENCIL_SERVER_KEY "i/UBcfuGXFGq1SPfdBOGSueJElcFbpVD/ffLeX/NAqo="
#define PENCIL_VERIFIER                                                        \
	"SCRAM-SHA-256$4096:" PENCIL_SALT "$" PENCIL_STORED_KEY                \
	":" PENCIL_SERVER_KEY

/* Base64 of a proof of 32, 31 and 33 bytes */
#define WRONG_PROOF "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SHORT_PROOF "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define LONG_PROOF "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define LONG_SALT /* 65 bytes */                                               \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"     \
	"AAAAAAAAAAAAAAAAAAAAAAA="

static const struct scram_mock mock = {
    .key = "a key of 32 bytes for mocks",
    .iterations = 4096,
};

static inline struct span
text_of(const char *text)
{
	return span_of(text, strlen(text));
}

static inline struct span
no_binding(void)
{
	return (struct span){.data = NULL};
}

struct scram_recording {
	const char *salt;
	const char *client_nonce;
	const char *server_nonce;
	const char *bare;
	const char *client_first;
	const char *server_first;
	const char *client_final;
	const char *server_final;
};

#define RFC_CLIENT "rOprNGfwEbeRWgbNEkqO"
#define RFC_SERVER "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PG_CLIENT "uknY6upnn5Ttzs2euJv/J+jy"
#define PG_SERVER "cJ0nQ2oVO0b6UrDSXzP3UeIU"

static const struct scram_recording recordings[] = {
    /* RFC 7677, section 3 */
    {
	.salt = "W22ZaJ0SNY7soEsUEjb6gQ==",
	.client_nonce = RFC_CLIENT,
	.server_nonce = RFC_SERVER,
	.bare = "n=user,r=" RFC_CLIENT,
	.client_first = "n,,n=user,r=" RFC_CLIENT,
	.server_first =
	    "r=" RFC_CLIENT RFC_SERVER ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	.client_final = "c=biws,r=" RFC_CLIENT RFC_SERVER
			",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	.server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
    /* psql 15 with a server of version 15 */
    {
	.salt = PENCIL_SALT,
	.client_nonce = PG_CLIENT,
	.server_nonce = PG_SERVER,
	.bare = "n=,r=" PG_CLIENT,
	.client_first = "n,,n=,r=" PG_CLIENT,
	.server_first = "r=" PG_CLIENT PG_SERVER ",s=" PENCIL_SALT ",i=4096",
	.client_final = "c=biws,r=" PG_CLIENT PG_SERVER
			",p=Rao8rReUeKIT65iHpflxn3zEEuSBnJQg/a/I5i2HPF8=",
	.server_final = "v=wzzO9MN7lsspYBs5A7O4sVpb9LE1Isqm2xPfY3163KQ=",
    },
};

struct scram_secret {
	struct scram_verifier verifier;
	uint8_t client_key[SCRAM_KEY_BYTES];
};

/* RFC 5802, section 3 */
static inline struct scram_secret
scram_secret_of(const char *password, struct span salt, uint32_t iterations)
{
	struct scram_secret s = {
	    .verifier = {.iterations = iterations, .salt_len = salt.len}};
	uint8_t salted[SCRAM_KEY_BYTES] = {0};
	struct span key = span_of(salted, sizeof(salted));

	memcpy(s.verifier.salt, salt.data, salt.len);
	assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
					   salt.data, (int)salt.len,
					   (int)iterations, EVP_sha256(),
					   sizeof(salted), salted),
			 1);
	assert_true(
	    digest_hmac_sha256(s.client_key, key, bytes("Client Key", 10)));
	assert_true(digest_hmac_sha256(s.verifier.server_key, key,
				       bytes("Server Key", 10)));
	assert_true(digest_sha256(s.verifier.stored_key,
				  span_of(s.client_key, sizeof(s.client_key))));
	return s;
}

/* The same with the salt in base64. */
static inline struct scram_secret
scram_secret_of_text(const char *password, const char *salt,
		     uint32_t iterations)
{
	uint8_t raw[SCRAM_SALT_MAX];
	size_t len;

	assert_true(
	    digest_base64_decode(raw, sizeof(raw), &len, text_of(salt)));
	return scram_secret_of(password, span_of(raw, len), iterations);
}

static inline struct scram_secret
pencil(void)
{
	return scram_secret_of_text("pencil", PENCIL_SALT, 4096);
}

static inline struct scram_server *
server_of(const struct scram_verifier *verifier, struct span binding)
{
	struct scram_server *s =
	    scram_server_new(verifier, text_of("user"), &mock, binding);

	assert_non_null(s);
	return s;
}

static inline struct scram_client *
client_of(const struct scram_secret *secret, struct span binding, bool can_bind)
{
	struct scram_client *c = scram_client_new(
	    &secret->verifier, secret->client_key, binding, can_bind);

	assert_non_null(c);
	return c;
}

static inline void
check_server_step(struct scram_server *s, bool is_plus, const char *message,
		  enum scram_status status, const char *answer)
{
	struct span text = bytes_copy(text_of(message));
	struct writer w = {0};

	if (scram_server_step(s, is_plus, text, &w) != status)
		fail_msg("%s", message);
	if (answer != NULL)
		assert_span_text(scram_written(&w), answer);
	else if (status != SCRAM_CONTINUE)
		assert_int_equal(w.len, 0);
	writer_clear(&w);
	bytes_free(text);
}

static inline void
check_client_step(struct scram_client *c, const char *message,
		  enum scram_status status, const char *answer)
{
	struct span text = bytes_copy(text_of(message));
	struct writer w = {0};

	if (scram_client_step(c, text, &w) != status)
		fail_msg("%s", message);
	if (answer != NULL)
		assert_span_text(scram_written(&w), answer);
	else if (status != SCRAM_CONTINUE)
		assert_int_equal(w.len, 0);
	writer_clear(&w);
	bytes_free(text);
}

/* How far ours and ours come with each other. */
struct scram_outcome {
	enum scram_status server;
	enum scram_status client;
};

static inline struct scram_outcome
exchange(struct scram_server *s, struct scram_client *c, bool is_plus)
{
	struct scram_outcome o = {SCRAM_FAILED, SCRAM_FAILED};
	struct writer to_server = {0};
	struct writer to_client = {0};

	if (!scram_client_first(c, &to_server))
		goto out;
	o.server = scram_server_step(s, is_plus, scram_written(&to_server),
				     &to_client);
	while (o.server == SCRAM_CONTINUE) {
		writer_reset(&to_server);
		o.client =
		    scram_client_step(c, scram_written(&to_client), &to_server);
		if (o.client != SCRAM_CONTINUE)
			goto out;
		writer_reset(&to_client);
		o.server = scram_server_step(
		    s, is_plus, scram_written(&to_server), &to_client);
	}
	if (o.server == SCRAM_DONE)
		o.client =
		    scram_client_step(c, scram_written(&to_client), &to_server);
out:
	writer_clear(&to_server);
	writer_clear(&to_client);
	return o;
}

#endif

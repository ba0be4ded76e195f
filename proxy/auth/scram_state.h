/*
 * scram_state.h - what the two sides of an exchange remember.  For scram*.c,
 * and for tests that must know the nonces.
 *
 * The transcript is the AuthMessage that both sides sign: client-first-bare,
 * server-first and client-final-without-proof, between commas.  All of it was
 * on the wire.
 */
#ifndef LOCKSTEP_PROXY_AUTH_SCRAM_STATE_H
#define LOCKSTEP_PROXY_AUTH_SCRAM_STATE_H

#include "protocol/scram.h"
#include "protocol/writer.h"
#include "proxy/auth/scram.h"

enum scram_phase {
	SCRAM_PHASE_START, /* the client has said nothing yet */
	SCRAM_PHASE_FIRST, /* the other side's first message is awaited */
	SCRAM_PHASE_FINAL, /* the other side's final message is awaited */
	SCRAM_PHASE_DONE,
	SCRAM_PHASE_OVER, /* the exchange went wrong */
};

enum {
	SCRAM_OWN_NONCE_BYTES = 18, /* as PostgreSQL; base64 without padding */
	SCRAM_OWN_NONCE_ROOM = 32,
};

struct scram_binding {
	enum scram_binding_flag flag;
	size_t len; /* 0: there is none */
	uint8_t hash[SCRAM_BINDING_MAX];
};

struct scram_server {
	enum scram_phase phase;
	bool is_mock;
	struct scram_verifier verifier;
	struct scram_binding binding; /* .len > 0: offered */
	char own_nonce[SCRAM_OWN_NONCE_ROOM];
	struct writer transcript;
	struct writer nonce; /* the client's and ours */
	uint8_t client_key[SCRAM_KEY_BYTES];
};

struct scram_client {
	enum scram_phase phase;
	struct scram_verifier verifier;
	struct scram_binding binding;
	char own_nonce[SCRAM_OWN_NONCE_ROOM];
	struct writer transcript;
	uint8_t client_key[SCRAM_KEY_BYTES];
};

/* Write a new nonce, printable and NUL terminated.  False: OpenSSL or memory
 * failed. */
bool scram_nonce_make(char out[SCRAM_OWN_NONCE_ROOM]);

/* Set *b; hash, at most SCRAM_BINDING_MAX bytes, is copied. */
void scram_binding_init(struct scram_binding *b, enum scram_binding_flag flag,
			struct span hash);

/* Append the gs2-header (RFC 5802, 7): "n,,", "y,," or
 * "p=tls-server-end-point,,".  For want of memory w->failed is set. */
void scram_gs2_header_write(struct writer *w, const struct scram_binding *b);

/* Append the value of c=: base64 of that header, and of the hash where it is
 * used.  For want of memory w->failed is set. */
void scram_binding_write(struct writer *w, const struct scram_binding *b);

/* The bytes of a key, borrowed. */
static inline struct span
scram_key(const uint8_t key[SCRAM_KEY_BYTES])
{
	return span_of(key, SCRAM_KEY_BYTES);
}

/* The text written so far, borrowed until the writer changes. */
static inline struct span
scram_written(const struct writer *w)
{
	return span_of(w->data, w->len);
}

/*
 * Write key xor HMAC(StoredKey, transcript): ClientKey becomes the proof, and
 * the proof ClientKey.  False: OpenSSL failed.
 */
bool scram_mask(uint8_t out[SCRAM_KEY_BYTES],
		const uint8_t key[SCRAM_KEY_BYTES],
		const struct scram_verifier *verifier,
		const struct writer *transcript);

/* Write ServerSignature, which proves at the end that the server knows the
 * verifier.  False: OpenSSL failed. */
bool scram_signature(uint8_t out[SCRAM_KEY_BYTES],
		     const struct scram_verifier *verifier,
		     const struct writer *transcript);

#endif

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
	SCRAM_PHASE_FINAL, /* its final one is */
	SCRAM_PHASE_DONE,
	SCRAM_PHASE_OVER, /* it went wrong */
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

bool scram_nonce_make(char out[SCRAM_OWN_NONCE_ROOM]);

/* hash, at most SCRAM_BINDING_MAX bytes, is copied. */
void scram_binding_init(struct scram_binding *b, enum scram_binding_flag flag,
			struct span hash);

/* "n,,", "y,," or "p=tls-server-end-point,," */
void scram_gs2_header_write(struct writer *w, const struct scram_binding *b);

/* The value of c=: base64 of that header, and of the hash where it is used. */
void scram_binding_write(struct writer *w, const struct scram_binding *b);

static inline struct span
scram_key(const uint8_t key[SCRAM_KEY_BYTES])
{
	return span_of(key, SCRAM_KEY_BYTES);
}

static inline struct span
scram_written(const struct writer *w)
{
	return span_of(w->data, w->len);
}

/*
 * key xor HMAC(stored_key, transcript): of ClientKey the proof, of the proof
 * ClientKey.
 */
bool scram_mask(uint8_t out[SCRAM_KEY_BYTES],
		const uint8_t key[SCRAM_KEY_BYTES],
		const struct scram_verifier *verifier,
		const struct writer *transcript);

/* What the server shows at the end. */
bool scram_signature(uint8_t out[SCRAM_KEY_BYTES],
		     const struct scram_verifier *verifier,
		     const struct writer *transcript);

#endif

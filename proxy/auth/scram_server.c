/*
 * scram_server.c - the side that checks a client.
 *
 *   FIRST -> FINAL  scram_server_first_step  client-first was sound, and
 *                                            server-first is out
 *   FINAL -> DONE   scram_server_final_step  the proof was right, and
 *                                            server-final is out
 *   any   -> OVER   every step               anything else
 *
 * An unknown role goes the same way, with a verifier that nobody can match,
 * and is told apart by nothing but `is_mock`, in the last step.
 */
#include "proxy/auth/scram.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/scram_state.h"
#include "proxy/tls/digest.h"

enum {
	MOCK_SALT_BYTES = 16,
};

/* The keys are random: no use is made of them but the time it takes. */
static bool
scram_server_make_up_verifier(struct scram_verifier *out, struct span user,
			      const struct scram_mock *mock)
{
	uint8_t salt[DIGEST_BYTES];

	if (!digest_hmac_sha256(salt, scram_key(mock->key), user))
		return false;
	out->iterations = mock->iterations;
	out->salt_len = MOCK_SALT_BYTES;
	memcpy(out->salt, salt, MOCK_SALT_BYTES);
	explicit_bzero(salt, sizeof(salt));
	return digest_random(out->stored_key, sizeof(out->stored_key)) &&
	       digest_random(out->server_key, sizeof(out->server_key));
}

struct scram_server *
scram_server_new(const struct scram_verifier *verifier, struct span user,
		 const struct scram_mock *mock, struct span binding)
{
	struct scram_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->phase = SCRAM_PHASE_FIRST;
	scram_binding_init(&s->binding, SCRAM_BINDING_NONE, binding);
	/* Made up for everyone, so that it takes everyone as long. */
	if (!scram_nonce_make(s->own_nonce) ||
	    !scram_server_make_up_verifier(&s->verifier, user, mock))
		goto fail;
	s->is_mock = verifier == NULL;
	if (verifier != NULL)
		s->verifier = *verifier;
	return s;

fail:
	scram_server_free(s);
	return NULL;
}

void
scram_server_free(struct scram_server *s)
{
	if (s == NULL)
		return;
	writer_clear(&s->transcript);
	writer_clear(&s->nonce);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static enum scram_status
scram_server_judge_binding(const struct scram_server *s, bool is_plus,
			   const struct scram_client_first_message *m)
{
	bool is_offered = s->binding.len > 0;

	if (is_plus != (m->flag == SCRAM_BINDING_USED))
		return SCRAM_BAD;
	if (is_plus &&
	    (!is_offered || !span_equals(m->binding_type, scram_binding_type)))
		return SCRAM_BAD;
	if (m->flag == SCRAM_BINDING_DECLINED && is_offered)
		return SCRAM_NO_BINDING;
	return SCRAM_CONTINUE;
}

static void
scram_server_first_write(struct writer *w, const struct scram_server *s)
{
	char iterations[16];

	write_bytes(w, "r=", 2);
	write_bytes(w, s->nonce.data, s->nonce.len);
	write_bytes(w, ",s=", 3);
	digest_base64_write(w, span_of(s->verifier.salt, s->verifier.salt_len));
	snprintf(iterations, sizeof(iterations), ",i=%" PRIu32,
		 s->verifier.iterations);
	write_bytes(w, iterations, strlen(iterations));
}

static enum scram_status
scram_server_first_step(struct scram_server *s, bool is_plus,
			struct span message, struct writer *answer)
{
	struct scram_client_first_message m;
	enum scram_status status;
	size_t at;

	if (!scram_client_first_decode(&m, message))
		return SCRAM_BAD;
	status = scram_server_judge_binding(s, is_plus, &m);
	if (status != SCRAM_CONTINUE)
		return status;
	s->binding.flag = m.flag;
	write_bytes(&s->nonce, m.nonce.data, m.nonce.len);
	write_bytes(&s->nonce, s->own_nonce, strlen(s->own_nonce));
	write_bytes(&s->transcript, m.bare.data, m.bare.len);
	write_u8(&s->transcript, ',');
	at = s->transcript.len;
	scram_server_first_write(&s->transcript, s);
	if (s->nonce.failed || s->transcript.failed)
		return SCRAM_FAILED;
	write_bytes(answer, s->transcript.data + at, s->transcript.len - at);
	write_u8(&s->transcript, ',');
	return answer->failed ? SCRAM_FAILED : SCRAM_CONTINUE;
}

/* The client must have seen the header that we did, and our certificate. */
static enum scram_status
scram_server_check_binding(const struct scram_server *s, struct span said)
{
	struct writer ours = {0};
	enum scram_status status = SCRAM_CONTINUE;

	scram_binding_write(&ours, &s->binding);
	if (ours.failed)
		status = SCRAM_FAILED;
	else if (!digest_equals(said, scram_written(&ours)))
		status = s->binding.flag == SCRAM_BINDING_USED
			     ? SCRAM_NO_BINDING
			     : SCRAM_BAD;
	writer_clear(&ours);
	return status;
}

/* Set client_key, if the proof is right. */
static enum scram_status
scram_server_check_proof(struct scram_server *s,
			 const uint8_t proof[SCRAM_KEY_BYTES])
{
	uint8_t stored_key[SCRAM_KEY_BYTES];
	bool is_right;

	if (s->transcript.failed ||
	    !scram_mask(s->client_key, proof, &s->verifier, &s->transcript) ||
	    !digest_sha256(stored_key, scram_key(s->client_key)))
		return SCRAM_FAILED;
	is_right = digest_equals(scram_key(stored_key),
				 scram_key(s->verifier.stored_key));
	return is_right && !s->is_mock ? SCRAM_DONE : SCRAM_REFUSED;
}

static enum scram_status
scram_server_final_write(const struct scram_server *s, struct writer *answer)
{
	uint8_t signature[SCRAM_KEY_BYTES];

	if (!scram_signature(signature, &s->verifier, &s->transcript))
		return SCRAM_FAILED;
	write_bytes(answer, "v=", 2);
	digest_base64_write(answer, scram_key(signature));
	return answer->failed ? SCRAM_FAILED : SCRAM_DONE;
}

static enum scram_status
scram_server_final_step(struct scram_server *s, struct span message,
			struct writer *answer)
{
	struct scram_client_final_message m;
	uint8_t proof[SCRAM_KEY_BYTES];
	enum scram_status status;
	size_t len;

	if (!scram_client_final_decode(&m, message))
		return SCRAM_BAD;
	status = scram_server_check_binding(s, m.binding);
	if (status != SCRAM_CONTINUE)
		return status;
	if (!digest_equals(m.nonce, scram_written(&s->nonce)) ||
	    !digest_base64_decode(proof, sizeof(proof), &len, m.proof) ||
	    len != sizeof(proof))
		return SCRAM_BAD;
	write_bytes(&s->transcript, m.without_proof.data, m.without_proof.len);
	status = scram_server_check_proof(s, proof);
	if (status == SCRAM_DONE)
		status = scram_server_final_write(s, answer);
	if (status != SCRAM_DONE)
		explicit_bzero(s->client_key, sizeof(s->client_key));
	return status;
}

enum scram_status
scram_server_step(struct scram_server *s, bool is_plus, struct span message,
		  struct writer *answer)
{
	enum scram_status status = SCRAM_BAD;

	if (s->phase == SCRAM_PHASE_FIRST)
		status = scram_server_first_step(s, is_plus, message, answer);
	else if (s->phase == SCRAM_PHASE_FINAL)
		status = scram_server_final_step(s, message, answer);
	if (status == SCRAM_CONTINUE)
		s->phase = SCRAM_PHASE_FINAL;
	else
		s->phase =
		    status == SCRAM_DONE ? SCRAM_PHASE_DONE : SCRAM_PHASE_OVER;
	return status;
}

void
scram_server_client_key(const struct scram_server *s,
			uint8_t out[SCRAM_KEY_BYTES])
{
	assert(s->phase == SCRAM_PHASE_DONE);
	memcpy(out, s->client_key, SCRAM_KEY_BYTES);
}

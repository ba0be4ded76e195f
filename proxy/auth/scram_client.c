/*
 * scram_client.c - the side that logs in, with a ClientKey for a password.
 *
 *   START -> FIRST  scram_client_first       client-first is out
 *   FIRST -> FINAL  scram_client_first_step  client-final is out
 *   FINAL -> DONE   scram_client_final_step  the server knows ServerKey
 *   any   -> OVER   every step               anything else
 */
#include "proxy/auth/scram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/scram_state.h"
#include "proxy/tls/digest.h"

static enum scram_binding_flag
scram_client_flag_choose(struct span binding, bool can_bind)
{
	if (binding.len > 0)
		return SCRAM_BINDING_USED;
	return can_bind ? SCRAM_BINDING_DECLINED : SCRAM_BINDING_NONE;
}

struct scram_client *
scram_client_new(const struct scram_verifier *verifier,
		 const uint8_t client_key[SCRAM_KEY_BYTES], struct span binding,
		 bool can_bind)
{
	struct scram_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->phase = SCRAM_PHASE_START;
	c->verifier = *verifier;
	memcpy(c->client_key, client_key, SCRAM_KEY_BYTES);
	scram_binding_init(
	    &c->binding, scram_client_flag_choose(binding, can_bind), binding);
	if (!scram_nonce_make(c->own_nonce))
		goto fail;
	return c;

fail:
	scram_client_free(c);
	return NULL;
}

void
scram_client_free(struct scram_client *c)
{
	if (c == NULL)
		return;
	writer_clear(&c->transcript);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* No name, as libpq: the server has it from the StartupMessage. */
bool
scram_client_first(struct scram_client *c, struct writer *out)
{
	struct writer *t = &c->transcript;

	assert(c->phase == SCRAM_PHASE_START);
	c->phase = SCRAM_PHASE_FIRST;
	write_bytes(t, "n=,r=", 5);
	write_bytes(t, c->own_nonce, strlen(c->own_nonce));
	if (t->failed)
		return false;
	scram_gs2_header_write(out, &c->binding);
	write_bytes(out, t->data, t->len);
	return !out->failed;
}

/* Our nonce must come first, and something of the server's behind it. */
static bool
scram_client_nonce_is_ours(const struct scram_client *c, struct span nonce)
{
	size_t len = strlen(c->own_nonce);

	return nonce.len > len && memcmp(nonce.data, c->own_nonce, len) == 0;
}

static enum scram_status
scram_client_verifier_compare(const struct scram_verifier *v,
			      const struct scram_server_first_message *m)
{
	uint8_t salt[DIGEST_BASE64_MAX]; /* whatever the server's length */
	size_t len;

	if (!digest_base64_decode(salt, sizeof(salt), &len, m->salt))
		return SCRAM_BAD;
	if (m->iterations != v->iterations ||
	    !digest_equals(span_of(salt, len), span_of(v->salt, v->salt_len)))
		return SCRAM_STALE;
	return SCRAM_CONTINUE;
}

/* `from`: where client-final begins in the transcript. */
static enum scram_status
scram_client_final_write(const struct scram_client *c, size_t from,
			 struct writer *answer)
{
	const struct writer *t = &c->transcript;
	uint8_t proof[SCRAM_KEY_BYTES];

	if (t->failed || !scram_mask(proof, c->client_key, &c->verifier, t))
		return SCRAM_FAILED;
	write_bytes(answer, t->data + from, t->len - from);
	write_bytes(answer, ",p=", 3);
	digest_base64_write(answer, scram_key(proof));
	return answer->failed ? SCRAM_FAILED : SCRAM_CONTINUE;
}

static enum scram_status
scram_client_first_step(struct scram_client *c, struct span message,
			struct writer *answer)
{
	struct writer *t = &c->transcript;
	struct scram_server_first_message m;
	enum scram_status status;
	size_t from;

	if (!scram_server_first_decode(&m, message) ||
	    !scram_client_nonce_is_ours(c, m.nonce))
		return SCRAM_BAD;
	status = scram_client_verifier_compare(&c->verifier, &m);
	if (status != SCRAM_CONTINUE)
		return status;
	write_u8(t, ',');
	write_bytes(t, message.data, message.len);
	write_u8(t, ',');
	from = t->len;
	write_bytes(t, "c=", 2);
	scram_binding_write(t, &c->binding);
	write_bytes(t, ",r=", 3);
	write_bytes(t, m.nonce.data, m.nonce.len);
	return scram_client_final_write(c, from, answer);
}

static enum scram_status
scram_client_final_step(const struct scram_client *c, struct span message)
{
	struct scram_server_final_message m;
	uint8_t said[SCRAM_KEY_BYTES];
	uint8_t ours[SCRAM_KEY_BYTES];
	size_t len;
	bool is_proven;

	if (!scram_server_final_decode(&m, message))
		return SCRAM_BAD;
	if (m.is_error)
		return SCRAM_REFUSED;
	if (!digest_base64_decode(said, sizeof(said), &len, m.signature) ||
	    len != sizeof(said))
		return SCRAM_BAD;
	if (!scram_signature(ours, &c->verifier, &c->transcript))
		return SCRAM_FAILED;
	is_proven = digest_equals(scram_key(said), scram_key(ours));
	explicit_bzero(ours, sizeof(ours));
	return is_proven ? SCRAM_DONE : SCRAM_UNPROVEN;
}

enum scram_status
scram_client_step(struct scram_client *c, struct span message,
		  struct writer *answer)
{
	enum scram_status status = SCRAM_BAD;

	if (c->phase == SCRAM_PHASE_FIRST)
		status = scram_client_first_step(c, message, answer);
	else if (c->phase == SCRAM_PHASE_FINAL)
		status = scram_client_final_step(c, message);
	if (status == SCRAM_CONTINUE)
		c->phase = SCRAM_PHASE_FINAL;
	else
		c->phase =
		    status == SCRAM_DONE ? SCRAM_PHASE_DONE : SCRAM_PHASE_OVER;
	return status;
}

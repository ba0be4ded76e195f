#include "proxy/auth/scram.h"

#include <assert.h>
#include <string.h>

#include "protocol/scram.h"
#include "protocol/writer.h"
#include "proxy/auth/scram_state.h"
#include "proxy/tls/digest.h"

static bool
scram_key_decode(uint8_t out[SCRAM_KEY_BYTES], struct span text)
{
	size_t len;

	return digest_base64_decode(out, SCRAM_KEY_BYTES, &len, text) &&
	       len == SCRAM_KEY_BYTES;
}

bool
scram_verifier_parse(struct scram_verifier *out, const char *text)
{
	struct scram_verifier_text t;

	if (!scram_verifier_decode(&t, span_of(text, strlen(text))) ||
	    !digest_base64_decode(out->salt, sizeof(out->salt), &out->salt_len,
				  t.salt) ||
	    !scram_key_decode(out->stored_key, t.stored_key) ||
	    !scram_key_decode(out->server_key, t.server_key)) {
		explicit_bzero(out, sizeof(*out));
		return false;
	}
	out->iterations = t.iterations;
	return true;
}

bool
scram_nonce_make(char out[SCRAM_OWN_NONCE_ROOM])
{
	uint8_t raw[SCRAM_OWN_NONCE_BYTES];
	struct writer w = {0};
	bool is_made;

	if (!digest_random(raw, sizeof(raw)))
		return false;
	digest_base64_write(&w, span_of(raw, sizeof(raw)));
	is_made = !w.failed;
	if (is_made) {
		assert(w.len < SCRAM_OWN_NONCE_ROOM);
		memcpy(out, w.data, w.len);
		out[w.len] = '\0';
	}
	writer_clear(&w);
	return is_made;
}

void
scram_binding_init(struct scram_binding *b, enum scram_binding_flag flag,
		   struct span hash)
{
	assert(hash.len <= sizeof(b->hash));
	*b = (struct scram_binding){.flag = flag, .len = hash.len};
	if (hash.len > 0)
		memcpy(b->hash, hash.data, hash.len);
}

void
scram_gs2_header_write(struct writer *w, const struct scram_binding *b)
{
	write_u8(w, (uint8_t)b->flag);
	if (b->flag == SCRAM_BINDING_USED) {
		write_u8(w, '=');
		write_bytes(w, scram_binding_type, strlen(scram_binding_type));
	}
	write_bytes(w, ",,", 2);
}

void
scram_binding_write(struct writer *w, const struct scram_binding *b)
{
	struct writer plain = {0};

	scram_gs2_header_write(&plain, b);
	if (b->flag == SCRAM_BINDING_USED)
		write_bytes(&plain, b->hash, b->len);
	if (plain.failed)
		w->failed = true;
	else
		digest_base64_write(w, scram_written(&plain));
	writer_clear(&plain);
}

bool
scram_mask(uint8_t out[SCRAM_KEY_BYTES], const uint8_t key[SCRAM_KEY_BYTES],
	   const struct scram_verifier *verifier,
	   const struct writer *transcript)
{
	uint8_t mask[SCRAM_KEY_BYTES];

	if (!digest_hmac_sha256(mask, scram_key(verifier->stored_key),
				scram_written(transcript)))
		return false;
	for (size_t i = 0; i < sizeof(mask); i++)
		out[i] = key[i] ^ mask[i];
	explicit_bzero(mask, sizeof(mask));
	return true;
}

bool
scram_signature(uint8_t out[SCRAM_KEY_BYTES],
		const struct scram_verifier *verifier,
		const struct writer *transcript)
{
	return digest_hmac_sha256(out, scram_key(verifier->server_key),
				  scram_written(transcript));
}

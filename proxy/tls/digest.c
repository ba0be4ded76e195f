#include "proxy/tls/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "protocol/writer.h"

enum {
	BASE64_ROUND = 48, /* bytes encoded at once: a multiple of three */
	BASE64_ROUND_CHARS = BASE64_ROUND / 3 * 4,
	BASE64_BYTES = DIGEST_BASE64_MAX / 4 * 3,
};

bool
digest_sha256(uint8_t out[DIGEST_BYTES], struct span data)
{
	return EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) ==
	       1;
}

bool
digest_hmac_sha256(uint8_t out[DIGEST_BYTES], struct span key, struct span data)
{
	/* OpenSSL 3 takes an empty key, but not without an address. */
	const void *key_data = key.len > 0 ? key.data : (const uint8_t *)"";

	return key.len <= INT_MAX &&
	       HMAC(EVP_sha256(), key_data, (int)key.len, data.data, data.len,
		    out, NULL) != NULL;
}

bool
digest_random(void *out, size_t len)
{
	return len <= INT_MAX && RAND_bytes(out, (int)len) == 1;
}

bool
digest_equals(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

static size_t
base64_padding_count(struct span text)
{
	size_t count = 0;

	while (count < 2 && text.data[text.len - 1 - count] == '=')
		count++;
	return count;
}

/* These bytes are written as this text, and as no other one. */
static bool
base64_is_written_as(const uint8_t *data, size_t len, struct span text)
{
	uint8_t round[BASE64_ROUND_CHARS + 1];
	bool is_same = true;

	while (len > 0 && is_same) {
		size_t part = len < BASE64_ROUND ? len : BASE64_ROUND;
		size_t n = (size_t)EVP_EncodeBlock(round, data, (int)part);

		is_same = n <= text.len && memcmp(round, text.data, n) == 0;
		if (!is_same)
			break;
		data += part;
		len -= part;
		text = span_of(text.data + n, text.len - n);
	}
	explicit_bzero(round, sizeof(round));
	return is_same && text.len == 0;
}

/*
 * EVP_DecodeBlock passes over blanks and more at both ends, takes any '=' for
 * an 'A' and does not tell how much was padding: what it made of a text counts
 * only if that text is what comes of it.
 */
bool
digest_base64_decode(uint8_t *out, size_t size, size_t *len, struct span text)
{
	uint8_t bytes[BASE64_BYTES];
	size_t count;
	int n;
	bool is_good;

	*len = 0;
	if (text.len == 0)
		return true;
	if (text.len > DIGEST_BASE64_MAX || text.len % 4 != 0)
		return false;
	n = EVP_DecodeBlock(bytes, text.data, (int)text.len);
	count = n < 0 ? 0 : (size_t)n - base64_padding_count(text);
	is_good =
	    n > 0 && count <= size && base64_is_written_as(bytes, count, text);
	if (is_good) {
		memcpy(out, bytes, count);
		*len = count;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return is_good;
}

void
digest_base64_write(struct writer *w, struct span data)
{
	uint8_t round[BASE64_ROUND_CHARS + 1];

	while (data.len > 0) {
		size_t part = data.len < BASE64_ROUND ? data.len : BASE64_ROUND;
		int n = EVP_EncodeBlock(round, data.data, (int)part);

		write_bytes(w, round, (size_t)n);
		data = span_of(data.data + part, data.len - part);
	}
	explicit_bzero(round, sizeof(round));
}

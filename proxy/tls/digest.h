/*
 * digest.h - hashes, random bytes and base64: what SCRAM needs of OpenSSL.
 *
 * False means that OpenSSL failed, or what is said otherwise; what was to be
 * filled must not be used then.
 */
#ifndef LOCKSTEP_PROXY_TLS_DIGEST_H
#define LOCKSTEP_PROXY_TLS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

struct writer;

enum { DIGEST_BYTES = 32 }; /* of SHA-256, and of HMAC with it */

bool digest_sha256(uint8_t out[DIGEST_BYTES], struct span data);
bool digest_hmac_sha256(uint8_t out[DIGEST_BYTES], struct span key,
			struct span data);

bool digest_random(void *out, size_t len);

/* In a time that depends on the lengths only. */
bool digest_equals(struct span a, struct span b);

/*
 * Strict: the alphabet of RFC 4648 section 4, padded, no blanks, the bits
 * that nothing is made of zero.  False also when the text is longer than
 * DIGEST_BASE64_MAX or what it says longer than size.
 */
enum { DIGEST_BASE64_MAX = 1024 };

bool digest_base64_decode(uint8_t *out, size_t size, size_t *len,
			  struct span text);

/* Appended to *w, of any length. */
void digest_base64_write(struct writer *w, struct span data);

#endif

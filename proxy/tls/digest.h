/*
 * digest.h - hashes, random bytes and base64: what SCRAM needs of OpenSSL.
 *
 * False means that OpenSSL failed, unless a function says more; the output must
 * not be used then.
 */
#ifndef LOCKSTEP_PROXY_TLS_DIGEST_H
#define LOCKSTEP_PROXY_TLS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

struct writer;

enum { DIGEST_BYTES = 32 }; /* the length of SHA-256, and of HMAC with it */

/* SHA-256 of data. */
bool digest_sha256(uint8_t out[DIGEST_BYTES], struct span data);

/* HMAC-SHA-256 (RFC 2104) of data; the key may be empty. */
bool digest_hmac_sha256(uint8_t out[DIGEST_BYTES], struct span key,
			struct span data);

/* Fill out with len bytes that nobody can guess. */
bool digest_random(void *out, size_t len);

/* The same bytes; takes a time that depends on the lengths only. */
bool digest_equals(struct span a, struct span b);

enum { DIGEST_BASE64_MAX = 1024 }; /* bytes of a text that is decoded */

/*
 * Write at most size bytes to out, and how many to *len.  Strict: the alphabet
 * of RFC 4648 section 4, padded, no blanks, the bits that nothing is made of
 * zero.  False: the text is not that, or longer than DIGEST_BASE64_MAX, or its
 * bytes are more than size.
 */
bool digest_base64_decode(uint8_t *out, size_t size, size_t *len,
			  struct span text);

/* Append the base64 of data, of any length, to *w; for want of memory
 * w->failed is set. */
void digest_base64_write(struct writer *w, struct span data);

#endif

#include "proxy/tls/digest.h"

#include "protocol/writer.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
text_of(const char *text)
{
	return span_of(text, strlen(text));
}

/* FIPS 180-2, appendix B.1; the empty message; RFC 6234's TEST3 */
static void
digest_sha256_makes_the_published_hashes(void **state)
{
	uint8_t out[DIGEST_BYTES];

	(void)state;
	assert_true(digest_sha256(out, text_of("abc")));
	assert_memory_equal(out,
			    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde"
			    "\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c"
			    "\xb4\x10\xff\x61\xf2\x00\x15\xad",
			    DIGEST_BYTES);
	assert_true(digest_sha256(out, (struct span){.data = NULL}));
	assert_memory_equal(out,
			    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8"
			    "\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c"
			    "\xa4\x95\x99\x1b\x78\x52\xb8\x55",
			    DIGEST_BYTES);
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block) */
static void
digest_hmac_sha256_makes_the_published_hashes(void **state)
{
	uint8_t out[DIGEST_BYTES];
	uint8_t key[131];

	(void)state;
	assert_true(digest_hmac_sha256(
	    out, text_of("Jefe"), text_of("what do ya want for nothing?")));
	assert_memory_equal(out,
			    "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26"
			    "\x08\x95\x75\xc7\x5a\x00\x3f\x08\x9d\x27\x39\x83"
			    "\x9d\xec\x58\xb9\x64\xec\x38\x43",
			    DIGEST_BYTES);
	memset(key, 0xaa, sizeof(key));
	assert_true(digest_hmac_sha256(
	    out, span_of(key, sizeof(key)),
	    text_of("Test Using Larger Than Block-Size Key - Hash Key First")));
	assert_memory_equal(out,
			    "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa"
			    "\xcb\xf5\xb7\x7f\x8e\x0b\xc6\x21\x37\x28\xc5\x14"
			    "\x05\x46\x04\x0f\x0e\xe3\x7f\x54",
			    DIGEST_BYTES);
}

static void
digest_hmac_sha256_takes_an_empty_key_and_no_data(void **state)
{
	struct span none = {.data = NULL};
	uint8_t out[DIGEST_BYTES];

	(void)state;
	/* with a key before it that must not be used again */
	assert_true(digest_hmac_sha256(out, text_of("key"), none));
	assert_true(digest_hmac_sha256(out, none, none));
	assert_memory_equal(out,
			    "\xb6\x13\x67\x9a\x08\x14\xd9\xec\x77\x2f\x95\xd7"
			    "\x78\xc3\x5f\xc5\xff\x16\x97\xc4\x93\x71\x56\x53"
			    "\xc6\xc7\x12\x14\x42\x92\xc5\xad",
			    DIGEST_BYTES);
}

static void
digest_random_fills_differently_each_time(void **state)
{
	uint8_t a[32] = {0};
	uint8_t b[32] = {0};

	(void)state;
	assert_true(digest_random(a, sizeof(a)));
	assert_true(digest_random(b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_true(digest_random(a, 0));
}

static void
digest_equals_compares_all_bytes_and_the_length(void **state)
{
	(void)state;
	assert_true(digest_equals(text_of("abc"), text_of("abc")));
	assert_false(digest_equals(text_of("abc"), text_of("abd")));
	assert_false(digest_equals(text_of("abc"), text_of("xbc")));
	assert_false(digest_equals(text_of("abc"), text_of("ab")));
	assert_false(digest_equals(text_of(""), text_of("a")));
	assert_true(digest_equals(text_of(""), (struct span){.data = NULL}));
}

/* RFC 4648, section 10, and its alphabet */
static const struct {
	const char *plain;
	const char *text;
} pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
    {"0123456789012345678901234567890123456789012345678",
     "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OA=="},
};

static void
digest_base64_goes_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct span text = bytes_copy(text_of(pairs[i].text));
		size_t plain_len = strlen(pairs[i].plain);
		struct writer w = {0};
		uint8_t out[64];
		size_t len;

		assert_true(digest_base64_decode(out, plain_len, &len, text));
		assert_span_text(span_of(out, len), pairs[i].plain);
		digest_base64_write(&w, text_of(pairs[i].plain));
		assert_false(w.failed);
		assert_span_text(span_of(w.data, w.len), pairs[i].text);
		if (plain_len > 0)
			assert_false(digest_base64_decode(out, plain_len - 1,
							  &len, text));
		writer_clear(&w);
		bytes_free(text);
	}
}

static const char *const bad_base64[] = {
    "Z",        "Zg",       "Zg=",
    "Zm9",      "Zg===",    "=",
    "====",     "Z===",     "Zg==Zg==",
    "Zg==Zm9v", "Zm8=Zm9v", "=Zm9",
    "Zm=v",     "Z=9v",     "Zg=v",
    " Zm9",     " Zm9v",    "    Zm9v",
    "Zm9v    ", "Zm9v\n",   "Zm9v\n\n\n\n",
    "Zm 9v=  ", "Zm9v----", "----Zm9v",
    "Zm9-",     "Zm9_",     "Zm9.",
    "Zm9\x80",  "Zm9\xff",  "Zh==", /* the last four bits are not zero */
    "Zm9=",                         /* the last two are not */
};

static void
digest_base64_decode_refuses_what_is_not_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_base64) / sizeof(bad_base64[0]);
	     i++) {
		struct span text = bytes_copy(text_of(bad_base64[i]));
		uint8_t out[64];
		size_t len = 1;

		if (digest_base64_decode(out, sizeof(out), &len, text))
			fail_msg("'%s'", bad_base64[i]);
		assert_int_equal(len, 0);
		bytes_free(text);
	}
}

static void
digest_base64_decode_knows_the_alphabet(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[4] = {'A', 'A', 'A', 'A'};

	(void)state;
	for (int c = 0; c < 256; c++) {
		bool is_known = c != 0 && strchr(alphabet, c) != NULL;

		for (int at = 0; at < 3; at++) {
			uint8_t out[3];
			size_t len;

			memset(text, 'A', sizeof(text));
			text[at] = (char)c;
			assert_int_equal(digest_base64_decode(out, sizeof(out),
							      &len,
							      span_of(text, 4)),
					 is_known);
		}
	}
}

static void
digest_base64_decode_bounds_the_text(void **state)
{
	uint8_t text[DIGEST_BASE64_MAX + 4];
	uint8_t out[sizeof(text)];
	size_t len;

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_true(digest_base64_decode(out, sizeof(out), &len,
					 span_of(text, DIGEST_BASE64_MAX)));
	assert_int_equal(len, DIGEST_BASE64_MAX / 4 * 3);
	assert_false(digest_base64_decode(
	    out, sizeof(out), &len, span_of(text, DIGEST_BASE64_MAX + 4)));
}

static void
digest_base64_write_tells_the_writer_of_no_memory(void **state)
{
	struct writer w = {0};

	(void)state;
	allocation_fail_after(0);
	digest_base64_write(&w, text_of("foobar"));
	assert_true(allocation_restore());
	assert_true(w.failed);
	writer_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digest_sha256_makes_the_published_hashes),
	    cmocka_unit_test(digest_hmac_sha256_makes_the_published_hashes),
	    cmocka_unit_test(digest_hmac_sha256_takes_an_empty_key_and_no_data),
	    cmocka_unit_test(digest_random_fills_differently_each_time),
	    cmocka_unit_test(digest_equals_compares_all_bytes_and_the_length),
	    cmocka_unit_test(digest_base64_goes_there_and_back),
	    cmocka_unit_test(digest_base64_decode_refuses_what_is_not_exact),
	    cmocka_unit_test(digest_base64_decode_knows_the_alphabet),
	    cmocka_unit_test(digest_base64_decode_bounds_the_text),
	    cmocka_unit_test(digest_base64_write_tells_the_writer_of_no_memory),
	};

	return cmocka_run_group_tests_name("proxy/tls/digest", tests, NULL,
					   NULL);
}

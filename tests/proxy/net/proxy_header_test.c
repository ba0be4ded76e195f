#include "proxy/net/proxy_header.h"

#include "tests/support/test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4 SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\x0a\0\0\1\x30\x39\x1d\x08"
#define TCP6                                                                   \
	SIGNATURE "\x21\x21\0\x24\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"           \
		  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x30\x39\x1d\x08"

static enum proxy_header_status
decode(struct proxy_header *out, const char *bytes, size_t len)
{
	struct span copy = bytes_copy(span_of(bytes, len));
	enum proxy_header_status status = proxy_header_decode(out, copy);

	bytes_free(copy);
	return status;
}

/* The header alone, with a packet behind it, and each part of it. */
static void
assert_decoded(const char *bytes, size_t len, struct proxy_header *out)
{
	char more[512];
	struct proxy_header h;
	size_t i;

	assert_int_equal(decode(out, bytes, len), PROXY_HEADER_OK);
	assert_int_equal(out->len, len);
	assert_true(len + 8 <= sizeof(more));
	memcpy(more, bytes, len);
	memcpy(more + len, "\0\0\0\x08\4\xd2\x16\x2f", 8);
	assert_int_equal(decode(&h, more, len + 8), PROXY_HEADER_OK);
	assert_memory_equal(&h, out, sizeof(h));
	for (i = 0; i < len; i++)
		assert_int_equal(decode(&h, bytes, i), PROXY_HEADER_MORE);
}

#define ASSERT_DECODED(bytes, out) assert_decoded(bytes, sizeof(bytes) - 1, out)

static void
assert_source(const struct proxy_header *h, const void *address, bool is_ipv6)
{
	assert_true(h->has_source);
	assert_int_equal(h->is_ipv6, is_ipv6);
	assert_memory_equal(h->address, address, is_ipv6 ? 16 : 4);
	assert_int_equal(h->port, 12345);
}

static void
proxy_header_decode_reads_both_versions(void **state)
{
	struct proxy_header h;

	(void)state;
	ASSERT_DECODED("PROXY TCP4 192.0.2.7 10.0.0.1 12345 7432\r\n", &h);
	assert_source(&h, "\xc0\0\2\7", false);
	ASSERT_DECODED("PROXY TCP6 fd00::1 fd00::2 12345 7432\r\n", &h);
	assert_source(&h, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", true);
	ASSERT_DECODED(TCP4, &h);
	assert_source(&h, "\xc0\0\2\7", false);
	ASSERT_DECODED(TCP6, &h);
	assert_source(&h, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", true);
}

/* A check of health, a client over a Unix socket, or one of another kind. */
static void
proxy_header_decode_needs_no_source(void **state)
{
	struct proxy_header h;

	(void)state;
	ASSERT_DECODED("PROXY UNKNOWN\r\n", &h);
	assert_false(h.has_source);
	ASSERT_DECODED("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", &h);
	assert_false(h.has_source);
	ASSERT_DECODED(SIGNATURE "\x20\0\0\0", &h);
	assert_false(h.has_source);
	ASSERT_DECODED(SIGNATURE "\x20\x11\0\3abc", &h);
	assert_false(h.has_source);
	ASSERT_DECODED(SIGNATURE "\x21\x31\0\4abcd", &h);
	assert_false(h.has_source);
}

/* What else it tells stands behind the addresses. */
static void
proxy_header_decode_skips_what_else_there_is(void **state)
{
	struct proxy_header h;

	(void)state;
	ASSERT_DECODED(SIGNATURE "\x21\x11\0\x10\xc0\0\2\7\x0a\0\0\1"
				 "\x30\x39\x1d\x08\4\0\1x",
		       &h);
	assert_source(&h, "\xc0\0\2\7", false);
}

static void
proxy_header_decode_refuses_what_is_none(void **state)
{
	static const char *const lines[] = {
	    "PROXY\r\n",
	    "PROXY \r\n",
	    "PROXY TCP4\r\n",
	    "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
	    "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
	    "PROXY TCP4 fd00::1 fd00::2 1 2\r\n",
	    "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
	    "GET / HTTP/1.1\r\n",
	};
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (decode(&h, lines[i], strlen(lines[i])) != PROXY_HEADER_BAD)
			fail_msg("%s", lines[i]);
	assert_int_equal(decode(&h, "\0\0\0\x08", 4), PROXY_HEADER_BAD);
	assert_int_equal(decode(&h, SIGNATURE "\x11\x11\0\0", 16),
			 PROXY_HEADER_BAD);
	assert_int_equal(decode(&h, SIGNATURE "\x22\x11\0\0", 16),
			 PROXY_HEADER_BAD);
	assert_int_equal(decode(&h,
				SIGNATURE "\x21\x11\0\x0b"
					  "abcdefghijk",
				27),
			 PROXY_HEADER_BAD);
	assert_int_equal(decode(&h, SIGNATURE "\x21\x11\xff\xff", 16),
			 PROXY_HEADER_BAD);
}

static void
proxy_header_decode_bounds_the_line(void **state)
{
	char line[200];
	struct proxy_header h;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	assert_int_equal(decode(&h, line, PROXY_HEADER_V1_MAX_BYTES - 1),
			 PROXY_HEADER_MORE);
	assert_int_equal(decode(&h, line, PROXY_HEADER_V1_MAX_BYTES),
			 PROXY_HEADER_BAD);
	memcpy(line + PROXY_HEADER_V1_MAX_BYTES - 2, "\r\n", 2);
	assert_int_equal(decode(&h, line, sizeof(line)), PROXY_HEADER_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proxy_header_decode_reads_both_versions),
	    cmocka_unit_test(proxy_header_decode_needs_no_source),
	    cmocka_unit_test(proxy_header_decode_skips_what_else_there_is),
	    cmocka_unit_test(proxy_header_decode_refuses_what_is_none),
	    cmocka_unit_test(proxy_header_decode_bounds_the_line),
	};

	return cmocka_run_group_tests_name("proxy/net/proxy_header", tests,
					   NULL, NULL);
}

#include "proxy/net/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/reader.h"

enum {
	SIGNATURE_BYTES = 12,
	V2_FRONT_BYTES = 16, /* up to the length of the rest, and with it */
	COMMAND_LOCAL = 0x20,
	COMMAND_PROXY = 0x21,
	TCP_OVER_IPV4 = 0x11,
	TCP_OVER_IPV6 = 0x21,
	PORT_DIGITS_MAX = 5,
};

static const uint8_t signature[SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_front[] = "PROXY ";

/* True if in begins as front does, as far as both go. */
static bool
begins_as(struct span in, const void *front, size_t len)
{
	return memcmp(in.data, front, in.len < len ? in.len : len) == 0;
}

/* Version 1, a line */

/* The next field, up to a blank or the end. */
static struct span
v1_take(struct span *rest)
{
	const uint8_t *blank = memchr(rest->data, ' ', rest->len);
	struct span field = *rest;

	if (blank == NULL) {
		*rest = span_of(rest->data + rest->len, 0);
		return field;
	}
	field.len = (size_t)(blank - rest->data);
	*rest = span_of(blank + 1, rest->len - field.len - 1);
	return field;
}

static bool
v1_read_address(uint8_t *out, struct span field, int family)
{
	char text[INET6_ADDRSTRLEN];

	if (field.len == 0 || field.len >= sizeof(text) ||
	    memchr(field.data, 0, field.len) != NULL)
		return false;
	memcpy(text, field.data, field.len);
	text[field.len] = '\0';
	return inet_pton(family, text, out) == 1;
}

static bool
v1_read_port(uint16_t *out, struct span field)
{
	uint64_t n;

	if (field.len > PORT_DIGITS_MAX || !decimal_decode(&n, field) ||
	    n > UINT16_MAX || (field.len > 1 && field.data[0] == '0'))
		return false;
	*out = (uint16_t)n;
	return true;
}

/* Read what follows "PROXY ".  False: it is none. */
static bool
v1_read(struct proxy_header *out, struct span line)
{
	struct span protocol = v1_take(&line);
	uint8_t own[sizeof(out->address)];
	uint16_t own_port;
	int family;

	if (span_equals(protocol, "UNKNOWN"))
		return true;
	out->is_ipv6 = span_equals(protocol, "TCP6");
	if (!out->is_ipv6 && !span_equals(protocol, "TCP4"))
		return false;
	family = out->is_ipv6 ? AF_INET6 : AF_INET;
	out->has_source = true;
	return v1_read_address(out->address, v1_take(&line), family) &&
	       v1_read_address(own, v1_take(&line), family) &&
	       v1_read_port(&out->port, v1_take(&line)) &&
	       v1_read_port(&own_port, v1_take(&line)) && line.len == 0;
}

static enum proxy_header_status
v1_decode(struct proxy_header *out, struct span in)
{
	size_t front = sizeof(v1_front) - 1;
	size_t most = PROXY_HEADER_V1_MAX_BYTES;
	size_t len = in.len < most ? in.len : most;
	const uint8_t *end = memchr(in.data, '\n', len);

	if (end == NULL)
		return len < most ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
	out->len = (size_t)(end + 1 - in.data);
	if (out->len < front + 2 || end[-1] != '\r' ||
	    !v1_read(out, span_of(in.data + front, out->len - front - 2)))
		return PROXY_HEADER_BAD;
	return PROXY_HEADER_OK;
}

/* Version 2, binary */

static void
v2_read_source(struct proxy_header *out, struct reader *r, size_t bytes)
{
	struct span source = read_span(r, bytes);

	(void)read_span(r, bytes); /* where it went */
	out->port = read_u16(r);
	(void)read_u16(r);
	out->is_ipv6 = bytes == sizeof(out->address);
	out->has_source = !r->overrun;
	if (out->has_source)
		memcpy(out->address, source.data, bytes);
}

static enum proxy_header_status
v2_decode(struct proxy_header *out, struct span in)
{
	struct reader r = {.rest = in};
	uint8_t command;
	uint8_t family;

	if (in.len < V2_FRONT_BYTES)
		return PROXY_HEADER_MORE;
	(void)read_span(&r, SIGNATURE_BYTES);
	command = read_u8(&r);
	family = read_u8(&r);
	out->len = (size_t)V2_FRONT_BYTES + read_u16(&r);
	if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) ||
	    out->len > PROXY_HEADER_V2_MAX_BYTES)
		return PROXY_HEADER_BAD;
	if (in.len < out->len)
		return PROXY_HEADER_MORE;
	r.rest.len = out->len - V2_FRONT_BYTES;
	if (command == COMMAND_PROXY && family == TCP_OVER_IPV4)
		v2_read_source(out, &r, 4);
	else if (command == COMMAND_PROXY && family == TCP_OVER_IPV6)
		v2_read_source(out, &r, sizeof(out->address));
	return r.overrun ? PROXY_HEADER_BAD : PROXY_HEADER_OK;
}

enum proxy_header_status
proxy_header_decode(struct proxy_header *out, struct span in)
{
	memset(out, 0, sizeof(*out));
	if (in.len == 0)
		return PROXY_HEADER_MORE;
	if (begins_as(in, signature, sizeof(signature)))
		return v2_decode(out, in);
	if (begins_as(in, v1_front, sizeof(v1_front) - 1))
		return v1_decode(out, in);
	return PROXY_HEADER_BAD;
}

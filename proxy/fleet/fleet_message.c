#include "proxy/fleet/fleet_message.h"

#include <string.h>

#include "protocol/reader.h"
#include "protocol/writer.h"
#include "proxy/tls/digest.h"

enum {
	VERSION = 1,
	EVERY_TABLE = 0xFFFF, /* in place of the number of names */
	NAME_BYTES = 13,
	HEAD_BYTES = 1 + 1 + FLEET_PROCESS_BYTES + 8 + 8 + 4 + 1 + 1 +
		     (PAIR_NAME_BYTES - 1) + 2,
	BODY_MAX = HEAD_BYTES + FLEET_NAMES_MAX * NAME_BYTES,
	BYTES_MAX = BODY_MAX + DIGEST_BYTES,
	/* Base64 is decoded in pieces of this length. */
	PIECE_CHARS = DIGEST_BASE64_MAX,
	PIECE_BYTES = DIGEST_BASE64_MAX / 4 * 3,
};

_Static_assert((BYTES_MAX + 2) / 3 * 4 <= FLEET_TEXT_MAX, "it has to fit");

static void
message_write_u64(struct writer *w, uint64_t value)
{
	write_u32(w, (uint32_t)(value >> 32));
	write_u32(w, (uint32_t)value);
}

static uint64_t
message_read_u64(struct reader *r)
{
	uint64_t high = read_u32(r);

	return high << 32 | read_u32(r);
}

/* Names */

static void
message_write_names(struct writer *w, const struct gate_names *names)
{
	size_t i;

	if (names->is_every || names->count > FLEET_NAMES_MAX) {
		write_u16(w, EVERY_TABLE);
		return;
	}
	write_u16(w, (uint16_t)names->count);
	for (i = 0; i < names->count; i++) {
		const struct gate_name *n = &names->items[i];

		write_u32(w, n->name);
		write_u32(w, n->schema);
		write_u32(w, n->reader);
		write_u8(w, (uint8_t)n->reach);
	}
}

static bool
message_read_name(struct reader *r, struct gate_name *out)
{
	uint8_t reach;

	out->name = read_u32(r);
	out->schema = read_u32(r);
	out->reader = read_u32(r);
	reach = read_u8(r);
	out->reach = (enum gate_reach)reach;
	return !r->overrun && reach <= GATE_REACH_WRITES;
}

static bool
message_read_names(struct reader *r, struct gate_names *names)
{
	uint16_t count = read_u16(r);
	struct gate_name name;

	names->is_every = count == EVERY_TABLE;
	if (names->is_every)
		return true;
	for (; count > 0; count--)
		if (!message_read_name(r, &name) ||
		    !gate_names_add(names, &name))
			return false;
	gate_names_seal(names);
	return true;
}

/* Bodies */

static void
message_write_body(struct writer *w, const struct fleet_message *m)
{
	size_t len = strlen(m->database);

	write_u8(w, VERSION);
	write_u8(w, (uint8_t)m->kind);
	write_bytes(w, m->process, sizeof(m->process));
	message_write_u64(w, m->sequence);
	message_write_u64(w, m->maker);
	write_u32(w, m->length_ms);
	write_u8(w, m->names.counts_near);
	write_u8(w, (uint8_t)len);
	write_bytes(w, m->database, len);
	message_write_names(w, &m->names);
}

static bool
message_read_kind(struct fleet_message *out, uint8_t kind)
{
	out->kind = (enum fleet_kind)kind;
	return kind >= FLEET_HELLO && kind <= FLEET_RELEASE;
}

static bool
message_read_database(struct reader *r, struct fleet_message *out)
{
	struct span name = read_span(r, read_u8(r));

	if (name.len >= sizeof(out->database) ||
	    (name.len > 0 && memchr(name.data, '\0', name.len) != NULL))
		return false;
	if (name.len > 0)
		memcpy(out->database, name.data, name.len);
	return true;
}

static bool
message_read_body(struct fleet_message *out, struct span body)
{
	struct reader r = {.rest = body};
	struct span process;

	if (read_u8(&r) != VERSION || !message_read_kind(out, read_u8(&r)))
		return false;
	process = read_span(&r, sizeof(out->process));
	if (process.len == sizeof(out->process))
		memcpy(out->process, process.data, process.len);
	out->sequence = message_read_u64(&r);
	out->maker = message_read_u64(&r);
	out->length_ms = read_u32(&r);
	out->names.counts_near = read_u8(&r) != 0;
	return message_read_database(&r, out) &&
	       message_read_names(&r, &out->names) && reader_finished(&r);
}

/* Signatures */

static bool
message_sign(uint8_t mac[DIGEST_BYTES], struct span body, uint32_t pid,
	     const struct fleet_key *key, size_t n)
{
	struct writer w = {0};
	bool is_signed;

	write_u32(&w, pid);
	write_bytes(&w, body.data, body.len);
	is_signed = !w.failed &&
		    digest_hmac_sha256(mac, span_of(key->keys[n], key->lens[n]),
				       span_of(w.data, w.len));
	writer_clear(&w);
	return is_signed;
}

static bool
message_is_signed(struct span body, struct span mac, uint32_t pid,
		  const struct fleet_key *key)
{
	uint8_t own[DIGEST_BYTES];
	size_t i;

	for (i = 0; i < key->count; i++)
		if (message_sign(own, body, pid, key, i) &&
		    digest_equals(span_of(own, sizeof(own)), mac))
			return true;
	return false;
}

bool
fleet_message_write(char out[FLEET_TEXT_MAX + 1], const struct fleet_message *m,
		    uint32_t pid, const struct fleet_key *key)
{
	struct writer body = {0};
	struct writer text = {0};
	uint8_t mac[DIGEST_BYTES];
	bool is_good;

	message_write_body(&body, m);
	is_good = !body.failed &&
		  message_sign(mac, span_of(body.data, body.len), pid, key, 0);
	if (is_good) {
		write_bytes(&body, mac, sizeof(mac));
		digest_base64_write(&text, span_of(body.data, body.len));
		is_good = !body.failed && !text.failed;
	}
	if (is_good) {
		memcpy(out, text.data, text.len);
		out[text.len] = '\0';
	}
	writer_clear(&body);
	writer_clear(&text);
	return is_good;
}

/* Decode piece by piece, of which only the last may be short. */
static bool
message_decode(uint8_t out[BYTES_MAX], size_t *len, struct span text)
{
	*len = 0;
	while (text.len > 0) {
		size_t chars = text.len < PIECE_CHARS ? text.len : PIECE_CHARS;
		size_t bytes;

		if (!digest_base64_decode(out + *len, BYTES_MAX - *len, &bytes,
					  span_of(text.data, chars)))
			return false;
		*len += bytes;
		text = span_of(text.data + chars, text.len - chars);
		if (text.len > 0 && bytes < PIECE_BYTES)
			return false;
	}
	return true;
}

enum fleet_reading
fleet_message_read(struct fleet_message *out, const char *text, uint32_t pid,
		   const struct fleet_key *key)
{
	uint8_t bytes[BYTES_MAX];
	size_t len = strlen(text);
	struct span body;

	memset(out, 0, sizeof(*out));
	if (len > FLEET_TEXT_MAX ||
	    !message_decode(bytes, &len, span_of(text, len)) ||
	    len <= DIGEST_BYTES)
		return FLEET_FOREIGN;
	body = span_of(bytes, len - DIGEST_BYTES);
	if (!message_is_signed(body, span_of(bytes + body.len, DIGEST_BYTES),
			       pid, key))
		return FLEET_FOREIGN;
	if (message_read_body(out, body))
		return FLEET_READ;
	fleet_message_clear(out);
	return FLEET_UNKNOWN;
}

void
fleet_message_clear(struct fleet_message *m)
{
	gate_names_clear(&m->names);
	memset(m, 0, sizeof(*m));
}

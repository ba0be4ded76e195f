/*
 * Any bytes as a notification, and any bytes that are signed: what is read is
 * sound, and reads the same once it is written.
 */
#include "proxy/fleet/fleet_message.h"

#include <assert.h>
#include <string.h>

#include "protocol/writer.h"
#include "proxy/tls/digest.h"

enum {
	PID = 4711,
};

static const struct fleet_key key = {
    .count = 1, .lens = {16}, .keys = {"0123456789abcdef"}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_sound(struct fleet_message *m)
{
	static char text[FLEET_TEXT_MAX + 1];
	struct fleet_message again;
	size_t i;

	assert(memchr(m->database, '\0', sizeof(m->database)) != NULL);
	for (i = 1; i < m->names.count; i++)
		assert(m->names.items[i - 1].name <= m->names.items[i].name);
	assert(fleet_message_write(text, m, PID, &key));
	assert(fleet_message_read(&again, text, PID, &key) == FLEET_READ);
	assert(again.kind == m->kind && again.sequence == m->sequence);
	assert(again.names.is_every || again.names.count == m->names.count);
	fleet_message_clear(&again);
}

static void
read_text(const char *text)
{
	struct fleet_message m;

	if (fleet_message_read(&m, text, PID, &key) == FLEET_READ)
		check_sound(&m);
	fleet_message_clear(&m);
}

/* The input as a body. */
static void
read_signed(struct span body)
{
	struct writer plain = {0};
	struct writer text = {0};
	uint8_t mac[DIGEST_BYTES];

	write_u32(&plain, PID);
	write_bytes(&plain, body.data, body.len);
	assert(digest_hmac_sha256(mac, span_of(key.keys[0], key.lens[0]),
				  span_of(plain.data, plain.len)));
	write_bytes(&plain, mac, sizeof(mac));
	digest_base64_write(&text, span_of(plain.data + 4, plain.len - 4));
	write_u8(&text, 0);
	read_text((const char *)text.data);
	writer_clear(&plain);
	writer_clear(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16 * 1024];
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;

	memcpy(text, data, len);
	text[len] = '\0';
	read_text(text);
	read_signed(span_of(data, size));
	return 0;
}

/*
 * Any bytes as every kind of SCRAM message: what is decoded, put together
 * again, makes the text that it was decoded from.
 */
#include "protocol/scram.h"

#include <assert.h>

#include "protocol/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_text(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text));
}

static void
write_span(struct writer *w, struct span s)
{
	write_bytes(w, s.data, s.len);
}

/* w is what the whole text begins with; then it is forgotten. */
static void
check_front(struct writer *w, struct span whole)
{
	assert(!w->failed && w->len <= whole.len);
	assert(memcmp(w->data, whole.data, w->len) == 0);
	writer_clear(w);
}

static void
check_whole(struct writer *w, struct span whole)
{
	assert(w->len == whole.len);
	check_front(w, whole);
}

static void
check_client_first(struct span text)
{
	struct scram_client_first_message m;
	struct writer w = {0};

	if (!scram_client_first_decode(&m, text))
		return;
	assert(text.len <= SCRAM_MESSAGE_MAX);
	assert(m.nonce.len >= 1 && m.nonce.len <= SCRAM_NONCE_MAX);
	assert(memchr(m.nonce.data, ',', m.nonce.len) == NULL);
	assert((m.flag == SCRAM_BINDING_USED) == (m.binding_type.len > 0));
	write_u8(&w, (uint8_t)m.flag);
	if (m.flag == SCRAM_BINDING_USED)
		write_u8(&w, '=');
	write_span(&w, m.binding_type);
	write_text(&w, ",,");
	check_whole(&w, m.gs2_header);
	write_span(&w, m.gs2_header);
	write_span(&w, m.bare);
	check_whole(&w, text);
	assert(memcmp(m.bare.data, "n=", 2) == 0);
}

static void
check_client_final(struct span text)
{
	struct scram_client_final_message m;
	struct writer w = {0};

	if (!scram_client_final_decode(&m, text))
		return;
	write_text(&w, "c=");
	write_span(&w, m.binding);
	write_text(&w, ",r=");
	write_span(&w, m.nonce);
	check_front(&w, m.without_proof);
	write_span(&w, m.without_proof);
	write_text(&w, ",p=");
	write_span(&w, m.proof);
	check_whole(&w, text);
}

/* Decimal digits; zeros may stand in front. */
static void
check_iterations(struct span digits, uint32_t iterations)
{
	uint64_t value = 0;

	for (size_t i = 0; i < digits.len; i++)
		value = value * 10 + (uint64_t)(digits.data[i] - '0');
	assert(value == iterations);
	assert(iterations >= 1 && iterations <= SCRAM_ITERATIONS_MAX);
}

static void
check_server_first(struct span text)
{
	struct scram_server_first_message m;
	struct writer w = {0};
	size_t front;

	if (!scram_server_first_decode(&m, text))
		return;
	write_text(&w, "r=");
	write_span(&w, m.nonce);
	write_text(&w, ",s=");
	write_span(&w, m.salt);
	write_text(&w, ",i=");
	front = w.len;
	check_front(&w, text);
	check_iterations(span_of(text.data + front, text.len - front),
			 m.iterations);
}

static void
check_server_final(struct span text)
{
	struct scram_server_final_message m;
	struct writer w = {0};

	if (!scram_server_final_decode(&m, text))
		return;
	write_text(&w, m.is_error ? "e=" : "v=");
	write_span(&w, m.error);
	write_span(&w, m.signature);
	check_whole(&w, text);
}

static void
check_verifier(struct span text)
{
	struct scram_verifier_text t;
	struct writer w = {0};
	size_t front, tail;

	if (!scram_verifier_decode(&t, text))
		return;
	write_text(&w, ":");
	write_span(&w, t.salt);
	write_text(&w, "$");
	write_span(&w, t.stored_key);
	write_text(&w, ":");
	write_span(&w, t.server_key);
	front = strlen("SCRAM-SHA-256$");
	tail = w.len;
	check_whole(&w, span_of(text.data + (text.len - tail), tail));
	check_iterations(span_of(text.data + front, text.len - tail - front),
			 t.iterations);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);

	check_client_first(text);
	check_client_final(text);
	check_server_first(text);
	check_server_final(text);
	check_verifier(text);
	return 0;
}

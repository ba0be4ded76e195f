/*
 * An accepted packet lies within the input, so do its spans, and every proper
 * prefix of it wants more.  What follows the packet changes nothing.
 */
#include "protocol/startup.h"

#include <assert.h>

#include "protocol/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
assert_within(struct span part, struct span whole)
{
	if (part.data == NULL) {
		assert(part.len == 0);
		return;
	}
	assert(part.data >= whole.data);
	assert(part.len <= whole.len);
	assert(part.data <= whole.data + (whole.len - part.len));
}

/* A parameter's value ends with a NUL of the packet. */
static void
check_parameter(struct span value, struct span raw)
{
	assert_within(value, raw);
	if (value.data == NULL)
		return;
	assert(value.data + value.len < raw.data + raw.len);
	assert(value.data[value.len] == 0);
	assert(memchr(value.data, 0, value.len + 1) == value.data + value.len);
}

static void
check_prefixes(struct span raw)
{
	struct startup_packet p;

	for (size_t len = 0; len < raw.len; len++)
		assert(startup_decode(&p, span_of(raw.data, len)) ==
		       STARTUP_MORE);
}

static void
check_packet(const struct startup_packet *p, enum startup_status status)
{
	check_parameter(p->user, p->raw);
	check_parameter(p->database, p->raw);
	check_parameter(p->application_name, p->raw);
	check_parameter(p->replication, p->raw);
	check_parameter(p->options, p->raw);
	assert((status == STARTUP_SSL) == (p->version == REQUEST_SSL));
	assert((status == STARTUP_GSSENC) == (p->version == REQUEST_GSSENC));
	assert((status == STARTUP_CANCEL) == (p->version == REQUEST_CANCEL));
	assert((status == STARTUP_MESSAGE) == (p->version >> 16 == 3));
	assert(status == STARTUP_MESSAGE || !startup_is_replication(p));
	if (status == STARTUP_MESSAGE)
		assert(p->raw.data[p->raw.len - 1] == 0);
	if (status != STARTUP_CANCEL)
		return;
	assert_within(p->cancel.secret, p->raw);
	assert(p->cancel.secret.len == p->raw.len - 12);
	assert(p->cancel.secret.len >= 4 && p->cancel.secret.len <= 256);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct startup_packet p, again;
	enum startup_status status = startup_decode(&p, in);

	switch (status) {
	case STARTUP_MORE:
		assert(size < STARTUP_PACKET_MAX);
		return 0;
	case STARTUP_NONE:
		assert(size >= 4);
		return 0;
	case STARTUP_BAD:
		assert(size >= 8);
		return 0;
	case STARTUP_SSL:
	case STARTUP_GSSENC:
	case STARTUP_CANCEL:
	case STARTUP_MESSAGE:
	case STARTUP_UNSUPPORTED:
		break;
	}
	assert(p.raw.data == data);
	assert(p.raw.len >= 8 && p.raw.len <= size);
	assert(p.raw.len <= STARTUP_PACKET_MAX);
	check_packet(&p, status);
	check_prefixes(p.raw);
	assert(startup_decode(&again, p.raw) == status);
	return 0;
}

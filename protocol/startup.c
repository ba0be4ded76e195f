#include "protocol/startup.h"

#include <assert.h>
#include <strings.h>

#include "protocol/reader.h"
#include "protocol/types.h"

enum {
	LENGTH_BYTES = 4,
	STARTUP_PACKET_MIN = 8, /* the length and a code */
	PROTOCOL_MAJOR = 3,
	SECRET_MIN = 4,
	SECRET_MAX = 256,
};

const uint8_t startup_ssl_request[STARTUP_REQUEST_BYTES] = {
    0, 0, 0, STARTUP_REQUEST_BYTES, 4, 210, 22, 47,
};

static_assert(REQUEST_SSL == (4 << 24 | 210 << 16 | 22 << 8 | 47), "");

static bool
cancel_request_decode(struct cancel_request *out, struct span body)
{
	struct reader r = {.rest = body};

	out->backend_pid = read_u32(&r);
	out->secret = read_span(&r, r.rest.len);
	return reader_finished(&r) && out->secret.len >= SECRET_MIN &&
	       out->secret.len <= SECRET_MAX;
}

/* The field that a parameter goes to.  NULL: nobody here needs that one. */
static struct span *
parameter_slot(struct startup_packet *p, struct span name)
{
	if (span_equals(name, "user"))
		return &p->user;
	if (span_equals(name, "database"))
		return &p->database;
	if (span_equals(name, "application_name"))
		return &p->application_name;
	if (span_equals(name, "replication"))
		return &p->replication;
	if (span_equals(name, "options"))
		return &p->options;
	if (span_equals(name, "default_transaction_read_only"))
		return &p->read_only;
	return NULL;
}

/* Read names and values up to an empty name; the last of equal names counts. */
static bool
parameters_decode(struct startup_packet *out, struct span body)
{
	struct reader r = {.rest = body};
	struct span name;

	while ((name = read_string(&r)).len > 0) {
		struct span value = read_string(&r);
		struct span *slot = parameter_slot(out, name);

		if (slot != NULL)
			*slot = value;
	}
	return reader_finished(&r);
}

static enum startup_status
packet_decode(struct startup_packet *out, struct span body)
{
	switch (out->version) {
	case REQUEST_SSL:
		return STARTUP_SSL;
	case REQUEST_GSSENC:
		return STARTUP_GSSENC;
	case REQUEST_CANCEL:
		return cancel_request_decode(&out->cancel, body)
			   ? STARTUP_CANCEL
			   : STARTUP_NONE;
	default:
		break;
	}
	if (out->version >> 16 != PROTOCOL_MAJOR)
		return STARTUP_UNSUPPORTED;
	return parameters_decode(out, body) ? STARTUP_MESSAGE : STARTUP_BAD;
}

enum startup_status
startup_decode(struct startup_packet *out, struct span in)
{
	struct reader r = {.rest = in};
	uint32_t len = read_u32(&r);

	*out = (struct startup_packet){.version = 0};
	if (r.overrun)
		return STARTUP_MORE;
	if (len < STARTUP_PACKET_MIN || len > STARTUP_PACKET_MAX)
		return STARTUP_NONE;
	if (len > in.len)
		return STARTUP_MORE;
	out->raw = span_of(in.data, len);
	r.rest.len = len - LENGTH_BYTES;
	out->version = read_u32(&r);
	return packet_decode(out, r.rest);
}

/* True if the text is the word or its first characters, at least `min`. */
static bool
startup_abbreviates(struct span text, const char *word, size_t min)
{
	return text.len >= min && text.len <= strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.len) == 0;
}

/*
 * Read a boolean as parse_bool of src/backend/utils/adt/bool.c does: any
 * unambiguous start of a word, and "o" is none.  "database" has no short form
 * and only lower case.
 */
bool
startup_is_replication(const struct startup_packet *p)
{
	struct span value = p->replication;

	return startup_abbreviates(value, "true", 1) ||
	       startup_abbreviates(value, "yes", 1) ||
	       startup_abbreviates(value, "on", 2) ||
	       startup_abbreviates(value, "1", 1) ||
	       span_equals(value, "database");
}

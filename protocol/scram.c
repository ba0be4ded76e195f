#include "protocol/scram.h"

#include "protocol/reader.h"

const char scram_mechanism[] = "SCRAM-SHA-256";
const char scram_mechanism_plus[] = "SCRAM-SHA-256-PLUS";
const char scram_binding_type[] = "tls-server-end-point";

/*
 * Reads "a=value,b=value": as struct reader, it is asked once, at the end,
 * whether all went well.
 */
struct attributes {
	struct span rest;
	bool is_over; /* the last value ended with the text, not at a comma */
	bool failed;
};

/* The server's strings end at a NUL, so none is taken within. */
static struct attributes
attributes_of(struct span text)
{
	return (struct attributes){
	    .rest = text,
	    .is_over = text.len == 0,
	    .failed = text.len > SCRAM_MESSAGE_MAX ||
		      (text.len > 0 && memchr(text.data, 0, text.len) != NULL),
	};
}

static bool
attributes_finished(const struct attributes *a)
{
	return a->is_over && !a->failed;
}

/* Take what stands before the next delimiter, and the delimiter. */
static struct span
attributes_take_until(struct attributes *a, char delimiter)
{
	struct span whole = a->rest;
	const uint8_t *end = NULL;
	struct span taken = whole;

	if (a->failed || a->is_over) {
		a->failed = true;
		return (struct span){.data = NULL};
	}
	if (whole.len > 0)
		end = memchr(whole.data, delimiter, whole.len);
	a->is_over = end == NULL;
	if (end != NULL)
		taken.len = (size_t)(end - whole.data);
	a->rest = span_of(whole.data + taken.len, whole.len - taken.len);
	if (end != NULL)
		a->rest = span_of(end + 1, a->rest.len - 1);
	return taken;
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Take the next attribute, whatever its name. */
static struct span
attributes_take_any(struct attributes *a, uint8_t *name)
{
	struct span s = attributes_take_until(a, ',');

	*name = 0;
	if (s.len < 2 || !is_letter(s.data[0]) || s.data[1] != '=') {
		a->failed = true;
		return (struct span){.data = NULL};
	}
	*name = s.data[0];
	return span_of(s.data + 2, s.len - 2);
}

/* Take the next attribute, which must have this name. */
static struct span
attributes_take(struct attributes *a, char name)
{
	uint8_t found;
	struct span value = attributes_take_any(a, &found);

	if (found != (uint8_t)name)
		a->failed = true;
	return value;
}

/* RFC 5802's printable: no blank, no comma, nothing above ASCII. */
static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < 0x21 || s.data[i] > 0x7e || s.data[i] == ',')
			return false;
	}
	return s.len > 0;
}

static bool
iterations_parse(uint32_t *out, struct span digits)
{
	uint64_t value;

	if (!decimal_decode(&value, digits))
		return false;
	*out = (uint32_t)value;
	return value >= 1 && value <= SCRAM_ITERATIONS_MAX;
}

/* Parse "n", "y" or "p=type". */
static bool
binding_flag_parse(struct scram_client_first_message *out, struct span s)
{
	out->binding_type = (struct span){.data = NULL};
	if (span_equals(s, "n")) {
		out->flag = SCRAM_BINDING_NONE;
		return true;
	}
	if (span_equals(s, "y")) {
		out->flag = SCRAM_BINDING_DECLINED;
		return true;
	}
	if (s.len <= 2 || memcmp(s.data, "p=", 2) != 0)
		return false;
	out->flag = SCRAM_BINDING_USED;
	out->binding_type = span_of(s.data + 2, s.len - 2);
	return true;
}

/*
 * Decode the message from the user's name on.  A mandatory extension, "m=",
 * stands before the name and is refused.
 */
static bool
bare_decode(struct scram_client_first_message *out, struct attributes *a)
{
	uint8_t name;

	attributes_take(a, 'n');
	out->nonce = attributes_take(a, 'r');
	while (!a->failed && !a->is_over)
		attributes_take_any(a, &name);
	return attributes_finished(a) && is_printable(out->nonce) &&
	       out->nonce.len <= SCRAM_NONCE_MAX;
}

bool
scram_client_first_decode(struct scram_client_first_message *out,
			  struct span text)
{
	struct attributes a = attributes_of(text);
	struct span flag = attributes_take_until(&a, ',');
	struct span identity = attributes_take_until(&a, ',');

	if (a.failed || identity.len > 0 || !binding_flag_parse(out, flag))
		return false;
	out->gs2_header = span_of(text.data, text.len - a.rest.len);
	out->bare = a.rest;
	return bare_decode(out, &a);
}

bool
scram_client_final_decode(struct scram_client_final_message *out,
			  struct span text)
{
	struct attributes a = attributes_of(text);
	uint8_t name;

	out->binding = attributes_take(&a, 'c');
	out->nonce = attributes_take(&a, 'r');
	do {
		out->proof = attributes_take_any(&a, &name);
	} while (!a.failed && name != 'p');
	if (!attributes_finished(&a))
		return false;
	/* The signed text ends before ",p=". */
	out->without_proof = span_of(text.data, text.len - out->proof.len - 3);
	return true;
}

bool
scram_server_first_decode(struct scram_server_first_message *out,
			  struct span text)
{
	struct attributes a = attributes_of(text);
	struct span iterations;

	out->nonce = attributes_take(&a, 'r');
	out->salt = attributes_take(&a, 's');
	iterations = attributes_take(&a, 'i');
	return attributes_finished(&a) && is_printable(out->nonce) &&
	       iterations_parse(&out->iterations, iterations);
}

bool
scram_server_final_decode(struct scram_server_final_message *out,
			  struct span text)
{
	struct attributes a = attributes_of(text);
	uint8_t name;
	struct span value = attributes_take_any(&a, &name);

	*out = (struct scram_server_final_message){.is_error = name == 'e'};
	if (out->is_error)
		out->error = value;
	else
		out->signature = value;
	return attributes_finished(&a) && (name == 'e' || name == 'v');
}

bool
scram_verifier_decode(struct scram_verifier_text *out, struct span text)
{
	struct attributes a = attributes_of(text);
	struct span scheme = attributes_take_until(&a, '$');
	struct span iterations = attributes_take_until(&a, ':');

	out->salt = attributes_take_until(&a, '$');
	out->stored_key = attributes_take_until(&a, ':');
	out->server_key = a.rest;
	if (a.failed || !span_equals(scheme, scram_mechanism))
		return false;
	return iterations_parse(&out->iterations, iterations) &&
	       out->salt.len > 0 && out->stored_key.len > 0 &&
	       out->server_key.len > 0;
}

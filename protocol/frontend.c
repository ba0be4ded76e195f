#include "protocol/frontend.h"

#include "protocol/reader.h"

enum {
	OID_BYTES = 4,
};

bool
query_decode(struct query_message *out, struct span body)
{
	struct reader r = {.rest = body};

	out->sql = read_string(&r);
	return reader_finished(&r);
}

bool
parse_decode(struct parse_message *out, struct span body)
{
	struct reader r = {.rest = body};
	uint16_t types;

	out->statement = read_string(&r);
	out->sql = read_string(&r);
	out->rest = r.rest;
	types = read_u16(&r);
	read_span(&r, (size_t)types * OID_BYTES);
	return reader_finished(&r);
}

bool
bind_decode(struct bind_message *out, struct span front)
{
	struct reader r = {.rest = front};

	out->portal = read_string(&r);
	out->statement = read_string(&r);
	return !r.overrun;
}

bool
target_decode(struct target_message *out, struct span body)
{
	struct reader r = {.rest = body};

	out->kind = read_u8(&r);
	out->name = read_string(&r);
	return reader_finished(&r) && (out->kind == 'S' || out->kind == 'P');
}

bool
execute_decode(struct execute_message *out, struct span body)
{
	struct reader r = {.rest = body};

	out->portal = read_string(&r);
	out->max_rows = read_u32(&r);
	if (out->max_rows > INT32_MAX)
		out->max_rows = 0; /* exec_execute_message: negative is all */
	return reader_finished(&r);
}

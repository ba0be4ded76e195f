#include "protocol/frontend.h"

#include <string.h>

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

void
query_write(struct writer *w, const char *sql, size_t len)
{
	writer_begin(w, FRONTEND_QUERY);
	write_bytes(w, sql, len);
	write_u8(w, 0);
	writer_end(w);
}

void
parse_write(struct writer *w, const char *statement, const char *sql)
{
	writer_begin(w, FRONTEND_PARSE);
	write_string(w, statement);
	write_string(w, sql);
	write_u16(w, 0); /* parameter types */
	writer_end(w);
}

void
bind_write(struct writer *w, const char *portal, const char *statement,
	   char *const *params, size_t count)
{
	size_t i;

	writer_begin(w, FRONTEND_BIND);
	write_string(w, portal);
	write_string(w, statement);
	write_u16(w, 0); /* all parameters are text */
	write_u16(w, (uint16_t)count);
	for (i = 0; i < count; i++) {
		write_u32(w, (uint32_t)strlen(params[i]));
		write_bytes(w, params[i], strlen(params[i]));
	}
	write_u16(w, 0); /* all columns are text */
	writer_end(w);
}

void
execute_write(struct writer *w, const char *portal)
{
	writer_begin(w, FRONTEND_EXECUTE);
	write_string(w, portal);
	write_u32(w, 0); /* all rows */
	writer_end(w);
}

void
close_write(struct writer *w, uint8_t kind, const char *name)
{
	writer_begin(w, FRONTEND_CLOSE);
	write_u8(w, kind);
	write_string(w, name);
	writer_end(w);
}

void
bare_write(struct writer *w, enum frontend_type type)
{
	writer_begin(w, (uint8_t)type);
	writer_end(w);
}

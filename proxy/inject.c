#include "proxy/inject.h"

#include <string.h>

#include "proxy/session.h"

static const char name[] = "_lockstep";

static void
begin(struct injection *i, enum frontend_type type)
{
	writer_begin(&i->out, (uint8_t)type);
	pipeline_sent(&i->session->pipeline, (uint8_t)type, PIPELINE_PROXY);
}

static void
add_parse(struct injection *i, const char *sql)
{
	begin(i, FRONTEND_PARSE);
	write_string(&i->out, name);
	write_string(&i->out, sql);
	write_u16(&i->out, 0); /* parameter types: the server's guess */
	writer_end(&i->out);
}

static void
add_bind(struct injection *i, char *const *params, size_t count)
{
	size_t n;

	begin(i, FRONTEND_BIND);
	write_string(&i->out, name);
	write_string(&i->out, name);
	write_u16(&i->out, 0); /* all parameters are text */
	write_u16(&i->out, (uint16_t)count);
	for (n = 0; n < count; n++) {
		write_u32(&i->out, (uint32_t)strlen(params[n]));
		write_bytes(&i->out, params[n], strlen(params[n]));
	}
	write_u16(&i->out, 0); /* all columns are text */
	writer_end(&i->out);
}

static void
add_execute(struct injection *i)
{
	begin(i, FRONTEND_EXECUTE);
	write_string(&i->out, name);
	write_u32(&i->out, 0); /* all rows */
	writer_end(&i->out);
}

static void
add_close(struct injection *i, uint8_t kind)
{
	begin(i, FRONTEND_CLOSE);
	write_u8(&i->out, kind);
	write_string(&i->out, name);
	writer_end(&i->out);
}

void
inject_statement(struct injection *i, const char *sql, char *const *params,
		 size_t count)
{
	add_parse(i, sql);
	add_bind(i, params, count);
	add_execute(i);
	add_close(i, 'P');
	add_close(i, 'S');
}

void
inject_sync(struct injection *i)
{
	begin(i, FRONTEND_SYNC);
	writer_end(&i->out);
}

void
inject_flush(struct injection *i)
{
	begin(i, FRONTEND_FLUSH);
	writer_end(&i->out);
}

bool
inject_send(struct injection *i)
{
	bool sent;

	if (i->out.failed) {
		session_close(i->session, CLOSE_MEMORY, NULL);
		sent = false;
	} else {
		sent = session_to_server(i->session, i->out.data, i->out.len);
	}
	writer_clear(&i->out);
	return sent;
}

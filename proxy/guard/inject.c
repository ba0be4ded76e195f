/*
 * inject.c - statements of the proxy's own.
 *
 * The statement is closed before it is executed: the portal keeps all that it
 * needs of it, and an error, which makes the server skip the rest, then leaves
 * nothing behind but a portal, which ends with its transaction.  Only an error
 * in Bind leaves the statement; the next injection closes that.  Names are
 * used once, so that none of this can be in the way of a later one.
 */
#include "proxy/guard/inject.h"

#include <stdio.h>
#include <string.h>

#include "proxy/guard/guarded.h"

enum {
	NAME_MAX_BYTES = 24,
};

static void
inject_name(char out[NAME_MAX_BYTES], uint32_t number)
{
	snprintf(out, NAME_MAX_BYTES, "_lockstep%u", number);
}

static void
inject_begin(struct injection *i, enum frontend_type type)
{
	writer_begin(&i->out, (uint8_t)type);
	pipeline_sent(&i->guarded->pair->pipeline, (uint8_t)type,
		      PIPELINE_PROXY);
}

static void
inject_parse(struct injection *i, const char *name, const char *sql)
{
	inject_begin(i, FRONTEND_PARSE);
	write_string(&i->out, name);
	write_string(&i->out, sql);
	write_u16(&i->out, 0); /* parameter types: the server's guess */
	writer_end(&i->out);
}

static void
inject_bind(struct injection *i, const char *name, char *const *params,
	    size_t count)
{
	size_t n;

	inject_begin(i, FRONTEND_BIND);
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
inject_execute(struct injection *i, const char *name)
{
	inject_begin(i, FRONTEND_EXECUTE);
	write_string(&i->out, name);
	write_u32(&i->out, 0); /* all rows */
	writer_end(&i->out);
}

static void
inject_close(struct injection *i, uint8_t kind, const char *name)
{
	inject_begin(i, FRONTEND_CLOSE);
	write_u8(&i->out, kind);
	write_string(&i->out, name);
	writer_end(&i->out);
}

static void
inject_close_stray(struct injection *i)
{
	char name[NAME_MAX_BYTES];

	if (i->guarded->stray_statement == 0)
		return;
	inject_name(name, i->guarded->stray_statement);
	i->guarded->stray_statement = 0;
	inject_close(i, 'S', name);
}

uint32_t
inject_statement(struct injection *i, const char *sql, char *const *params,
		 size_t count)
{
	uint32_t number = ++i->guarded->injected;
	char name[NAME_MAX_BYTES];

	inject_name(name, number);
	inject_close_stray(i);
	inject_parse(i, name, sql);
	inject_bind(i, name, params, count);
	inject_close(i, 'S', name);
	inject_execute(i, name);
	inject_close(i, 'P', name);
	return number;
}

void
inject_sync(struct injection *i)
{
	inject_begin(i, FRONTEND_SYNC);
	writer_end(&i->out);
}

void
inject_flush(struct injection *i)
{
	inject_begin(i, FRONTEND_FLUSH);
	writer_end(&i->out);
}

bool
inject_send(struct injection *i)
{
	bool sent;

	if (i->out.failed) {
		pair_close(i->guarded->pair, CLOSE_MEMORY, NULL);
		sent = false;
	} else {
		sent =
		    pair_to_server(i->guarded->pair, i->out.data, i->out.len);
	}
	writer_clear(&i->out);
	return sent;
}

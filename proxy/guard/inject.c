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

#include "protocol/frontend.h"
#include "proxy/guard/guarded.h"

enum {
	NAME_MAX_BYTES = 24,
};

static void
inject_name(char out[NAME_MAX_BYTES], uint32_t number)
{
	snprintf(out, NAME_MAX_BYTES, "_lockstep%u", number);
}

/* The server is going to be sent a message of ours of this type. */
static void
inject_note(struct injection *i, enum frontend_type type)
{
	pipeline_sent(&i->guarded->pair->pipeline, (uint8_t)type,
		      PIPELINE_PROXY);
}

static void
inject_close_stray(struct injection *i)
{
	char name[NAME_MAX_BYTES];

	inject_name(name, i->guarded->stray_statement);
	i->guarded->stray_statement = 0;
	inject_note(i, FRONTEND_CLOSE);
	close_write(&i->out, 'S', name);
}

uint32_t
inject_statement(struct injection *i, const char *sql, char *const *params,
		 size_t count)
{
	uint32_t number = ++i->guarded->injected;
	char name[NAME_MAX_BYTES];

	if (i->guarded->stray_statement != 0)
		inject_close_stray(i);
	inject_name(name, number);
	inject_note(i, FRONTEND_PARSE);
	inject_note(i, FRONTEND_BIND);
	inject_note(i, FRONTEND_CLOSE);
	inject_note(i, FRONTEND_EXECUTE);
	inject_note(i, FRONTEND_CLOSE);
	parse_write(&i->out, name, sql);
	bind_write(&i->out, name, name, params, count);
	close_write(&i->out, 'S', name);
	execute_write(&i->out, name);
	close_write(&i->out, 'P', name);
	return number;
}

void
inject_sync(struct injection *i)
{
	inject_note(i, FRONTEND_SYNC);
	bare_write(&i->out, FRONTEND_SYNC);
}

void
inject_flush(struct injection *i)
{
	inject_note(i, FRONTEND_FLUSH);
	bare_write(&i->out, FRONTEND_FLUSH);
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

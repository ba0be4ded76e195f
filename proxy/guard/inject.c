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

static void
inject_name(char out[INJECT_NAME_BYTES], uint32_t number)
{
	snprintf(out, INJECT_NAME_BYTES, "_lockstep%u", number);
}

/* The server is going to be sent a message of ours of this type. */
static void
inject_note(struct injection *i, enum frontend_type type)
{
	pipeline_sent(&i->guarded->pair->pipeline, (uint8_t)type,
		      PIPELINE_PROXY);
}

void
inject_close_client(struct injection *i, const char *name)
{
	inject_note(i, FRONTEND_CLOSE);
	close_write(&i->out, 'S', name);
}

void
inject_close(struct injection *i, uint32_t number)
{
	char name[INJECT_NAME_BYTES];

	inject_name(name, number);
	inject_close_client(i, name);
}

static void
inject_close_stray(struct injection *i, uint32_t *number)
{
	if (*number != 0)
		inject_close(i, *number);
	*number = 0;
}

uint32_t
inject_prepare(struct injection *i, char name[INJECT_NAME_BYTES],
	       const char *sql)
{
	uint32_t number = ++i->guarded->injected;

	inject_close_stray(i, &i->guarded->stray_statement);
	inject_close_stray(i, &i->guarded->stray_prepared);
	inject_name(name, number);
	inject_note(i, FRONTEND_PARSE);
	parse_write(&i->out, name, sql);
	return number;
}

uint32_t
inject_statement(struct injection *i, const char *sql, char *const *params,
		 size_t count)
{
	char name[INJECT_NAME_BYTES];
	uint32_t number = inject_prepare(i, name, sql);

	inject_note(i, FRONTEND_BIND);
	inject_note(i, FRONTEND_CLOSE);
	inject_note(i, FRONTEND_EXECUTE);
	inject_note(i, FRONTEND_CLOSE);
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

#include "proxy/console/console.h"

#include <stdlib.h>

#include "protocol/frontend.h"
#include "proxy/console/console_state.h"

enum {
	MESSAGE_MAX = 16 * 1024, /* bytes of one of the client's */
};

struct console *
console_new(struct pair *pair, const struct gate *gate, uint32_t worker,
	    enum console_rights rights)
{
	struct console *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->pair = pair;
	c->gate = gate;
	c->worker = worker;
	c->rights = rights;
	c->status = TRANSACTION_IDLE;
	return c;
}

void
console_free(struct console *c)
{
	if (c == NULL)
		return;
	console_pause_leave(c);
	buffer_clear(&c->text);
	console_names_clear(&c->names);
	free(c);
}

bool
console_is_idle(const struct console *c)
{
	return !c->awaits && !c->in_query && !c->result.is_open;
}

/* A Query */

static void
console_end_query(struct console *c)
{
	if (!c->has_run)
		console_say_bare(c, BACKEND_EMPTY_QUERY_RESPONSE);
	c->in_query = false;
	buffer_clear(&c->text);
	console_say_ready(c);
}

/* Run the next command of the text. */
static void
console_run_next(struct console *c)
{
	struct span all = buffer_span(&c->text);
	struct span rest = all;
	struct console_command command;
	struct console_mistake mistake;

	switch (console_parse(&command, &rest, &mistake)) {
	case CONSOLE_AT_END:
		console_end_query(c);
		return;
	case CONSOLE_MISTAKE:
		console_fail(c, &mistake);
		return;
	case CONSOLE_FOUND:
		c->has_run = true;
		buffer_consume(&c->text, all.len - rest.len);
		console_run(c, &command, 0);
		return;
	}
}

static void
console_begin_query(struct console *c, struct span body)
{
	struct query_message q;

	if (!query_decode(&q, body)) {
		pair_close(c->pair, CLOSE_CLIENT_BAD, "Query");
		return;
	}
	if (!buffer_append(&c->text, q.sql.data, q.sql.len)) {
		pair_close(c->pair, CLOSE_MEMORY, NULL);
		return;
	}
	c->in_query = true;
	c->has_run = false;
}

/* Messages */

static void
console_call_function(struct console *c)
{
	console_fail_saying(c, "0A000", "the console has no functions", NULL);
	c->skips_to_sync = false;
	console_say_ready(c);
}

static void
console_handle(struct console *c, struct frame f)
{
	if (c->skips_to_sync && f.type != FRONTEND_SYNC &&
	    f.type != FRONTEND_TERMINATE)
		return;
	switch (f.type) {
	case FRONTEND_QUERY:
		console_begin_query(c, f.body);
		break;
	case FRONTEND_PARSE:
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
	case FRONTEND_CLOSE:
	case FRONTEND_EXECUTE:
	case FRONTEND_SYNC:
		console_handle_cycle(c, f);
		break;
	case FRONTEND_FUNCTION_CALL:
		console_call_function(c);
		break;
	case FRONTEND_FLUSH: /* nothing is kept back */
	case FRONTEND_COPY_DATA:
	case FRONTEND_COPY_DONE:
	case FRONTEND_COPY_FAIL:
		break;
	case FRONTEND_TERMINATE:
		pair_close(c->pair, CLOSE_CLIENT_LEFT, NULL);
		break;
	default:
		pair_close(c->pair, CLOSE_CLIENT_BAD, "unknown type");
		break;
	}
}

/* Deal with the message that waits first.  False: none is there whole. */
static bool
console_take_message(struct console *c)
{
	struct buffer *b = &c->pair->from_client.buffer;
	struct span in = buffer_span(b);
	struct frame f;

	switch (frame_next(&f, &in, MESSAGE_MAX)) {
	case FRAME_MORE:
		return false;
	case FRAME_BAD:
		pair_close(c->pair, CLOSE_CLIENT_BAD, "invalid message length");
		return false;
	case FRAME_OK:
		break;
	}
	console_handle(c, f);
	buffer_consume(b, FRAME_HEADER_BYTES + f.body.len);
	return true;
}

/* True if the client has taken all so far, and nobody else is waited for. */
static bool
console_may_go_on(const struct console *c)
{
	return !c->awaits && !pair_is_closing(c->pair) &&
	       stream_pending(&c->pair->client) == 0;
}

void
console_go_on(struct console *c)
{
	bool has_more = true;

	while (has_more && console_may_go_on(c)) {
		if (c->result.is_open)
			console_show_more(c);
		else if (c->in_query)
			console_run_next(c);
		else
			has_more = console_take_message(c);
	}
}

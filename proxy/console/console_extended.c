/*
 * console_extended.c - an extended cycle of a console: Parse to Sync.
 */
#include "protocol/frontend.h"
#include "protocol/reader.h"
#include "proxy/console/console_rows.h"
#include "proxy/console/console_state.h"

/* True if the text holds one command, or none: *is_empty. */
static bool
console_parse_one(struct console_command *out, bool *is_empty, struct span text,
		  struct console_mistake *m)
{
	struct console_command more;

	switch (console_parse(out, &text, m)) {
	case CONSOLE_AT_END:
		*is_empty = true;
		return true;
	case CONSOLE_MISTAKE:
		return false;
	case CONSOLE_FOUND:
		break;
	}
	*is_empty = false;
	if (console_parse(&more, &text, m) == CONSOLE_AT_END)
		return true;
	*m = (struct console_mistake){
	    .sqlstate = "42601",
	    .message = "cannot insert multiple commands into a prepared "
		       "statement"};
	return false;
}

/* An entry of that name.  NULL: the client was told why there is none. */
static struct console_prepared *
console_name(struct console *c, uint8_t kind, struct span name)
{
	struct console_prepared *p = console_names_set(&c->names, kind, name);

	if (p == NULL)
		console_fail_saying(c, "53400",
				    "too many prepared statements, or a name "
				    "that is too long",
				    NULL);
	return p;
}

/* The entry of that name.  NULL: the client was told that there is none. */
static struct console_prepared *
console_named(struct console *c, uint8_t kind, struct span name)
{
	struct console_prepared *p = console_names_find(&c->names, kind, name);

	if (p == NULL && kind == 'S')
		console_fail_saying(
		    c, "26000", "there is no such prepared statement", NULL);
	else if (p == NULL)
		console_fail_saying(c, "34000", "there is no such portal",
				    NULL);
	return p;
}

static void
console_prepare(struct console *c, struct span body)
{
	struct parse_message m;
	struct console_prepared fresh = {0};
	struct console_mistake mistake;
	struct console_prepared *p;

	if (!parse_decode(&m, body)) {
		pair_close(c->pair, CLOSE_CLIENT_BAD, "Parse");
		return;
	}
	if (!console_parse_one(&fresh.command, &fresh.is_empty, m.sql,
			       &mistake)) {
		console_fail(c, &mistake);
		return;
	}
	p = console_name(c, 'S', m.statement);
	if (p == NULL)
		return;
	p->command = fresh.command;
	p->is_empty = fresh.is_empty;
	console_say_bare(c, BACKEND_PARSE_COMPLETE);
}

/* Columns of the result; 0: there is none. */
static size_t
prepared_columns(const struct console_prepared *p)
{
	size_t count = 0;

	if (!p->is_empty && p->command.verb == CONSOLE_SHOW)
		(void)console_table_columns(p->command.table, &count);
	return count;
}

/* Read the formats of a Bind's result columns.  False: they do not fit. */
static bool
read_formats(struct reader *r, uint32_t *binary, size_t columns)
{
	uint16_t count = read_u16(r);
	size_t i;

	*binary = 0;
	for (i = 0; i < count; i++)
		if (read_u16(r) != 0 && i < CONSOLE_COLUMNS_MAX)
			*binary |= 1u << i;
	if (count == 1 && *binary != 0)
		*binary = UINT32_MAX;
	return count <= 1 || count == columns;
}

static void
console_bind(struct console *c, struct span body)
{
	struct reader r = {.rest = body};
	struct span portal = read_string(&r);
	struct span statement = read_string(&r);
	uint16_t formats = read_u16(&r);
	struct console_prepared fresh;
	struct console_prepared *p;
	uint16_t params;
	bool fits;

	(void)read_span(&r, (size_t)formats * 2);
	params = read_u16(&r);
	if (params > 0) {
		console_fail_saying(c, "08P01",
				    "commands of the console have no "
				    "parameters",
				    NULL);
		return;
	}
	p = console_named(c, 'S', statement);
	if (p == NULL)
		return;
	fresh = *p;
	fits = read_formats(&r, &fresh.binary, prepared_columns(p));
	if (!reader_finished(&r) || !fits) {
		console_fail_saying(c, "08P01", "invalid Bind message", NULL);
		return;
	}
	p = console_name(c, 'P', portal);
	if (p == NULL)
		return;
	p->command = fresh.command;
	p->is_empty = fresh.is_empty;
	p->binary = fresh.binary;
	console_say_bare(c, BACKEND_BIND_COMPLETE);
}

static void
console_describe(struct console *c, const struct target_message *m)
{
	const struct console_prepared *p = console_named(c, m->kind, m->name);
	struct writer w = {0};

	if (p == NULL)
		return;
	if (m->kind == 'S') {
		writer_begin(&w, BACKEND_PARAMETER_DESCRIPTION);
		write_u16(&w, 0);
		writer_end(&w);
	}
	if (prepared_columns(p) > 0) {
		c->described = p->command.table;
		console_describe_table(&w, p->command.table, p->binary);
	} else {
		writer_begin(&w, BACKEND_NO_DATA);
		writer_end(&w);
	}
	console_say(c, &w);
}

static void
console_target(struct console *c, struct frame f)
{
	struct target_message m;

	if (!target_decode(&m, f.body)) {
		pair_close(c->pair, CLOSE_CLIENT_BAD, "Describe or Close");
	} else if (f.type == FRONTEND_DESCRIBE) {
		console_describe(c, &m);
	} else {
		console_names_close(&c->names, m.kind, m.name);
		console_say_bare(c, BACKEND_CLOSE_COMPLETE);
	}
}

static void
console_execute(struct console *c, struct span body)
{
	struct console_prepared *p;
	struct execute_message m;

	if (!execute_decode(&m, body)) {
		pair_close(c->pair, CLOSE_CLIENT_BAD, "Execute");
		return;
	}
	p = console_named(c, 'P', m.portal);
	if (p == NULL)
		return;
	if (p->is_empty)
		console_say_bare(c, BACKEND_EMPTY_QUERY_RESPONSE);
	else
		console_run(c, &p->command, p->binary);
}

static void
console_sync(struct console *c)
{
	c->skips_to_sync = false;
	if (c->status == TRANSACTION_IDLE)
		console_names_close_all(&c->names, 'P');
	console_say_ready(c);
}

void
console_handle_cycle(struct console *c, struct frame f)
{
	switch (f.type) {
	case FRONTEND_PARSE:
		console_prepare(c, f.body);
		break;
	case FRONTEND_BIND:
		console_bind(c, f.body);
		break;
	case FRONTEND_EXECUTE:
		console_execute(c, f.body);
		break;
	case FRONTEND_SYNC:
		console_sync(c);
		break;
	default: /* Describe, Close */
		console_target(c, f);
		break;
	}
}

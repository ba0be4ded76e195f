/*
 * A client that prepares, binds, closes and executes, a model of the server
 * that may refuse anything, and what is remembered between them: no guarded
 * statement is executed of which nothing is known, and nothing that is
 * forgotten counts any more.
 */
#include "proxy/guard/prepared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/reader.h"

enum {
	NAMES = 4, /* the first is the unnamed one */
	GUARDED_TEXTS = 3,
};

struct server {
	bool has_statement[NAMES];
	bool is_guarded[NAMES];
	bool has_portal[NAMES];
	bool is_portal_guarded[NAMES];
	bool skips;
};

struct world {
	struct reader input;
	struct server server;
	struct prepared prepared;
	bool owes_error; /* the server has refused, and nobody has heard it */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct span names[NAMES] = {
    {(const uint8_t *)"", 0},
    {(const uint8_t *)"a", 1},
    {(const uint8_t *)"b", 1},
    {(const uint8_t *)"ab", 2},
};

/* A use of the facts of a guarded statement, kept as judge.c has it. */
static struct prepared_facts *
facts_new(struct world *w, uint8_t which)
{
	static const char *const texts[GUARDED_TEXTS] = {
	    "drop table a, b", "truncate a, b", "drop schema s cascade"};
	const char *sql = texts[which % GUARDED_TEXTS];
	struct span text = span_of(sql, strlen(sql));
	struct statement_list list = {0};
	struct prepared_facts *facts;

	if (statement_list_parse(&list, sql, text.len, GUARD_SCOPE_DROPS,
				 STATEMENT_PARSE_BYTES_DEFAULT) != STATEMENT_OK)
		abort();
	facts = prepared_facts_new(&list);
	if (facts == NULL ||
	    !prepared_facts_keep(facts, text, &w->prepared.room))
		abort();
	return facts;
}

static void
server_refuses(struct world *w)
{
	w->server.skips = true;
	w->owes_error = true;
}

/* True: the server deals with the message; it may refuse any. */
static bool
server_takes(struct world *w)
{
	if (w->server.skips)
		return false;
	if (read_u8(&w->input) % 8 == 7)
		server_refuses(w);
	return !w->server.skips;
}

static void
parse(struct world *w, uint8_t name)
{
	uint8_t kind = read_u8(&w->input);
	bool is_guarded = kind & 1;

	(void)prepared_parse(&w->prepared, names[name],
			     is_guarded ? facts_new(w, kind >> 1) : NULL);
	if (!server_takes(w))
		return;
	if (name > 0 && w->server.has_statement[name]) {
		server_refuses(w);
		return;
	}
	w->server.has_statement[name] = true;
	w->server.is_guarded[name] = is_guarded;
}

static void
bind(struct world *w, uint8_t name, uint8_t portal)
{
	(void)prepared_bind(&w->prepared, names[portal], names[name]);
	if (!server_takes(w))
		return;
	if (!w->server.has_statement[name] ||
	    (portal > 0 && w->server.has_portal[portal])) {
		server_refuses(w);
		return;
	}
	w->server.has_portal[portal] = true;
	w->server.is_portal_guarded[portal] = w->server.is_guarded[name];
}

static void
close_one(struct world *w, uint8_t name, bool is_portal)
{
	prepared_close(&w->prepared, is_portal ? 'P' : 'S', names[name]);
	if (!server_takes(w))
		return;
	if (is_portal)
		w->server.has_portal[name] = false;
	else
		w->server.has_statement[name] = false;
}

static void
execute(struct world *w, uint8_t portal)
{
	bool is_known = prepared_portal(&w->prepared, names[portal]) != NULL;

	if (!server_takes(w))
		return;
	if (!w->server.has_portal[portal])
		server_refuses(w);
	else if (w->server.is_portal_guarded[portal])
		assert(is_known);
}

static void
hear_error(struct world *w)
{
	if (w->owes_error)
		prepared_restore(&w->prepared);
	w->owes_error = false;
}

/* The client hears the end of its cycle before it goes on; no block is open. */
static void
sync(struct world *w)
{
	hear_error(w);
	prepared_settle(&w->prepared);
	w->server.skips = false;
	memset(w->server.has_portal, 0, sizeof(w->server.has_portal));
}

/* A simple Query in a cycle of its own. */
static void
deallocate(struct world *w, uint8_t name)
{
	sync(w);
	w->server.has_statement[0] = false;
	if (name == 0) {
		memset(w->server.has_statement, 0,
		       sizeof(w->server.has_statement));
		prepared_clear_statements(&w->prepared);
		return;
	}
	w->server.has_statement[name] = false;
	prepared_doubt(&w->prepared);
}

static void
step(struct world *w)
{
	uint8_t op = read_u8(&w->input);
	uint8_t name = op >> 3 & 3;
	uint8_t portal = op >> 5 & 3;

	switch (op & 7) {
	case 0:
		parse(w, name);
		break;
	case 1:
	case 2:
		bind(w, name, portal);
		break;
	case 3:
		close_one(w, name, op & 128);
		break;
	case 4:
		execute(w, portal);
		break;
	case 5:
		hear_error(w);
		break;
	case 6:
		sync(w);
		break;
	default:
		deallocate(w, name);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.input = {.rest = span_of(data, size)}};
	atomic_size_t others = 0;

	w.prepared.room.others = &others;
	while (w.input.rest.len > 0 && !w.input.overrun) {
		step(&w);
		assert(others == w.prepared.room.bytes);
	}
	prepared_clear(&w.prepared);
	assert(w.prepared.room.bytes == 0 && others == 0);
	return 0;
}

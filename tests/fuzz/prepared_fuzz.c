/*
 * A client that prepares, binds, closes and executes, a model of the server
 * that may refuse anything, answers that come late, and what is remembered
 * between them: what the server executes is what was known, and nothing that is
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
	ANSWERS_MAX = 256,
};

/* A name, and the facts of what has it.  NULL: ordinary. */
struct thing {
	bool exists;
	struct prepared_facts *facts; /* one use */
};

struct server {
	struct thing statements[NAMES];
	struct thing portals[NAMES];
	bool skips;
	bool has_obeyed[ANSWERS_MAX]; /* each message that it has answered */
};

struct world {
	struct reader input;
	struct server server;
	struct prepared prepared;
	uint64_t sent;
	uint64_t heard; /* answers: each but the first error is a success */
	bool has_heard_error;
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
thing_set(struct thing *t, bool exists, struct prepared_facts *facts)
{
	if (facts != NULL)
		prepared_facts_use(facts);
	prepared_facts_drop(t->facts);
	t->exists = exists;
	t->facts = facts;
}

/* The client sends a message; behind an error that it has heard the proxy knows
 * that the server ignores it. */
static void
send(struct world *w, const struct prepared_change *c)
{
	if (w->has_heard_error) {
		if (c != NULL)
			prepared_facts_drop(c->facts);
		return;
	}
	w->sent++;
	w->server.has_obeyed[w->sent % ANSWERS_MAX] = false;
	if (c != NULL && prepared_changes(&w->prepared, c))
		(void)prepared_note(&w->prepared, c, w->sent);
}

/* True: the server obeys the message sent last.  It may refuse any. */
static bool
server_obeys(struct world *w, bool is_right)
{
	bool is_refused = read_u8(&w->input) % 8 == 7;

	if (w->server.skips)
		return false;
	w->server.skips = is_refused || !is_right;
	w->server.has_obeyed[w->sent % ANSWERS_MAX] = !w->server.skips;
	return !w->server.skips;
}

static void
parse(struct world *w, uint8_t name)
{
	struct thing *t = &w->server.statements[name];
	uint8_t kind = read_u8(&w->input);
	struct prepared_facts *facts =
	    kind & 1 ? facts_new(w, kind >> 1) : NULL;
	struct prepared_change c = {PREPARED_STATEMENT, true, names[name],
				    facts};

	if (facts != NULL)
		prepared_facts_use(facts);
	send(w, &c);
	if (server_obeys(w, name == 0 || !t->exists))
		thing_set(t, true, facts);
	prepared_facts_drop(facts);
}

static void
bind(struct world *w, uint8_t name, uint8_t portal)
{
	const struct thing *s = &w->server.statements[name];
	struct thing *t = &w->server.portals[portal];
	struct prepared_change c = {
	    PREPARED_PORTAL, false, names[portal],
	    prepared_statement(&w->prepared, names[name])};

	if (c.facts != NULL)
		prepared_facts_use(c.facts);
	send(w, &c);
	if (server_obeys(w, s->exists && (portal == 0 || !t->exists)))
		thing_set(t, true, s->facts);
}

static void
close_one(struct world *w, uint8_t name, bool is_portal)
{
	struct prepared_change c = {
	    .kind = is_portal ? PREPARED_PORTAL : PREPARED_STATEMENT,
	    .name = names[name],
	};

	send(w, &c);
	if (server_obeys(w, true))
		thing_set(is_portal ? &w->server.portals[name]
				    : &w->server.statements[name],
			  false, NULL);
}

static void
execute(struct world *w, uint8_t portal)
{
	const struct thing *t = &w->server.portals[portal];
	const struct prepared_facts *known =
	    prepared_portal(&w->prepared, names[portal]);

	send(w, NULL);
	if (server_obeys(w, t->exists))
		assert(known == t->facts);
}

/* The client hears the next answer. */
static void
hear(struct world *w)
{
	if (w->has_heard_error || w->heard == w->sent)
		return;
	if (w->server.has_obeyed[(w->heard + 1) % ANSWERS_MAX]) {
		prepared_obeyed(&w->prepared, ++w->heard);
		return;
	}
	w->has_heard_error = true;
	w->heard = w->sent;
	prepared_failed(&w->prepared, w->heard);
}

/* The client hears the end of its cycle before it goes on; no block is open. */
static void
sync(struct world *w)
{
	size_t i;

	while (w->heard < w->sent)
		hear(w);
	w->has_heard_error = false;
	w->server.skips = false;
	w->heard = ++w->sent;
	prepared_failed(&w->prepared, w->heard);
	for (i = 0; i < NAMES; i++)
		thing_set(&w->server.portals[i], false, NULL);
}

/* A simple Query in a cycle of its own. */
static void
deallocate(struct world *w, uint8_t name)
{
	size_t i;

	sync(w);
	thing_set(&w->server.statements[0], false, NULL);
	thing_set(&w->server.statements[name], false, NULL);
	if (name > 0) {
		prepared_doubt(&w->prepared);
		return;
	}
	for (i = 0; i < NAMES; i++)
		thing_set(&w->server.statements[i], false, NULL);
	prepared_clear_statements(&w->prepared);
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
		hear(w);
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
		if (w.sent - w.heard == ANSWERS_MAX - 2)
			sync(&w);
	}
	deallocate(&w, 0);
	prepared_clear(&w.prepared);
	assert(w.prepared.statements == NULL && w.prepared.portals == NULL);
	assert(w.prepared.pending == 0 && w.prepared.kept == 0);
	assert(w.prepared.room.bytes == 0 && others == 0);
	return 0;
}

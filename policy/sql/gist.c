#include "policy/sql/gist.h"

#include <string.h>

#include "policy/sql/mentions.h"
#include "policy/sql/statement_text.h"
#include "policy/sql/tokens.h"

/* Write, if all of it and a "..." behind it fit. */
static void
gist_put(struct gist *g, const char *text, size_t len)
{
	if (g->is_cut)
		return;
	g->is_cut = g->len + len + sizeof("...") > g->size;
	if (g->is_cut) {
		text = "...";
		len = 3;
	}
	memcpy(g->out + g->len, text, len);
	g->len += len;
}

/* "$1" and "1.5" are one '?', or few. */
static void
gist_put_literal(struct gist *g)
{
	if (!g->has_literal)
		gist_put(g, "?", 1);
	g->has_literal = true;
}

static void
gist_put_token(struct gist *g, const struct token *t)
{
	bool is_literal = t->kind == TOKEN_STRING || token_is_symbol(t, '0');

	if (is_literal) {
		gist_put_literal(g);
		return;
	}
	g->has_literal = false;
	if (t->kind == TOKEN_NAME)
		gist_put(g, "\"", 1);
	gist_put(g, t->text, t->len);
	if (t->kind == TOKEN_NAME)
		gist_put(g, "\"", 1);
}

static void
gist_put_blank(struct gist *g)
{
	g->has_literal = false;
	gist_put(g, " ", 1);
}

static bool
has_backslash(const char *sql, size_t len)
{
	return len > 0 && memchr(sql, '\\', len) != NULL;
}

void
gist_of_text(char *out, size_t size, const char *sql, size_t len,
	     bool is_doubtful)
{
	struct tokens walk = {.sql = sql, .len = len};
	struct statement_text text = {sql, len};
	struct gist g = {.out = out, .size = size};
	struct token t = tokens_next(&walk);
	bool ends_at_string = is_doubtful && has_backslash(sql, len);

	while (t.kind != TOKEN_END && !g.is_cut) {
		size_t end = walk.pos;

		if (t.kind == TOKEN_STRING && ends_at_string) {
			gist_put(&g, "...", 3);
			break;
		}
		gist_put_token(&g, &t);
		t = tokens_next(&walk);
		if (t.kind != TOKEN_END &&
		    statement_text_skip(text, end, len) > end)
			gist_put_blank(&g);
	}
	out[g.len] = '\0';
}

/* True if the name was among those before; else it is from now on. */
static bool
gist_tables_know(struct gist_tables *t, uint32_t name)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->known[i] == name)
			return true;
	if (t->count < GIST_TABLES_MAX)
		t->known[t->count++] = name;
	return false;
}

struct gist_tables
gist_tables_begin(char *out, size_t size)
{
	out[0] = '\0';
	return (struct gist_tables){.gist = {.out = out, .size = size}};
}

/* The bytes ahead of the first string; all of them, if there is none. */
static size_t
bytes_to_string(const char *sql, size_t len)
{
	struct tokens walk = {.sql = sql, .len = len};
	size_t pos = 0;
	struct token t;

	while ((t = tokens_next(&walk)).kind != TOKEN_END) {
		if (t.kind == TOKEN_STRING)
			return pos;
		pos = walk.pos;
	}
	return len;
}

void
gist_tables_add(struct gist_tables *t, const char *sql, size_t len,
		bool is_doubtful)
{
	struct gist *g = &t->gist;
	struct mention found;
	struct mentions m;

	if (is_doubtful && has_backslash(sql, len))
		len = bytes_to_string(sql, len);
	m = mentions_begin(sql, len);
	m.skips_blocks = true;
	while (!g->is_cut && mentions_next(&m, &found)) {
		if (!m.is_sure || found.name == 0 ||
		    gist_tables_know(t, found.name))
			continue;
		if (g->len > 0)
			gist_put(g, ", ", 2);
		gist_put(g, m.name.text, m.name.len);
	}
	g->out[g->len] = '\0';
}

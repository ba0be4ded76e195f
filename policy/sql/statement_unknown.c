#include "policy/sql/statement_unknown.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/statement_target.h"
#include "policy/sql/text.h"
#include "policy/sql/tokens.h"

enum {
	PARTS_OF_NAME_MAX = 3, /* database, schema, relation */
	CODE_DIGITS = 4,       /* \XXXX; \+XXXXXX has two more */
	CODE_MAX = 0x10ffff,
	SURROGATE_FIRST = 0xd800,
	SURROGATE_LAST = 0xdfff,
};

const char statement_unknown_tag[] = "UNKNOWN DDL";

/* First words of statements that lock tables in whatever form they may come. */
static const struct statement_keywords unknown_ddl = {{
    ['a' - 'a'] = {"alter"},
    ['c' - 'a'] = {"cluster", "comment"},
    ['d' - 'a'] = {"drop"},
    ['l' - 'a'] = {"lock"},
    ['r' - 'a'] = {"refresh", "reassign", "reindex", "repack"},
    ['t' - 'a'] = {"truncate"},
}};

bool
statement_unknown_may_lock(struct statement_text text)
{
	return statement_text_is_listed(text, 0, &unknown_ddl);
}

/* A walk over the names of a text. */
struct unknown_walk {
	struct tokens tokens;
	struct token token; /* the next one */
	struct text name;   /* that is written */
	bool is_none;       /* that is no name after all */
};

static void
unknown_move(struct unknown_walk *w)
{
	w->token = tokens_next(&w->tokens);
}

/* The value of a hexadecimal digit; 16: it is none. */
static uint32_t
unknown_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
	    c != '\0' ? strchr(digits, statement_text_fold(c)) : NULL;

	return at != NULL ? (uint32_t)(at - digits) : 16;
}

/* Put a character as UTF-8, its quote doubled. */
static void
unknown_put_code(struct unknown_walk *w, uint32_t code)
{
	struct text *t = &w->name;

	w->is_none |= code == 0 || code > CODE_MAX ||
		      (code >= SURROGATE_FIRST && code <= SURROGATE_LAST);
	if (code == '"')
		text_put(t, '"');
	if (code < 0x80) {
		text_put(t, (char)code);
		return;
	}
	if (code < 0x800) {
		text_put(t, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			text_put(t, (char)(0xe0 | code >> 12));
		} else {
			text_put(t, (char)(0xf0 | (code >> 18 & 7)));
			text_put(t, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		text_put(t, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	text_put(t, (char)(0x80 | (code & 0x3f)));
}

/* Put what an escape spells; it ends before the byte whose place is returned.
 */
static size_t
unknown_put_escape(struct unknown_walk *w, const struct token *t, size_t pos,
		   char escape)
{
	size_t digits = CODE_DIGITS;
	uint32_t code = 0;

	if (pos < t->len && t->text[pos] == escape) {
		text_put(&w->name, escape);
		return pos + 1;
	}
	if (pos < t->len && t->text[pos] == '+') {
		digits += 2;
		pos++;
	}
	for (; digits > 0 && pos < t->len; digits--, pos++) {
		w->is_none |= unknown_digit(t->text[pos]) > 15;
		code = code << 4 | (unknown_digit(t->text[pos]) & 15);
	}
	w->is_none |= digits > 0;
	unknown_put_code(w, code);
	return pos;
}

/* Put what stands in U&"", by the escape character that is told behind it. */
static void
unknown_put_escaped(struct unknown_walk *w, const struct token *t)
{
	char escape = '\\';
	size_t pos = 0;

	if (token_is_word(&w->token, "uescape")) {
		unknown_move(w);
		if (w->token.kind == TOKEN_STRING && w->token.len == 1)
			escape = w->token.text[0];
		unknown_move(w);
	}
	while (pos < t->len)
		if (t->text[pos] == escape)
			pos = unknown_put_escape(w, t, pos + 1, escape);
		else
			text_put(&w->name, t->text[pos++]);
}

/* Put one part of a name in double quotes, and go on behind it. */
static void
unknown_put_part(struct unknown_walk *w)
{
	const struct token t = w->token;

	unknown_move(w);
	w->is_none |= t.len == 0 || t.len > UNKNOWN_NAME_BYTES_MAX;
	if (w->is_none)
		return;
	text_put(&w->name, '"');
	if (t.is_escaped)
		unknown_put_escaped(w, &t);
	else if (t.kind == TOKEN_NAME)
		text_put_bytes(&w->name, t.text, t.len);
	else
		for (size_t i = 0; i < t.len; i++)
			text_put(&w->name, statement_text_fold(t.text[i]));
	text_put(&w->name, '"');
}

static bool
unknown_is_name(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_NAME;
}

/* Put a name with its parts, and go on behind it. */
static void
unknown_put_name(struct unknown_walk *w)
{
	size_t parts = 1;

	w->is_none = false;
	unknown_put_part(w);
	while (token_is_symbol(&w->token, '.')) {
		unknown_move(w);
		if (!unknown_is_name(&w->token))
			return; /* as in schema.* */
		text_put(&w->name, '.');
		unknown_put_part(w);
		w->is_none |= ++parts > PARTS_OF_NAME_MAX;
	}
}

static bool
unknown_has_target(const struct statement *s, const char *name)
{
	for (size_t i = 0; i < s->target_count; i++)
		if (strcmp(s->targets[i].relation, name) == 0)
			return true;
	return false;
}

/* Add the name as a target: a relation with its children, or an index, whose
 * table counts. */
static enum statement_status
unknown_add(struct statement *out, struct unknown_walk *w)
{
	struct target *target;
	char *name;

	if (w->is_none) {
		text_clear(&w->name);
		return STATEMENT_OK;
	}
	name = text_finish(&w->name);
	if (name == NULL)
		return STATEMENT_NO_MEMORY;
	if (unknown_has_target(out, name)) {
		free(name);
		return STATEMENT_OK;
	}
	target = statement_target_add(out, TARGET_NAMED);
	if (target == NULL) {
		free(name);
		return STATEMENT_NO_MEMORY;
	}
	target->relation = name;
	target->mode = LOCK_ACCESS_EXCLUSIVE;
	return STATEMENT_OK;
}

enum statement_status
statement_unknown_read(struct statement *out, struct statement_text text)
{
	struct unknown_walk w = {.tokens = {.sql = text.sql, .len = text.len}};
	enum statement_status status = STATEMENT_OK;

	/* The first word is the command's. */
	unknown_move(&w);
	unknown_move(&w);
	while (w.token.kind != TOKEN_END && status == STATEMENT_OK &&
	       out->target_count < UNKNOWN_NAMES_MAX) {
		if (unknown_is_name(&w.token)) {
			unknown_put_name(&w);
			status = unknown_add(out, &w);
		} else {
			unknown_move(&w);
		}
	}
	if (out->target_count > 0) {
		(void)statement_claim(out, GUARD_SCOPE_DROPS, GUARD_SCOPE_DROPS,
				      statement_unknown_tag);
		out->has_plan = true;
	}
	return status;
}

bool
statement_unknown_keep(struct statement *out, struct statement_text text)
{
	out->unparsed = statement_text_copy(text);
	return out->unparsed != NULL;
}

#include "policy/sql/unforeseen.h"

#include <string.h>

#include "policy/sql/mentions.h"
#include "policy/sql/statement_text.h"
#include "policy/sql/tokens.h"

/* One statement, without the ';' behind it. */
struct part {
	const char *sql;
	size_t len;
	bool is_cut;
};

static bool
token_is_name(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_NAME;
}

/* True for the name of a function of PostgreSQL's own. */
static bool
token_is_own(const struct token *t)
{
	return t->len > 3 && strncmp(t->text, "pg_", 3) == 0;
}

/* True if a function is called that may be anybody's. */
static bool
part_calls(struct part part)
{
	struct tokens tokens = {.sql = part.sql, .len = part.len};
	struct token last = tokens_next(&tokens);
	struct token t;

	while ((t = tokens_next(&tokens)).kind != TOKEN_END) {
		if (token_is_symbol(&t, '(') && token_is_name(&last) &&
		    !token_is_own(&last))
			return true;
		last = t;
	}
	return false;
}

static bool
part_names_table(struct part part)
{
	struct mentions m = mentions_begin(part.sql, part.len);
	struct mention mention;

	return mentions_next(&m, &mention);
}

static bool
part_is_query(const struct token *first)
{
	return token_is_symbol(first, '(') || token_is_word(first, "select") ||
	       token_is_word(first, "with");
}

/* True for a first word behind which no function is looked for. */
static bool
part_is_plain(const struct token *first)
{
	static const struct statement_keywords keywords = {{
	    ['a' - 'a'] = {"abort", "analyze"},
	    ['b' - 'a'] = {"begin"},
	    ['c' - 'a'] = {"commit", "copy", "close", "checkpoint"},
	    ['d' - 'a'] = {"delete", "declare", "discard", "deallocate"},
	    ['e' - 'a'] = {"end"},
	    ['f' - 'a'] = {"fetch"},
	    ['i' - 'a'] = {"insert"},
	    ['l' - 'a'] = {"listen"},
	    ['m' - 'a'] = {"merge", "move"},
	    ['n' - 'a'] = {"notify"},
	    ['p' - 'a'] = {"prepare"},
	    ['r' - 'a'] = {"reset", "release", "rollback"},
	    ['s' - 'a'] = {"set", "show", "start", "savepoint"},
	    ['t' - 'a'] = {"table"},
	    ['u' - 'a'] = {"update", "unlisten"},
	    ['v' - 'a'] = {"values"},
	}};
	struct statement_text text = {first->text, first->len};

	return first->kind == TOKEN_WORD &&
	       statement_text_is_listed(text, 0, &keywords);
}

static bool
part_is_likely(struct part part)
{
	struct tokens tokens = {.sql = part.sql, .len = part.len};
	struct token first = tokens_next(&tokens);

	/* A comment may be all that was kept of it. */
	if (first.kind == TOKEN_END)
		return part.is_cut;
	if (part_is_plain(&first))
		return false;
	if (!part_is_query(&first))
		return true;
	return !part.is_cut && !part_names_table(part) && part_calls(part);
}

bool
unforeseen_is_likely(const char *sql, size_t len, bool is_cut)
{
	struct tokens tokens = {.sql = sql, .len = len};
	struct token t = {.kind = TOKEN_SYMBOL};
	size_t start = 0;

	while (t.kind != TOKEN_END) {
		struct part part = {.sql = sql + start};
		bool ends;

		t = tokens_next(&tokens);
		ends = token_is_symbol(&t, ';');
		if (!ends && t.kind != TOKEN_END)
			continue;
		part.len = tokens.pos - start - (ends ? 1 : 0);
		part.is_cut = is_cut && !ends;
		if (part_is_likely(part))
			return true;
		start = tokens.pos;
	}
	return false;
}

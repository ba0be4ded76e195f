/*
 * statement_cut.c - the second sieve.
 *
 * A text is cut by libpg_query's split_with_scanner, which is the server's own
 * scanner of one version, and knows strings, comments and parentheses.  It has
 * four gaps that are closed here:
 *   - it does not know BEGIN ATOMIC ... END, whose ';' end no statement:
 *     join_routine_bodies()
 *   - it leaves out what has no keyword or an unmatched ')'.  A newer server
 *     may have made a keyword of it: cut_gaps()
 *   - it gives up at what it takes for an error in a string.  The server may
 *     not: cut_range(), token by token
 *   - its statements keep the space and the comments around them:
 *     statement_trim()
 */
#include "policy/sql/statement_cut.h"

#include <stdlib.h>
#include <string.h>

#include <pg_query.h>

#include "policy/sql/grow.h"
#include "policy/sql/statement_arena.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_sieve.h"
#include "policy/sql/tokens.h"

static size_t
trim_spaces(const char *sql, size_t start, size_t end)
{
	while (end > start && statement_text_is_space(sql[end - 1]))
		end--;
	return end;
}

/* True if a text that does not end in white space may end in a comment. */
static bool
may_end_in_comment(struct statement_text text)
{
	size_t line = text.len;

	if (text.len >= 2 && memcmp(text.sql + text.len - 2, "*/", 2) == 0)
		return true;
	while (line > 0 && text.sql[line - 1] != '\n' &&
	       text.sql[line - 1] != '\r')
		line--;
	text = (struct statement_text){text.sql + line, text.len - line};
	return statement_text_contains(text, "--");
}

/* Leave the bytes from the first token to the last one. */
static void
statement_trim(struct statement *s, const char *sql)
{
	struct statement_text text = {sql, s->end};

	s->start = statement_text_skip(text, s->start, s->end);
	s->end = trim_spaces(sql, s->start, s->end);
	text = statement_text_of(sql, s);
	if (!may_end_in_comment(text))
		return;
	s->end = trim_spaces(sql, s->start,
			     s->start + statement_scan_trailing_comments(text));
}

/* A text, and where libpg_query splits it; that lives in an arena. */
struct scanned {
	const char *sql;
	PgQuerySplitResult found;
};

/* A statement_arena_fn. */
static void
cut_scan(void *arg)
{
	struct scanned *s = arg;

	s->found = pg_query_split_with_scanner(s->sql);
}

enum {
	/* That no scanner knows; more are nobody's migration. */
	CUT_MAX = 16384,
};

/* Put a statement at the end of the list. */
static enum statement_status
cut_add(struct statement_list *list, size_t start, size_t end)
{
	struct statement *items =
	    grow_array(list->items, list->count, sizeof(*items), 1);

	if (items == NULL)
		return STATEMENT_NO_MEMORY;
	list->items = items;
	items[list->count++] = (struct statement){.start = start, .end = end};
	return STATEMENT_OK;
}

/* Go on to the ';' that ends the statement, or to the end of the text; *end is
 * behind the last token before that. */
static void
cut_to_end(struct tokens *tokens, struct token *t, size_t *end)
{
	size_t depth = 0;

	while (t->kind != TOKEN_END &&
	       (depth > 0 || !token_is_symbol(t, ';'))) {
		if (token_is_symbol(t, '('))
			depth++;
		if (token_is_symbol(t, ')') && depth > 0)
			depth--;
		*end = tokens->pos;
		*t = tokens_next(tokens);
	}
}

/* Add the statements from this byte to that. */
static enum statement_status
cut_range(struct statement_list *list, const char *sql, size_t from, size_t to)
{
	struct tokens tokens = {.sql = sql + from, .len = to - from};
	struct statement_text text = {sql + from, to - from};
	enum statement_status status = STATEMENT_OK;
	size_t count = 0;

	while (status == STATEMENT_OK) {
		size_t start = statement_text_skip(text, tokens.pos, text.len);
		struct token t = tokens_next(&tokens);
		size_t end = start;

		if (t.kind == TOKEN_END)
			break;
		cut_to_end(&tokens, &t, &end);
		if (end > start && ++count > CUT_MAX)
			return STATEMENT_TOO_LARGE;
		if (end > start)
			status = cut_add(list, from + start, from + end);
	}
	return status;
}

static enum statement_status
cut_take(struct statement_list *out, const PgQuerySplitResult *found)
{
	size_t i;

	if (found->error != NULL)
		return STATEMENT_UNPARSED;
	out->items = calloc((size_t)found->n_stmts + 1, sizeof(*out->items));
	if (out->items == NULL)
		return STATEMENT_NO_MEMORY;
	out->count = (size_t)found->n_stmts;
	for (i = 0; i < out->count; i++) {
		const PgQuerySplitStmt *from = found->stmts[i];
		struct statement *s = &out->items[i];

		s->start = (size_t)from->stmt_location;
		s->end = s->start + (size_t)from->stmt_len;
	}
	return STATEMENT_OK;
}

/* True if nothing is between, before or behind the statements but ';'. */
static bool
has_only_blanks(const struct statement_list *list, const char *sql, size_t len)
{
	size_t pos = 0;
	size_t i;

	for (i = 0; i <= list->count; i++) {
		size_t end = i < list->count ? list->items[i].start : len;
		struct statement_text text = {sql, end};

		while ((pos = statement_text_skip(text, pos, end)) < end)
			if (sql[pos++] != ';')
				return false;
		if (i < list->count)
			pos = list->items[i].end;
	}
	return true;
}

/* Add what the scanner has left out. */
static enum statement_status
cut_gaps(struct statement_list *list, const char *sql, size_t len)
{
	enum statement_status status = STATEMENT_OK;
	struct statement_list all = {0};
	size_t pos = 0;

	if (has_only_blanks(list, sql, len))
		return STATEMENT_OK;
	for (size_t i = 0; i < list->count && status == STATEMENT_OK; i++) {
		const struct statement *s = &list->items[i];

		status = cut_range(&all, sql, pos, s->start);
		if (status == STATEMENT_OK)
			status = cut_add(&all, s->start, s->end);
		pos = s->end;
	}
	if (status == STATEMENT_OK)
		status = cut_range(&all, sql, pos, len);
	free(list->items);
	*list = all;
	return status;
}

/* Make one statement of those that ';' in a routine's SQL body split. */
static void
join_routine_bodies(struct statement_list *list, const char *sql)
{
	size_t kept = 0;
	size_t i = 0;

	while (i < list->count) {
		struct statement joined = list->items[i++];
		struct statement_text text = statement_text_of(sql, &joined);
		size_t depth = 0;

		if (statement_sieve_creates_routine(text) &&
		    statement_text_contains(text, "atomic"))
			depth = statement_scan_body_depth(text, 0);
		for (; depth > 0 && i < list->count; i++) {
			text = statement_text_of(sql, &list->items[i]);
			depth = statement_scan_body_depth(text, depth);
			joined.end = list->items[i].end;
		}
		list->items[kept++] = joined;
	}
	list->count = kept;
}

static enum statement_status
cut_by_tokens(struct statement_list *out, const char *sql, size_t len)
{
	enum statement_status status = cut_range(out, sql, 0, len);

	return status == STATEMENT_OK && out->count == 0 ? STATEMENT_UNPARSED
							 : status;
}

static enum statement_status
cut_by_scanner(struct statement_list *out, const char *sql)
{
	struct scanned scanned = {.sql = sql};
	enum statement_status status = STATEMENT_NO_MEMORY;
	struct statement_arena arena;

	statement_arena_begin(&arena);
	if (statement_arena_call(&arena, cut_scan, &scanned)) {
		status = cut_take(out, &scanned.found);
		pg_query_free_split_result(scanned.found);
	} else if (arena.is_full) {
		status = STATEMENT_TOO_DEAR;
	}
	statement_arena_end(&arena);
	return status;
}

enum statement_status
statement_cut(struct statement_list *out, const char *sql, size_t len)
{
	enum statement_status status = cut_by_scanner(out, sql);

	if (status == STATEMENT_UNPARSED)
		status = cut_by_tokens(out, sql, len);
	if (status != STATEMENT_OK)
		return status;
	for (size_t i = 0; i < out->count; i++)
		statement_trim(&out->items[i], sql);
	status = cut_gaps(out, sql, len);
	if (status == STATEMENT_OK)
		join_routine_bodies(out, sql);
	return status;
}

/*
 * statement.c - the three sieves, and what they leave put together.
 *
 * The second sieve is libpg_query's split_with_scanner, which is the server's
 * own scanner and knows strings, comments and parentheses.  It has three gaps
 * that are closed here:
 *   - it does not know BEGIN ATOMIC ... END, whose ';' end no statement:
 *     join_routine_bodies()
 *   - it leaves out what has no keyword or an unmatched ')'.  The server
 *     refuses such a text as a whole, so nothing guarded is missed, but the
 *     text is not sound: has_only_blanks()
 *   - its statements keep the space and the comments around them: trim()
 */
#include "policy/statement.h"

#include <stdlib.h>
#include <string.h>

#include <pg_query.h>

#include "policy/statement_scan.h"
#include "policy/statement_text.h"
#include "policy/statement_tree.h"

enum {
	/*
	 * How far the first sieve looks behind a ';' for a keyword.  A bound
	 * keeps it linear in the text: each ';' inside a long comment would
	 * else walk the rest of it.
	 */
	LOOK_AHEAD = 256,
	/* The server's own bound: a palloc'd text and its two NULs. */
	TEXT_MAX = 0x3ffffff0,
	/*
	 * The scanner matches a run of operator characters to its end for
	 * each operator and each nested comment that begins in it.
	 */
	OPERATOR_RUN_MAX = 256,
	/* All candidates together: so many times parse_bytes. */
	PARSED_CAPS = 8,
};

enum role {
	ROLE_OTHER,
	ROLE_CONTROL,
	ROLE_GUARDED,
};

static const struct {
	const char *word;
	enum role role;
	enum guard_scope least; /* ROLE_GUARDED: the first scope it is in */
} keywords[] = {
    {"drop", ROLE_GUARDED, GUARD_SCOPE_DROPS},
    {"alter", ROLE_GUARDED, GUARD_SCOPE_DROPS},
    {"truncate", ROLE_GUARDED, GUARD_SCOPE_DROPS},
    {"create", ROLE_GUARDED, GUARD_SCOPE_DDL},
    {"begin", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"start", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"commit", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"end", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"rollback", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"abort", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"savepoint", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"release", ROLE_CONTROL, GUARD_SCOPE_OFF},
    {"prepare", ROLE_CONTROL, GUARD_SCOPE_OFF},
};

/* What the keyword at pos announces, in this scope. */
static enum role
keyword_role(struct statement_text text, size_t pos, enum guard_scope scope)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (statement_text_is_word(text, pos, keywords[i].word))
			return scope < keywords[i].least ? ROLE_OTHER
							 : keywords[i].role;
	return ROLE_OTHER;
}

bool
statement_is_candidate(const char *sql, size_t len, enum guard_scope scope)
{
	struct statement_text text = {sql, len};
	size_t limit = len; /* the start is looked at once: no bound needed */
	size_t pos = 0;
	const char *semicolon;

	if (scope == GUARD_SCOPE_OFF)
		return false;
	for (;;) {
		size_t word = statement_text_skip(text, pos, limit);

		if (word >= limit && limit < len)
			return true;
		if (keyword_role(text, word, scope) == ROLE_GUARDED)
			return true;
		/*
		 * On from this ';', not from behind a comment: all this may
		 * stand in a string, and the next ';' end it.
		 */
		semicolon = memchr(sql + pos, ';', len - pos);
		if (semicolon == NULL)
			return false;
		pos = (size_t)(semicolon - sql) + 1;
		limit = len - pos > LOOK_AHEAD ? pos + LOOK_AHEAD : len;
	}
}

static struct statement_text
text_of(const char *sql, const struct statement *s)
{
	return (struct statement_text){sql + s->start, s->end - s->start};
}

static size_t
trim_spaces(const char *sql, size_t start, size_t end)
{
	while (end > start && statement_text_is_space(sql[end - 1]))
		end--;
	return end;
}

/* Of a text that does not end in white space. */
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

/* From the first byte of the first token to behind the last one. */
static void
trim(struct statement *s, const char *sql)
{
	struct statement_text text = {sql, s->end};

	s->start = statement_text_skip(text, s->start, s->end);
	s->end = trim_spaces(sql, s->start, s->end);
	text = text_of(sql, s);
	if (!may_end_in_comment(text))
		return;
	s->end = trim_spaces(sql, s->start,
			     s->start + statement_scan_trailing_comments(text));
}

/* The longest run of scan.l's op_chars, in strings and comments too. */
static size_t
longest_operator_run(const char *sql, size_t len)
{
	size_t longest = 0;
	size_t start = 0;

	while (start < len) {
		size_t run = strspn(sql + start, "~!@#^&|`?+-*/%<>=");

		if (run > longest)
			longest = run;
		start += run;
		start += strcspn(sql + start, "~!@#^&|`?+-*/%<>=");
	}
	return longest;
}

static enum statement_status
split(struct statement_list *out, const char *sql)
{
	PgQuerySplitResult result = pg_query_split_with_scanner(sql);
	enum statement_status status = STATEMENT_UNPARSED;
	size_t i;

	if (result.error != NULL)
		goto done;
	status = STATEMENT_NO_MEMORY;
	out->items = calloc((size_t)result.n_stmts + 1, sizeof(*out->items));
	if (out->items == NULL)
		goto done;
	out->count = (size_t)result.n_stmts;
	for (i = 0; i < out->count; i++) {
		const PgQuerySplitStmt *from = result.stmts[i];
		struct statement *s = &out->items[i];

		s->start = (size_t)from->stmt_location;
		s->end = s->start + (size_t)from->stmt_len;
	}
	status = STATEMENT_OK;

done:
	pg_query_free_split_result(result);
	return status;
}

/* Behind CREATE [OR REPLACE]: where the kind of object is named. */
static size_t
created_kind(struct statement_text text)
{
	size_t pos = statement_text_word_end(text, 0);
	int i;

	pos = statement_text_skip(text, pos, text.len);
	if (!statement_text_is_word(text, pos, "or"))
		return pos;
	for (i = 0; i < 2; i++) {
		pos = statement_text_word_end(text, pos);
		pos = statement_text_skip(text, pos, text.len);
	}
	return pos;
}

static bool
creates_routine(struct statement_text text)
{
	size_t pos;

	if (!statement_text_is_word(text, 0, "create"))
		return false;
	pos = created_kind(text);
	return statement_text_is_word(text, pos, "function") ||
	       statement_text_is_word(text, pos, "procedure");
}

/* One statement of what was split at the ';' within a routine's SQL body. */
static void
join_routine_bodies(struct statement_list *list, const char *sql)
{
	size_t kept = 0;
	size_t i = 0;

	while (i < list->count) {
		struct statement joined = list->items[i++];
		struct statement_text text = text_of(sql, &joined);
		size_t depth = 0;

		if (creates_routine(text) &&
		    statement_text_contains(text, "atomic"))
			depth = statement_scan_body_depth(text, 0);
		for (; depth > 0 && i < list->count; i++) {
			text = text_of(sql, &list->items[i]);
			depth = statement_scan_body_depth(text, depth);
			joined.end = list->items[i].end;
		}
		list->items[kept++] = joined;
	}
	list->count = kept;
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

/*
 * By the first words, so that few statements need the parser.  An ALTER of
 * another kind, or a function's long body, must not count as too large.
 */
static enum role
statement_role(struct statement_text text, enum guard_scope scope)
{
	enum role role = keyword_role(text, 0, scope);
	size_t second;

	if (statement_text_is_word(text, 0, "prepare")) {
		second = statement_text_word_end(text, 0);
		second = statement_text_skip(text, second, text.len);
		if (!statement_text_is_word(text, second, "transaction"))
			return ROLE_OTHER;
	}
	if (statement_text_is_word(text, 0, "alter") &&
	    scope < GUARD_SCOPE_DDL && !statement_text_contains(text, "drop") &&
	    !statement_text_contains(text, "detach"))
		return ROLE_OTHER;
	if (creates_routine(text))
		return ROLE_OTHER;
	return role;
}

static enum statement_status
read_statement(struct statement *s, const char *sql, enum guard_scope scope)
{
	char *copy = statement_text_copy(text_of(sql, s));
	enum statement_status status;

	if (copy == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_tree_read(s, copy, scope);
	free(copy);
	return status;
}

/*
 * STATEMENT_TOO_LARGE if the parser's stack or time would not be bounded by
 * the caps; *count says how many there are.
 */
static enum statement_status
weigh_candidates(size_t *count, const struct statement_list *list,
		 const char *sql, enum guard_scope scope, size_t parse_bytes)
{
	size_t bytes = 0;
	size_t i;

	*count = 0;
	for (i = 0; i < list->count; i++) {
		struct statement_text text = text_of(sql, &list->items[i]);

		if (statement_role(text, scope) == ROLE_OTHER)
			continue;
		bytes += text.len;
		if (text.len > parse_bytes || bytes > PARSED_CAPS * parse_bytes)
			return STATEMENT_TOO_LARGE;
		if (++*count > STATEMENT_CANDIDATES_MAX)
			return STATEMENT_TOO_LARGE;
		if (statement_scan_nesting(text) > STATEMENT_NESTING_MAX)
			return STATEMENT_TOO_LARGE;
	}
	return STATEMENT_OK;
}

static enum statement_status
read_candidates(struct statement_list *list, const char *sql,
		enum guard_scope scope, size_t parse_bytes)
{
	enum statement_status status;
	size_t count;
	size_t i;

	status = weigh_candidates(&count, list, sql, scope, parse_bytes);
	for (i = 0; count > 0 && status == STATEMENT_OK; i++) {
		struct statement *s = &list->items[i];

		if (statement_role(text_of(sql, s), scope) == ROLE_OTHER)
			continue;
		status = read_statement(s, sql, scope);
		count--;
	}
	return status;
}

static bool
needs_soundness(const struct statement_list *list)
{
	bool has_guarded = false;
	bool has_control = false;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (list->items[i].tag != NULL)
			has_guarded = true;
		if (list->items[i].control != STATEMENT_PLAIN)
			has_control = true;
	}
	return has_guarded && has_control;
}

/* The grammar alone: no tree is written out, so nothing recurses. */
static bool
has_no_syntax_error(struct statement_text text)
{
	char *copy = statement_text_copy(text);
	PgQuerySplitResult result;
	bool is_sound;

	if (copy == NULL)
		return false;
	result = pg_query_split_with_parser(copy);
	is_sound = result.error == NULL && result.n_stmts == 1;
	pg_query_free_split_result(result);
	free(copy);
	return is_sound;
}

bool
statement_list_is_sound(const struct statement_list *list, const char *sql,
			size_t len, enum guard_scope scope, size_t parse_bytes)
{
	size_t i;

	if (!has_only_blanks(list, sql, len))
		return false;
	for (i = 0; i < list->count; i++) {
		struct statement_text text = text_of(sql, &list->items[i]);

		if (statement_role(text, scope) != ROLE_OTHER)
			continue; /* parsed, as a candidate */
		if (text.len > parse_bytes || !has_no_syntax_error(text))
			return false;
	}
	return true;
}

enum statement_status
statement_list_parse(struct statement_list *out, const char *sql, size_t len,
		     enum guard_scope scope, size_t parse_bytes)
{
	enum statement_status status;
	size_t i;

	*out = (struct statement_list){.items = NULL};
	if (len > TEXT_MAX)
		return STATEMENT_TOO_LARGE;
	if (sql[len] != '\0' || memchr(sql, '\0', len) != NULL)
		return STATEMENT_UNPARSED;
	if (longest_operator_run(sql, len) > OPERATOR_RUN_MAX)
		return STATEMENT_TOO_LARGE;

	status = split(out, sql);
	if (status != STATEMENT_OK)
		goto fail;
	for (i = 0; i < out->count; i++)
		trim(&out->items[i], sql);
	join_routine_bodies(out, sql);
	status = read_candidates(out, sql, scope, parse_bytes);
	if (status != STATEMENT_OK)
		goto fail;
	out->is_sound =
	    needs_soundness(out) &&
	    statement_list_is_sound(out, sql, len, scope, parse_bytes);
	return STATEMENT_OK;

fail:
	statement_list_clear(out);
	return status;
}

void
statement_list_clear(struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct statement *s = &list->items[i];
		size_t j;

		for (j = 0; j < s->target_count; j++) {
			free(s->targets[j].relation);
			free(s->targets[j].part);
		}
		free(s->targets);
	}
	free(list->items);
	*list = (struct statement_list){.items = NULL};
}

#include "policy/statement_scan.h"

#include <stdbool.h>
#include <stdlib.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/statement.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

/* NULL: it does not scan, or memory is out. */
static PgQuery__ScanResult *
scan(struct statement_text text)
{
	PgQuery__ScanResult *tokens = NULL;
	PgQueryScanResult result;
	char *copy;

	if (text.len > STATEMENT_PARSE_BYTES_MAX)
		return NULL;
	copy = statement_text_copy(text);
	if (copy == NULL)
		return NULL;
	result = pg_query_scan(copy);
	if (result.error == NULL)
		tokens = pg_query__scan_result__unpack(
		    NULL, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	pg_query_free_scan_result(result);
	free(copy);
	return tokens;
}

static void
scan_free(PgQuery__ScanResult *tokens)
{
	pg_query__scan_result__free_unpacked(tokens, NULL);
}

static bool
is_comment(const PgQuery__ScanToken *token)
{
	return token->token == TOKEN(SQL_COMMENT) ||
	       token->token == TOKEN(C_COMMENT);
}

size_t
statement_scan_trailing_comments(struct statement_text text)
{
	PgQuery__ScanResult *tokens = scan(text);
	size_t end = text.len;
	size_t i;

	if (tokens == NULL)
		return end;
	/* Not by the end of the last token: U&'' has a wrong one. */
	for (i = tokens->n_tokens; i > 0; i--) {
		if (!is_comment(tokens->tokens[i - 1]))
			break;
		end = (size_t)tokens->tokens[i - 1]->start;
	}
	scan_free(tokens);
	return end;
}

size_t
statement_scan_body_depth(struct statement_text text, size_t depth)
{
	PgQuery__ScanResult *tokens = scan(text);
	PgQuery__Token before = TOKEN(NUL);
	size_t i;

	if (tokens == NULL)
		return 0;
	for (i = 0; i < tokens->n_tokens; i++) {
		PgQuery__Token token = tokens->tokens[i]->token;
		/* As a label or behind a dot any keyword may be a name. */
		bool is_name = before == TOKEN(AS) || before == TOKEN(ASCII_46);

		if (is_comment(tokens->tokens[i]))
			continue;
		if (token == TOKEN(ATOMIC) && before == TOKEN(BEGIN_P))
			depth++;
		if (token == TOKEN(CASE) && depth > 0 && !is_name)
			depth++;
		if (token == TOKEN(END_P) && depth > 0 && !is_name)
			depth--;
		before = token;
	}
	scan_free(tokens);
	return depth;
}

/* Within one pair of parentheses or brackets, or outside of all. */
struct group {
	size_t item;    /* tokens since the last comma, groups included */
	size_t widest;  /* the largest `item` before that comma */
	size_t set_ops; /* UNION and its like nest across commas */
};

static size_t
group_depth(const struct group *g)
{
	return g->set_ops + (g->item > g->widest ? g->item : g->widest);
}

static void
group_add(struct group *g, PgQuery__Token token)
{
	switch (token) {
	case TOKEN(ASCII_44): /* , */
	case TOKEN(ASCII_59): /* ; between the actions of CREATE RULE */
		if (g->item > g->widest)
			g->widest = g->item;
		g->item = 0;
		break;
	case TOKEN(UNION):
	case TOKEN(INTERSECT):
	case TOKEN(EXCEPT):
		g->set_ops++;
		break;
	default:
		g->item++;
		break;
	}
}

static size_t
nesting(const PgQuery__ScanResult *tokens)
{
	struct group groups[STATEMENT_NESTING_MAX + 1] = {{.item = 0}};
	size_t open = 0;
	size_t i;

	for (i = 0; i < tokens->n_tokens; i++) {
		PgQuery__Token token = tokens->tokens[i]->token;

		if (is_comment(tokens->tokens[i]))
			continue;
		if (token == TOKEN(ASCII_40) || token == TOKEN(ASCII_91)) {
			if (++open > STATEMENT_NESTING_MAX)
				return open;
			groups[open] = (struct group){.item = 1};
		} else if (open > 0 && (token == TOKEN(ASCII_41) ||
					token == TOKEN(ASCII_93))) {
			open--;
			groups[open].item += group_depth(&groups[open + 1]);
		} else {
			group_add(&groups[open], token);
		}
	}
	/* What was never closed does not parse. */
	return group_depth(&groups[0]);
}

size_t
statement_scan_nesting(struct statement_text text)
{
	PgQuery__ScanResult *tokens;
	size_t depth;

	/* Each token has a byte at least. */
	if (text.len <= STATEMENT_NESTING_MAX)
		return text.len;
	tokens = scan(text);
	if (tokens == NULL)
		return text.len;
	depth = nesting(tokens);
	scan_free(tokens);
	return depth;
}

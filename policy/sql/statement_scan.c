#include "policy/sql/statement_scan.h"

#include <stdlib.h>
#include <string.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/grow.h"
#include "policy/sql/statement_arena.h"
#include "policy/sql/statement_facts.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

enum { BLOCK_ITEMS_MIN = 8 }; /* room for, at first; doubled from there on */

/* A scan of a text; its tokens live in the arena. */
struct scan {
	struct statement_arena arena;
	char *sql; /* owned, a copy */
	PgQueryScanResult packed;
	PgQuery__ScanResult *tokens; /* NULL: no scan is possible */
};

/* A statement_arena_fn. */
static void
make_tokens(void *arg)
{
	struct scan *s = arg;

	s->packed = pg_query_scan(s->sql);
	if (s->packed.error == NULL)
		s->tokens = pg_query__scan_result__unpack(
		    NULL, s->packed.pbuf.len,
		    (const uint8_t *)s->packed.pbuf.data);
}

static void
scan_end(struct scan *s)
{
	statement_arena_end(&s->arena);
	free(s->sql);
}

/* Scan the text.  NULL: no scan is possible, or memory is out, which *no_memory
 * tells; otherwise scan_free is to follow. */
static const PgQuery__ScanResult *
scan_begin(struct scan *s, struct statement_text text, bool *no_memory)
{
	*no_memory = false;
	if (text.len > STATEMENT_PARSE_BYTES_MAX)
		return NULL;
	*s = (struct scan){.sql = statement_text_copy(text)};
	*no_memory = s->sql == NULL;
	if (*no_memory)
		return NULL;
	statement_arena_begin(&s->arena);
	*no_memory = !statement_arena_call(&s->arena, make_tokens, s);
	if (!*no_memory && s->tokens != NULL)
		return s->tokens;
	if (!*no_memory) {
		*no_memory = s->packed.error == NULL;
		pg_query_free_scan_result(s->packed);
	}
	scan_end(s);
	return NULL;
}

static void
scan_free(struct scan *s)
{
	pg_query__scan_result__free_unpacked(s->tokens, NULL);
	pg_query_free_scan_result(s->packed);
	scan_end(s);
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
	bool no_memory;
	struct scan scan;
	const PgQuery__ScanResult *tokens = scan_begin(&scan, text, &no_memory);
	size_t end = text.len;
	size_t i;

	if (tokens == NULL)
		return end;
	/* The end of the last token does not tell: U&'' has a wrong one. */
	for (i = tokens->n_tokens; i > 0; i--) {
		if (!is_comment(tokens->tokens[i - 1]))
			break;
		end = (size_t)tokens->tokens[i - 1]->start;
	}
	scan_free(&scan);
	return end;
}

size_t
statement_scan_body_depth(struct statement_text text, size_t depth)
{
	bool no_memory;
	struct scan scan;
	const PgQuery__ScanResult *tokens = scan_begin(&scan, text, &no_memory);
	PgQuery__Token before = TOKEN(NUL);
	size_t i;

	if (tokens == NULL)
		return 0;
	for (i = 0; i < tokens->n_tokens; i++) {
		PgQuery__Token token = tokens->tokens[i]->token;
		/* Any keyword may be a name behind AS or a dot. */
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
	scan_free(&scan);
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
tokens_nesting(const PgQuery__ScanResult *tokens)
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
	/* A group that was never closed does not parse. */
	return group_depth(&groups[0]);
}

size_t
statement_scan_nesting(struct statement_text text)
{
	const PgQuery__ScanResult *tokens;
	struct scan scan;
	bool no_memory;
	size_t depth;

	/* Each token has a byte at least. */
	if (text.len <= STATEMENT_NESTING_MAX)
		return text.len;
	tokens = scan_begin(&scan, text, &no_memory);
	/* The parser comes no further than the scanner does. */
	if (tokens == NULL)
		return no_memory || text.len > STATEMENT_PARSE_BYTES_MAX
			   ? text.len
			   : 0;
	depth = tokens_nesting(tokens);
	scan_free(&scan);
	return depth;
}

/*
 * True if a statement of a PL/pgSQL block may begin behind this token, which
 * stands outside of parentheses: as PL/pgSQL's own grammar has it
 * (src/pl/plpgsql/src/pl_gram.y), but for the ELSE and THEN of an expression.
 */
static bool
ends_before_statement(const PgQuery__ScanToken *token,
		      struct statement_text block)
{
	size_t start = (size_t)token->start;

	switch (token->token) {
	case TOKEN(ASCII_59): /* ; */
	case TOKEN(BEGIN_P):
	case TOKEN(THEN):
	case TOKEN(ELSE):
		return true;
	case TOKEN(IDENT):
		return statement_text_is_word(block, start, "loop");
	case TOKEN(Op): /* <<label>> */
		return token->end - token->start == 2 &&
		       memcmp(block.sql + start, ">>", 2) == 0;
	default:
		return false;
	}
}

/* As statement_sieve.c has the words of the widest scope. */
static bool
begins_guarded(PgQuery__Token token)
{
	switch (token) {
	case TOKEN(ALTER):
	case TOKEN(ANALYSE):
	case TOKEN(ANALYZE):
	case TOKEN(CLUSTER):
	case TOKEN(COMMENT):
	case TOKEN(CREATE):
	case TOKEN(DROP):
	case TOKEN(LOCK_P):
	case TOKEN(REASSIGN):
	case TOKEN(REFRESH):
	case TOKEN(REINDEX):
	case TOKEN(TRUNCATE):
		return true;
	default:
		return false;
	}
}

static bool
begins_control(PgQuery__Token token)
{
	return token == TOKEN(COMMIT) || token == TOKEN(ROLLBACK) ||
	       token == TOKEN(CALL) || token == TOKEN(DO);
}

static struct statement_text *
block_add(struct statement_block *b)
{
	struct statement_text *items =
	    grow_array(b->items, b->count, sizeof(*items), BLOCK_ITEMS_MIN);

	if (items == NULL)
		return NULL;
	b->items = items;
	return &b->items[b->count++];
}

static bool
block_read(struct statement_block *out, struct statement_text block,
	   const PgQuery__ScanResult *tokens)
{
	struct statement_text *open = NULL; /* the statement we are in */
	bool at_start = true;
	size_t depth = 0;
	size_t i;

	for (i = 0; i < tokens->n_tokens; i++) {
		const PgQuery__ScanToken *token = tokens->tokens[i];
		size_t start = (size_t)token->start;

		if (is_comment(token))
			continue;
		if (token->token == TOKEN(ASCII_40))
			depth++;
		if (token->token == TOKEN(ASCII_41) && depth > 0)
			depth--;
		if (open != NULL && token->token == TOKEN(ASCII_59) &&
		    depth == 0) {
			open->len = (size_t)(block.sql + start - open->sql);
			open = NULL;
		} else if (open == NULL && at_start &&
			   begins_guarded(token->token)) {
			open = block_add(out);
			if (open == NULL)
				return false;
			/* If no ';' comes, all that follows is in it. */
			open->sql = block.sql + start;
			open->len = block.len - start;
		} else if (open == NULL && at_start) {
			out->may_end_transaction |=
			    begins_control(token->token);
		}
		at_start = depth == 0 && ends_before_statement(token, block);
	}
	return true;
}

bool
statement_scan_block(struct statement_block *out, struct statement_text block)
{
	bool no_memory;
	struct scan scan;
	const PgQuery__ScanResult *tokens =
	    scan_begin(&scan, block, &no_memory);

	*out = (struct statement_block){.items = NULL};
	if (tokens != NULL) {
		no_memory = !block_read(out, block, tokens);
		scan_free(&scan);
	}
	if (no_memory) {
		free(out->items);
		*out = (struct statement_block){.items = NULL};
	}
	return !no_memory;
}

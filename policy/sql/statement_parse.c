#include "policy/sql/statement_parse.h"

#include <stdlib.h>

#include "policy/sql/statement_arena.h"

struct parse {
	const char *sql;
	PgQueryProtobufParseResult packed;
	PgQuery__ParseResult *tree; /* NULL: it does not parse */
};

/* A statement_arena_fn: the tree of the text, in the arena. */
static void
make_tree(void *arg)
{
	struct parse *p = arg;

	p->packed = pg_query_parse_protobuf(p->sql);
	if (p->packed.error == NULL)
		p->tree = pg_query__parse_result__unpack(
		    NULL, p->packed.parse_tree.len,
		    (const uint8_t *)p->packed.parse_tree.data);
}

static void
free_tree(struct parse *p)
{
	pg_query__parse_result__free_unpacked(p->tree, NULL);
	pg_query_free_protobuf_parse_result(p->packed);
}

static enum statement_status
visit_tree(struct parse *p, statement_visitor *visit, void *arg)
{
	if (p->tree == NULL && p->packed.error == NULL)
		return STATEMENT_NO_MEMORY;
	if (p->tree == NULL || p->tree->n_stmts != 1)
		return STATEMENT_UNPARSED;
	return visit(p->tree->stmts[0]->stmt, arg);
}

enum statement_status
statement_parse(struct statement_text text, statement_visitor *visit, void *arg)
{
	enum statement_status status = STATEMENT_NO_MEMORY;
	char *sql = statement_text_copy(text);
	struct parse p = {.sql = sql};
	struct statement_arena arena;

	if (sql == NULL)
		return STATEMENT_NO_MEMORY;
	statement_arena_begin(&arena);
	if (statement_arena_call(&arena, make_tree, &p)) {
		status = visit_tree(&p, visit, arg);
		free_tree(&p);
	} else if (arena.is_full) {
		status = STATEMENT_TOO_DEAR;
	}
	statement_arena_end(&arena);
	free(sql);
	return status;
}

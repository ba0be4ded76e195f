#include "policy/sql/statement_parse.h"

#include <stdlib.h>

static enum statement_status
visit_tree(const PgQueryProtobuf *tree, statement_visitor *visit, void *arg)
{
	enum statement_status status = STATEMENT_UNPARSED;
	PgQuery__ParseResult *result;

	result = pg_query__parse_result__unpack(NULL, tree->len,
						(const uint8_t *)tree->data);
	if (result == NULL)
		return STATEMENT_NO_MEMORY;
	if (result->n_stmts == 1)
		status = visit(result->stmts[0]->stmt, arg);
	pg_query__parse_result__free_unpacked(result, NULL);
	return status;
}

enum statement_status
statement_parse(struct statement_text text, statement_visitor *visit, void *arg)
{
	enum statement_status status = STATEMENT_UNPARSED;
	char *sql = statement_text_copy(text);
	PgQueryProtobufParseResult result;

	if (sql == NULL)
		return STATEMENT_NO_MEMORY;
	result = pg_query_parse_protobuf(sql);
	if (result.error == NULL)
		status = visit_tree(&result.parse_tree, visit, arg);
	pg_query_free_protobuf_parse_result(result);
	free(sql);
	return status;
}

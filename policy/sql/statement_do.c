#include "policy/sql/statement_do.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/statement_follow.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_sieve.h"
#include "policy/sql/statement_tree.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type

const char *
statement_do_source(const PgQuery__DoStmt *stmt)
{
	const char *source = NULL;
	size_t i;

	for (i = 0; i < stmt->n_args; i++) {
		const PgQuery__DefElem *option = stmt->args[i]->def_elem;
		const char *value;

		if (option->arg == NULL ||
		    option->arg->node_case != NODE(STRING))
			return NULL;
		value = option->arg->string->sval;
		if (strcmp(option->defname, "as") != 0) {
			if (strcmp(value, "plpgsql") != 0)
				return NULL;
			continue;
		}
		/* The server refuses a source that is given twice. */
		if (source != NULL)
			return NULL;
		source = value;
	}
	return source;
}

/*
 * Read the item as a statement of its own.  If it does not parse, it is part
 * of an expression, or an error that the server meets when it comes there.
 */
static enum statement_status
statement_do_read_item(struct statement *out, struct statement_text item)
{
	enum statement_status status;
	char *copy;

	if (statement_sieve_role(item, GUARD_SCOPE_DDL) !=
	    STATEMENT_ROLE_GUARDED)
		return STATEMENT_OK;
	if (statement_scan_nesting(item) > STATEMENT_NESTING_MAX)
		return STATEMENT_TOO_LARGE;
	copy = statement_text_copy(item);
	if (copy == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_tree_read(out, copy, GUARD_SCOPE_DDL);
	free(copy);
	return status == STATEMENT_UNPARSED ? STATEMENT_OK : status;
}

/* True if the names behind the item may mean something else than before it. */
static bool
statement_do_moves_names(struct statement_text item)
{
	return statement_text_is_word(item, 0, "alter") &&
	       (statement_text_contains(item, "rename") ||
		statement_text_contains(item, "schema"));
}

/* True if the code between two items may have changed the search_path. */
static bool
statement_do_sets_path(const char *from, const char *to)
{
	struct statement_text gap = {from, (size_t)(to - from)};

	return statement_text_contains(gap, "search_path");
}

/* Note whether names change before the last guarded item of the block. */
static void
statement_do_note_names(struct statement *out, struct statement_text source,
			const struct statement_block *block)
{
	const char *from = source.sql;
	bool has_moved = false;
	size_t i;

	for (i = 0; i < block->count; i++) {
		struct statement_text item = block->items[i];

		has_moved |= statement_do_sets_path(from, item.sql);
		out->loses_names |=
		    has_moved && statement_sieve_role(item, GUARD_SCOPE_DDL) ==
				     STATEMENT_ROLE_GUARDED;
		has_moved |= statement_do_moves_names(item);
		from = item.sql + item.len;
	}
}

/*
 * Read all items.  *least is the least scope of those that are guarded; OFF if
 * none is.
 */
static enum statement_status
statement_do_read_block(struct statement *out,
			const struct statement_block *block,
			enum guard_scope *least)
{
	size_t i;

	*least = GUARD_SCOPE_OFF;
	if (block->count > STATEMENT_CANDIDATES_MAX)
		return STATEMENT_TOO_LARGE;
	for (i = 0; i < block->count; i++) {
		size_t first = out->target_count;
		enum statement_status status;

		out->scope = GUARD_SCOPE_OFF;
		status = statement_do_read_item(out, block->items[i]);
		if (status == STATEMENT_OK)
			status = statement_follow(out, first, out, first);
		if (status != STATEMENT_OK)
			return status;
		if (*least == GUARD_SCOPE_OFF ||
		    (out->scope != GUARD_SCOPE_OFF && out->scope < *least))
			*least = out->scope;
	}
	return STATEMENT_OK;
}

enum statement_status
statement_do_read(struct statement *out, const PgQuery__Node *node,
		  enum guard_scope asked)
{
	const char *source = statement_do_source(node->do_stmt);
	struct statement_text text = {source, 0};
	struct statement_block block;
	enum statement_status status;
	enum guard_scope least;

	if (source == NULL)
		return STATEMENT_OK;
	text.len = strlen(source);
	if (!statement_scan_block(&block, text))
		return STATEMENT_NO_MEMORY;
	status = statement_do_read_block(out, &block, &least);
	statement_do_note_names(out, text, &block);
	free(block.items);

	out->scope = GUARD_SCOPE_OFF;
	out->is_for_block = false; /* a function is as good as a block */
	out->tag = NULL;
	if (least == GUARD_SCOPE_OFF ||
	    !statement_claim(out, asked, least, "DO") ||
	    block.may_end_transaction)
		statement_target_keep(out, 0);
	return status;
}

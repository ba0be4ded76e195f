#include "policy/sql/statement_do.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/statement_follow.h"
#include "policy/sql/statement_rename.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_sieve.h"
#include "policy/sql/statement_tree.h"

enum {
	TARGETS_MAX =
	    5000, /* the sum of the items, with what their names meant */
};

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

	if (statement_sieve_role(item, GUARD_SCOPE_DDL) !=
	    STATEMENT_ROLE_GUARDED)
		return STATEMENT_OK;
	if (statement_scan_nesting(item) > STATEMENT_NESTING_MAX)
		return STATEMENT_TOO_LARGE;
	status = statement_tree_read(out, item, GUARD_SCOPE_DDL);
	return status == STATEMENT_UNPARSED ? STATEMENT_OK : status;
}

/* A block while it is read, item by item. */
struct statement_do {
	struct statement *items; /* the ones read so far */
	size_t count;
	size_t targets; /* their sum */
	struct renames renames;
};

/*
 * Read the item with what its names may have meant before the block, and what
 * it ends of the items before it; and note what it renames in turn.
 */
static enum statement_status
statement_do_add_item(struct statement_do *block, struct statement_text item)
{
	struct statement *out = &block->items[block->count++];
	enum statement_status status = statement_do_read_item(out, item);

	if (status == STATEMENT_OK)
		status = statement_rename_follow(out, &block->renames);
	for (size_t i = 0; i + 1 < block->count && status == STATEMENT_OK; i++)
		status = statement_follow(out, &block->items[i]);
	block->targets += out->target_count;
	if (status == STATEMENT_OK && block->targets > TARGETS_MAX)
		status = STATEMENT_TOO_LARGE;
	out->loses_names =
	    out->scope != GUARD_SCOPE_OFF && block->renames.is_lost;
	if (status == STATEMENT_OK)
		status = statement_rename_read(&block->renames, item);
	return status;
}

/* Add all items of the source. */
static enum statement_status
statement_do_add_items(struct statement_do *block, struct statement_text source,
		       const struct statement_block *found)
{
	enum statement_status status = STATEMENT_OK;
	const char *from = source.sql;

	for (size_t i = 0; i < found->count && status == STATEMENT_OK; i++) {
		struct statement_text item = found->items[i];
		struct statement_text gap = {from, (size_t)(item.sql - from)};

		status = statement_rename_path(&block->renames, gap);
		if (status == STATEMENT_OK)
			status = statement_do_add_item(block, item);
		from = item.sql + item.len;
	}
	return status;
}

/* Give *out all that the items have; *least is the least scope among them. */
static enum statement_status
statement_do_gather(struct statement *out, struct statement_do *block,
		    enum guard_scope *least)
{
	for (size_t i = 0; i < block->count; i++) {
		struct statement *item = &block->items[i];

		out->loses_names |= item->loses_names;
		if (*least == GUARD_SCOPE_OFF ||
		    (item->scope != GUARD_SCOPE_OFF && item->scope < *least))
			*least = item->scope;
		for (size_t j = 0; j < item->target_count; j++) {
			struct target *added =
			    statement_target_add(out, item->targets[j].kind);

			if (added == NULL)
				return STATEMENT_NO_MEMORY;
			*added = item->targets[j];
			item->targets[j] = (struct target){.kind = added->kind};
		}
	}
	return STATEMENT_OK;
}

/*
 * Read all items of the source.  *least is the least scope of those that are
 * guarded; OFF if none is.
 */
static enum statement_status
statement_do_read_block(struct statement *out, struct statement_text source,
			const struct statement_block *found,
			enum guard_scope *least)
{
	struct statement_do block = {.count = 0};
	enum statement_status status;

	*least = GUARD_SCOPE_OFF;
	if (found->count > STATEMENT_CANDIDATES_MAX)
		return STATEMENT_TOO_LARGE;
	if (found->count == 0)
		return STATEMENT_OK;
	block.items = calloc(found->count, sizeof(*block.items));
	if (block.items == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_do_add_items(&block, source, found);
	if (status == STATEMENT_OK)
		status = statement_do_gather(out, &block, least);
	for (size_t i = 0; i < block.count; i++)
		statement_clear(&block.items[i]);
	free(block.items);
	statement_renames_clear(&block.renames);
	return status;
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
	status = statement_do_read_block(out, text, &block, &least);
	free(block.items);

	out->scope = GUARD_SCOPE_OFF;
	out->is_for_block = false; /* a function is as good as a block */
	out->is_plain_drop = false;
	out->tag = NULL;
	if (least == GUARD_SCOPE_OFF ||
	    !statement_claim(out, asked, least, "DO") ||
	    block.may_end_transaction)
		statement_target_keep(out, 0);
	return status;
}

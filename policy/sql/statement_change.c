#include "policy/sql/statement_change.h"

#include <string.h>

#include "policy/sql/bookkeeping.h"
#include "policy/sql/tokens.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define OBJECT(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type

/* The effect of a statement on that which the catalogs are asked for. */
enum change {
	CHANGE_NOTHING,
	CHANGE_ADDS, /* leaves all that it does not name */
	CHANGE_MORE,
};

static bool
change_drops_part(const PgQuery__AlterTableStmt *stmt)
{
	size_t i;

	for (i = 0; i < stmt->n_cmds; i++) {
		PgQuery__AlterTableType type =
		    stmt->cmds[i]->alter_table_cmd->subtype;

		if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn ||
		    type == PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint)
			return true;
	}
	return false;
}

/* True if a statement that mostly adds replaces something. */
static bool
change_replaces(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case NODE(ALTER_TABLE_STMT):
		return change_drops_part(node->alter_table_stmt);
	case NODE(CREATE_FUNCTION_STMT):
		return node->create_function_stmt->replace;
	case NODE(RENAME_STMT):
		return node->rename_stmt->relation == NULL;
	case NODE(VIEW_STMT):
		return node->view_stmt->replace;
	default:
		return false;
	}
}

static enum change
change_of(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case NODE(ALTER_DEFAULT_PRIVILEGES_STMT):
	case NODE(ALTER_STATS_STMT):
	case NODE(CLUSTER_STMT):
	case NODE(COMMENT_STMT):
	case NODE(CONSTRAINTS_SET_STMT):
	case NODE(CREATE_STATS_STMT):
	case NODE(DELETE_STMT):
	case NODE(DO_STMT): /* statement by statement */
	case NODE(GRANT_STMT):
	case NODE(INDEX_STMT):
	case NODE(INSERT_STMT):
	case NODE(MERGE_STMT):
	case NODE(NOTIFY_STMT):
	case NODE(REFRESH_MAT_VIEW_STMT):
	case NODE(REINDEX_STMT):
	case NODE(SEC_LABEL_STMT):
	case NODE(TRANSACTION_STMT):
	case NODE(TRUNCATE_STMT):
	case NODE(UPDATE_STMT):
	case NODE(VACUUM_STMT):
	case NODE(VARIABLE_SHOW_STMT):
		return CHANGE_NOTHING;
	case NODE(SELECT_STMT):
		return node->select_stmt->into_clause == NULL ? CHANGE_NOTHING
							      : CHANGE_ADDS;
	case NODE(ALTER_ENUM_STMT):
	case NODE(ALTER_SEQ_STMT):
	case NODE(ALTER_TABLE_STMT):
	case NODE(COMPOSITE_TYPE_STMT):
	case NODE(CREATE_DOMAIN_STMT):
	case NODE(CREATE_ENUM_STMT):
	case NODE(CREATE_FOREIGN_TABLE_STMT):
	case NODE(CREATE_FUNCTION_STMT):
	case NODE(CREATE_POLICY_STMT):
	case NODE(CREATE_PUBLICATION_STMT):
	case NODE(CREATE_RANGE_STMT):
	case NODE(CREATE_SCHEMA_STMT):
	case NODE(CREATE_SEQ_STMT):
	case NODE(CREATE_STMT):
	case NODE(CREATE_TABLE_AS_STMT):
	case NODE(CREATE_TRIG_STMT):
	case NODE(RENAME_STMT):
	case NODE(VIEW_STMT):
		return change_replaces(node) ? CHANGE_MORE : CHANGE_ADDS;
	default:
		return CHANGE_MORE;
	}
}

/* The hash of the last part of a name. */
static uint32_t
change_hash(const char *name)
{
	struct tokens t = {.sql = name, .len = strlen(name)};
	uint32_t hash = 0;
	struct token at;

	while ((at = tokens_next(&t)).kind != TOKEN_END)
		if (at.kind == TOKEN_NAME)
			hash = token_hash(&at);
	return hash != 0 ? hash : token_hash_name(name, t.len);
}

static bool
change_names(struct statement_text text, const struct repeat_names *names)
{
	struct tokens t = {.sql = text.sql, .len = text.len};
	uint32_t hashes[REPEAT_NAMES_MAX];
	struct token at;
	size_t i;

	for (i = 0; i < names->count; i++)
		hashes[i] = change_hash(names->items[i]);
	while (names->count > 0 && (at = tokens_next(&t)).kind != TOKEN_END) {
		if (at.kind != TOKEN_WORD && at.kind != TOKEN_NAME)
			continue;
		if (token_is_opaque(&at))
			return true;
		for (i = 0; i < names->count; i++)
			if (hashes[i] == token_hash(&at))
				return true;
	}
	return false;
}

/* True if the DROP takes only what it names, as far as functions go. */
static bool
change_drops_plainly(const PgQuery__DropStmt *stmt)
{
	switch (stmt->remove_type) {
	case OBJECT(FOREIGN_TABLE):
	case OBJECT(INDEX):
	case OBJECT(MATVIEW):
	case OBJECT(SEQUENCE):
	case OBJECT(TABLE):
	case OBJECT(VIEW):
		return true;
	case OBJECT(AGGREGATE):
	case OBJECT(FUNCTION):
	case OBJECT(POLICY):
	case OBJECT(PROCEDURE):
	case OBJECT(ROUTINE):
	case OBJECT(RULE):
	case OBJECT(TRIGGER):
	case OBJECT(TYPE):
		return stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_RESTRICT;
	default:
		return false;
	}
}

/* True if it may take things that were used without being named. */
static bool
change_drops_unnamed(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case NODE(DROP_STMT):
		return !change_drops_plainly(node->drop_stmt);
	case NODE(ALTER_EXTENSION_CONTENTS_STMT):
	case NODE(DROP_OWNED_STMT):
		return true;
	default:
		return false;
	}
}

/* True if bare names mean something else behind it: so they do with a role,
 * where the search_path has "$user". */
static bool
change_moves_names(const PgQuery__VariableSetStmt *set)
{
	static const char *const names[] = {"search_path", "role",
					    "session_authorization"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(set->name, names[i]) == 0)
			return true;
	return false;
}

static const char *
change_of_setting(const struct repeat *r, const PgQuery__VariableSetStmt *set)
{
	bool has_used = r->shown.count > 0 || r->written.count > 0;

	return has_used && change_moves_names(set)
		   ? "the search_path has changed behind what it used"
		   : NULL;
}

/* True if only migration tools' own tables were written. */
static bool
change_is_behind_notes(const struct repeat *r)
{
	size_t i;

	for (i = 0; i < r->written.count; i++)
		if (!bookkeeping_is(r->written.items[i]))
			return false;
	return true;
}

/* True if it may have hidden what rows have gone through.  Where they were only
 * shown, a view goes with all that is below it; a tool's own table has nothing
 * that goes with others. */
static bool
change_hides_rows(const struct repeat *r, const PgQuery__Node *node)
{
	bool drops = node->node_case == NODE(DROP_STMT) ||
		     node->node_case == NODE(ALTER_TABLE_STMT);

	return !change_is_behind_notes(r) || r->has_truncated ||
	       (r->rows_used > 0 && !drops) ||
	       (r->written.count > 0 && change_drops_unnamed(node));
}

static bool
change_hides(const struct repeat *r, const PgQuery__Node *node,
	     enum change change, struct statement_text text)
{
	bool has_called = r->functions.count > 0;

	if (change_names(text, &r->shown) || change_names(text, &r->written))
		return true;
	if (change == CHANGE_ADDS)
		return false;
	return change_hides_rows(r, node) ||
	       change_names(text, &r->functions) ||
	       (has_called && change_drops_unnamed(node));
}

static bool
change_is_drop_of(const PgQuery__Node *node, PgQuery__ObjectType type)
{
	return node->node_case == NODE(DROP_STMT) &&
	       node->drop_stmt->remove_type == type;
}

const char *
statement_change_obstacle(const struct repeat *r, const PgQuery__Node *node,
			  struct statement_text text)
{
	enum change change;

	if (node->node_case == NODE(VARIABLE_SET_STMT))
		return change_of_setting(r, node->variable_set_stmt);
	if (change_is_drop_of(node, OBJECT(EVENT_TRIGGER)))
		return "an event trigger was there";
	change = change_of(node);
	if (change == CHANGE_NOTHING || change_is_drop_of(node, OBJECT(INDEX)))
		return NULL;
	return change_hides(r, node, change, text)
		   ? "what it used was changed behind that"
		   : NULL;
}

#include "policy/sql/statement_create.h"

#include <string.h>

#include "policy/sql/statement_name.h"
#include "policy/sql/statement_reference.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type

static bool
locks_others(const PgQuery__CreateStmt *stmt)
{
	return stmt->n_inh_relations > 0 || stmt->partbound != NULL ||
	       statement_references(stmt->relation, stmt->table_elts,
				    stmt->n_table_elts) ||
	       statement_references(stmt->relation, stmt->constraints,
				    stmt->n_constraints);
}

static enum statement_status
add_parent(struct statement *out, const PgQuery__CreateStmt *stmt,
	   const PgQuery__RangeVar *parent)
{
	if (stmt->partbound != NULL)
		return statement_target_part(out, TARGET_PARTITION, parent,
					     NULL);
	return statement_target_lock(out, parent, LOCK_SHARE_UPDATE_EXCLUSIVE);
}

static enum statement_status
add_others(struct statement *out, const PgQuery__CreateStmt *stmt)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < stmt->n_inh_relations && status == STATEMENT_OK; i++) {
		status =
		    add_parent(out, stmt, stmt->inh_relations[i]->range_var);
		if (status == STATEMENT_OK)
			statement_target_tie(out);
	}
	if (status == STATEMENT_OK)
		status = statement_reference_add(
		    out, stmt->relation, stmt->table_elts, stmt->n_table_elts);
	if (status == STATEMENT_OK)
		status = statement_reference_add(out, stmt->relation,
						 stmt->constraints,
						 stmt->n_constraints);
	return status;
}

static enum statement_status
create_read_table(struct statement *out, const PgQuery__CreateStmt *stmt,
		  enum guard_scope asked, const char *tag)
{
	enum statement_status status;

	if (!locks_others(stmt) ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, tag))
		return STATEMENT_OK;
	status = statement_make(out, stmt->relation);
	return status == STATEMENT_OK ? add_others(out, stmt) : status;
}

enum statement_status
statement_create_read_table(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	return create_read_table(out, node->create_stmt, asked, "CREATE TABLE");
}

enum statement_status
statement_create_read_foreign_table(struct statement *out,
				    const PgQuery__Node *node,
				    enum guard_scope asked)
{
	return create_read_table(out,
				 node->create_foreign_table_stmt->base_stmt,
				 asked, "CREATE FOREIGN TABLE");
}

/*
 * Only tables count: indexes and triggers in a CREATE SCHEMA can only be of
 * tables that it makes.
 */
enum statement_status
statement_create_read_schema(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	const PgQuery__CreateSchemaStmt *stmt = node->create_schema_stmt;
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < stmt->n_schema_elts && status == STATEMENT_OK; i++) {
		const PgQuery__Node *element = stmt->schema_elts[i];

		if (element->node_case == NODE(CREATE_STMT))
			status = create_read_table(out, element->create_stmt,
						   asked, "CREATE SCHEMA");
	}
	return status;
}

static enum statement_status
create_index(struct statement *out, const PgQuery__IndexStmt *stmt)
{
	PgQuery__RangeVar index = *stmt->relation;
	enum statement_status status;

	status = statement_target_tree(out, stmt->relation, LOCK_SHARE, true);
	if (status != STATEMENT_OK || stmt->idxname[0] == '\0')
		return status;
	statement_target_tie(out);
	index.relname = stmt->idxname;
	return statement_make(out, &index);
}

enum statement_status
statement_create_read_index(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__IndexStmt *stmt = node->index_stmt;

	if (stmt->concurrent ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE INDEX"))
		return STATEMENT_OK;
	return create_index(out, stmt);
}

enum statement_status
statement_create_read_trigger(struct statement *out, const PgQuery__Node *node,
			      enum guard_scope asked)
{
	const PgQuery__CreateTrigStmt *stmt = node->create_trig_stmt;

	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE TRIGGER"))
		return STATEMENT_OK;
	if (stmt->row)
		return statement_target_tree(out, stmt->relation,
					     LOCK_SHARE_ROW_EXCLUSIVE, true);
	return statement_target_lock(out, stmt->relation,
				     LOCK_SHARE_ROW_EXCLUSIVE);
}

/* The relation that a rule's action writes; NULL: none. */
static const PgQuery__RangeVar *
rule_action_target(const PgQuery__Node *action)
{
	switch (action->node_case) {
	case NODE(INSERT_STMT):
		return action->insert_stmt->relation;
	case NODE(UPDATE_STMT):
		return action->update_stmt->relation;
	case NODE(DELETE_STMT):
		return action->delete_stmt->relation;
	default:
		return NULL;
	}
}

enum statement_status
statement_create_read_rule(struct statement *out, const PgQuery__Node *node,
			   enum guard_scope asked)
{
	const PgQuery__RuleStmt *stmt = node->rule_stmt;
	enum statement_status status;
	size_t i;

	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE RULE"))
		return STATEMENT_OK;
	status =
	    statement_target_lock(out, stmt->relation, LOCK_ACCESS_EXCLUSIVE);
	for (i = 0; i < stmt->n_actions && status == STATEMENT_OK; i++) {
		const PgQuery__RangeVar *range =
		    rule_action_target(stmt->actions[i]);

		if (range != NULL)
			status = statement_target_lock(out, range,
						       LOCK_ROW_EXCLUSIVE);
	}
	return status;
}

enum statement_status
statement_create_read_policy(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE POLICY"))
		return STATEMENT_OK;
	return statement_target_lock(out, node->create_policy_stmt->table,
				     LOCK_ACCESS_EXCLUSIVE);
}

enum statement_status
statement_create_read_statistics(struct statement *out,
				 const PgQuery__Node *node,
				 enum guard_scope asked)
{
	const PgQuery__CreateStatsStmt *stmt = node->create_stats_stmt;

	/* The grammar takes a whole FROM list, the server one table. */
	if (stmt->n_relations != 1 ||
	    stmt->relations[0]->node_case != NODE(RANGE_VAR) ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE STATISTICS"))
		return STATEMENT_OK;
	return statement_target_lock(out, stmt->relations[0]->range_var,
				     LOCK_SHARE_UPDATE_EXCLUSIVE);
}

enum statement_status
statement_create_read_refresh(struct statement *out, const PgQuery__Node *node,
			      enum guard_scope asked)
{
	const PgQuery__RefreshMatViewStmt *stmt = node->refresh_mat_view_stmt;

	if (stmt->concurrent || !statement_claim(out, asked, GUARD_SCOPE_DDL,
						 "REFRESH MATERIALIZED VIEW"))
		return STATEMENT_OK;
	return statement_target_lock(out, stmt->relation,
				     LOCK_ACCESS_EXCLUSIVE);
}

/* True for CREATE TEMPORARY, however the view's name is written. */
static bool
is_temporary(const PgQuery__RangeVar *range)
{
	return strcmp(range->relpersistence, "t") == 0;
}

enum statement_status
statement_create_read_view(struct statement *out, const PgQuery__Node *node,
			   enum guard_scope asked)
{
	PgQuery__RangeVar view = *node->view_stmt->view;
	char temporary[] = "pg_temp";

	if (!node->view_stmt->replace ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE VIEW"))
		return STATEMENT_OK;
	if (is_temporary(&view))
		view.schemaname = temporary;
	return statement_target_part(out, TARGET_REPLACE, &view, NULL);
}

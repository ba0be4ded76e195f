/*
 * statement_lock.c - one table alone, and what delays no reader or writer, are
 * let be unless the transaction keeps locks of a guarded statement: a LOCK
 * TABLE of one table is how applications take turns, and must cost them
 * nothing.
 */
#include "policy/sql/statement_lock.h"

#include <string.h>

#include "policy/sql/statement_name.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define COMMENTED(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type
#define REINDEXED(type) PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_##type

static enum guard_scope
lock_scope(const PgQuery__LockStmt *stmt)
{
	if (stmt->n_relations < 2 || stmt->mode < (int)LOCK_SHARE)
		return GUARD_SCOPE_BEHIND;
	return GUARD_SCOPE_DDL;
}

/* NOWAIT asks for the error; up to ROW EXCLUSIVE it is mere traffic. */
static bool
lock_is_left_alone(const PgQuery__LockStmt *stmt)
{
	return stmt->nowait || stmt->mode <= (int)LOCK_ROW_EXCLUSIVE;
}

enum statement_status
statement_lock_read_table(struct statement *out, const PgQuery__Node *node,
			  enum guard_scope asked)
{
	const PgQuery__LockStmt *stmt = node->lock_stmt;
	size_t i;

	if (lock_is_left_alone(stmt) ||
	    !statement_claim(out, asked, lock_scope(stmt), "LOCK TABLE"))
		return STATEMENT_OK;
	out->is_for_block = true;
	for (i = 0; i < stmt->n_relations; i++) {
		enum statement_status status;

		status = statement_target_part(
		    out, TARGET_UNDER, stmt->relations[i]->range_var, NULL);
		if (status != STATEMENT_OK)
			return status;
		out->targets[out->target_count - 1].mode =
		    (enum lock_mode)stmt->mode;
	}
	return STATEMENT_OK;
}

/* Add the relation that is described; of all else none is locked. */
static enum statement_status
read_described(struct statement *out, PgQuery__ObjectType type,
	       const PgQuery__Node *object, enum guard_scope asked,
	       const char *tag)
{
	size_t columns = 0;

	switch (type) {
	case COMMENTED(COLUMN):
		columns = 1;
		break;
	case COMMENTED(TABLE):
	case COMMENTED(VIEW):
	case COMMENTED(MATVIEW):
	case COMMENTED(SEQUENCE):
	case COMMENTED(FOREIGN_TABLE):
		break;
	default:
		return STATEMENT_OK;
	}
	if (object->node_case != NODE(LIST) ||
	    object->list->n_items <= columns ||
	    !statement_claim(out, asked, GUARD_SCOPE_BEHIND, tag))
		return STATEMENT_OK;
	return statement_target_named(out, object->list->items,
				      object->list->n_items - columns,
				      LOCK_SHARE_UPDATE_EXCLUSIVE);
}

enum statement_status
statement_lock_read_comment(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__CommentStmt *stmt = node->comment_stmt;

	return read_described(out, stmt->objtype, stmt->object, asked,
			      "COMMENT");
}

/* Without a table it takes a transaction for each, and never runs in a block.
 */
enum statement_status
statement_lock_read_cluster(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__ClusterStmt *stmt = node->cluster_stmt;

	if (stmt->relation == NULL ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "CLUSTER"))
		return STATEMENT_OK;
	out->is_for_block = true;
	return statement_target_lock(out, stmt->relation,
				     LOCK_ACCESS_EXCLUSIVE);
}

static bool
has_option(PgQuery__Node *const *options, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (options[i]->node_case == NODE(DEF_ELEM) &&
		    strcmp(options[i]->def_elem->defname, name) == 0)
			return true;
	return false;
}

/* One of a schema, a database or a partitioned table never runs in a block. */
enum statement_status
statement_lock_read_reindex(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__ReindexStmt *stmt = node->reindex_stmt;
	enum statement_status status;

	if (stmt->relation == NULL ||
	    has_option(stmt->params, stmt->n_params, "concurrently") ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "REINDEX"))
		return STATEMENT_OK;
	out->is_for_block = true;
	if (stmt->kind != REINDEXED(INDEX))
		return statement_target_lock(out, stmt->relation, LOCK_SHARE);
	status =
	    statement_target_part(out, TARGET_INDEXED, stmt->relation, NULL);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].mode = LOCK_SHARE;
	return status;
}

/* Children of plain inheritance are read anyway, and from 18 on have statistics
 * of their own. */
static enum statement_status
add_analyzed(struct statement *out, const PgQuery__RangeVar *range)
{
	enum statement_status status;

	status = statement_target_tree(out, range, LOCK_SHARE_UPDATE_EXCLUSIVE,
				       true);
	if (status != STATEMENT_OK)
		return status;
	return statement_target_tree_if(out, range, LOCK_SHARE_UPDATE_EXCLUSIVE,
					CONDITION_FROM_18, NULL);
}

/* VACUUM never runs in a block; ANALYZE of all that there is has no plan. */
enum statement_status
statement_lock_read_analyze(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__VacuumStmt *stmt = node->vacuum_stmt;
	enum statement_status status = STATEMENT_OK;
	size_t i;

	if (stmt->is_vacuumcmd ||
	    has_option(stmt->options, stmt->n_options, "skip_locked") ||
	    !statement_claim(out, asked, GUARD_SCOPE_BEHIND, "ANALYZE"))
		return STATEMENT_OK;
	out->is_for_block = true;
	for (i = 0; i < stmt->n_rels && status == STATEMENT_OK; i++)
		status =
		    add_analyzed(out, stmt->rels[i]->vacuum_relation->relation);
	return status;
}

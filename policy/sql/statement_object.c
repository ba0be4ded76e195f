#include "policy/sql/statement_object.h"

#include <string.h>

#include "policy/sql/statement_name.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define ALTERED(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type

enum statement_status
statement_object_read_sequence(struct statement *out, const PgQuery__Node *node,
			       enum guard_scope asked)
{
	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "ALTER SEQUENCE"))
		return STATEMENT_OK;
	return statement_target_lock(out, node->alter_seq_stmt->sequence,
				     LOCK_SHARE_ROW_EXCLUSIVE);
}

enum statement_status
statement_object_read_policy(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "ALTER POLICY"))
		return STATEMENT_OK;
	return statement_target_lock(out, node->alter_policy_stmt->table,
				     LOCK_ACCESS_EXCLUSIVE);
}

/*
 * True for the forms that check all rows there are; AlterDomainStmt's subtype
 * is a letter.
 */
static bool
checks_rows(const PgQuery__AlterDomainStmt *stmt)
{
	switch (stmt->subtype[0]) {
	case 'C': /* ADD CONSTRAINT */
		return !stmt->def->constraint->skip_validation;
	case 'O': /* SET NOT NULL */
	case 'V': /* VALIDATE CONSTRAINT */
		return true;
	default:
		return false;
	}
}

enum statement_status
statement_object_read_domain(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	const PgQuery__AlterDomainStmt *stmt = node->alter_domain_stmt;
	struct target *target;
	enum statement_status status;

	if (!checks_rows(stmt) ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "ALTER DOMAIN"))
		return STATEMENT_OK;
	target = statement_target_add(out, TARGET_DOMAIN);
	if (target == NULL)
		return STATEMENT_NO_MEMORY;
	status = statement_name_list(&target->relation, stmt->type_name,
				     stmt->n_type_name);
	if (stmt->subtype[0] == 'O')
		target->condition = CONDITION_DOMAIN_NULLABLE;
	if (status != STATEMENT_OK || stmt->subtype[0] != 'V')
		return status;
	target->condition = CONDITION_DOMAIN_UNPROVEN;
	return statement_name_bare(&target->part, stmt->name);
}

/* For an index no table is locked, for a trigger its table as by a reader. */
enum statement_status
statement_object_read_depends(struct statement *out, const PgQuery__Node *node,
			      enum guard_scope asked)
{
	const PgQuery__AlterObjectDependsStmt *stmt =
	    node->alter_object_depends_stmt;

	if (stmt->object_type != ALTERED(MATVIEW) || stmt->relation == NULL ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL,
			     "ALTER MATERIALIZED VIEW"))
		return STATEMENT_OK;
	return statement_target_lock(out, stmt->relation,
				     LOCK_ACCESS_EXCLUSIVE);
}

/* Claimed without a plan: only the extension's script knows. */
enum statement_status
statement_object_read_update(struct statement *out, const PgQuery__Node *node,
			     enum guard_scope asked)
{
	(void)node;
	statement_claim(out, asked, GUARD_SCOPE_DDL, "ALTER EXTENSION");
	return STATEMENT_OK;
}

enum statement_status
statement_object_read_contents(struct statement *out, const PgQuery__Node *node,
			       enum guard_scope asked)
{
	const PgQuery__AlterExtensionContentsStmt *stmt =
	    node->alter_extension_contents_stmt;

	switch (stmt->objtype) {
	case ALTERED(TABLE):
	case ALTERED(VIEW):
	case ALTERED(MATVIEW):
	case ALTERED(SEQUENCE):
	case ALTERED(FOREIGN_TABLE):
		break;
	default:
		return STATEMENT_OK;
	}
	if (stmt->object->node_case != NODE(LIST) ||
	    !statement_claim(out, asked, GUARD_SCOPE_BEHIND, "ALTER EXTENSION"))
		return STATEMENT_OK;
	return statement_target_named(out, stmt->object->list->items,
				      stmt->object->list->n_items,
				      LOCK_SHARE_UPDATE_EXCLUSIVE);
}

static enum statement_status
add_children(struct statement *out, const PgQuery__RangeVar *table)
{
	enum statement_status status;

	status = statement_target_tree(out, table, LOCK_SHARE_UPDATE_EXCLUSIVE,
				       false);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].condition = CONDITION_PLAIN;
	return status;
}

/* The tables with their children, but not with partitions. */
static enum statement_status
add_published(struct statement *out, PgQuery__Node *const *objects,
	      size_t count)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < count && status == STATEMENT_OK; i++) {
		const PgQuery__PublicationTable *table =
		    objects[i]->publication_obj_spec->pubtable;

		if (table == NULL) /* a schema */
			continue;
		status = statement_target_lock(out, table->relation,
					       LOCK_SHARE_UPDATE_EXCLUSIVE);
		if (status == STATEMENT_OK && table->relation->inh)
			status = add_children(out, table->relation);
	}
	return status;
}

/* True if one of the objects is a table: schemas alone lock none. */
static bool
publishes_tables(PgQuery__Node *const *objects, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (objects[i]->publication_obj_spec->pubtable != NULL)
			return true;
	return false;
}

enum statement_status
statement_object_read_publication(struct statement *out,
				  const PgQuery__Node *node,
				  enum guard_scope asked)
{
	const PgQuery__CreatePublicationStmt *stmt =
	    node->create_publication_stmt;

	if (!publishes_tables(stmt->pubobjects, stmt->n_pubobjects) ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "CREATE PUBLICATION"))
		return STATEMENT_OK;
	return add_published(out, stmt->pubobjects, stmt->n_pubobjects);
}

/* SET gives up what the publication has had. */
enum statement_status
statement_object_read_published(struct statement *out,
				const PgQuery__Node *node,
				enum guard_scope asked)
{
	const PgQuery__AlterPublicationStmt *stmt =
	    node->alter_publication_stmt;
	bool is_set =
	    stmt->n_pubobjects > 0 &&
	    stmt->action == PG_QUERY__ALTER_PUBLICATION_ACTION__AP_SetObjects;
	struct target *target;

	if ((!is_set &&
	     !publishes_tables(stmt->pubobjects, stmt->n_pubobjects)) ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, "ALTER PUBLICATION"))
		return STATEMENT_OK;
	if (is_set) {
		target = statement_target_add(out, TARGET_PUBLICATION);
		if (target == NULL ||
		    statement_name_part(&target->relation, stmt->pubname) !=
			STATEMENT_OK)
			return STATEMENT_NO_MEMORY;
	}
	return add_published(out, stmt->pubobjects, stmt->n_pubobjects);
}

enum statement_status
statement_object_read_reassign(struct statement *out, const PgQuery__Node *node,
			       enum guard_scope asked)
{
	const PgQuery__ReassignOwnedStmt *stmt = node->reassign_owned_stmt;
	enum statement_status status = STATEMENT_OK;
	size_t i;

	if (!statement_claim(out, asked, GUARD_SCOPE_DDL, "REASSIGN OWNED"))
		return STATEMENT_OK;
	for (i = 0; i < stmt->n_roles && status == STATEMENT_OK; i++) {
		struct target *target =
		    statement_target_add(out, TARGET_REASSIGN);

		if (target == NULL)
			return STATEMENT_NO_MEMORY;
		status = statement_name_role(&target->relation,
					     stmt->roles[i]->role_spec);
	}
	return status;
}

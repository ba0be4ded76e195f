/*
 * statement_brief.c - the statements that change catalogs alone
 * (PostgreSQL, src/backend/commands/tablecmds.c: no pass of theirs scans or
 * rewrites a table).
 *
 * One that was undone in the middle has cost next to nothing, and whoever
 * waited for it has waited no longer than that.
 */
#include "policy/sql/statement_brief.h"

#define NODE(type) PG_QUERY__NODE__NODE_##type
#define CLAUSE(type) PG_QUERY__ALTER_TABLE_TYPE__AT_##type
#define FOREIGN_KEY PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN

static bool
clause_is_brief(const PgQuery__AlterTableCmd *cmd)
{
	switch (cmd->subtype) {
	case CLAUSE(ColumnDefault):
	case CLAUSE(DropNotNull):
	case CLAUSE(SetStatistics):
	case CLAUSE(SetOptions):
	case CLAUSE(ResetOptions):
	case CLAUSE(SetStorage):
	case CLAUSE(DropColumn):
	case CLAUSE(DropConstraint):
	case CLAUSE(ChangeOwner):
	case CLAUSE(SetRelOptions):
	case CLAUSE(ResetRelOptions):
	case CLAUSE(EnableTrig):
	case CLAUSE(DisableTrig):
	case CLAUSE(EnableTrigAll):
	case CLAUSE(DisableTrigAll):
	case CLAUSE(EnableTrigUser):
	case CLAUSE(DisableTrigUser):
	case CLAUSE(ReplicaIdentity):
	case CLAUSE(EnableRowSecurity):
	case CLAUSE(DisableRowSecurity):
	case CLAUSE(ForceRowSecurity):
	case CLAUSE(NoForceRowSecurity):
		return true;
	case CLAUSE(AddConstraint): /* another kind reads the table */
		return cmd->def->constraint->contype == FOREIGN_KEY &&
		       cmd->def->constraint->skip_validation;
	default:
		return false;
	}
}

static bool
alter_is_brief(const PgQuery__AlterTableStmt *stmt)
{
	for (size_t i = 0; i < stmt->n_cmds; i++)
		if (!clause_is_brief(stmt->cmds[i]->alter_table_cmd))
			return false;
	return true;
}

/* A thing that is no relation, and of none, can be at the root of anything. */
static bool
target_is_brief(const struct target *t)
{
	switch (t->kind) {
	case TARGET_DROP:
	case TARGET_COLUMN:
	case TARGET_CONSTRAINT:
	case TARGET_TRUNCATE:
	case TARGET_LOCK:
	case TARGET_TREE:
	case TARGET_OWNER:
	case TARGET_KEY:
	case TARGET_INDEXED:
		return true;
	case TARGET_OBJECT:
		return target_names_relation(t);
	case TARGET_DETACH:
	case TARGET_VALIDATE:
	case TARGET_ENFORCE:
	case TARGET_ATTACH:
	case TARGET_PARTITION:
	case TARGET_RETYPE:
	case TARGET_IDENTITY:
	case TARGET_REPLACE:
	case TARGET_UNDER:
	case TARGET_NAMED:
	case TARGET_TYPED:
	case TARGET_DOMAIN:
	case TARGET_REASSIGN:
	case TARGET_PUBLICATION:
		break;
	}
	return false;
}

bool
statement_is_brief(const struct statement *s, const PgQuery__Node *node)
{
	for (size_t i = 0; i < s->target_count; i++)
		if (!target_is_brief(&s->targets[i]))
			return false;
	switch (node->node_case) {
	case NODE(DROP_STMT):
	case NODE(TRUNCATE_STMT):
	case NODE(CREATE_STMT):
	case NODE(CREATE_TRIG_STMT):
	case NODE(CREATE_POLICY_STMT):
	case NODE(ALTER_POLICY_STMT):
	case NODE(RENAME_STMT):
	case NODE(ALTER_OBJECT_SCHEMA_STMT):
		return true;
	case NODE(ALTER_TABLE_STMT):
		return alter_is_brief(node->alter_table_stmt);
	default:
		return false;
	}
}

/*
 * statement_alter.c - one ALTER, many clauses, one mode for the relation.
 *
 * ALTER TABLE takes the strongest mode that a clause needs, once, and it is in
 * this mode that the clauses which recurse lock partitions and children
 * (PostgreSQL, src/backend/commands/tablecmds.c, AlterTableGetLockLevel and
 * the ATPrep and ATExec functions).  What a clause locks besides has a target
 * of its own.
 *
 * Where versions 13 to 18 differ, or where only the catalogs tell, a target of
 * its own has a condition.
 */
#include "policy/sql/statement_alter.h"

#include <string.h>

#include "policy/sql/statement_enforce.h"
#include "policy/sql/statement_name.h"
#include "policy/sql/statement_reference.h"
#include "policy/sql/statement_type.h"

#define ALTERED(type) PG_QUERY__OBJECT_TYPE__OBJECT_##type
#define CLAUSE(type) PG_QUERY__ALTER_TABLE_TYPE__AT_##type
#define CONSTRAINT(type) PG_QUERY__CONSTR_TYPE__CONSTR_##type
#define CASCADE PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE

/* CommandComplete's tags; NULL where the ALTER locks no relation. */
static const char *const tags[] = {
    [ALTERED(ATTRIBUTE)] = "ALTER TYPE",
    [ALTERED(FOREIGN_TABLE)] = "ALTER FOREIGN TABLE",
    [ALTERED(INDEX)] = "ALTER INDEX",
    [ALTERED(MATVIEW)] = "ALTER MATERIALIZED VIEW",
    [ALTERED(POLICY)] = "ALTER POLICY",
    [ALTERED(RULE)] = "ALTER RULE",
    [ALTERED(SEQUENCE)] = "ALTER SEQUENCE",
    [ALTERED(TABCONSTRAINT)] = "ALTER TABLE",
    [ALTERED(TABLE)] = "ALTER TABLE",
    [ALTERED(TRIGGER)] = "ALTER TRIGGER",
    [ALTERED(TYPE)] = "ALTER TYPE",
    [ALTERED(VIEW)] = "ALTER VIEW",
};

static const char *
alter_tag(PgQuery__ObjectType type)
{
	size_t count = sizeof(tags) / sizeof(tags[0]);

	return (size_t)type < count ? tags[type] : NULL;
}

static bool
is_composite(PgQuery__ObjectType type)
{
	return type == ALTERED(TYPE) || type == ALTERED(ATTRIBUTE);
}

/*
 * The relations that are locked in the mode of the named one; each reach has
 * those of the one before it too.
 */
enum reach {
	REACH_SELF,
	REACH_PARTITIONS,
	REACH_TREE, /* children of plain inheritance too */
};

struct need {
	enum lock_mode mode;
	enum reach reach;
};

#define AX LOCK_ACCESS_EXCLUSIVE
#define SRX LOCK_SHARE_ROW_EXCLUSIVE
#define SUE LOCK_SHARE_UPDATE_EXCLUSIVE

/* The need of each clause that is told by its type alone. */
static const struct need needs[] = {
    [CLAUSE(AddColumn)] = {AX, REACH_TREE},
    [CLAUSE(ColumnDefault)] = {AX, REACH_TREE},
    [CLAUSE(DropNotNull)] = {AX, REACH_SELF},
    [CLAUSE(SetNotNull)] = {AX, REACH_SELF},
    [CLAUSE(DropExpression)] = {AX, REACH_TREE},
#if PG_VERSION_NUM >= 170000
    [CLAUSE(SetExpression)] = {AX, REACH_TREE},
#endif
    [CLAUSE(SetStatistics)] = {SUE, REACH_TREE},
    [CLAUSE(SetOptions)] = {SUE, REACH_SELF},
    [CLAUSE(ResetOptions)] = {SUE, REACH_SELF},
    [CLAUSE(SetStorage)] = {AX, REACH_TREE},
    [CLAUSE(SetCompression)] = {AX, REACH_SELF},
    [CLAUSE(DropColumn)] = {AX, REACH_SELF},
    [CLAUSE(AlterConstraint)] = {AX, REACH_SELF},
    [CLAUSE(ValidateConstraint)] = {SUE, REACH_SELF},
    [CLAUSE(DropConstraint)] = {AX, REACH_SELF},
    [CLAUSE(AlterColumnType)] = {AX, REACH_TREE},
    [CLAUSE(AlterColumnGenericOptions)] = {AX, REACH_SELF},
    [CLAUSE(ChangeOwner)] = {AX, REACH_SELF},
    [CLAUSE(ClusterOn)] = {SUE, REACH_SELF},
    [CLAUSE(DropCluster)] = {SUE, REACH_SELF},
    [CLAUSE(SetLogged)] = {AX, REACH_SELF},
    [CLAUSE(SetUnLogged)] = {AX, REACH_SELF},
    [CLAUSE(DropOids)] = {AX, REACH_SELF},
    [CLAUSE(SetAccessMethod)] = {AX, REACH_SELF},
    [CLAUSE(SetTableSpace)] = {AX, REACH_SELF},
    [CLAUSE(EnableTrig)] = {SRX, REACH_SELF},
    [CLAUSE(EnableAlwaysTrig)] = {SRX, REACH_SELF},
    [CLAUSE(EnableReplicaTrig)] = {SRX, REACH_SELF},
    [CLAUSE(DisableTrig)] = {SRX, REACH_SELF},
    [CLAUSE(EnableTrigAll)] = {SRX, REACH_SELF},
    [CLAUSE(DisableTrigAll)] = {SRX, REACH_SELF},
    [CLAUSE(EnableTrigUser)] = {SRX, REACH_SELF},
    [CLAUSE(DisableTrigUser)] = {SRX, REACH_SELF},
    [CLAUSE(EnableRule)] = {AX, REACH_SELF},
    [CLAUSE(EnableAlwaysRule)] = {AX, REACH_SELF},
    [CLAUSE(EnableReplicaRule)] = {AX, REACH_SELF},
    [CLAUSE(DisableRule)] = {AX, REACH_SELF},
    [CLAUSE(AddInherit)] = {AX, REACH_SELF},
    [CLAUSE(DropInherit)] = {AX, REACH_SELF},
    [CLAUSE(AddOf)] = {AX, REACH_SELF},
    [CLAUSE(DropOf)] = {AX, REACH_SELF},
    [CLAUSE(ReplicaIdentity)] = {AX, REACH_SELF},
    [CLAUSE(EnableRowSecurity)] = {AX, REACH_SELF},
    [CLAUSE(DisableRowSecurity)] = {AX, REACH_SELF},
    [CLAUSE(ForceRowSecurity)] = {AX, REACH_SELF},
    [CLAUSE(NoForceRowSecurity)] = {AX, REACH_SELF},
    [CLAUSE(GenericOptions)] = {AX, REACH_SELF},
    [CLAUSE(AttachPartition)] = {SUE, REACH_SELF},
    [CLAUSE(DetachPartition)] = {AX, REACH_SELF},
    [CLAUSE(AddIdentity)] = {AX, REACH_SELF},
    [CLAUSE(SetIdentity)] = {AX, REACH_SELF},
    [CLAUSE(DropIdentity)] = {AX, REACH_SELF},
};

static struct need
constraint_need(const PgQuery__Constraint *constraint)
{
	switch (constraint->contype) {
	case CONSTRAINT(FOREIGN):
		return (struct need){SRX, REACH_PARTITIONS};
	case CONSTRAINT(PRIMARY): /* the columns become NOT NULL */
		if (constraint->indexname[0] != '\0')
			return (struct need){AX, REACH_TREE};
		break; /* see add_primary_key() */
	case CONSTRAINT(CHECK):
		if (!constraint->is_no_inherit)
			return (struct need){AX, REACH_TREE};
		break;
	default: /* UNIQUE, EXCLUDE: see add_index() */
		break;
	}
	return (struct need){AX, REACH_SELF};
}

/* AlterTableGetRelOptionsLockLevel(): one of any kind of relation counts. */
static struct need
options_need(const PgQuery__Node *list)
{
	static const char *const strong[] = {
	    "autosummarize",          "buffering",
	    "check_option",           "fastupdate",
	    "gin_pending_list_limit", "pages_per_range",
	    "security_barrier",       "security_invoker",
	    "user_catalog_table",
	};
	size_t i, j;

	for (i = 0; i < list->list->n_items; i++)
		for (j = 0; j < sizeof(strong) / sizeof(strong[0]); j++)
			if (strcmp(list->list->items[i]->def_elem->defname,
				   strong[j]) == 0)
				return (struct need){AX, REACH_SELF};
	return (struct need){SUE, REACH_SELF};
}

static struct need
clause_need(const PgQuery__AlterTableCmd *cmd)
{
	size_t type = (size_t)cmd->subtype;

	switch (cmd->subtype) {
	case CLAUSE(AddConstraint):
		return constraint_need(cmd->def->constraint);
	case CLAUSE(SetRelOptions):
	case CLAUSE(ResetRelOptions):
	case CLAUSE(ReplaceRelOptions):
		return options_need(cmd->def);
	default:
		if (type < sizeof(needs) / sizeof(needs[0]) &&
		    needs[type].mode != LOCK_NONE)
			return needs[type];
		return (struct need){AX, REACH_SELF};
	}
}

static enum statement_status
add_need(struct statement *out, const PgQuery__RangeVar *range,
	 struct need need)
{
	if (need.reach == REACH_SELF)
		return statement_target_lock(out, range, need.mode);
	return statement_target_tree(out, range, need.mode,
				     need.reach == REACH_PARTITIONS);
}

static enum statement_status
add_drop(struct statement *out, enum target_kind kind,
	 const PgQuery__RangeVar *range, const PgQuery__AlterTableCmd *cmd)
{
	enum statement_status status;

	status = statement_target_part(out, kind, range, cmd->name);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].cascade =
		    cmd->behavior == CASCADE;
	return status;
}

/* ALTER CONSTRAINT follows a foreign key into partitions even with ONLY. */
static enum statement_status
add_partitions(struct statement *out, const PgQuery__RangeVar *range,
	       enum lock_mode mode)
{
	enum statement_status status;
	struct target *target;

	status = statement_target_part(out, TARGET_TREE, range, NULL);
	if (status != STATEMENT_OK)
		return status;
	target = &out->targets[out->target_count - 1];
	target->only = false;
	target->partitions_only = true;
	target->mode = mode;
	return STATEMENT_OK;
}

static enum statement_status
add_alter_constraint(struct statement *out, const PgQuery__RangeVar *range,
		     const PgQuery__AlterTableCmd *cmd, enum lock_mode mode)
{
	enum statement_status status = statement_enforce_add(out, range, cmd);

	return status == STATEMENT_OK ? add_partitions(out, range, mode)
				      : status;
}

static enum statement_status
add_primary_key(struct statement *out, const PgQuery__RangeVar *range,
		const PgQuery__Constraint *constraint, enum lock_mode mode)
{
	enum statement_status status = STATEMENT_OK;

	for (size_t i = 0; i < constraint->n_keys && status == STATEMENT_OK;
	     i++)
		status = statement_target_tree_if(
		    out, range, mode, CONDITION_NULLABLE,
		    constraint->keys[i]->string->sval);
	return status;
}

/* DefineIndex() goes to partitions with the mode of any CREATE INDEX. */
static enum statement_status
add_index(struct statement *out, const PgQuery__RangeVar *range,
	  const PgQuery__Constraint *constraint, enum lock_mode mode)
{
	if (constraint->indexname[0] != '\0' || !range->inh)
		return STATEMENT_OK;
	switch (constraint->contype) {
	case CONSTRAINT(PRIMARY):
		if (add_primary_key(out, range, constraint, mode) !=
		    STATEMENT_OK)
			return STATEMENT_NO_MEMORY;
		break;
	case CONSTRAINT(UNIQUE):
	case CONSTRAINT(EXCLUSION):
		break;
	default:
		return STATEMENT_OK;
	}
	return statement_target_tree(out, range, LOCK_SHARE, true);
}

static enum statement_status
add_key(struct statement *out, const PgQuery__RangeVar *range,
	const PgQuery__Constraint *key)
{
	enum statement_status status;

	status = statement_target_pair(out, TARGET_KEY, range, key->pktable);
	if (status != STATEMENT_OK)
		return status;
	return statement_reference_shape(
	    &out->targets[out->target_count - 1].shape, key);
}

/* Any constraint locks all children from 18 on. */
static enum statement_status
add_constraint(struct statement *out, const PgQuery__RangeVar *range,
	       const PgQuery__AlterTableCmd *cmd, enum lock_mode mode)
{
	enum statement_status status = STATEMENT_OK;

	if (constraint_need(cmd->def->constraint).reach != REACH_TREE)
		status = statement_target_tree_if(out, range, mode,
						  CONDITION_FROM_18, NULL);
	if (status == STATEMENT_OK)
		status = add_index(out, range, cmd->def->constraint, mode);
	if (status != STATEMENT_OK || statement_reference_of(cmd->def) == NULL)
		return status;
	return add_key(out, range, cmd->def->constraint);
}

static enum statement_status
add_drop_not_null(struct statement *out, const PgQuery__RangeVar *range,
		  const PgQuery__AlterTableCmd *cmd)
{
	enum statement_status status;

	status =
	    statement_target_part(out, TARGET_CONSTRAINT, range, cmd->name);
	if (status != STATEMENT_OK)
		return status;
	out->targets[out->target_count - 1].condition = CONDITION_NOT_NULL;
	return statement_target_tree_if(out, range, AX, CONDITION_BEFORE_18,
					NULL);
}

static enum statement_status
add_owner(struct statement *out, const PgQuery__RangeVar *range,
	  const PgQuery__AlterTableCmd *cmd)
{
	enum statement_status status;
	struct target *target;

	status = statement_target_part(out, TARGET_OWNER, range, NULL);
	if (status != STATEMENT_OK)
		return status;
	target = &out->targets[out->target_count - 1];
	switch (cmd->subtype) {
	case CLAUSE(SetLogged):
		target->condition = CONDITION_UNLOGGED;
		return STATEMENT_OK;
	case CLAUSE(SetUnLogged):
		target->condition = CONDITION_LOGGED;
		return STATEMENT_OK;
	default:
		target->condition = CONDITION_OWNER;
		return statement_name_role(&target->part, cmd->newowner);
	}
}

static enum statement_status
add_identity(struct statement *out, const PgQuery__RangeVar *range,
	     const PgQuery__AlterTableCmd *cmd, enum lock_mode mode)
{
	bool is_new = cmd->subtype == CLAUSE(AddIdentity);
	enum statement_status status;

	status = statement_target_tree_if(out, range, mode, CONDITION_FROM_17,
					  is_new ? NULL : cmd->name);
	if (status != STATEMENT_OK || is_new)
		return status;
	status = statement_target_part(out, TARGET_IDENTITY, range, cmd->name);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].mode =
		    cmd->subtype == CLAUSE(DropIdentity) ? AX : SRX;
	return status;
}

/* The relation and the partition that a clause takes in or out. */
static enum statement_status
add_partition_pair(struct statement *out, enum target_kind kind,
		   const PgQuery__RangeVar *range,
		   const PgQuery__AlterTableCmd *cmd)
{
	return statement_target_pair(out, kind, range,
				     cmd->def->partition_cmd->name);
}

/* An index's partitions are attached without a lock on the table's readers. */
static enum statement_status
add_attach(struct statement *out, const PgQuery__AlterTableStmt *stmt,
	   const PgQuery__AlterTableCmd *cmd)
{
	if (stmt->objtype == ALTERED(INDEX))
		return STATEMENT_OK;
	return add_partition_pair(out, TARGET_ATTACH, stmt->relation, cmd);
}

/*
 * Add what one clause locks besides the relation; `mode` is the one that the
 * whole ALTER takes on that.
 */
static enum statement_status
add_clause(struct statement *out, const PgQuery__AlterTableStmt *stmt,
	   const PgQuery__AlterTableCmd *cmd, enum lock_mode mode)
{
	const PgQuery__RangeVar *range = stmt->relation;

	switch (cmd->subtype) {
	case CLAUSE(DropColumn):
		return add_drop(out, TARGET_COLUMN, range, cmd);
	case CLAUSE(DropConstraint):
		return add_drop(out, TARGET_CONSTRAINT, range, cmd);
	case CLAUSE(DetachPartition):
		return add_partition_pair(out, TARGET_DETACH, range, cmd);
	case CLAUSE(AttachPartition):
		return add_attach(out, stmt, cmd);
	case CLAUSE(AddConstraint):
		return add_constraint(out, range, cmd, mode);
	case CLAUSE(AddColumn):
		return statement_reference_add(out, NULL, &cmd->def, 1);
	case CLAUSE(ValidateConstraint):
		return statement_target_part(out, TARGET_VALIDATE, range,
					     cmd->name);
	case CLAUSE(AlterColumnType):
		return statement_target_part(out, TARGET_RETYPE, range,
					     cmd->name);
	case CLAUSE(AlterConstraint):
		return add_alter_constraint(out, range, cmd, mode);
	case CLAUSE(SetNotNull):
		return statement_target_tree_if(out, range, mode,
						CONDITION_NULLABLE, cmd->name);
	case CLAUSE(DropNotNull):
		return add_drop_not_null(out, range, cmd);
	case CLAUSE(AddIdentity):
	case CLAUSE(SetIdentity):
	case CLAUSE(DropIdentity):
		return add_identity(out, range, cmd, mode);
	case CLAUSE(ChangeOwner):
	case CLAUSE(SetLogged):
	case CLAUSE(SetUnLogged):
		return add_owner(out, range, cmd);
	case CLAUSE(EnableTrig):
	case CLAUSE(EnableAlwaysTrig):
	case CLAUSE(EnableReplicaTrig):
	case CLAUSE(DisableTrig):
		return statement_target_tree_if(out, range, mode,
						CONDITION_TRIGGER, cmd->name);
	case CLAUSE(EnableTrigAll):
	case CLAUSE(DisableTrigAll):
		return statement_target_tree_if(out, range, mode,
						CONDITION_TRIGGER, NULL);
	case CLAUSE(EnableTrigUser):
	case CLAUSE(DisableTrigUser):
		return statement_target_tree_if(out, range, mode,
						CONDITION_USER_TRIGGER, NULL);
	case CLAUSE(AddInherit):
		return statement_target_lock(out, cmd->def->range_var,
					     LOCK_SHARE_UPDATE_EXCLUSIVE);
	default:
		return STATEMENT_OK;
	}
}

/* DETACH ... CONCURRENTLY or FINALIZE: waits on its own, outside a block. */
static bool
is_concurrent(const PgQuery__AlterTableCmd *cmd)
{
	return cmd->subtype == CLAUSE(DetachPartitionFinalize) ||
	       (cmd->subtype == CLAUSE(DetachPartition) &&
		cmd->def->partition_cmd->concurrent);
}

static bool
is_drop(const PgQuery__AlterTableCmd *cmd)
{
	return cmd->subtype == CLAUSE(DropColumn) ||
	       cmd->subtype == CLAUSE(DropConstraint) ||
	       cmd->subtype == CLAUSE(DetachPartition) ||
	       statement_enforce_ends(cmd);
}

static bool
only_drops_columns(const PgQuery__AlterTableStmt *stmt)
{
	for (size_t i = 0; i < stmt->n_cmds; i++)
		if (stmt->cmds[i]->alter_table_cmd->subtype !=
		    CLAUSE(DropColumn))
			return false;
	return stmt->objtype == ALTERED(TABLE);
}

enum statement_status
statement_alter_read(struct statement *out, const PgQuery__Node *node,
		     enum guard_scope asked)
{
	const PgQuery__AlterTableStmt *stmt = node->alter_table_stmt;
	enum guard_scope least = GUARD_SCOPE_DDL;
	struct need all = {LOCK_NONE, REACH_SELF};
	enum statement_status status;
	size_t i;

	for (i = 0; i < stmt->n_cmds; i++) {
		const PgQuery__AlterTableCmd *cmd =
		    stmt->cmds[i]->alter_table_cmd;
		struct need need = clause_need(cmd);

		if (is_concurrent(cmd))
			return STATEMENT_OK;
		if (is_drop(cmd))
			least = GUARD_SCOPE_DROPS;
		if (need.mode > all.mode)
			all.mode = need.mode;
		if (need.reach > all.reach)
			all.reach = need.reach;
	}
	if (!statement_claim(out, asked, least, alter_tag(stmt->objtype)))
		return STATEMENT_OK;
	if (is_composite(stmt->objtype))
		return statement_type_alter(out, stmt);
	out->is_plain_drop = only_drops_columns(stmt);
	status = add_need(out, stmt->relation, all);
	for (i = 0; i < stmt->n_cmds && status == STATEMENT_OK; i++)
		status = add_clause(out, stmt, stmt->cmds[i]->alter_table_cmd,
				    all.mode);
	return status;
}

/* Claimed without a plan: only the server knows the tablespace's relations. */
enum statement_status
statement_alter_read_move_all(struct statement *out, const PgQuery__Node *node,
			      enum guard_scope asked)
{
	statement_claim(out, asked, GUARD_SCOPE_DDL,
			alter_tag(node->alter_table_move_all_stmt->objtype));
	return STATEMENT_OK;
}

static struct need
rename_need(PgQuery__ObjectType type)
{
	if (type == ALTERED(COLUMN))
		return (struct need){AX, REACH_TREE};
	/* ALTER INDEX takes the name of any relation, and its full lock. */
	return (struct need){AX, REACH_SELF};
}

/* RENAME of a relation, or of what belongs to one. */
enum statement_status
statement_alter_read_rename(struct statement *out, const PgQuery__Node *node,
			    enum guard_scope asked)
{
	const PgQuery__RenameStmt *stmt = node->rename_stmt;
	PgQuery__ObjectType type = stmt->rename_type;
	enum statement_status status;

	if (type == ALTERED(COLUMN))
		type = stmt->relation_type;
	if (stmt->relation == NULL ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL, alter_tag(type)))
		return STATEMENT_OK;
	if (is_composite(type))
		return statement_type_rename(out, stmt);
	status = add_need(out, stmt->relation, rename_need(stmt->rename_type));
	if (status != STATEMENT_OK)
		return status;
	if (stmt->rename_type == ALTERED(TABCONSTRAINT))
		return statement_target_tree_if(out, stmt->relation, AX,
						CONDITION_CHECK, stmt->subname);
	if (stmt->rename_type == ALTERED(TRIGGER))
		return statement_target_tree_if(out, stmt->relation, AX,
						CONDITION_FROM_15, NULL);
	return STATEMENT_OK;
}

enum statement_status
statement_alter_read_set_schema(struct statement *out,
				const PgQuery__Node *node,
				enum guard_scope asked)
{
	const PgQuery__AlterObjectSchemaStmt *stmt =
	    node->alter_object_schema_stmt;
	enum statement_status status;

	if (stmt->relation == NULL ||
	    !statement_claim(out, asked, GUARD_SCOPE_DDL,
			     alter_tag(stmt->object_type)))
		return STATEMENT_OK;
	status =
	    statement_target_lock(out, stmt->relation, LOCK_ACCESS_EXCLUSIVE);
	if (status != STATEMENT_OK)
		return status;
	return statement_target_part(out, TARGET_OWNER, stmt->relation, NULL);
}

#include "policy/sql/statement_type.h"

#define CLAUSE(type) PG_QUERY__ALTER_TABLE_TYPE__AT_##type
#define CASCADE PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE

/* Add a change by which typed tables lose the column `lost`; NULL: none. */
static enum statement_status
add_change(struct statement *out, const PgQuery__RangeVar *type,
	   const char *lost, bool cascades)
{
	enum statement_status status;

	status = statement_target_part(out, TARGET_TYPED, type, lost);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].cascade = cascades;
	return status;
}

/* Dependents of a column that then changes its type are not looked for. */
enum statement_status
statement_type_alter(struct statement *out, const PgQuery__AlterTableStmt *stmt)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	for (i = 0; i < stmt->n_cmds && status == STATEMENT_OK; i++) {
		const PgQuery__AlterTableCmd *cmd =
		    stmt->cmds[i]->alter_table_cmd;
		bool cascades = cmd->behavior == CASCADE;

		if (cascades && cmd->subtype == CLAUSE(AlterColumnType))
			return STATEMENT_UNPARSED;
		status = add_change(
		    out, stmt->relation,
		    cmd->subtype == CLAUSE(DropColumn) ? cmd->name : NULL,
		    cascades);
	}
	return status;
}

enum statement_status
statement_type_rename(struct statement *out, const PgQuery__RenameStmt *stmt)
{
	return add_change(out, stmt->relation, NULL, stmt->behavior == CASCADE);
}

#include "policy/sql/statement_enforce.h"

#if PG_VERSION_NUM >= 180000

enum statement_status
statement_enforce_add(struct statement *out, const PgQuery__RangeVar *range,
		      const PgQuery__AlterTableCmd *cmd)
{
	const PgQuery__ATAlterConstraint *alter = cmd->def->atalter_constraint;
	enum statement_status status;

	if (!alter->alter_enforceability && !alter->alter_inheritability)
		return STATEMENT_OK;
	status =
	    statement_target_part(out, TARGET_ENFORCE, range, alter->conname);
	if (status == STATEMENT_OK)
		out->targets[out->target_count - 1].mode =
		    alter->is_enforced ? LOCK_SHARE_ROW_EXCLUSIVE
				       : LOCK_ACCESS_EXCLUSIVE;
	return status;
}

bool
statement_enforce_ends(const PgQuery__AlterTableCmd *cmd)
{
	return cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterConstraint &&
	       cmd->def->atalter_constraint->alter_enforceability &&
	       !cmd->def->atalter_constraint->is_enforced;
}

#else

enum statement_status
statement_enforce_add(struct statement *out, const PgQuery__RangeVar *range,
		      const PgQuery__AlterTableCmd *cmd)
{
	(void)out;
	(void)range;
	(void)cmd;
	return STATEMENT_OK;
}

bool
statement_enforce_ends(const PgQuery__AlterTableCmd *cmd)
{
	(void)cmd;
	return false;
}

#endif

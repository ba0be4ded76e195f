/*
 * statement_enforce.h - ALTER CONSTRAINT beyond DEFERRABLE, from the grammar of
 * 18 on; with an earlier one nothing is of it.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_ENFORCE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_ENFORCE_H

#include <stdbool.h>

#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/statement_target.h"

/* Add what an ALTER CONSTRAINT of the relation locks if it says ENFORCED, NOT
 * ENFORCED or INHERIT; nothing if it does not.  `cmd` must be one. */
enum statement_status statement_enforce_add(struct statement *out,
					    const PgQuery__RangeVar *range,
					    const PgQuery__AlterTableCmd *cmd);

/* True if it says NOT ENFORCED: that drops a key's triggers, as DROP CONSTRAINT
 * does.  `cmd` may be any clause. */
bool statement_enforce_ends(const PgQuery__AlterTableCmd *cmd);

#endif

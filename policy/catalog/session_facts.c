#include "policy/catalog/session_facts.h"

#include <string.h>

#include "policy/catalog/catalog_sql.h"

const char *
session_facts_query(bool in_block)
{
	return in_block ? CATALOG_SQL_SESSION_FACTS_COLUMNS
		   "\n" CATALOG_SQL_SESSION_FACTS_BLOCK
			: CATALOG_SQL_SESSION_FACTS_COLUMNS
		   "\n" CATALOG_SQL_SESSION_FACTS_IDLE;
}

const char *
session_isolation_query(void)
{
	return "SHOW transaction_isolation";
}

bool
session_isolation_keeps(struct row_value level)
{
	return row_equals(level, "repeatable read") ||
	       row_equals(level, "serializable");
}

const char *
session_keeps_query(void)
{
	return CATALOG_SQL_SESSION_KEEPS;
}

bool
session_keeps_nothing(struct row_value keeps)
{
	return row_equals(keeps, "f");
}

/* The shorter of two timeouts, of which 0 is none, as is what an older server
 * does not have. */
static uint32_t
shortest_timeout(struct row_value a, struct row_value b)
{
	uint32_t a_ms;
	uint32_t b_ms;

	if (!row_read_duration(&a_ms, a))
		a_ms = 0;
	if (!row_read_duration(&b_ms, b))
		b_ms = 0;
	if (a_ms == 0 || b_ms == 0)
		return a_ms + b_ms;
	return a_ms < b_ms ? a_ms : b_ms;
}

bool
session_facts_read(struct session_facts *out,
		   const struct row_value values[SESSION_FACTS_COLUMNS])
{
	memset(out, 0, sizeof(*out));
	out->is_read_only = row_equals(values[SESSION_FACTS_READ_ONLY], "on");
	out->is_in_recovery =
	    row_equals(values[SESSION_FACTS_IN_RECOVERY], "t");
	out->can_attempt = row_equals(values[SESSION_FACTS_CAN_ATTEMPT], "t");
	out->has_start_trigger =
	    row_equals(values[SESSION_FACTS_START_TRIGGER], "t");
	out->has_old_snapshot =
	    session_isolation_keeps(values[SESSION_FACTS_ISOLATION]);
	out->holds_strong_locks =
	    row_equals(values[SESSION_FACTS_STRONG_LOCKS], "t");
	out->wants_notices =
	    !row_equals(values[SESSION_FACTS_MIN_MESSAGES], "warning") &&
	    !row_equals(values[SESSION_FACTS_MIN_MESSAGES], "error");
	out->wants_warnings =
	    !row_equals(values[SESSION_FACTS_MIN_MESSAGES], "error");
	out->idle_timeout_ms =
	    shortest_timeout(values[SESSION_FACTS_IDLE_TIMEOUT],
			     values[SESSION_FACTS_BLOCK_IDLE_TIMEOUT]);
	snapshot_read(&out->snapshot, values[SESSION_FACTS_SNAPSHOT]);
	return row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[SESSION_FACTS_LOCK_TIMEOUT]) &&
	       row_read_duration(&out->lock_timeout_ms,
				 values[SESSION_FACTS_LOCK_TIMEOUT]) &&
	       row_read_duration(&out->statement_timeout_ms,
				 values[SESSION_FACTS_STATEMENT_TIMEOUT]) &&
	       row_read_duration(&out->deadlock_timeout_ms,
				 values[SESSION_FACTS_DEADLOCK_TIMEOUT]);
}

#include "policy/catalog/session_facts.h"

#include <stdlib.h>
#include <string.h>

/*
 * pg_locks costs a pass over the whole lock table, so it is read only where a
 * transaction block can hold locks at all.
 */
static const char query[] =
    "SELECT pg_catalog.current_setting('transaction_read_only'),"
    " pg_catalog.pg_is_in_recovery(),"
    " pg_catalog.current_setting('transaction_isolation'),"
    " CASE WHEN $1::pg_catalog.bool"
    " THEN EXISTS (SELECT FROM pg_catalog.pg_locks l"
    " WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()"
    " AND l.locktype OPERATOR(pg_catalog.=) 'relation'::pg_catalog.text"
    " AND l.granted AND pg_catalog.array_position(ARRAY['ShareLock',"
    " 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']"
    "::pg_catalog.text[], l.mode) IS NOT NULL)"
    " ELSE false END,"
    " pg_catalog.current_setting('client_min_messages'),"
    " pg_catalog.current_setting('lock_timeout'),"
    " pg_catalog.current_setting('statement_timeout'),"
    " pg_catalog.current_setting('deadlock_timeout'),"
    " EXISTS (SELECT FROM pg_catalog.pg_language g"
    " WHERE g.lanname OPERATOR(pg_catalog.=) 'plpgsql'::pg_catalog.name"
    " AND pg_catalog.has_language_privilege(g.oid, 'USAGE'))";

const char *
session_facts_query(void)
{
	return query;
}

/* "0", "250ms", "5s", "2min", "1h", "1d", as current_setting shows them. */
static bool
read_duration(uint32_t *ms, struct row_value v)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
		     {"h", 3600000}, {"d", 86400000}, {"", 1}};
	char text[SESSION_FACTS_SETTING_MAX];
	unsigned long long number;
	char *unit;
	size_t i;

	if (!row_copy(text, sizeof(text), v) || text[0] < '0' || text[0] > '9')
		return false;
	number = strtoull(text, &unit, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit) != 0)
			continue;
		if (number > UINT32_MAX / units[i].ms)
			number = UINT32_MAX / units[i].ms;
		*ms = (uint32_t)(number * units[i].ms);
		return true;
	}
	return false;
}

bool
session_facts_read(struct session_facts *out,
		   const struct row_value values[SESSION_FACTS_COLUMNS])
{
	memset(out, 0, sizeof(*out));
	out->is_read_only = row_equals(values[0], "on");
	out->is_in_recovery = row_equals(values[1], "t");
	out->can_attempt = row_equals(values[8], "t");
	out->has_old_snapshot = row_equals(values[2], "repeatable read") ||
				row_equals(values[2], "serializable");
	out->holds_strong_locks = row_equals(values[3], "t");
	out->wants_notices = !row_equals(values[4], "warning") &&
			     !row_equals(values[4], "error");
	out->wants_warnings = !row_equals(values[4], "error");
	return row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[5]) &&
	       read_duration(&out->lock_timeout_ms, values[5]) &&
	       read_duration(&out->statement_timeout_ms, values[6]) &&
	       read_duration(&out->deadlock_timeout_ms, values[7]);
}

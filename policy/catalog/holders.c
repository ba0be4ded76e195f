#include "policy/catalog/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char query[] =
    "SELECT COALESCE(l.pid, 0), l.relation, l.mode, a.usename,"
    " a.application_name, a.state,"
    " pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp()"
    " OPERATOR(pg_catalog.-) a.xact_start)"
    " OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8,"
    /* Nobody else who holds locks on tables has no user. */
    " a.pid IS NOT NULL AND a.usesysid IS NULL, l.virtualtransaction"
    " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a"
    " ON a.pid OPERATOR(pg_catalog.=) l.pid"
    " WHERE l.granted AND l.locktype OPERATOR(pg_catalog.=)"
    " 'relation'::pg_catalog.text"
    " AND pg_catalog.array_position($1::pg_catalog.oid[]"
    " OPERATOR(pg_catalog.||) ARRAY(SELECT k.confrelid"
    " FROM pg_catalog.unnest($1::pg_catalog.oid[]) u (relid)"
    " CROSS JOIN LATERAL (SELECT confrelid FROM pg_catalog.pg_constraint"
    " WHERE conrelid OPERATOR(pg_catalog.=) u.relid"
    " AND contype OPERATOR(pg_catalog.=) 'f'"
    " LIMIT (SELECT 2147483647)) k), l.relation)"
    " IS NOT NULL AND COALESCE(l.pid, 0)"
    " OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()"
    " AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid"
    " FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=)"
    " pg_catalog.current_database())"
    " ORDER BY a.xact_start";

const char *
holders_query(void)
{
	return query;
}

static bool
is_wanted(const struct lock_item *item, enum holders_of of)
{
	return of == HOLDERS_OF_ALL || !item->is_lockable;
}

char *
holders_param(const struct lock_set *set, enum holders_of of)
{
	size_t size = 3 + set->count * 11; /* "4294967295," each */
	char *text = malloc(size);
	size_t len = 1;
	size_t i;

	if (text == NULL)
		return NULL;
	text[0] = '{';
	for (i = 0; i < set->count; i++) {
		if (!is_wanted(&set->items[i], of))
			continue;
		len +=
		    (size_t)snprintf(text + len, size - len, "%s%u",
				     len > 1 ? "," : "", set->items[i].relid);
	}
	memcpy(text + len, "}", 2);
	return text;
}

/* NULL: it is no member. */
static const struct lock_item *
find_item(const struct lock_set *set, uint32_t relid)
{
	const struct lock_item *item;

	for (item = set->items; item < set->items + set->count; item++)
		if (item->relid == relid)
			return item;
	return NULL;
}

/* FNV-1a. */
static uint64_t
hash(struct row_value v)
{
	uint64_t h = 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < v.len; i++)
		h = (h ^ (unsigned char)v.data[i]) * 0x100000001b3u;
	return h;
}

/* More than fit are as old as the others. */
static void
note_untold(struct holders *h, uint64_t transaction)
{
	size_t i;

	for (i = 0; i < h->untold_count; i++)
		if (h->untold[i] == transaction)
			return;
	if (h->untold_count < HOLDERS_UNTOLD_MAX)
		h->untold[h->untold_count++] = transaction;
}

bool
holders_add_row(struct holders *h, const struct lock_set *set,
		const struct row_value values[HOLDERS_COLUMNS])
{
	const struct lock_item *item;
	struct holder row;
	char mode[64];

	if (row_has_null(values, 3))
		return false;
	row.pid = (uint32_t)row_number(values[0]);
	row.relid = (uint32_t)row_number(values[1]);
	row_copy_cut(mode, sizeof(mode), values[2]);
	row.mode = lock_mode_from_name(mode);
	row_copy_cut(row.user, sizeof(row.user), values[3]);
	row_copy_cut(row.application_name, sizeof(row.application_name),
		     values[4]);
	row_copy_cut(row.state, sizeof(row.state), values[5]);
	row.transaction_age_ms = row_number(values[6]);
	item = find_item(set, row.relid);
	if (item == NULL)
		h->near_count++;
	if (item == NULL || !lock_mode_conflicts(item->mode, row.mode))
		return true;
	if (h->count < HOLDERS_SHOWN)
		h->shown[h->count] = row;
	h->count++;
	if (row_equals(values[7], "t"))
		h->autovacuum_count++;
	if (!item->is_lockable)
		h->unlockable_count++;
	if (row_is_null(values[6]))
		note_untold(h, hash(values[8]));
	else if (row.transaction_age_ms > h->oldest_ms)
		h->oldest_ms = row.transaction_age_ms;
	return true;
}

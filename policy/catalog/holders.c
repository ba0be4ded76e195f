#include "policy/catalog/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/sql/fnv.h"

const char *
holders_query(void)
{
	return CATALOG_SQL_HOLDERS;
}

static bool
holders_is_wanted(const struct lock_item *item, enum holders_of of)
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
		if (!holders_is_wanted(&set->items[i], of))
			continue;
		len +=
		    (size_t)snprintf(text + len, size - len, "%s%u",
				     len > 1 ? "," : "", set->items[i].relid);
	}
	memcpy(text + len, "}", 2);
	return text;
}

/* The member of the set with this OID.  NULL: there is none. */
static const struct lock_item *
holders_find_item(const struct lock_set *set, uint32_t relid)
{
	const struct lock_item *item;

	for (item = set->items; item < set->items + set->count; item++)
		if (item->relid == relid)
			return item;
	return NULL;
}

/* Transactions that do not fit are taken to be as old as the others. */
static void
holders_note_untold(struct holders *h, uint64_t transaction)
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
	struct row_value transaction = values[HOLDERS_TRANSACTION];
	const struct lock_item *item;
	struct holder row;
	char mode[64];

	if (row_has_null(values, HOLDERS_MODE + 1))
		return false;
	row.pid = (uint32_t)row_number(values[HOLDERS_PID]);
	row.relid = (uint32_t)row_number(values[HOLDERS_RELID]);
	row_copy_cut(mode, sizeof(mode), values[HOLDERS_MODE]);
	row.mode = lock_mode_from_name(mode);
	row_copy_cut(row.user, sizeof(row.user), values[HOLDERS_USER]);
	row_copy_cut(row.application_name, sizeof(row.application_name),
		     values[HOLDERS_APPLICATION_NAME]);
	row_copy_cut(row.state, sizeof(row.state), values[HOLDERS_STATE]);
	row.transaction_age_ms = row_number(values[HOLDERS_AGE]);
	item = holders_find_item(set, row.relid);
	if (item == NULL)
		h->near_count++;
	if (item == NULL || !lock_mode_conflicts(item->mode, row.mode))
		return true;
	if (h->count < HOLDERS_SHOWN)
		h->shown[h->count] = row;
	h->count++;
	if (row_equals(values[HOLDERS_AUTOVACUUM], "t"))
		h->autovacuum_count++;
	if (!item->is_lockable)
		h->unlockable_count++;
	if (row_is_null(values[HOLDERS_AGE]))
		holders_note_untold(
		    h, fnv_hash(transaction.data, transaction.len));
	else if (row.transaction_age_ms > h->oldest_ms)
		h->oldest_ms = row.transaction_age_ms;
	return true;
}

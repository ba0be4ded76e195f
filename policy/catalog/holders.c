#include "policy/catalog/holders.h"

#include <stdio.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/sql/fnv.h"
#include "policy/sql/text.h"

const char *
holders_query(void)
{
	return CATALOG_SQL_HOLDERS;
}

const char *
holders_renew_sql(void)
{
	return CATALOG_SQL_RENEW;
}

char *
holders_signed(const struct lock_set *set, const char *sql)
{
	struct text t = {0};
	size_t i;

	text_print(&t, "/* Lockstep waits for ");
	for (i = 0; i < set->count && i < HOLDERS_NAMED; i++)
		text_print(&t, "%s%u %s", i > 0 ? ", " : "",
			   set->items[i].relid,
			   lock_mode_name(set->items[i].mode));
	text_print(&t, "; */\n%s", sql);
	return text_finish(&t);
}

static void
holders_print_relid(struct text *t, uint32_t relid)
{
	text_print(t, "%s%u", t->len > 1 ? "," : "", relid);
}

char *
holders_param(const struct lock_set *set)
{
	struct text t = {0};
	size_t i;

	text_put(&t, '{');
	for (i = 0; i < set->count; i++)
		holders_print_relid(&t, set->items[i].relid);
	text_put(&t, '}');
	return text_finish(&t);
}

char *
holders_param_of(const uint32_t *relids, size_t count)
{
	struct text t = {0};
	size_t i;

	text_put(&t, '{');
	for (i = 0; i < count; i++)
		holders_print_relid(&t, relids[i]);
	text_put(&t, '}');
	return text_finish(&t);
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

/* Rows come oldest first, so the first of those that are noted makes room. */
static void
holders_note_youngest(struct holders *h, const struct holder *row,
		      const struct holder_transaction *t)
{
	struct holder_transaction *last;
	size_t i;

	for (i = 0; i < h->youngest_count; i++)
		if (h->youngest[i].id == t->id)
			return;
	if (h->youngest_count == HOLDERS_YOUNGEST_MAX)
		memmove(h->youngest, h->youngest + 1,
			--h->youngest_count * sizeof(*h->youngest));
	last = &h->youngest[h->youngest_count++];
	*last = *t;
	memcpy(last->application_name, row->application_name,
	       sizeof(last->application_name));
}

static void
holders_add_waiter(struct holders *h,
		   const struct row_value values[HOLDERS_COLUMNS])
{
	uint32_t blocker = (uint32_t)row_number(values[HOLDERS_BLOCKER]);
	size_t at = h->waiter_count++;
	char mode[32];
	char tag[64];

	if (at < HOLDERS_SHOWN) {
		struct waiter *w = &h->waiters[at];

		w->pid = (uint32_t)row_number(values[HOLDERS_PID]);
		w->blocker = blocker;
		row_copy_cut(mode, sizeof(mode), values[HOLDERS_MODE]);
		row_copy_cut(tag, sizeof(tag), values[HOLDERS_WAITS_ON]);
		snprintf(w->waits_on, sizeof(w->waits_on), "%s on %s", mode,
			 tag);
	}
	if (row_equals(values[HOLDERS_DIRECT], "t"))
		h->own_pid = blocker;
	if (row_equals(values[HOLDERS_STALLED], "t"))
		h->stalled_count++;
	if (row_equals(values[HOLDERS_GIVES_WAY], "t"))
		h->gives_way = true;
}

static void
holders_read(struct holder *row, const struct row_value values[HOLDERS_COLUMNS])
{
	char mode[64];

	row->pid = (uint32_t)row_number(values[HOLDERS_PID]);
	row->relid = (uint32_t)row_number(values[HOLDERS_RELID]);
	row_copy_cut(mode, sizeof(mode), values[HOLDERS_MODE]);
	row->mode = lock_mode_from_name(mode);
	row_copy_cut(row->user, sizeof(row->user), values[HOLDERS_USER]);
	row_copy_cut(row->application_name, sizeof(row->application_name),
		     values[HOLDERS_APPLICATION_NAME]);
	row_copy_cut(row->state, sizeof(row->state), values[HOLDERS_STATE]);
	row->transaction_age_ms = row_number(values[HOLDERS_AGE]);
}

/* Rows come oldest first. */
static void
holders_note_cycle(struct holders *h, const struct holder *row,
		   uint64_t transaction)
{
	if (h->cycle != 0)
		return;
	h->cycle = transaction;
	h->cycle_holder = *row;
}

static void
holders_note_age(struct holders *h, const struct holder *row,
		 const struct holder_transaction *t, bool is_autovacuum)
{
	if (!t->has_age)
		holders_note_untold(h, t->id);
	else if (t->age_ms > h->oldest_ms)
		h->oldest_ms = t->age_ms;
	if (row->pid != 0 && !is_autovacuum)
		holders_note_youngest(h, row, t);
}

bool
holders_add_row(struct holders *h, const struct lock_set *set,
		const struct row_value values[HOLDERS_COLUMNS])
{
	struct row_value id = values[HOLDERS_TRANSACTION];
	uint64_t transaction = fnv_hash(id.data, id.len);
	bool is_autovacuum = row_equals(values[HOLDERS_AUTOVACUUM], "t");
	const struct lock_item *item;
	struct holder_transaction t;
	struct holder row;

	if (row_is_null(values[HOLDERS_PID]) ||
	    row_is_null(values[HOLDERS_MODE]))
		return false;
	if (row_is_null(values[HOLDERS_RELID])) {
		holders_add_waiter(h, values);
		return true;
	}
	holders_read(&row, values);
	item = lock_set_item(set, row.relid);
	if (item == NULL)
		h->near_count++;
	if (item == NULL || !lock_mode_conflicts(item->mode, row.mode))
		return true;
	if (h->count < HOLDERS_SHOWN)
		h->shown[h->count] = row;
	h->count++;
	if (is_autovacuum)
		h->autovacuum_count++;
	if (!item->is_lockable)
		h->unlockable_count++;
	if (!row_is_null(values[HOLDERS_BLOCKER]))
		holders_note_cycle(h, &row, transaction);
	t = (struct holder_transaction){
	    .id = transaction,
	    .has_age = !row_is_null(values[HOLDERS_AGE]),
	    .age_ms = row.transaction_age_ms,
	};
	holders_note_age(h, &row, &t, is_autovacuum);
	return true;
}

void
holders_add_shared_row(struct holders *h, const struct lock_set *set,
		       const struct row_value values[HOLDERS_COLUMNS])
{
	struct row_value row[HOLDERS_COLUMNS];
	uint32_t relid = (uint32_t)row_number(values[HOLDERS_RELID]);

	if (row_is_null(values[HOLDERS_RELID]) ||
	    lock_set_item(set, relid) == NULL)
		return;
	memcpy(row, values, sizeof(row));
	row[HOLDERS_BLOCKER] =
	    (struct row_value){0}; /* in the way of who asked */
	(void)holders_add_row(h, set, row);
}

bool
holders_show(const struct holders *h, uint32_t pid)
{
	size_t i;

	for (i = 0; i < h->count && i < HOLDERS_SHOWN; i++)
		if (h->shown[i].pid == pid)
			return true;
	return false;
}

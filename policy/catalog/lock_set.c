/*
 * lock_set.c - the query's answer as a set.
 */
#include "policy/catalog/lock_set.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/grow.h"

enum {
	ITEMS_MIN = 16, /* room for, at first; doubled from there on */
};

static bool
take_char(char expected, struct row_value *v)
{
	if (v->len == 0 || *v->data != expected)
		return false;
	v->data++;
	v->len--;
	return true;
}

static bool
read_before(struct lock_item *item, struct row_value v)
{
	size_t most = 1;

	if (row_equals(v, "{}"))
		return true;
	for (size_t i = 0; i < v.len; i++)
		most += v.data[i] == ',';
	item->before = malloc(most * sizeof(*item->before));
	if (item->before == NULL || !take_char('{', &v))
		return false;
	do {
		if (!row_take_number(&item->before[item->before_count], &v))
			return false;
		item->before_count++;
	} while (take_char(',', &v));
	return take_char('}', &v) && v.len == 0;
}

static bool
read_owner(struct lock_item *item, struct row_value v)
{
	if (v.len == 0)
		return true;
	item->is_lockable = true;
	item->owner = row_duplicate(v);
	return item->owner != NULL;
}

void
lock_item_clear(struct lock_item *item)
{
	free(item->name);
	free(item->owner);
	free(item->before);
}

static bool
item_read(struct lock_item *item,
	  const struct row_value values[LOCK_SET_COLUMNS])
{
	uint32_t mode;
	uint32_t phase;

	if (row_has_null(values, LOCK_SET_COLUMNS) ||
	    !row_read_number(&item->relid, values[LOCK_SET_RELID], 1,
			     UINT32_MAX) ||
	    values[LOCK_SET_RELKIND].len != 1 ||
	    !row_read_number(&mode, values[LOCK_SET_MODE], LOCK_ACCESS_SHARE,
			     LOCK_ACCESS_EXCLUSIVE) ||
	    !row_read_bool(&item->is_lockable, values[LOCK_SET_LOCKABLE]) ||
	    !row_read_number(&phase, values[LOCK_SET_PHASE], 1, 4))
		return false;
	item->relkind = *values[LOCK_SET_RELKIND].data;
	item->mode = (enum lock_mode)mode;
	item->phase = (int)phase;
	item->name = row_duplicate(values[LOCK_SET_NAME]);
	return item->name != NULL && read_owner(item, values[LOCK_SET_OWNER]) &&
	       read_before(item, values[LOCK_SET_BEFORE]);
}

static bool
set_reserve(struct lock_set *set)
{
	struct lock_item *items;

	if (set->count == LOCK_SET_MAX)
		return false;
	items = grow_array(set->items, set->count, sizeof(*items), ITEMS_MIN);
	if (items == NULL)
		return false;
	set->items = items;
	return true;
}

bool
lock_set_append(struct lock_set *set, const struct lock_item *item)
{
	if (!set_reserve(set))
		return false;
	set->items[set->count++] = *item;
	return true;
}

bool
lock_set_add_row(struct lock_set *set,
		 const struct row_value values[LOCK_SET_COLUMNS])
{
	struct lock_item item = {0};

	if (!item_read(&item, values) || !lock_set_append(set, &item)) {
		lock_item_clear(&item);
		return false;
	}
	return true;
}

void
lock_set_leave_unlocked(struct lock_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		set->items[i].is_lockable = false;
		free(set->items[i].owner);
		set->items[i].owner = NULL;
	}
}

/* Two reasons to lock a relation are one lock: the stronger, the earlier. */
static void
item_raise(struct lock_item *item, struct lock_item *more)
{
	int phase = item->phase < more->phase ? item->phase : more->phase;

	if (more->mode > item->mode) {
		struct lock_item weaker = *item;

		*item = *more;
		*more = weaker;
	}
	item->phase = phase;
	lock_item_clear(more);
}

bool
lock_set_merge_row(struct lock_set *set,
		   const struct row_value values[LOCK_SET_COLUMNS])
{
	struct lock_item item = {0};

	if (!item_read(&item, values)) {
		lock_item_clear(&item);
		return false;
	}
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].relid == item.relid) {
			item_raise(&set->items[i], &item);
			return true;
		}
	}
	if (lock_set_append(set, &item))
		return true;
	lock_item_clear(&item);
	return false;
}

static int
compare_places(const void *a, const void *b)
{
	const struct lock_set_place *x = a;
	const struct lock_set_place *y = b;

	if (x->relid != y->relid)
		return x->relid < y->relid ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

struct lock_set_place *
lock_set_places(const struct lock_set *set)
{
	struct lock_set_place *places;

	places = malloc((set->count + 1) * sizeof(*places));
	if (places == NULL)
		return NULL;
	for (size_t i = 0; i < set->count; i++) {
		places[i].relid = set->items[i].relid;
		places[i].at = i;
	}
	qsort(places, set->count, sizeof(*places), compare_places);
	return places;
}

size_t
lock_set_find(const struct lock_set_place *places, size_t count, uint32_t relid)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places[middle].relid < relid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && places[low].relid == relid ? low : count;
}

bool
lock_set_covers(const struct lock_set *outer, const struct lock_set *inner)
{
	struct lock_set_place *places = lock_set_places(outer);
	bool covers = places != NULL;

	for (size_t i = 0; covers && i < inner->count; i++) {
		const struct lock_item *item = &inner->items[i];
		size_t found = lock_set_find(places, outer->count, item->relid);

		covers = found < outer->count &&
			 lock_mode_covers(outer->items[places[found].at].mode,
					  item->mode);
	}
	free(places);
	return covers;
}

const struct lock_item *
lock_set_item(const struct lock_set *set, uint32_t relid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].relid == relid)
			return &set->items[i];
	return NULL;
}

const char lock_set_right[] =
    "This role may not LOCK all of these tables: GRANT MAINTAIN on them (before"
    " PostgreSQL 17 DELETE or TRUNCATE) would let it.";

bool
lock_set_lacks_right(const struct lock_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct lock_item *item = &set->items[i];

		if (!item->is_lockable &&
		    (item->relkind == 'r' || item->relkind == 'p'))
			return true;
	}
	return false;
}

void
lock_set_clear(struct lock_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		lock_item_clear(&set->items[i]);
	free(set->items);
	memset(set, 0, sizeof(*set));
}

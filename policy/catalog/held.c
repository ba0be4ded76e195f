#include "policy/catalog/held.h"

#include <stdlib.h>
#include <string.h>

/* Read an OID, a colon and a mode at the front of *v, and a comma behind. */
static bool
held_take(struct held_lock *lock, struct row_value *v)
{
	uint32_t mode;

	if (!row_take_number(&lock->relid, v) || v->len == 0 || *v->data != ':')
		return false;
	v->data++;
	v->len--;
	if (!row_take_number(&mode, v) || mode < LOCK_ACCESS_SHARE ||
	    mode > LOCK_ACCESS_EXCLUSIVE || (v->len > 0 && *v->data != ','))
		return false;
	lock->mode = (enum lock_mode)mode;
	v->data += v->len > 0;
	v->len -= v->len > 0;
	return true;
}

static int
compare_held(const void *a, const void *b)
{
	const struct held_lock *x = a;
	const struct held_lock *y = b;

	return (x->relid > y->relid) - (x->relid < y->relid);
}

bool
held_read(struct held *out, struct row_value v)
{
	size_t most = 1;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v.len; i++)
		most += v.data[i] == ',';
	out->locks = malloc(most * sizeof(*out->locks));
	if (out->locks == NULL)
		return false;
	while (v.len > 0) {
		if (!held_take(&out->locks[out->count], &v)) {
			held_clear(out);
			return false;
		}
		out->count++;
	}
	qsort(out->locks, out->count, sizeof(*out->locks), compare_held);
	return true;
}

/* The first of the relation's locks, or behind all that are less. */
static size_t
held_find(const struct held *h, uint32_t relid)
{
	size_t low = 0;
	size_t high = h->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (h->locks[middle].relid < relid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
held_covers(const struct held *h, const struct lock_item *item)
{
	size_t i;

	for (i = held_find(h, item->relid);
	     i < h->count && h->locks[i].relid == item->relid; i++)
		if (lock_mode_covers(h->locks[i].mode, item->mode))
			return true;
	return false;
}

void
held_subtract(const struct held *h, struct lock_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (held_covers(h, &set->items[i]))
			lock_item_clear(&set->items[i]);
		else
			set->items[kept++] = set->items[i];
	}
	set->count = kept;
}

void
held_clear(struct held *h)
{
	free(h->locks);
	memset(h, 0, sizeof(*h));
}

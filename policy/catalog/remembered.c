/*
 * remembered.c - what is remembered is looked up anew by name: the relation may
 * be gone, be another one, or be one that the role may not lock any more.
 */
#include "policy/catalog/remembered.h"

#include <string.h>

#include "policy/sql/text.h"

static bool
name_is_ascii(const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name >= 0x80)
			return false;
	return true;
}

bool
remembered_is_fit(const struct lock_item *item, bool is_utf8)
{
	return item->is_lockable && strncmp(item->name, "pg_temp_", 8) != 0 &&
	       (is_utf8 || name_is_ascii(item->name));
}

/* Put the part of a name at the front, in double quotes, and return what is
 * behind it. */
static const char *
put_quoted(struct text *t, const char *name)
{
	bool is_quoted = *name == '"';
	bool in_quotes = is_quoted;

	text_put(t, '"');
	for (name += is_quoted; *name != '\0'; name++) {
		in_quotes ^= *name == '"';
		if (*name == '.' && !in_quotes)
			break;
		text_put(t, *name);
	}
	if (!is_quoted)
		text_put(t, '"');
	return name;
}

bool
remembered_target(struct target *out, const char *name, enum lock_mode mode)
{
	struct text t = {0};

	name = put_quoted(&t, name);
	if (*name == '.') {
		text_put(&t, '.');
		(void)put_quoted(&t, name + 1);
	}
	*out = (struct target){.kind = TARGET_LOCK, .only = true, .mode = mode};
	out->relation = text_finish(&t);
	return out->relation != NULL;
}

static struct lock_item *
find_item(const struct lock_set *set, uint32_t relid)
{
	const struct lock_item *found = lock_set_item(set, relid);

	return found != NULL ? &set->items[found - set->items] : NULL;
}

/* True if the mode was raised: the attempt must be able to take the new one. */
static bool
raise_item(struct lock_item *own, const struct lock_item *more)
{
	if (lock_mode_covers(own->mode, more->mode) || !own->is_lockable)
		return false;
	own->own_mode = own->mode;
	own->is_remembered = true;
	own->mode = lock_mode_join(own->mode, more->mode);
	return true;
}

/* Move the item to the end of the set. */
static bool
append_item(struct lock_set *set, struct lock_item *more)
{
	more->is_remembered = true;
	more->own_mode = LOCK_NONE;
	if (!lock_set_append(set, more))
		return false;
	memset(more, 0, sizeof(*more));
	return true;
}

size_t
remembered_add(struct lock_set *set, struct lock_set *more)
{
	size_t count = 0;

	for (size_t i = 0; i < more->count; i++) {
		struct lock_item *item = &more->items[i];
		struct lock_item *own = find_item(set, item->relid);

		if (!item->is_lockable)
			continue;
		count += own != NULL ? raise_item(own, item)
				     : append_item(set, item);
	}
	lock_set_clear(more);
	return count;
}

void
remembered_drop(struct lock_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		struct lock_item *item = &set->items[i];

		if (item->is_remembered && item->own_mode == LOCK_NONE) {
			lock_item_clear(item);
			continue;
		}
		if (item->is_remembered)
			item->mode = item->own_mode;
		item->is_remembered = false;
		set->items[kept++] = *item;
	}
	set->count = kept;
}

#include "policy/catalog/drop_keys.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set_sql.h"
#include "policy/sql/grow.h"
#include "policy/sql/text.h"

enum {
	KEYS_MIN = 4, /* room for, at first; doubled from there on */
};

/* The text is longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
const char *
drop_keys_query(void)
{
	return LOCK_SET_SQL_TARGET
	    "\n" LOCK_SET_SQL_DROP "\n" LOCK_SET_SQL_COLUMN
	    "\n" LOCK_SET_SQL_STEPS_SEED "\n" LOCK_SET_SQL_WALK
	    "\n" LOCK_SET_SQL_STEPS_ANSWER;
}
#pragma GCC diagnostic pop

static void
drop_key_clear(struct drop_key *key)
{
	free(key->relation);
	free(key->name);
	free(key->restore);
}

static bool
drop_keys_append(struct drop_keys *keys, const struct drop_key *key)
{
	struct drop_key *items;

	if (keys->count == DROP_KEYS_MAX)
		return false;
	items = grow_array(keys->items, keys->count, sizeof(*items), KEYS_MIN);
	if (items == NULL)
		return false;
	keys->items = items;
	keys->items[keys->count++] = *key;
	return true;
}

bool
drop_keys_add_row(struct drop_keys *keys,
		  const struct row_value values[DROP_KEYS_COLUMNS])
{
	struct drop_key key = {
	    .relation = row_duplicate(values[DROP_KEYS_RELATION]),
	    .name = row_duplicate(values[DROP_KEYS_NAME]),
	    .restore = row_duplicate(values[DROP_KEYS_RESTORE]),
	};

	if (key.relation != NULL && key.name != NULL && key.restore != NULL &&
	    drop_keys_append(keys, &key))
		return true;
	drop_key_clear(&key);
	return false;
}

char *
drop_key_sql(const struct drop_key *key)
{
	struct text t = {0};

	text_print(&t, "ALTER TABLE ONLY %s DROP CONSTRAINT %s", key->relation,
		   key->name);
	return text_finish(&t);
}

void
drop_keys_clear(struct drop_keys *keys)
{
	while (keys->count > 0)
		drop_key_clear(&keys->items[--keys->count]);
	free(keys->items);
	keys->items = NULL;
}

#include "policy/catalog/gate_names.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/sql/grow.h"
#include "policy/sql/words.h"

enum {
	GATE_NAMES_MIN = 8, /* room for, at first; doubled from there on */
};

const char *
gate_names_query(void)
{
	return CATALOG_SQL_GATE_NAMES;
}

static bool
names_add(struct gate_names *names, struct gate_name name)
{
	struct gate_name *items;

	if (names->count == GATE_NAMES_MAX) {
		names->is_everything = true;
		return true;
	}
	items = grow_array(names->items, names->count, sizeof(*items),
			   GATE_NAMES_MIN);
	if (items == NULL)
		return false;
	names->items = items;
	names->items[names->count++] = name;
	return true;
}

/* Add one word of the name: a text with the name must hold them all. */
static bool
names_add_text(struct gate_names *names, struct row_value text,
	       enum gate_reach reach)
{
	struct words w = {.sql = text.data, .len = text.len};
	struct gate_name name = {.reach = reach};

	if (words_next(&w, &name.hash))
		return names_add(names, name);
	names->is_everything = true;
	return true;
}

bool
gate_names_add_all(struct gate_names *names, const struct gate_names *more)
{
	size_t i;

	names->is_everything |= more->is_everything;
	names->counts_near |= more->counts_near;
	for (i = 0; i < more->count; i++)
		if (!names_add(names, more->items[i]))
			return false;
	gate_names_seal(names);
	return true;
}

bool
gate_names_add_row(struct gate_names *names,
		   const struct row_value values[GATE_NAMES_COLUMNS])
{
	if (row_has_null(values, GATE_NAMES_COLUMNS) ||
	    values[GATE_NAMES_REACH].len != 1)
		return false;
	switch (*values[GATE_NAMES_REACH].data) {
	case 'a':
		return names_add_text(names, values[GATE_NAMES_NAME],
				      GATE_REACH_ALWAYS);
	case 'n':
		return names_add_text(names, values[GATE_NAMES_NAME],
				      GATE_REACH_NEAR);
	case 'w':
		return names_add_text(names, values[GATE_NAMES_NAME],
				      GATE_REACH_WRITES);
	default:
		return false;
	}
}

/* Sort by hash; of two with the same the one that counts more often first. */
static int
compare_hashes(const void *a, const void *b)
{
	const struct gate_name *x = a;
	const struct gate_name *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (int)x->reach - (int)y->reach;
}

void
gate_names_seal(struct gate_names *names)
{
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items),
		      compare_hashes);
}

/* The first item with this hash; count if there is none. */
static size_t
names_find(const struct gate_names *names, uint32_t hash)
{
	size_t low = 0;
	size_t high = names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->items[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < names->count && names->items[low].hash == hash)
		return low;
	return names->count;
}

static bool
names_has(const struct gate_names *names, uint32_t hash, bool writes)
{
	size_t at = names_find(names, hash);

	if (at == names->count)
		return false;
	switch (names->items[at].reach) {
	case GATE_REACH_ALWAYS:
		return true;
	case GATE_REACH_NEAR:
		return writes || names->counts_near;
	case GATE_REACH_WRITES:
		return writes;
	}
	return true;
}

bool
gate_names_match_text(const struct gate_names *names, const char *sql,
		      size_t len)
{
	struct words w = {.sql = sql, .len = len};
	bool writes;
	uint32_t hash;

	if (names->is_everything || words_are_opaque(sql, len))
		return true;
	writes = words_write(sql, len);
	while (words_next(&w, &hash))
		if (names_has(names, hash, writes))
			return true;
	return false;
}

bool
gate_names_match_words(const struct gate_names *names, const uint32_t *words,
		       size_t count, bool writes)
{
	size_t i;

	if (names->is_everything)
		return true;
	for (i = 0; i < count; i++)
		if (names_has(names, words[i], writes))
			return true;
	return false;
}

void
gate_names_clear(struct gate_names *names)
{
	free(names->items);
	memset(names, 0, sizeof(*names));
}

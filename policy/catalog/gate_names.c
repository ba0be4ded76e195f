#include "policy/catalog/gate_names.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/sql/grow.h"
#include "policy/sql/mentions.h"

enum {
	GATE_NAMES_MIN = 8, /* room for, at first; doubled from there on */
};

const char *
gate_names_query(void)
{
	return CATALOG_SQL_GATE_NAMES_HEAD "\n" CATALOG_SQL_GATE_NAMES_ASKED
					   "\n" CATALOG_SQL_GATE_NAMES_TAIL;
}

const char *
gate_names_own_query(void)
{
	return CATALOG_SQL_GATE_NAMES_HEAD "\n" CATALOG_SQL_GATE_NAMES_OWN
					   "\n" CATALOG_SQL_GATE_NAMES_TAIL;
}

bool
gate_names_add(struct gate_names *names, const struct gate_name *name)
{
	struct gate_name *items;

	if (names->count == GATE_NAMES_MAX)
		return true;
	items = grow_array(names->items, names->count, sizeof(*items),
			   GATE_NAMES_MIN);
	if (items == NULL)
		return false;
	names->items = items;
	names->items[names->count++] = *name;
	return true;
}

bool
gate_names_add_all(struct gate_names *names, const struct gate_names *more)
{
	size_t i;

	names->counts_near |= more->counts_near;
	names->is_every |= more->is_every;
	for (i = 0; i < more->count; i++)
		if (!gate_names_add(names, &more->items[i]))
			return false;
	gate_names_seal(names);
	return true;
}

static uint32_t
names_hash(struct row_value v)
{
	return token_hash_name(v.data, v.len);
}

/* Read the reach; false: the value is none. */
static bool
names_read_reach(enum gate_reach *out, struct row_value v)
{
	if (row_equals(v, "a"))
		*out = GATE_REACH_ALWAYS;
	else if (row_equals(v, "n"))
		*out = GATE_REACH_NEAR;
	else if (row_equals(v, "w"))
		*out = GATE_REACH_WRITES;
	else
		return false;
	return true;
}

bool
gate_names_add_row(struct gate_names *names,
		   const struct row_value values[GATE_NAMES_COLUMNS])
{
	struct gate_name name = {0};

	if (row_has_null(values, GATE_NAMES_COLUMNS) ||
	    !names_read_reach(&name.reach, values[GATE_NAMES_REACH]))
		return false;
	name.name = names_hash(values[GATE_NAMES_NAME]);
	name.schema = names_hash(values[GATE_NAMES_SCHEMA]);
	if (values[GATE_NAMES_READER].len > 0)
		name.reader = names_hash(values[GATE_NAMES_READER]);
	return gate_names_add(names, &name);
}

static int
compare_gate_names(const void *a, const void *b)
{
	const struct gate_name *x = a;
	const struct gate_name *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	if (x->schema != y->schema)
		return x->schema < y->schema ? -1 : 1;
	if (x->reader != y->reader)
		return x->reader < y->reader ? -1 : 1;
	return (int)x->reach - (int)y->reach;
}

void
gate_names_seal(struct gate_names *names)
{
	struct gate_name *items = names->items;
	size_t kept = 0;

	if (names->count < 2)
		return;
	qsort(items, names->count, sizeof(*items), compare_gate_names);
	for (size_t i = 1; i < names->count; i++)
		if (compare_gate_names(&items[kept], &items[i]) != 0)
			items[++kept] = items[i];
	names->count = kept + 1;
}

/* The first item of this name; count if there is none. */
static size_t
names_find(const struct gate_names *names, uint32_t name)
{
	size_t low = 0;
	size_t high = names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->items[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
names_counts(const struct gate_names *names, const struct gate_name *item,
	     const struct gate_visitor *visitor)
{
	if (item->reader != 0 && item->reader != visitor->role)
		return false;
	switch (item->reach) {
	case GATE_REACH_ALWAYS:
		return true;
	case GATE_REACH_NEAR:
		return visitor->writes || names->counts_near;
	case GATE_REACH_WRITES:
		return visitor->writes;
	}
	return true;
}

static bool
names_has(const struct gate_names *names, const struct gate_visitor *visitor,
	  const struct mention *m)
{
	size_t i;

	if (m->name == 0 || names->is_every)
		return gate_names_match_any(names, visitor);
	for (i = names_find(names, m->name);
	     i < names->count && names->items[i].name == m->name; i++)
		if ((m->schema == 0 || m->schema == names->items[i].schema) &&
		    names_counts(names, &names->items[i], visitor))
			return true;
	return false;
}

bool
gate_names_match_any(const struct gate_names *names,
		     const struct gate_visitor *visitor)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (names_counts(names, &names->items[i], visitor))
			return true;
	return names->is_every;
}

bool
gate_names_match_text(const struct gate_names *names,
		      const struct gate_visitor *visitor, const char *sql,
		      size_t len)
{
	struct mentions m = mentions_begin(sql, len);
	struct mention mention;

	while (mentions_next(&m, &mention))
		if (names_has(names, visitor, &mention))
			return true;
	return false;
}

bool
gate_names_match_mentions(const struct gate_names *names,
			  const struct gate_visitor *visitor,
			  const struct mention *mentions, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (names_has(names, visitor, &mentions[i]))
			return true;
	return false;
}

void
gate_names_clear(struct gate_names *names)
{
	free(names->items);
	memset(names, 0, sizeof(*names));
}

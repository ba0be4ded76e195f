#include "policy/catalog/gate_names.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/words.h"

/*
 * Views by the rules that read a relation, ancestors by pg_inherits, both as
 * far as they reach; then one step along foreign keys, either way.  OFFSET 0
 * and LIMIT pin each lookup to an index, as in lock_set_query.c.
 */
static const char query[] =
    "WITH RECURSIVE above (relid) AS ("
    " SELECT u.relid FROM pg_catalog.unnest($1::pg_catalog.oid[]) u (relid)"
    " UNION SELECT r.relid FROM above a CROSS JOIN LATERAL ("
    " SELECT w.ev_class FROM pg_catalog.pg_depend d"
    " CROSS JOIN LATERAL (SELECT ev_class FROM pg_catalog.pg_rewrite"
    " WHERE oid OPERATOR(pg_catalog.=) d.objid OFFSET 0) w"
    " WHERE d.refclassid OPERATOR(pg_catalog.=)"
    " 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refobjid OPERATOR(pg_catalog.=) a.relid"
    " AND d.classid OPERATOR(pg_catalog.=)"
    " 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
    " UNION ALL SELECT h.inhparent FROM pg_catalog.pg_inherits h"
    " WHERE h.inhrelid OPERATOR(pg_catalog.=) a.relid"
    " LIMIT (SELECT 2147483647)) r (relid)),"
    " named (relid, reach) AS ("
    " SELECT a.relid, 'a'::pg_catalog.text FROM above a"
    " UNION ALL SELECT r.relid, r.reach FROM above a CROSS JOIN LATERAL ("
    " SELECT k.confrelid, 'n'::pg_catalog.text"
    " FROM pg_catalog.pg_constraint k"
    " WHERE k.conrelid OPERATOR(pg_catalog.=) a.relid"
    " AND k.contype OPERATOR(pg_catalog.=) 'f'"
    " UNION ALL SELECT k.conrelid, 'w'::pg_catalog.text"
    " FROM pg_catalog.pg_depend d"
    " CROSS JOIN LATERAL (SELECT conrelid FROM pg_catalog.pg_constraint"
    " WHERE oid OPERATOR(pg_catalog.=) d.objid"
    " AND contype OPERATOR(pg_catalog.=) 'f' OFFSET 0) k"
    " WHERE d.refclassid OPERATOR(pg_catalog.=)"
    " 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refobjid OPERATOR(pg_catalog.=) a.relid"
    " AND d.classid OPERATOR(pg_catalog.=)"
    " 'pg_catalog.pg_constraint'::pg_catalog.regclass"
    " LIMIT (SELECT 2147483647)) r (relid, reach))"
    " SELECT c.relname, pg_catalog.min(n.reach)"
    " FROM named n CROSS JOIN LATERAL (SELECT relname"
    " FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) n.relid"
    " OFFSET 0) c GROUP BY c.relname";

const char *
gate_names_query(void)
{
	return query;
}

static bool
reserve(struct gate_names *names)
{
	size_t count = names->count;
	struct gate_name *grown;

	if ((count & (count - 1)) != 0)
		return true;
	grown = realloc(names->items,
			(count == 0 ? 8 : 2 * count) * sizeof(*grown));
	if (grown == NULL)
		return false;
	names->items = grown;
	return true;
}

static bool
add(struct gate_names *names, struct gate_name name)
{
	if (names->count == GATE_NAMES_MAX) {
		names->is_everything = true;
		return true;
	}
	if (!reserve(names))
		return false;
	names->items[names->count++] = name;
	return true;
}

/* Of a name that is several words, one: the text must hold them all. */
static bool
add_name(struct gate_names *names, struct row_value text, enum gate_reach reach)
{
	struct words w = {.sql = text.data, .len = text.len};
	struct gate_name name = {.reach = reach};

	if (words_next(&w, &name.hash))
		return add(names, name);
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
		if (!add(names, more->items[i]))
			return false;
	gate_names_seal(names);
	return true;
}

bool
gate_names_add_row(struct gate_names *names,
		   const struct row_value values[GATE_NAMES_COLUMNS])
{
	if (row_has_null(values, GATE_NAMES_COLUMNS) || values[1].len != 1)
		return false;
	switch (*values[1].data) {
	case 'a':
		return add_name(names, values[0], GATE_REACH_ALWAYS);
	case 'n':
		return add_name(names, values[0], GATE_REACH_NEAR);
	case 'w':
		return add_name(names, values[0], GATE_REACH_WRITES);
	default:
		return false;
	}
}

/* Of two with one hash the one that counts more often comes first. */
static int
compare(const void *a, const void *b)
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
		      compare);
}

/* The first item with this hash; count if there is none. */
static size_t
find(const struct gate_names *names, uint32_t hash)
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
is_named(const struct gate_names *names, uint32_t hash, bool writes)
{
	size_t at = find(names, hash);

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
		if (is_named(names, hash, writes))
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
		if (is_named(names, words[i], writes))
			return true;
	return false;
}

void
gate_names_clear(struct gate_names *names)
{
	free(names->items);
	memset(names, 0, sizeof(*names));
}

/*
 * lock_set.c - the query's parameters, and its answer as a set.
 *
 * The parameters are parallel arrays, one element per target; the detached
 * partition is an element of its own, right behind its parent.
 */
#include "policy/lock_set.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ITEMS_MIN = 16, /* room for, at first; doubled from there on */
	INT_TEXT_MAX = 12,
};

/* In the order of the query's parameters. */
enum parameter {
	PARAMETER_KIND,
	PARAMETER_NAME,
	PARAMETER_PART,
	PARAMETER_ONLY,
	PARAMETER_CASCADE,
	PARAMETER_RESTART,
	PARAMETER_MODE,
	PARAMETERS,
};

static_assert((int)PARAMETERS == LOCK_SET_PARAMS, "one array per parameter");

/* In the order of the query's columns. */
enum column {
	COLUMN_RELID,
	COLUMN_RELKIND,
	COLUMN_NAME,
	COLUMN_MODE,
	COLUMN_LOCKABLE,
	COLUMN_BEFORE,
	COLUMN_PHASE,
	COLUMNS,
};

static_assert((int)COLUMNS == LOCK_SET_COLUMNS, "one value per column");

/* An array literal that grows; `failed` is sticky. */
struct array {
	char *data;
	size_t len;
	size_t capacity;
	bool failed;
};

static void
array_put(struct array *a, char c)
{
	size_t capacity = a->capacity > 0 ? a->capacity * 2 : 64;
	char *data;

	if (a->failed)
		return;
	if (a->len == a->capacity) {
		data = realloc(a->data, capacity);
		if (data == NULL) {
			a->failed = true;
			return;
		}
		a->data = data;
		a->capacity = capacity;
	}
	a->data[a->len++] = c;
}

/* value NULL: SQL NULL.  Quoted always, so that nothing in it has a meaning. */
static void
array_add(struct array *a, const char *value)
{
	if (a->len > 1)
		array_put(a, ',');
	if (value == NULL) {
		for (const char *s = "NULL"; *s != '\0'; s++)
			array_put(a, *s);
		return;
	}
	array_put(a, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			array_put(a, '\\');
		array_put(a, *value);
	}
	array_put(a, '"');
}

static void
array_add_bool(struct array *a, bool value)
{
	array_add(a, value ? "t" : "f");
}

static void
array_add_int(struct array *a, int value)
{
	char text[INT_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%d", value);
	array_add(a, text);
}

static const char *
kind_name(enum target_kind kind)
{
	switch (kind) {
	case TARGET_DROP:
		return "drop";
	case TARGET_COLUMN:
		return "column";
	case TARGET_CONSTRAINT:
		return "constraint";
	case TARGET_DETACH:
		return "detach";
	case TARGET_TRUNCATE:
		return "truncate";
	case TARGET_LOCK:
		return "lock";
	case TARGET_TREE:
		return "tree";
	case TARGET_VALIDATE:
		return "validate";
	case TARGET_ATTACH:
		return "attach";
	case TARGET_PARTITION:
		return "partition_of";
	case TARGET_RETYPE:
		return "retype";
	case TARGET_OWNER:
		return "owner";
	case TARGET_OBJECT:
		return "object";
	}
	abort();
}

static void
arrays_add(struct array arrays[PARAMETERS], const struct target *t,
	   const char *kind, const char *name)
{
	bool has_part =
	    t->kind == TARGET_COLUMN || t->kind == TARGET_CONSTRAINT;
	/* The named relation itself; every drop takes the strongest. */
	enum lock_mode mode =
	    t->kind == TARGET_LOCK ? t->mode : LOCK_ACCESS_EXCLUSIVE;

	array_add(&arrays[PARAMETER_KIND], kind);
	array_add(&arrays[PARAMETER_NAME], name);
	array_add(&arrays[PARAMETER_PART], has_part ? t->part : NULL);
	array_add_bool(&arrays[PARAMETER_ONLY], t->only);
	array_add_bool(&arrays[PARAMETER_CASCADE], t->cascade);
	array_add_bool(&arrays[PARAMETER_RESTART], t->restart_identity);
	array_add_int(&arrays[PARAMETER_MODE], (int)mode);
}

static void
arrays_add_statement(struct array arrays[PARAMETERS], const struct statement *s)
{
	for (size_t i = 0; i < s->target_count; i++) {
		const struct target *t = &s->targets[i];

		arrays_add(arrays, t, kind_name(t->kind), t->relation);
		if (t->kind == TARGET_DETACH)
			arrays_add(arrays, t, "partition", t->part);
	}
}

bool
lock_set_params(char *params[LOCK_SET_PARAMS],
		const struct statement *statements, size_t count)
{
	struct array arrays[PARAMETERS] = {0};
	bool failed = false;

	for (size_t i = 0; i < PARAMETERS; i++)
		array_put(&arrays[i], '{');
	for (size_t i = 0; i < count; i++)
		arrays_add_statement(arrays, &statements[i]);
	for (size_t i = 0; i < PARAMETERS; i++) {
		array_put(&arrays[i], '}');
		array_put(&arrays[i], '\0');
		failed |= arrays[i].failed;
	}
	for (size_t i = 0; i < PARAMETERS; i++) {
		if (failed)
			free(arrays[i].data);
		params[i] = failed ? NULL : arrays[i].data;
	}
	return !failed;
}

/* Digits at the front of *v, which then starts behind them. */
static bool
take_number(uint32_t *out, struct lock_set_value *v)
{
	uint64_t number = 0;
	size_t len = 0;

	while (len < v->len && v->data[len] >= '0' && v->data[len] <= '9') {
		number = number * 10 + (uint64_t)(v->data[len] - '0');
		if (number > UINT32_MAX)
			return false;
		len++;
	}
	*out = (uint32_t)number;
	v->data += len;
	v->len -= len;
	return len > 0;
}

static bool
take_char(char expected, struct lock_set_value *v)
{
	if (v->len == 0 || *v->data != expected)
		return false;
	v->data++;
	v->len--;
	return true;
}

static bool
read_number(uint32_t *out, struct lock_set_value v, uint32_t least,
	    uint32_t most)
{
	return take_number(out, &v) && v.len == 0 && *out >= least &&
	       *out <= most;
}

static bool
read_bool(bool *out, struct lock_set_value v)
{
	*out = v.len == 1 && *v.data == 't';
	return *out || (v.len == 1 && *v.data == 'f');
}

static char *
read_name(struct lock_set_value v)
{
	char *name;

	if (v.len == 0 || memchr(v.data, '\0', v.len) != NULL)
		return NULL;
	name = malloc(v.len + 1);
	if (name == NULL)
		return NULL;
	memcpy(name, v.data, v.len);
	name[v.len] = '\0';
	return name;
}

static bool
read_before(struct lock_item *item, struct lock_set_value v)
{
	size_t most = 1;

	if (v.len == 2 && memcmp(v.data, "{}", 2) == 0)
		return true;
	for (size_t i = 0; i < v.len; i++)
		most += v.data[i] == ',';
	item->before = malloc(most * sizeof(*item->before));
	if (item->before == NULL || !take_char('{', &v))
		return false;
	do {
		if (!take_number(&item->before[item->before_count], &v))
			return false;
		item->before_count++;
	} while (take_char(',', &v));
	return take_char('}', &v) && v.len == 0;
}

static void
item_clear(struct lock_item *item)
{
	free(item->name);
	free(item->before);
}

static bool
item_read(struct lock_item *item,
	  const struct lock_set_value values[LOCK_SET_COLUMNS])
{
	uint32_t mode;
	uint32_t phase;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (values[i].data == NULL)
			return false;
	}
	if (!read_number(&item->relid, values[COLUMN_RELID], 1, UINT32_MAX) ||
	    values[COLUMN_RELKIND].len != 1 ||
	    !read_number(&mode, values[COLUMN_MODE], LOCK_ACCESS_SHARE,
			 LOCK_ACCESS_EXCLUSIVE) ||
	    !read_bool(&item->is_lockable, values[COLUMN_LOCKABLE]) ||
	    !read_number(&phase, values[COLUMN_PHASE], 1, 3))
		return false;
	item->relkind = *values[COLUMN_RELKIND].data;
	item->mode = (enum lock_mode)mode;
	item->phase = (int)phase;
	item->name = read_name(values[COLUMN_NAME]);
	return item->name != NULL && read_before(item, values[COLUMN_BEFORE]);
}

/*
 * Room for one more.  The capacity is not kept: it is ITEMS_MIN, or the next
 * power of two from count on.
 */
static bool
set_reserve(struct lock_set *set)
{
	size_t count = set->count;
	size_t capacity = count > 0 ? count * 2 : ITEMS_MIN;
	struct lock_item *items;

	if (count == LOCK_SET_MAX)
		return false;
	if (count > 0 && (count < ITEMS_MIN || (count & (count - 1)) != 0))
		return true;
	items = realloc(set->items, capacity * sizeof(*items));
	if (items == NULL)
		return false;
	set->items = items;
	return true;
}

bool
lock_set_add_row(struct lock_set *set,
		 const struct lock_set_value values[LOCK_SET_COLUMNS])
{
	struct lock_item item = {0};

	if (!item_read(&item, values) || !set_reserve(set)) {
		item_clear(&item);
		return false;
	}
	set->items[set->count++] = item;
	return true;
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

static bool
mode_covers(enum lock_mode outer, enum lock_mode inner)
{
	for (int m = LOCK_ACCESS_SHARE; m <= LOCK_ACCESS_EXCLUSIVE; m++) {
		if (lock_mode_conflicts(inner, (enum lock_mode)m) &&
		    !lock_mode_conflicts(outer, (enum lock_mode)m))
			return false;
	}
	return true;
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
			 mode_covers(outer->items[places[found].at].mode,
				     item->mode);
	}
	free(places);
	return covers;
}

void
lock_set_clear(struct lock_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		item_clear(&set->items[i]);
	free(set->items);
	memset(set, 0, sizeof(*set));
}

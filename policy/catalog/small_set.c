/*
 * small_set.c - which statements the small question is for, how it is put, and
 * its answer.
 *
 * Planning a question costs the server more than answering it, and grows with
 * what it names: so a text has only the parts that its targets need.  Each row
 * of the answer is one reason for a lock; the reasons of a relation are put
 * together here, where that costs nothing.
 */
#include "policy/catalog/small_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set_sql.h"
#include "policy/catalog/param_array.h"
#include "policy/sql/text.h"

/* The ways to ask about a relation; small.sql has the letters. */
enum small_kind {
	SMALL_LOCK,
	SMALL_KEY, /* likewise, and another one is referenced */
	SMALL_DROP,
	SMALL_COLUMN,
	SMALL_CONSTRAINT,
	SMALL_NONE, /* the question is too small for it */
};

enum parameter {
	PARAMETER_KIND,
	PARAMETER_SCHEMA,
	PARAMETER_NAME,
	PARAMETER_PART,
	PARAMETER_MODE,
	PARAMETERS,
};

_Static_assert((int)PARAMETERS == SMALL_SET_PARAMS, "one array per parameter");

#define BIT(kind) (1U << (unsigned)(kind))

/* The letter of what a new key references. */
static const char kind_referenced[] = "o";

static const char *const kind_letters[] = {
    [SMALL_LOCK] = "l",   [SMALL_KEY] = "f",        [SMALL_DROP] = "d",
    [SMALL_COLUMN] = "c", [SMALL_CONSTRAINT] = "k",
};

/* Weaker modes can be had with rights that the question does not know. */
static enum small_kind
small_kind_of_lock(const struct target *t)
{
	return t->mode >= LOCK_SHARE_UPDATE_EXCLUSIVE ? SMALL_LOCK : SMALL_NONE;
}

static enum small_kind
small_kind_of(const struct target *t)
{
	switch (t->kind) {
	case TARGET_DROP:
		return SMALL_DROP;
	case TARGET_COLUMN:
		return SMALL_COLUMN;
	case TARGET_CONSTRAINT:
		return t->condition == CONDITION_NONE ? SMALL_CONSTRAINT
						      : SMALL_NONE;
	case TARGET_TRUNCATE:
		return t->cascade || t->restart_identity ? SMALL_NONE
							 : SMALL_LOCK;
	case TARGET_LOCK:
	case TARGET_TREE: /* without children each condition is the same */
	case TARGET_UNDER:
		return small_kind_of_lock(t);
	case TARGET_KEY:
		return SMALL_KEY;
	case TARGET_OBJECT:
	case TARGET_DETACH:
	case TARGET_VALIDATE:
	case TARGET_ENFORCE:
	case TARGET_ATTACH:
	case TARGET_PARTITION:
	case TARGET_RETYPE:
	case TARGET_OWNER:
	case TARGET_IDENTITY:
	case TARGET_REPLACE:
	case TARGET_INDEXED:
	case TARGET_NAMED:
	case TARGET_TYPED:
	case TARGET_DOMAIN:
	case TARGET_REASSIGN:
	case TARGET_PUBLICATION:
		return SMALL_NONE;
	}
	abort();
}

static enum lock_mode
small_mode_of(const struct target *t)
{
	switch (small_kind_of(t)) {
	case SMALL_KEY:
		return LOCK_SHARE_ROW_EXCLUSIVE;
	case SMALL_LOCK:
		return t->kind == TARGET_TRUNCATE ? LOCK_ACCESS_EXCLUSIVE
						  : t->mode;
	case SMALL_DROP:
	case SMALL_COLUMN:
	case SMALL_CONSTRAINT:
	case SMALL_NONE:
		break;
	}
	return LOCK_ACCESS_EXCLUSIVE;
}

static unsigned
small_kinds_of(const struct statement *statements, size_t count)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < statements[i].target_count; j++)
			kinds |= BIT(small_kind_of(&statements[i].targets[j]));
	return kinds;
}

/* Only tables can be simple: views, sequences and indexes are dropped by other
 * words. */
static bool
statement_may_do(const struct statement *s)
{
	unsigned kinds = small_kinds_of(s, 1);

	if ((kinds & BIT(SMALL_DROP)) != 0 &&
	    (s->tag == NULL || strcmp(s->tag, "DROP TABLE") != 0))
		return false;
	return (kinds & BIT(SMALL_NONE)) == 0;
}

bool
small_set_may_do(const struct statement *statements, size_t count)
{
	size_t targets = 0;

	for (size_t i = 0; i < count; i++) {
		targets += statements[i].target_count;
		if (!statement_may_do(&statements[i]))
			return false;
	}
	return targets > 0 && targets < SMALL_SET_MAX;
}

/* The texts are longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"

static void
small_put(struct text *t, const char *sql)
{
	text_put_string(t, sql);
	text_put(t, '\n');
}

char *
small_set_query(const struct statement *statements, size_t count)
{
	unsigned kinds = small_kinds_of(statements, count);
	bool has_part =
	    (kinds & (BIT(SMALL_COLUMN) | BIT(SMALL_CONSTRAINT))) != 0;
	bool walks = has_part || (kinds & BIT(SMALL_DROP)) != 0;
	struct text t = {0};

	small_put(&t, LOCK_SET_SQL_SMALL_HEAD);
	if (has_part)
		small_put(&t, LOCK_SET_SQL_SMALL_PART);
	else if (walks)
		small_put(&t, LOCK_SET_SQL_SMALL_TABLE);
	small_put(&t, LOCK_SET_SQL_SMALL_NAMED);
	if ((kinds & BIT(SMALL_CONSTRAINT)) != 0)
		small_put(&t, LOCK_SET_SQL_SMALL_KEY);
	if (walks)
		small_put(&t, LOCK_SET_SQL_SMALL_WALK);
	text_put_string(&t, LOCK_SET_SQL_SMALL_TAIL);
	return text_finish(&t);
}

#pragma GCC diagnostic pop

static void
params_add(struct text arrays[PARAMETERS], const char *letter,
	   const char *relation, const char *part, enum lock_mode mode)
{
	param_array_add(&arrays[PARAMETER_KIND], letter);
	param_array_add_schema(&arrays[PARAMETER_SCHEMA], relation);
	param_array_add_relation(&arrays[PARAMETER_NAME], relation);
	param_array_add(&arrays[PARAMETER_PART], part);
	param_array_add_number(&arrays[PARAMETER_MODE], (int)mode);
}

static void
small_add_target(struct text arrays[PARAMETERS], const struct target *t)
{
	enum small_kind kind = small_kind_of(t);
	bool has_key = kind == SMALL_KEY;

	assert(kind != SMALL_NONE); /* small_set_may_do */
	params_add(arrays, kind_letters[kind], t->relation,
		   has_key ? NULL : t->part, small_mode_of(t));
	if (has_key)
		params_add(arrays, kind_referenced, t->part, NULL,
			   small_mode_of(t));
}

bool
small_set_params(char *params[SMALL_SET_PARAMS],
		 const struct statement *statements, size_t count)
{
	struct text arrays[PARAMETERS] = {0};

	param_arrays_begin(arrays, PARAMETERS);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < statements[i].target_count; j++)
			small_add_target(arrays, &statements[i].targets[j]);
	return param_arrays_finish(params, arrays, PARAMETERS);
}

bool
small_set_add_row(struct lock_set *set, bool *is_simple,
		  const struct row_value values[SMALL_SET_COLUMNS])
{
	if (!row_equals(values[SMALL_SET_IS_SIMPLE], "t") ||
	    set->count == SMALL_SET_MAX) {
		*is_simple = false;
		return true;
	}
	return row_is_null(values[LOCK_SET_RELID]) ||
	       lock_set_merge_row(set, values);
}

#include "policy/sql/statement_target.h"

#include <stdlib.h>

#include "policy/sql/grow.h"
#include "policy/sql/statement_name.h"

bool
statement_claim(struct statement *out, enum guard_scope asked,
		enum guard_scope least, const char *tag)
{
	/* DDL asks for what may stand behind it, too. */
	if (tag == NULL || (asked < least && asked < GUARD_SCOPE_DDL))
		return false;
	out->scope = least;
	out->tag = tag;
	return true;
}

struct target *
statement_target_add(struct statement *out, enum target_kind kind)
{
	struct target *targets =
	    grow_array(out->targets, out->target_count, sizeof(*targets), 1);
	struct target *target;

	if (targets == NULL)
		return NULL;
	out->targets = targets;
	target = &out->targets[out->target_count++];
	*target = (struct target){.kind = kind};
	return target;
}

static enum statement_status
add_range(struct statement *out, enum target_kind kind,
	  const PgQuery__RangeVar *range, struct target **added)
{
	*added = statement_target_add(out, kind);
	if (*added == NULL)
		return STATEMENT_NO_MEMORY;
	(*added)->only = !range->inh;
	return statement_name_range(&(*added)->relation, range);
}

enum statement_status
statement_target_lock(struct statement *out, const PgQuery__RangeVar *range,
		      enum lock_mode mode)
{
	struct target *target;
	enum statement_status status;

	status = add_range(out, TARGET_LOCK, range, &target);
	if (status == STATEMENT_OK)
		target->mode = mode;
	return status;
}

enum statement_status
statement_target_tree(struct statement *out, const PgQuery__RangeVar *range,
		      enum lock_mode mode, bool partitions_only)
{
	struct target *target;
	enum statement_status status;

	if (!range->inh)
		return statement_target_lock(out, range, mode);
	status = add_range(out, TARGET_TREE, range, &target);
	if (status != STATEMENT_OK)
		return status;
	target->mode = mode;
	target->partitions_only = partitions_only;
	return STATEMENT_OK;
}

enum statement_status
statement_target_tree_if(struct statement *out, const PgQuery__RangeVar *range,
			 enum lock_mode mode, enum target_condition condition,
			 const char *part)
{
	enum statement_status status;
	struct target *target;

	if (!range->inh)
		return STATEMENT_OK;
	status = statement_target_part(out, TARGET_TREE, range, part);
	if (status != STATEMENT_OK)
		return status;
	target = &out->targets[out->target_count - 1];
	target->mode = mode;
	target->condition = condition;
	return STATEMENT_OK;
}

enum statement_status
statement_target_named(struct statement *out, PgQuery__Node *const *parts,
		       size_t count, enum lock_mode mode)
{
	struct target *target = statement_target_add(out, TARGET_LOCK);

	if (target == NULL)
		return STATEMENT_NO_MEMORY;
	target->mode = mode;
	return statement_name_list(&target->relation, parts, count);
}

enum statement_status
statement_target_part(struct statement *out, enum target_kind kind,
		      const PgQuery__RangeVar *range, const char *part)
{
	struct target *target;
	enum statement_status status;

	status = add_range(out, kind, range, &target);
	if (status != STATEMENT_OK || part == NULL)
		return status;
	return statement_name_bare(&target->part, part);
}

enum statement_status
statement_target_pair(struct statement *out, enum target_kind kind,
		      const PgQuery__RangeVar *range,
		      const PgQuery__RangeVar *part)
{
	struct target *target;
	enum statement_status status;

	status = add_range(out, kind, range, &target);
	if (status != STATEMENT_OK)
		return status;
	return statement_name_range(&target->part, part);
}

void
statement_target_keep(struct statement *out, size_t count)
{
	while (out->target_count > count) {
		struct target *target = &out->targets[--out->target_count];

		free(target->relation);
		free(target->part);
		free(target->shape);
	}
}

void
statement_target_tie(struct statement *out)
{
	out->targets[out->target_count - 1].is_tied = true;
}

enum statement_status
statement_make(struct statement *out, const PgQuery__RangeVar *range)
{
	free(out->made);
	return statement_name_range(&out->made, range);
}

void
statement_clear(struct statement *s)
{
	statement_target_keep(s, 0);
	free(s->targets);
	free(s->made);
	free(s->unparsed);
	s->targets = NULL;
	s->made = NULL;
	s->unparsed = NULL;
}

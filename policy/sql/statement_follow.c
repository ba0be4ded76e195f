#include "policy/sql/statement_follow.h"

#include <string.h>

#include "policy/sql/statement_name.h"
#include "policy/sql/statement_target.h"

enum {
	/* Ends of keys and keys: each pair may add a target. */
	PAIRS_MAX = 20000,
};

/* True if the target ends foreign keys of its relation, or follows them. */
static bool
follow_is_end(const struct target *t)
{
	return t->kind == TARGET_DROP || t->kind == TARGET_COLUMN ||
	       t->kind == TARGET_CONSTRAINT || t->kind == TARGET_TRUNCATE;
}

/* The other end of the key, borrowed; NULL: the relation is no end of one. */
static const char *
follow_other_end(const struct target *key, const char *relation)
{
	if (key->kind != TARGET_KEY || key->relation == NULL ||
	    key->part == NULL || relation == NULL)
		return NULL;
	if (strcmp(key->relation, relation) == 0)
		return key->part;
	return strcmp(key->part, relation) == 0 ? key->relation : NULL;
}

static enum statement_status
follow_lock(struct statement *out, const char *relation)
{
	struct target *target = statement_target_add(out, TARGET_LOCK);

	if (target == NULL)
		return STATEMENT_NO_MEMORY;
	target->mode = LOCK_ACCESS_EXCLUSIVE;
	target->only = true;
	return statement_name_bare(&target->relation, relation);
}

enum statement_status
statement_follow(struct statement *out, size_t first,
		 const struct statement *earlier, size_t count)
{
	size_t end = out->target_count;
	enum statement_status status = STATEMENT_OK;
	size_t i;
	size_t j;

	if (count > 0 && (end - first) > PAIRS_MAX / count)
		return STATEMENT_TOO_LARGE;
	for (i = first; i < end; i++) {
		for (j = 0; j < count && status == STATEMENT_OK; j++) {
			const struct target *end_of = &out->targets[i];
			const char *other;

			if (!follow_is_end(end_of))
				break;
			other = follow_other_end(&earlier->targets[j],
						 end_of->relation);
			if (other != NULL)
				status = follow_lock(out, other);
		}
	}
	return status;
}

#include "policy/sql/statement_follow.h"

#include <string.h>

#include "policy/sql/statement_name.h"
#include "policy/sql/statement_target.h"

enum {
	/* Ends of keys and keys: each pair may add a target. */
	PAIRS_MAX = 20000,
};

static bool
follow_is_named(const struct target *t)
{
	return t->relation != NULL && target_names_relation(t);
}

/* A trigger, a rule, a policy. */
static bool
follow_is_part(const struct target *t)
{
	return t->kind == TARGET_OBJECT && follow_is_named(t);
}

/* True if the target ends ties of its relation, or follows them. */
static bool
follow_is_end(const struct target *t)
{
	switch (t->kind) {
	case TARGET_DROP:
	case TARGET_COLUMN:
	case TARGET_CONSTRAINT:
	case TARGET_TRUNCATE:
		return t->relation != NULL;
	case TARGET_OBJECT:
		return follow_is_part(t);
	default:
		return false;
	}
}

/* True if an end of its relation may lock another one for it. */
static bool
follow_is_tie(const struct target *t)
{
	return t->kind == TARGET_KEY || t->kind == TARGET_ATTACH || t->is_tied;
}

static size_t
follow_count(const struct statement *s, bool counts(const struct target *t))
{
	size_t count = 0;

	for (size_t i = 0; i < s->target_count; i++)
		count += counts(&s->targets[i]);
	return count;
}

size_t
statement_follow_pairs(const struct statement *out,
		       const struct statement *earlier)
{
	size_t ends = follow_count(out, follow_is_end);

	if (ends == 0)
		return 0;
	return ends * follow_count(earlier, follow_is_tie) +
	       follow_count(out, follow_is_part) *
		   follow_count(earlier, follow_is_named);
}

/* The relation that `earlier` makes or alters, borrowed; NULL: none. */
static const char *
follow_subject(const struct statement *earlier)
{
	if (earlier->made != NULL)
		return earlier->made;
	return earlier->target_count > 0 ? earlier->targets[0].relation : NULL;
}

static bool
follow_is(const char *name, const char *other)
{
	return name != NULL && other != NULL && strcmp(name, other) == 0;
}

/*
 * The relation that the end of this one locks for this target of `earlier`,
 * borrowed; NULL: nothing.
 */
static const char *
follow_other_end(const struct statement *earlier, const struct target *tie,
		 const char *relation)
{
	const char *subject = follow_subject(earlier);

	if (tie->kind == TARGET_KEY || tie->kind == TARGET_ATTACH) {
		if (follow_is(tie->relation, relation))
			return tie->part;
		return follow_is(tie->part, relation) ? tie->relation : NULL;
	}
	if (!tie->is_tied)
		return NULL;
	if (follow_is(subject, relation))
		return tie->relation;
	return follow_is(tie->relation, relation) ? subject : NULL;
}

/* A trigger, rule or policy that is not there yet ends with a full lock. */
static const char *
follow_own(const struct target *end, const struct target *tie)
{
	return end->kind == TARGET_OBJECT && target_names_relation(tie) &&
		       follow_is(tie->relation, end->relation)
		   ? tie->relation
		   : NULL;
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

/* TRUNCATE ... CASCADE goes on from there, by the keys that are there. */
static enum statement_status
follow_truncate(struct statement *out, const char *relation)
{
	struct target *target = statement_target_add(out, TARGET_TRUNCATE);

	if (target == NULL)
		return STATEMENT_NO_MEMORY;
	target->cascade = true;
	return statement_name_bare(&target->relation, relation);
}

static enum statement_status
follow_pair(struct statement *out, const struct target *end,
	    const struct statement *earlier, const struct target *tie)
{
	bool cascades = end->kind == TARGET_TRUNCATE && end->cascade;
	const char *other = follow_other_end(earlier, tie, end->relation);

	if (other == NULL)
		other = follow_own(end, tie);
	if (other == NULL)
		return STATEMENT_OK;
	return cascades ? follow_truncate(out, other) : follow_lock(out, other);
}

enum statement_status
statement_follow(struct statement *out, const struct statement *earlier)
{
	enum statement_status status = STATEMENT_OK;
	size_t count = out->target_count;
	size_t pairs = statement_follow_pairs(out, earlier);

	if (pairs > PAIRS_MAX)
		return STATEMENT_TOO_LARGE;
	for (size_t i = 0; i < count && pairs > 0; i++) {
		if (!follow_is_end(&out->targets[i]))
			continue;
		for (size_t j = 0;
		     j < earlier->target_count && status == STATEMENT_OK; j++) {
			struct target end = out->targets[i];

			status = follow_pair(out, &end, earlier,
					     &earlier->targets[j]);
		}
	}
	return status;
}

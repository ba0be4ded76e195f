/*
 * lock_set_query.c - the catalog query behind a lock set.
 *
 * Its parts are the files of lock_set_sql/.  Each kind of target has its own,
 * which turns the target into locks that it takes itself (..._lock) and into
 * seeds (..._seed): objects that go.  From the seeds walk.sql mirrors
 * findDependentObjects (PostgreSQL, src/backend/catalog/dependency.c):
 * backwards over pg_depend to all that depends on an object (for a column only
 * on that column), and, for what is not named itself, forwards to what it is
 * an internal part or an extension member of.  Each object found is mapped to
 * the relation that its deletion locks; a relation's mode is the strongest of
 * its reasons.
 *
 * The server plans the query anew for each statement, which costs as much as
 * running it: so a text has only the parts that its targets need.
 *
 * What keeps it safe, fast and portable:
 *  - Every function, operator and type carries its schema (operators get it
 *    in embed_sql.cmake), and no construct stands here that looks its operator
 *    up in the search_path: no IN, no CASE x WHEN, no BETWEEN, no IS DISTINCT
 *    FROM, no NULLIF, no USING.
 *  - Nothing here opens or locks a relation of the user's: to_regclass and
 *    the has_..._privilege functions do not, pg_get_... functions would.
 *  - OFFSET 0 pins each lookup to an index, whatever the statistics say, and
 *    keeps each EXISTS from becoming a hash of all that there is: one scan of
 *    pg_depend would cost more than all the rest.
 *  - Children are looked up by a range of one parent: where one of them has
 *    most of the children, pg_inherits would be scanned for an equal one.
 *  - A limit that the planner cannot know is taken for a tenth of the rows,
 *    and the length of an array it cannot know for ten.  Both keep the
 *    estimate below jit_above_cost: compiling would take 200 ms.
 *  - Nothing that PostgreSQL 13 lacks.
 *
 * Phases: 1 named by the statement or locked with what is named, 2 met by the
 * walk to dependents, 3 met when the objects are deleted, 4 locked for a
 * moment only, which an attempt would make as long as a transaction.
 */
#include "policy/catalog/lock_set.h"

#include "policy/catalog/lock_set_sql.h"
#include "policy/sql/text.h"

#define BIT(kind) (1U << (unsigned)(kind))

enum {
	ANY_KIND = BIT(TARGET_LOCK), /* kinds_of() sets this bit always */
	CONDITIONAL_TREE = BIT(TARGET_KINDS),
	SEED_KINDS = BIT(TARGET_DROP) | BIT(TARGET_OBJECT) |
		     BIT(TARGET_COLUMN) | BIT(TARGET_CONSTRAINT) |
		     BIT(TARGET_DETACH) | BIT(TARGET_RETYPE) |
		     BIT(TARGET_TYPED),
};

/* The texts are longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const struct part {
	unsigned kinds; /* targets that need this part */
	const char *sql;
	const char *seeds; /* tables that hold seeds; NULL: there are none */
	const char *locks;
} parts[] = {
    {ANY_KIND, LOCK_SET_SQL_TARGET, NULL, "target_lock"},
    {BIT(TARGET_DROP), LOCK_SET_SQL_DROP, "drop_seed", NULL},
    {BIT(TARGET_OBJECT), LOCK_SET_SQL_OBJECT, "object_seed", NULL},
    {BIT(TARGET_COLUMN), LOCK_SET_SQL_COLUMN, "column_seed", "column_lock"},
    {BIT(TARGET_CONSTRAINT), LOCK_SET_SQL_CONSTRAINT, "constraint_seed",
     "constraint_lock"},
    {BIT(TARGET_DETACH), LOCK_SET_SQL_DETACH, "detach_seed", "detach_lock"},
    {BIT(TARGET_RETYPE), LOCK_SET_SQL_RETYPE, "retype_seed", "retype_lock"},
    {BIT(TARGET_TYPED), LOCK_SET_SQL_TYPED, "typed_seed", "typed_lock"},
    {SEED_KINDS, LOCK_SET_SQL_WALK, NULL, "walk_lock"},
    {BIT(TARGET_TRUNCATE), LOCK_SET_SQL_TRUNCATE, NULL, "truncate_lock"},
    {BIT(TARGET_TREE) | BIT(TARGET_NAMED), LOCK_SET_SQL_TREE, NULL,
     "tree_lock"},
    {BIT(TARGET_VALIDATE), LOCK_SET_SQL_VALIDATE, NULL, "validate_lock"},
    {BIT(TARGET_ENFORCE), LOCK_SET_SQL_ENFORCE, NULL, "enforce_lock"},
    {BIT(TARGET_ATTACH) | BIT(TARGET_PARTITION), LOCK_SET_SQL_ATTACH, NULL,
     "attach_lock"},
    {CONDITIONAL_TREE, LOCK_SET_SQL_CONDITION, NULL, "condition_lock"},
    {BIT(TARGET_OWNER), LOCK_SET_SQL_OWNER, NULL, "owner_lock"},
    {BIT(TARGET_KEY), LOCK_SET_SQL_KEY, NULL, "key_lock"},
    {BIT(TARGET_IDENTITY), LOCK_SET_SQL_IDENTITY, NULL, "identity_lock"},
    {BIT(TARGET_UNDER), LOCK_SET_SQL_UNDER, NULL, "under_lock"},
    {BIT(TARGET_INDEXED) | BIT(TARGET_NAMED), LOCK_SET_SQL_INDEXED, NULL,
     "indexed_lock"},
    {BIT(TARGET_DOMAIN), LOCK_SET_SQL_DOMAIN, NULL, "domain_lock"},
    {BIT(TARGET_REASSIGN), LOCK_SET_SQL_REASSIGN, NULL, "reassign_lock"},
    {BIT(TARGET_PUBLICATION), LOCK_SET_SQL_PUBLICATION, NULL,
     "publication_lock"},
};
#pragma GCC diagnostic pop

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static void
put_part(struct text *t, const char *sql)
{
	text_put_string(t, sql);
	text_put(t, '\n');
}

static void
put_union(struct text *t, unsigned kinds, bool of_seeds)
{
	const char *before = "SELECT * FROM ";

	for (size_t i = 0; i < PARTS; i++) {
		const char *table = of_seeds ? parts[i].seeds : parts[i].locks;

		if ((parts[i].kinds & kinds) == 0 || table == NULL)
			continue;
		text_put_string(t, before);
		text_put_string(t, table);
		before = "\nUNION ALL SELECT * FROM ";
	}
}

static void
put_query(struct text *t, unsigned kinds)
{
	for (size_t i = 0; i < PARTS; i++)
		if ((parts[i].kinds & kinds) != 0)
			put_part(t, parts[i].sql);
	if ((kinds & SEED_KINDS) != 0) {
		text_put_string(
		    t, "seed (classid, objid, objsubid) AS MATERIALIZED (\n");
		put_union(t, kinds, true);
		text_put_string(t, "\nLIMIT (SELECT 2147483647)\n),\n");
	}
	text_put_string(t, "lck (relid, mode, phase) AS (\n");
	put_union(t, kinds, false);
	text_put_string(t, "\n)\n");
	put_part(t, LOCK_SET_SQL_ANSWER);
}

static unsigned
kind_of(const struct target *t)
{
	if (t->kind == TARGET_TREE && t->condition != CONDITION_NONE)
		return CONDITIONAL_TREE;
	return BIT(t->kind);
}

static unsigned
kinds_of(const struct statement *statements, size_t count)
{
	unsigned kinds = ANY_KIND;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < statements[i].target_count; j++)
			kinds |= kind_of(&statements[i].targets[j]);
	return kinds;
}

char *
lock_set_query(const struct statement *statements, size_t count)
{
	struct text t = {0};

	put_query(&t, kinds_of(statements, count));
	return text_finish(&t);
}

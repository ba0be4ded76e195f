/*
 * statement_target.h - how a reader of a syntax tree says what it found.
 *
 * A reader first claims the statement (scope and tag), and only then names
 * targets: a statement outside the scope asked for leaves no trace.  It
 * answers
 *   STATEMENT_OK         read; there is a plan if targets were added
 *   STATEMENT_UNPARSED   a target has no name that could be asked for: what
 *                        was claimed stays, without a plan
 *   STATEMENT_NO_MEMORY, STATEMENT_TOO_LARGE
 *
 * Strings of the tree are never NULL: what the grammar left out is "".
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_TARGET_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_TARGET_H

#include <stdbool.h>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "policy/sql/statement_facts.h"

/* Read a node of the kind that the reader is for; see above. */
typedef enum statement_status statement_reader(struct statement *out,
					       const PgQuery__Node *node,
					       enum guard_scope asked);

/*
 * Set the statement's scope to `least` and its tag, which stays borrowed.
 * False: nothing was set, for `asked` does not reach as far as `least`, or the
 * tag is NULL.
 */
bool statement_claim(struct statement *out, enum guard_scope asked,
		     enum guard_scope least, const char *tag);

/*
 * Add a target of this kind, all else zero.  It is borrowed until the next one
 * is added.  NULL: out of memory.
 */
struct target *statement_target_add(struct statement *out,
				    enum target_kind kind);

/* Add a TARGET_LOCK of the relation, `only` if the range says ONLY. */
enum statement_status statement_target_lock(struct statement *out,
					    const PgQuery__RangeVar *range,
					    enum lock_mode mode);

/* Add a TARGET_TREE, or a TARGET_LOCK if the range says ONLY. */
enum statement_status statement_target_tree(struct statement *out,
					    const PgQuery__RangeVar *range,
					    enum lock_mode mode,
					    bool partitions_only);

/* Add a TARGET_TREE for when the server finds the condition to hold; `part` may
 * be NULL.  Nothing is added if the range says ONLY. */
enum statement_status statement_target_tree_if(struct statement *out,
					       const PgQuery__RangeVar *range,
					       enum lock_mode mode,
					       enum target_condition condition,
					       const char *part);

/* Add a TARGET_LOCK of the relation that a list of strings names. */
enum statement_status statement_target_named(struct statement *out,
					     PgQuery__Node *const *parts,
					     size_t count, enum lock_mode mode);

/* Add a target with a relation and its bare `part`, which may be NULL. */
enum statement_status statement_target_part(struct statement *out,
					    enum target_kind kind,
					    const PgQuery__RangeVar *range,
					    const char *part);

/* Add a target with a relation, and another one as its `part`. */
enum statement_status statement_target_pair(struct statement *out,
					    enum target_kind kind,
					    const PgQuery__RangeVar *range,
					    const PgQuery__RangeVar *part);

/* Say that the target added last is tied to what the statement makes or
 * alters. */
void statement_target_tie(struct statement *out);

/* Say that the statement makes the relation, to which its targets are tied. */
enum statement_status statement_make(struct statement *out,
				     const PgQuery__RangeVar *range);

/* Take back all targets but the first `count`. */
void statement_target_keep(struct statement *out, size_t count);

/* Free what the statement holds of targets, names and text. */
void statement_clear(struct statement *s);

#endif

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

#include "policy/sql/statement.h"

typedef enum statement_status statement_reader(struct statement *out,
					       const PgQuery__Node *node,
					       enum guard_scope asked);

/*
 * False: `asked` does not guard what `least` is the least scope for, or there
 * is no tag.
 */
bool statement_claim(struct statement *out, enum guard_scope asked,
		     enum guard_scope least, const char *tag);

/* NULL: out of memory.  All but the kind is the caller's to set. */
struct target *statement_target_add(struct statement *out,
				    enum target_kind kind);

/* TARGET_LOCK of the relation, `only` if no children are meant. */
enum statement_status statement_target_lock(struct statement *out,
					    const PgQuery__RangeVar *range,
					    enum lock_mode mode);

/* TARGET_TREE; a TARGET_LOCK if the range says ONLY. */
enum statement_status statement_target_tree(struct statement *out,
					    const PgQuery__RangeVar *range,
					    enum lock_mode mode,
					    bool partitions_only);

/* A relation and its bare `part`, which may be NULL. */
enum statement_status statement_target_part(struct statement *out,
					    enum target_kind kind,
					    const PgQuery__RangeVar *range,
					    const char *part);

/* A relation and another one as its `part`. */
enum statement_status statement_target_pair(struct statement *out,
					    enum target_kind kind,
					    const PgQuery__RangeVar *range,
					    const PgQuery__RangeVar *part);

/* Take back all targets but the first `count`. */
void statement_target_keep(struct statement *out, size_t count);

#endif

/*
 * statement_follow.h - what a statement locks more for one before it in its
 * transaction, which the catalogs do not tell yet.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_FOLLOW_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_FOLLOW_H

#include "policy/sql/statement_facts.h"

/*
 * Add to *out what its targets from `first` on need for the `count` first
 * targets of `earlier`, which may be *out itself: what drops one end of a
 * foreign key that is only added there locks the other end too.
 *
 * STATEMENT_OK, STATEMENT_NO_MEMORY, or STATEMENT_TOO_LARGE: there are so many
 * of both that it would not be cheap.
 */
enum statement_status statement_follow(struct statement *out, size_t first,
				       const struct statement *earlier,
				       size_t count);

#endif

/*
 * statement_follow.h - what a statement locks more for one before it in its
 * transaction, which the catalogs do not tell yet.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_FOLLOW_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_FOLLOW_H

#include "policy/sql/statement_facts.h"

/*
 * Add to *out what its targets need for what `earlier` does, which the
 * catalogs do not have yet: what ends a table, its column or constraint, an
 * index, locks what `earlier` ties it to.
 *
 * STATEMENT_OK, STATEMENT_NO_MEMORY, or STATEMENT_TOO_LARGE: there are so many
 * of both that it would not be cheap.
 */
enum statement_status statement_follow(struct statement *out,
				       const struct statement *earlier);

/* The cost of statement_follow: how many ends and ties it compares. */
size_t statement_follow_pairs(const struct statement *out,
			      const struct statement *earlier);

#endif

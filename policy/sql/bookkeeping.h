/*
 * bookkeeping.h - the tables in which migration tools note what they have done.
 *
 * Some tools read them, or take a row of them as a lock, in the transaction of
 * the migration itself.
 */
#ifndef LOCKSTEP_POLICY_SQL_BOOKKEEPING_H
#define LOCKSTEP_POLICY_SQL_BOOKKEEPING_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/statement_text.h"

/* True if the '_' at this offset of the text may be the first one in such a
 * name.  Never allocates. */
bool bookkeeping_is_at(struct statement_text text, size_t underscore);

/* True if the name, as to_regclass() takes it, is one in any schema. */
bool bookkeeping_is(const char *name);

#endif

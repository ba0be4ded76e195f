/*
 * unforeseen.h - texts that may lock tables which they do not name: DDL within
 * a function, a procedure or a block of code, and commands that no plan is made
 * for.  Cheap, and may err either way: it decides what is looked at, never what
 * is done.
 */
#ifndef LOCKSTEP_POLICY_SQL_UNFORESEEN_H
#define LOCKSTEP_POLICY_SQL_UNFORESEEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if a statement of the text is none of these: one that reads or writes
 * rows, one about the transaction or the session, and a SELECT that names a
 * table or calls no function but PostgreSQL's own (pg_...).  is_cut: the text
 * went on, so that its last SELECT may have named a table.
 */
bool unforeseen_is_likely(const char *sql, size_t len, bool is_cut);

#endif

/*
 * statement_object.h - statements about a domain, an extension, a publication,
 * a role or a part of a table, for the relations that they lock: readers for
 * statement_tree.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_OBJECT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_OBJECT_H

#include "policy/sql/statement_target.h"

/* The readers: ALTER SEQUENCE, POLICY and DOMAIN, ... DEPENDS ON EXTENSION. */
statement_reader statement_object_read_sequence;
statement_reader statement_object_read_policy;
statement_reader statement_object_read_domain;
statement_reader statement_object_read_depends;

/* The readers of ALTER EXTENSION: UPDATE, and ADD or DROP. */
statement_reader statement_object_read_update;
statement_reader statement_object_read_contents;

/* The readers of CREATE and of ALTER PUBLICATION. */
statement_reader statement_object_read_publication;
statement_reader statement_object_read_published;

/* The reader of REASSIGN OWNED. */
statement_reader statement_object_read_reassign;

#endif

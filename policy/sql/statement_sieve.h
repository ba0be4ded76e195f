/*
 * statement_sieve.h - what a statement's first words announce.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_SIEVE_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_SIEVE_H

#include <stdbool.h>

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

/*
 * The sieve for all traffic: true if a statement in the text may be a guarded
 * one of this scope.  Never allocates; linear in len.  May err on the side of
 * true.
 */
bool statement_is_candidate(const char *sql, size_t len,
			    enum guard_scope scope);

enum statement_role {
	STATEMENT_ROLE_OTHER,
	STATEMENT_ROLE_SUSPECT, /* is guarded only if the grammar does not know
				   it */
	STATEMENT_ROLE_CONTROL, /* may do something to the transaction block */
	STATEMENT_ROLE_GUARDED, /* may be guarded */
};

/*
 * The role of one statement, whose text has nothing around it.  Unless it is
 * OTHER, only the parser tells for sure.
 */
enum statement_role statement_sieve_role(struct statement_text text,
					 enum guard_scope scope);

/* True for CREATE [OR REPLACE] FUNCTION or PROCEDURE. */
bool statement_sieve_creates_routine(struct statement_text text);

#endif

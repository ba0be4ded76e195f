/*
 * statement_effect.h - what a statement may do to the plans of those behind it
 * in its text.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_EFFECT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_EFFECT_H

#include "policy/sql/statement_facts.h"
#include "policy/sql/statement_text.h"

/*
 * The effect of a statement whose facts are s and whose text, from its first
 * token on, is `text`.  May err on the side of EFFECT_ANY.
 */
enum statement_effect statement_effect_of(const struct statement *s,
					  struct statement_text text);

#endif

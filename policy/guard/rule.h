/*
 * rule.h - which settings hold for which statements: predicates, and the
 * settings of the first rule whose predicates are all true.
 */
#ifndef LOCKSTEP_POLICY_GUARD_RULE_H
#define LOCKSTEP_POLICY_GUARD_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/lock_set.h"
#include "policy/guard/settings.h"

enum rule_predicate {
	/* Names, in which a * stands for any bytes, none included. */
	RULE_DATABASE,
	RULE_USER,
	RULE_APPLICATION_NAME,
	RULE_CLIENT,
	/* Command tags: "DROP TABLE". */
	RULE_STATEMENT,
	/* SCHEMA.TABLE or TABLE, quoted as in SQL: fits if the lock set has
	 * that table. */
	RULE_TABLE,
	RULE_PREDICATES,
};

/* A predicate is true if one of the values fits or, if negated, none; also if
 * there are no values. */
struct rule_match {
	bool is_negated;
	char **values; /* owned, as is each */
	size_t count;
};

struct rule {
	char *name; /* owned; for people */
	struct rule_match matches[RULE_PREDICATES];
	struct settings_part part; /* owned, the names of an order, too */
};

/* A statement, as rules see it.  All is borrowed. */
struct rule_subject {
	const char *database;
	const char *user; /* as logged in */
	const char *application_name;
	const char *client;         /* an address without a port; or "local" */
	const char *tag;            /* as struct statement has it */
	const struct lock_set *set; /* NULL: empty */
};

/* The tags that a rule can name, sorted; the last one is followed by NULL. */
extern const char *const rule_statements[];

/* The name of the predicate in a configuration, static:
 * "application_name". */
const char *rule_predicate_name(enum rule_predicate predicate);

/* The first of the rules that matches, borrowed; NULL: none does. */
const struct rule *rule_find(const struct rule *rules, size_t count,
			     const struct rule_subject *subject);

/*
 * True if a statement may run ahead of its plan by those settings or a rule's,
 * and which rule it is that holds for it is known without a plan.
 */
bool rules_allow_optimism(const struct rule *rules, size_t count,
			  const struct guard_settings *settings);

/* Free all that the rule owns, and zero it; accepts a zeroed one. */
void rule_clear(struct rule *rule);

#endif

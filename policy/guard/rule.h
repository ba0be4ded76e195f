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
	RULE_DATABASE,         /* these three: names in which a * stands */
	RULE_USER,             /* for any bytes, none included */
	RULE_APPLICATION_NAME, /* */
	RULE_STATEMENT,        /* a command tag: "DROP TABLE" */
	RULE_TABLE, /* SCHEMA.TABLE or TABLE, quoted as in SQL: true if the
		       lock set has it */
	RULE_PREDICATES,
};

/* True if one of the values fits, or, if negated, none; true if there are
 * none. */
struct rule_match {
	bool is_negated;
	char **values; /* owned, as is each */
	size_t count;
};

struct rule {
	char *name; /* owned; for people */
	struct rule_match matches[RULE_PREDICATES];
	struct settings_part part; /* its order is owned */
};

/* A statement, as rules see it.  All is borrowed. */
struct rule_subject {
	const char *database;
	const char *user; /* who logged in */
	const char *application_name;
	const char *tag;            /* as struct statement has it */
	const struct lock_set *set; /* NULL: empty */
};

/* The tags that a rule can name, sorted, up to a NULL. */
extern const char *const rule_statements[];

/* As it is written in a configuration: "application_name". */
const char *rule_predicate_name(enum rule_predicate predicate);

/* There is no statement that it does not match. */
bool rule_is_for_all(const struct rule *rule);

/* The first that matches, or NULL. */
const struct rule *rule_find(const struct rule *rules, size_t count,
			     const struct rule_subject *subject);

void rule_clear(struct rule *rule); /* accepts a zeroed one */

#endif

#include "policy/guard/rule.h"

#include <stdlib.h>
#include <string.h>

/*
 * More than statement_tree.c knows: a tag that is to come, or that only some
 * versions guard, is no mistake of whoever writes a rule.
 */
const char *const rule_statements[] = {
    "ALTER DOMAIN",
    "ALTER EXTENSION",
    "ALTER FOREIGN TABLE",
    "ALTER FUNCTION",
    "ALTER INDEX",
    "ALTER MATERIALIZED VIEW",
    "ALTER POLICY",
    "ALTER PUBLICATION",
    "ALTER RULE",
    "ALTER SCHEMA",
    "ALTER SEQUENCE",
    "ALTER STATISTICS",
    "ALTER TABLE",
    "ALTER TRIGGER",
    "ALTER TYPE",
    "ALTER VIEW",
    "ANALYZE",
    "CLUSTER",
    "COMMENT",
    "CREATE FOREIGN TABLE",
    "CREATE INDEX",
    "CREATE MATERIALIZED VIEW",
    "CREATE POLICY",
    "CREATE PUBLICATION",
    "CREATE RULE",
    "CREATE SCHEMA",
    "CREATE STATISTICS",
    "CREATE TABLE",
    "CREATE TABLE AS",
    "CREATE TRIGGER",
    "CREATE VIEW",
    "DO",
    "DROP ACCESS METHOD",
    "DROP AGGREGATE",
    "DROP CAST",
    "DROP COLLATION",
    "DROP CONVERSION",
    "DROP DOMAIN",
    "DROP EVENT TRIGGER",
    "DROP EXTENSION",
    "DROP FOREIGN DATA WRAPPER",
    "DROP FOREIGN TABLE",
    "DROP FUNCTION",
    "DROP INDEX",
    "DROP LANGUAGE",
    "DROP MATERIALIZED VIEW",
    "DROP OPERATOR",
    "DROP OPERATOR CLASS",
    "DROP OPERATOR FAMILY",
    "DROP OWNED",
    "DROP POLICY",
    "DROP PROCEDURE",
    "DROP PUBLICATION",
    "DROP ROUTINE",
    "DROP RULE",
    "DROP SCHEMA",
    "DROP SEQUENCE",
    "DROP SERVER",
    "DROP STATISTICS",
    "DROP TABLE",
    "DROP TEXT SEARCH CONFIGURATION",
    "DROP TEXT SEARCH DICTIONARY",
    "DROP TEXT SEARCH PARSER",
    "DROP TEXT SEARCH TEMPLATE",
    "DROP TRANSFORM",
    "DROP TRIGGER",
    "DROP TYPE",
    "DROP USER MAPPING",
    "DROP VIEW",
    "GRANT",
    "LOCK TABLE",
    "REASSIGN OWNED",
    "REFRESH MATERIALIZED VIEW",
    "REINDEX",
    "REVOKE",
    "SECURITY LABEL",
    "TRUNCATE TABLE",
    "UNKNOWN DDL",
    NULL,
};

static const char *const predicate_names[RULE_PREDICATES] = {
    [RULE_DATABASE] = "database",
    [RULE_USER] = "user",
    [RULE_APPLICATION_NAME] = "application_name",
    [RULE_CLIENT] = "client",
    [RULE_STATEMENT] = "statement",
    [RULE_TABLE] = "table",
};

const char *
rule_predicate_name(enum rule_predicate predicate)
{
	return predicate_names[predicate];
}

/*
 * A mismatch goes back to the last * only: whatever earlier ones could take in
 * its place, the last one can take as well.  So nobody can name an application
 * so that this takes long.
 */
static bool
pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *retry = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	pattern += strspn(pattern, "*");
	return *pattern == '\0';
}

/* Table names: "t" and t are the same, "a.b" and a.b are not */

enum { NAME_DOT = 256 }; /* between schema and table; else a byte */

struct name_reader {
	const char *rest;
	bool is_quoted;
};

/* The next byte, or NAME_DOT, or 0 at the end. */
static int
name_next_char(struct name_reader *r)
{
	while (*r->rest == '"') {
		r->rest++;
		if (r->is_quoted && *r->rest == '"')
			break; /* "" within quotes stands for one */
		r->is_quoted = !r->is_quoted;
	}
	if (*r->rest == '\0')
		return '\0';
	if (*r->rest == '.' && !r->is_quoted) {
		r->rest++;
		return NAME_DOT;
	}
	return (unsigned char)*r->rest++;
}

static bool
names_equal(struct name_reader a, struct name_reader b)
{
	int next;

	do {
		next = name_next_char(&a);
		if (next != name_next_char(&b))
			return false;
	} while (next != '\0');
	return true;
}

/* The table's part of the name. */
static struct name_reader
name_behind_schema(const char *name)
{
	const struct name_reader whole = {.rest = name};
	struct name_reader r = whole;
	int next;

	do
		next = name_next_char(&r);
	while (next != '\0' && next != NAME_DOT);
	return next == NAME_DOT ? r : whole;
}

static bool
is_table(const char *value, const char *name)
{
	const struct name_reader wanted = {.rest = value};
	const struct name_reader whole = {.rest = name};

	return names_equal(wanted, whole) ||
	       names_equal(wanted, name_behind_schema(name));
}

static bool
has_table(const char *value, const struct lock_set *set)
{
	size_t i;

	for (i = 0; set != NULL && i < set->count; i++)
		if (is_table(value, set->items[i].name))
			return true;
	return false;
}

static bool
value_fits(enum rule_predicate predicate, const char *value,
	   const struct rule_subject *s)
{
	switch (predicate) {
	case RULE_DATABASE:
		return pattern_matches(value, s->database);
	case RULE_USER:
		return pattern_matches(value, s->user);
	case RULE_APPLICATION_NAME:
		return pattern_matches(value, s->application_name);
	case RULE_CLIENT:
		return pattern_matches(value, s->client);
	case RULE_STATEMENT:
		return strcmp(value, s->tag) == 0;
	case RULE_TABLE:
		return has_table(value, s->set);
	case RULE_PREDICATES:
		break;
	}
	return false;
}

static bool
predicate_is_true(enum rule_predicate predicate, const struct rule_match *match,
		  const struct rule_subject *s)
{
	size_t i;

	for (i = 0; i < match->count; i++)
		if (value_fits(predicate, match->values[i], s))
			return !match->is_negated;
	return match->count == 0 || match->is_negated;
}

static bool
rule_matches(const struct rule *rule, const struct rule_subject *s)
{
	size_t i;

	for (i = 0; i < RULE_PREDICATES; i++)
		if (!predicate_is_true((enum rule_predicate)i,
				       &rule->matches[i], s))
			return false;
	return true;
}

const struct rule *
rule_find(const struct rule *rules, size_t count,
	  const struct rule_subject *subject)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (rule_matches(&rules[i], subject))
			return &rules[i];
	return NULL;
}

bool
rules_allow_optimism(const struct rule *rules, size_t count,
		     const struct guard_settings *settings)
{
	bool is_wanted = settings->is_optimistic;

	for (size_t i = 0; i < count; i++) {
		if (rules[i].matches[RULE_TABLE].count > 0)
			return false;
		is_wanted |= settings_part_has(&rules[i].part,
					       GUARD_SETTING_OPTIMISTIC) &&
			     rules[i].part.values.is_optimistic;
	}
	return is_wanted;
}

void
rule_clear(struct rule *rule)
{
	size_t i;

	for (i = 0; i < RULE_PREDICATES; i++) {
		struct rule_match *match = &rule->matches[i];

		while (match->count > 0)
			free(match->values[--match->count]);
		free(match->values);
	}
	settings_clear_order(&rule->part.values.order);
	free(rule->name);
	memset(rule, 0, sizeof(*rule));
}

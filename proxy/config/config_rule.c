#include "proxy/config/config_rule.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "proxy/config/setting.h"

const char *
config_rule_key_name(size_t key)
{
	if (key < CONFIG_RULE_SETTINGS)
		return rule_predicate_name((enum rule_predicate)key);
	return settings_name((enum guard_setting)(key - CONFIG_RULE_SETTINGS));
}

size_t
config_rule_key(const char *name)
{
	size_t key = 0;

	while (key < CONFIG_RULE_KEYS &&
	       strcmp(config_rule_key_name(key), name) != 0)
		key++;
	return key;
}

const char *
config_rule_nearest(const char *name)
{
	size_t nearest = 0;
	size_t least = SIZE_MAX;
	size_t key;

	for (key = 0; key < CONFIG_RULE_KEYS; key++) {
		size_t distance =
		    value_distance(name, config_rule_key_name(key));
		if (distance < least) {
			least = distance;
			nearest = key;
		}
	}
	return config_rule_key_name(nearest);
}

static bool
config_rule_check_patterns(const struct rule_match *match,
			   struct value_error *error)
{
	size_t i;

	for (i = 0; i < match->count; i++)
		if (match->values[i][0] == '!')
			return value_fail(error,
					  "entry %zu: a ! stands once, before "
					  "the whole list",
					  i + 1);
	return true;
}

/* "drop  table" -> "DROP TABLE", in place. */
static void
config_rule_tidy_statement(char *text)
{
	const char *from;
	char *to = text;

	for (from = text; *from != '\0'; from++) {
		if (*from != ' ' && *from != '\t')
			*to++ = (char)toupper((unsigned char)*from);
		else if (to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
}

/* The statement of that name, or that it is the beginning of (TRUNCATE), or
 * that is most like it: the table is sorted. */
static const char *
config_rule_nearest_statement(const char *text)
{
	const char *nearest = rule_statements[0];
	size_t least = SIZE_MAX;
	size_t i;

	for (i = 0; rule_statements[i] != NULL; i++) {
		size_t distance = value_distance(text, rule_statements[i]);

		if (strncmp(text, rule_statements[i], strlen(text)) == 0)
			return rule_statements[i];
		if (distance < least) {
			least = distance;
			nearest = rule_statements[i];
		}
	}
	return nearest;
}

static bool
config_rule_check_statements(const struct rule_match *match,
			     struct value_error *error)
{
	char buffer[VALUE_SHOWN_BYTES];
	size_t i;

	for (i = 0; i < match->count; i++) {
		const char *nearest;

		config_rule_tidy_statement(match->values[i]);
		nearest = config_rule_nearest_statement(match->values[i]);
		if (strcmp(nearest, match->values[i]) != 0)
			return value_fail(
			    error,
			    "unknown statement \"%s\"; the nearest known one "
			    "is \"%s\"",
			    value_shown(buffer, match->values[i]), nearest);
	}
	return true;
}

static bool
config_rule_parse_match(struct rule_match *out, enum rule_predicate predicate,
			const char *text, struct value_error *error)
{
	if (*text == '!') {
		out->is_negated = true;
		text++;
	}
	if (predicate == RULE_TABLE)
		return value_parse_tables(&out->values, &out->count, text,
					  error);
	if (!value_parse_list(&out->values, &out->count, text, error))
		return false;
	if (predicate == RULE_STATEMENT)
		return config_rule_check_statements(out, error);
	return config_rule_check_patterns(out, error);
}

static bool
config_rule_store_match(struct rule_match *match, enum rule_predicate predicate,
			const char *text, struct value_error *error)
{
	struct rule_match parsed = {0};

	assert(match->count == 0);
	if (!config_rule_parse_match(&parsed, predicate, text, error)) {
		value_free_list(parsed.values, parsed.count);
		return false;
	}
	*match = parsed;
	return true;
}

bool
config_rule_store(struct rule *rule, size_t key, const char *text,
		  struct value_error *error)
{
	enum rule_predicate predicate = (enum rule_predicate)key;
	enum guard_setting id;

	if (key < CONFIG_RULE_SETTINGS)
		return config_rule_store_match(&rule->matches[predicate],
					       predicate, text, error);
	id = (enum guard_setting)(key - CONFIG_RULE_SETTINGS);
	if (!setting_store_guard(&rule->part.values, id, text, error))
		return false;
	rule->part.set |= 1u << id;
	return true;
}

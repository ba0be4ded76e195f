#include "proxy/config/config_section.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/config/config_rule.h"
#include "proxy/config/setting.h"
#include "proxy/config/value.h"

/* Where a rule stands; 0: not there. */
struct rule_lines {
	unsigned head;
	unsigned keys[CONFIG_RULE_KEYS];
};

static bool
config_section_name_is_good(const char *name)
{
	size_t len = 0;

	while ((unsigned char)name[len] >= ' ' && name[len] != 0x7F)
		len++;
	return len <= CONFIG_RULE_NAME_BYTES && name[len] == '\0';
}

static void
config_section_check_name(const struct config_sections *s,
			  const struct config *c, struct mistakes *m,
			  const struct origin *origin, const char *name)
{
	size_t i;

	if (!config_section_name_is_good(name))
		mistake_report(m, origin,
			       "the name of a rule is at most %d printable "
			       "bytes",
			       CONFIG_RULE_NAME_BYTES);
	for (i = 0; i < c->rule_count; i++)
		if (strcmp(c->rules[i].name, name) == 0)
			mistake_report(m, origin,
				       "there is a rule of this name in line "
				       "%u",
				       s->lines[i].head);
}

static bool
config_section_add_rule(struct config_sections *s, struct config *c,
			unsigned line, const char *name)
{
	size_t count = c->rule_count + 1;
	struct rule *rules = realloc(c->rules, count * sizeof(*rules));
	struct rule_lines *lines;
	struct rule rule = {0};

	if (rules == NULL)
		return false;
	c->rules = rules;
	lines = realloc(s->lines, count * sizeof(*lines));
	if (lines == NULL)
		return false;
	s->lines = lines;
	rule.name = strdup(name);
	if (rule.name == NULL)
		return false;
	rules[c->rule_count] = rule;
	lines[c->rule_count] = (struct rule_lines){.head = line};
	c->rule_count = count;
	return true;
}

static void
config_section_begin_rule(struct config_sections *s, struct config *c,
			  struct mistakes *m, const struct origin *origin,
			  const char *name)
{
	char line[32];

	if (c->rule_count == CONFIG_RULES_MAX) {
		mistake_report(m, origin, "more than %d rules",
			       CONFIG_RULES_MAX);
		return;
	}
	if (*name == '\0') {
		snprintf(line, sizeof(line), "line %u", origin->line);
		name = line;
	}
	config_section_check_name(s, c, m, origin, name);
	if (config_section_add_rule(s, c, origin->line, name))
		s->kind = SECTION_RULE;
	else
		mistake_report(m, origin, "out of memory");
}

void
config_section_begin(struct config_sections *s, struct config *c,
		     struct mistakes *m, const struct config_file_line *line)
{
	const struct origin origin = {ORIGIN_FILE, line->number, NULL};
	const char *name = line->section;
	size_t len = strcspn(name, " \t");

	s->kind = SECTION_LOST;
	if (len == strlen("rule") && strncmp(name, "rule", len) == 0)
		config_section_begin_rule(
		    s, c, m, &origin, name + len + strspn(name + len, " \t"));
	else
		mistake_report(m, &origin,
			       "there is no such section, only [rule] and "
			       "[rule NAME]");
}

static void
config_section_apply_key(struct rule *rule, unsigned *first, size_t key,
			 struct mistakes *m,
			 const struct config_file_line *line)
{
	const struct origin origin = {ORIGIN_FILE, line->number,
				      config_rule_key_name(key)};
	struct value_error error;

	if (*first != 0) {
		mistake_report(m, &origin, "set twice; first in line %u",
			       *first);
		return;
	}
	*first = line->number;
	if (*line->value == '\0')
		mistake_report(m, &origin, "the value is missing");
	else if (!config_rule_store(rule, key, line->value, &error))
		mistake_report(m, &origin, "%s", error.text);
}

void
config_section_apply(struct config_sections *s, struct config *c,
		     struct mistakes *m, const struct config_file_line *line)
{
	struct origin origin = {ORIGIN_FILE, line->number, NULL};
	const struct setting *plain = setting_find(line->name);
	size_t key = config_rule_key(line->name);
	size_t last = c->rule_count - 1;

	if (s->kind == SECTION_LOST)
		return;
	if (key < CONFIG_RULE_KEYS) {
		config_section_apply_key(
		    &c->rules[last], &s->lines[last].keys[key], key, m, line);
	} else if (plain != NULL) {
		origin.name = plain->name;
		mistake_report(m, &origin,
			       "no rule can set this: it belongs before the "
			       "first section");
	} else {
		mistake_report_unknown(m, &origin, line->name,
				       config_rule_nearest(line->name));
	}
}

void
config_check_together(const struct guard_settings *guard, struct mistakes *m,
		      const struct origin *origin)
{
	char attempt[24];
	char hold[24];

	if (guard->attempt_timeout_ms <= guard->hold_timeout_ms)
		return;
	value_format_number(attempt, sizeof(attempt), VALUE_DURATION,
			    guard->attempt_timeout_ms);
	value_format_number(hold, sizeof(hold), VALUE_DURATION,
			    guard->hold_timeout_ms);
	mistake_report(m, origin,
		       "attempt_timeout (%s) is longer than hold_timeout (%s)",
		       attempt, hold);
}

/* Check the rule's settings together with those that it leaves as they are. */
static void
config_section_check_rule(const struct rule *rule, const unsigned *lines,
			  const struct guard_settings *plain,
			  struct mistakes *m)
{
	struct guard_settings guard = *plain;
	enum guard_setting id = GUARD_SETTING_ATTEMPT_TIMEOUT;
	struct origin origin = {.kind = ORIGIN_FILE};

	if (!settings_part_has(&rule->part, id))
		id = GUARD_SETTING_HOLD_TIMEOUT;
	if (!settings_part_has(&rule->part, id))
		return;
	origin.line = lines[CONFIG_RULE_SETTINGS + id];
	origin.name = settings_name(id);
	settings_merge(&guard, &rule->part);
	config_check_together(&guard, m, &origin);
}

static bool
config_section_has_any(const unsigned *lines, size_t count)
{
	while (count > 0)
		if (lines[--count] != 0)
			return true;
	return false;
}

void
config_sections_check(const struct config_sections *s, const struct config *c,
		      struct mistakes *m)
{
	struct origin origin = {.kind = ORIGIN_FILE};
	unsigned takes_all = 0; /* the line of the rule that does */
	size_t i;

	for (i = 0; i < c->rule_count; i++) {
		const unsigned *keys = s->lines[i].keys;

		origin.line = s->lines[i].head;
		if (!config_section_has_any(keys + CONFIG_RULE_SETTINGS,
					    GUARD_SETTING_COUNT))
			mistake_report(m, &origin, "this rule sets nothing");
		if (takes_all != 0)
			mistake_report(m, &origin,
				       "no statement comes to this rule: that "
				       "of line %u takes all",
				       takes_all);
		else if (!config_section_has_any(keys, RULE_PREDICATES))
			takes_all = origin.line;
		config_section_check_rule(&c->rules[i], keys, &c->guard, m);
	}
}

void
config_sections_clear(struct config_sections *s)
{
	free(s->lines);
	memset(s, 0, sizeof(*s));
}

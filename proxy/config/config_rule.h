/*
 * config_rule.h - the lines of a [rule] section: its predicates, and the
 * settings of the guard that it sets.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_RULE_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/guard/rule.h"
#include "proxy/config/value.h"

/* A key is an enum rule_predicate, or this and an enum guard_setting. */
enum {
	CONFIG_RULE_SETTINGS = RULE_PREDICATES,
	CONFIG_RULE_KEYS = CONFIG_RULE_SETTINGS + GUARD_SETTING_COUNT,
};

/* The key of that name; CONFIG_RULE_KEYS: there is none. */
size_t config_rule_key(const char *name);

/* The name of a key below CONFIG_RULE_KEYS; static. */
const char *config_rule_key_name(size_t key);

/* The name of a key that is most like this one; static. */
const char *config_rule_nearest(const char *name);

/*
 * Set a key that the rule does not have yet to the value that text stands
 * for; copied.  False: *error says why, the rule still does not have it.
 */
bool config_rule_store(struct rule *rule, size_t key, const char *text,
		       struct value_error *error);

#endif
